"""Serverless templates as CloudFormation sees them, made by
AWS's own translator in the rehearsal's venv.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from local.servers import REGION, REPOSITORY

TOOLS = REPOSITORY / ".cache" / "tools" / "rehearse" / "bin"


def install_tools() -> None:
    """The programs of infra/tools/rehearse.lock, in a venv of
    their own; nothing when they are there.
    """
    command = "source scripts/tools.sh; tool_venv rehearse"
    subprocess.run(["bash", "-c", command], cwd=REPOSITORY, check=True, capture_output=True)


def expanded(template: dict[str, Any]) -> dict[str, Any]:
    """What the translator makes of a template."""
    install_tools()
    done = subprocess.run(
        [TOOLS / "python", Path(__file__).with_name("expand.py")],
        input=json.dumps(template),
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": REGION},
    )
    return dict(json.loads(done.stdout))
