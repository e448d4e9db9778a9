"""The page's files in its bucket, and their end."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONFIG = Path("build/sign-in-config.js")


def upload(outputs: Mapping[str, str]) -> None:
    """The page and its sign-in, for the stack with these outputs; edges forget what they hold."""
    CONFIG.write_text(
        f'export const CLIENT_ID = "{outputs["PageClientId"]}";\n'
        f'export const SIGN_IN_HOST = "{outputs["SignInHost"]}";\n'
    )
    bucket = f"s3://{outputs['PageBucket']}"
    fresh = ["--cache-control", "no-cache", "--only-show-errors"]
    left_out = ["--delete", "--exclude", "sign-in/*", "--exclude", "csp.txt"]
    _aws("s3", "sync", "services/page", bucket, *left_out, *fresh)
    _aws("s3", "sync", "infra/sign-in", f"{bucket}/sign-in", *fresh)
    _aws("s3", "cp", str(CONFIG), f"{bucket}/sign-in/config.js", *fresh)
    _aws(
        "cloudfront", "create-invalidation", "--distribution-id", outputs["PageDistribution"],
        "--paths", "/*", "--output", "text",
    )  # fmt: skip


def remove(s3: Any, bucket: str, prefix: str) -> None:
    """Everything under a prefix, earlier versions too: a
    bucket that holds some cannot be deleted.
    """
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            doomed = [{"Key": it["Key"], "VersionId": it["VersionId"]} for it in found]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": doomed, "Quiet": True})


def _aws(*words: str) -> None:
    subprocess.run(["aws", *words], check=True, stdout=subprocess.DEVNULL)
