"""Whatever the document allows, and much that it does not,
gets a declared answer and never a 500.
"""

import subprocess
import sys
from pathlib import Path

from local.stack import Stack

REPOSITORY = Path(__file__).parents[2]
CHECKS = ",".join(
    (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    )
)
STARTS_OR_ENDS = "(recovery-instance-sync|executions|clean-up-drill|terminate-instances)$"
EXAMPLES = "15"  # per operation; a seed makes the run repeatable


def test_the_api_holds_against_its_own_document(stack: Stack, tmp_path: Path) -> None:
    """Schemathesis, on every route that starts or ends nothing: it learns ids from answers."""
    program = Path(sys.executable).parent / "schemathesis"
    run = subprocess.run(
        [
            program, "run", REPOSITORY / "docs" / "openapi.json", "--url", stack.url,
            "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES,
            "--seed", "1",
            "--generation-database", "none", "--no-color",
            "--exclude-path-regex", STARTS_OR_ENDS,
        ],
        capture_output=True, text=True, cwd=tmp_path, timeout=110, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-1000:]
