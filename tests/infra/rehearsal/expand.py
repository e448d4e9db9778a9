"""Expands a serverless template (JSON on standard input) with AWS's own translator, as
CloudFormation does.

Run by the Python of infra/tools/rehearse.lock: ministack does this for a stack itself, but not for
nested ones.
"""

import json
import sys
from types import SimpleNamespace

from samtranslator.translator.transform import transform

template = json.load(sys.stdin)
code = {}
for name, resource in template["Resources"].items():
    if "CodeUri" in resource["Properties"]:  # the translator takes addresses in S3 only
        code[name] = resource["Properties"]["CodeUri"]
        resource["Properties"]["CodeUri"] = "s3://bucket/key"
expanded = transform(template, {}, SimpleNamespace(load=dict))
for name, path in code.items():
    expanded["Resources"][name]["Properties"]["Code"] = path
json.dump(expanded, sys.stdout)
