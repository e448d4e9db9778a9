"""The static page, as a bucket behind a distribution would serve it."""

import mimetypes
from pathlib import Path
from urllib.parse import unquote

from local.http1 import Request, Response

POLICY_FILE = "csp.txt"  # the policy that the distribution's template sends


def serve_file(root: Path, request: Request) -> Response:
    """The file of `root` that the path names; `index.html` for a
    folder. 404 for anything outside or missing.
    """
    if request.method not in {"GET", "HEAD"}:
        return Response(
            405, b"method not allowed\n", [("content-type", "text/plain"), ("allow", "GET, HEAD")]
        )
    path = (root / unquote(request.path).lstrip("/")).resolve()
    if path.is_dir():
        path /= "index.html"
    if not path.is_relative_to(root.resolve()) or not path.is_file():
        return Response(404, b"not found\n", [("content-type", "text/plain")])
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith("text/") or kind.endswith(("javascript", "json")):
        kind += "; charset=utf-8"
    headers = [
        ("content-type", kind),
        ("cache-control", "no-cache"),
        ("x-content-type-options", "nosniff"),
    ]
    if (policy := root / POLICY_FILE).is_file():
        headers.append(("content-security-policy", policy.read_text().strip()))
    return Response(200, path.read_bytes(), headers)
