"""The words are checked like the code: what the README and the templates say is what there is."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from services.api.routes import OPERATIONS
from services.cli import main

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text()


def tracked(*patterns: str) -> list[Path]:
    """Files under version control that match."""
    names = subprocess.run(
        ["git", "ls-files", *patterns], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return [REPOSITORY / name for name in names.stdout.splitlines() if (REPOSITORY / name).exists()]


def test_the_readme_names_every_setting() -> None:
    """What the code reads from the environment is in the table, and
    nothing else is; AWS's own stand after it.
    """
    source = (REPOSITORY / "services" / "settings.py").read_text()
    words = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    read = {it for it in words if isinstance(it, str) and re.fullmatch(r"[A-Z][A-Z_]{3,}", it)}
    table = README[README.index("| variable | means |") : README.index("and AWS's own")]
    ours = {it for it in read if not it.startswith("AWS_")}
    assert set(re.findall(r"`([A-Z][A-Z_]{3,})`", table)) == ours


def test_only_settings_reads_the_environment() -> None:
    """Product code asks nowhere else, and so cannot ask whether it runs locally."""
    for path in tracked("cache/*.py", "services/*.py"):
        if "local/" in str(path) or path.name == "settings.py":
            continue
        assert not re.search(r"os\.environ|getenv", path.read_text()), path


def test_the_readme_names_every_command() -> None:
    """`create-tables`, `local` and all the others."""
    assert [name for name in main.commands if f"./run.sh {name}" not in README] == []


def test_every_document_the_readme_links_to_exists() -> None:
    """Pictures too."""
    links = re.findall(r"\]\(((?:docs|infra)/[^)#]+)\)", README)
    assert links
    assert [it for it in links if not (REPOSITORY / it).exists()] == []


def test_the_lock_and_the_sources_name_no_download_address() -> None:
    """A lock file holds versions and hashes; where they come from is the machine's business."""
    assert "://" not in (REPOSITORY / "requirements.lock").read_text()


def test_there_is_no_utils_and_no_package_among_the_tests() -> None:
    """A `tests/cache` package would shadow ours; a `utils` is a room without a purpose."""
    assert [it for it in tracked("*.py") if "utils" in it.name] == []
    assert tracked("tests/**/__init__.py") == []


@pytest.mark.parametrize("route", sorted({it.path for it in OPERATIONS}))
def test_the_api_template_has_every_route(route: str) -> None:
    """A route the template lacks would answer 403 in every deployment."""
    assert f"{route}:" in (REPOSITORY / "infra" / "api.yaml").read_text()
