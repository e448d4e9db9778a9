"""The plan of the house: imports point one way, whoever plants a
wrong one is told, and no folder is in a circle.
"""

import ast
import shutil
import subprocess
import sys
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from local.processes import clean_environment
from local.servers import REPOSITORY

CHECK = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
PLANTED = [
    ("services/api/http.py", "services.sync.run"),
    ("services/api/models.py", "services.wiring"),
    ("cache/mirror.py", "cache.table"),
    ("cache/protocol.py", "botocore.session"),
    ("services/sync/run.py", "services.api.http"),
    ("services/sync/run.py", "services.reads.pages"),
    ("services/sync/audit.py", "services.execution.waves"),
    ("services/reads/pages.py", "services.execution.waves"),
    ("services/platform/plans.py", "services.sync.run"),
    ("services/execution/waves.py", "boto3"),
    ("services/query/handler.py", "services.data_management.handler"),
    ("services/wiring.py", "services.sync.run"),
    ("services/cli/show.py", "local.stack"),
    ("standin/drs/jobs.py", "services.platform.execution"),
    ("cache/values.py", "cache.entry"),
]
ROOMS = ("cache", "services", "local", "standin")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The product, the local stack and the emulator, with the
    rules, where an import may be planted.
    """
    for room in ROOMS:
        shutil.copytree(REPOSITORY / room, tmp_path / room, ignore=_but_modules)
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


def _but_modules(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not (name.endswith(".py") or (Path(folder) / name).is_dir())]


def broken_rules(house: Path) -> str:
    """What lint-imports says of the house; empty when every rule is kept."""
    done = subprocess.run(
        CHECK, cwd=house, env=clean_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.stdout if done.returncode else ""


def test_the_house_keeps_its_rules(copy: Path) -> None:
    """So that what is refused below is refused for the planted import alone."""
    assert broken_rules(copy) == ""


@pytest.mark.parametrize(("file", "module"), PLANTED)
def test_a_wrong_import_is_refused(copy: Path, file: str, module: str) -> None:
    """By the rules in pyproject.toml, which name the import."""
    with (copy / file).open("a") as source:
        source.write(f"\nimport {module}\n")
    importer = file.removesuffix(".py").replace("/", ".")
    said = broken_rules(copy)
    assert importer in said
    assert module.split(".", maxsplit=1)[0] in said


def test_a_room_without_a_floor_is_refused(copy: Path) -> None:
    """The rules are exhaustive: a new file or folder has to say where it stands."""
    (copy / "cache" / "attic.py").touch()
    (copy / "services" / "attic.py").touch()
    said = broken_rules(copy)
    assert "cache.attic" in said
    assert "services.attic" in said


def folder_imports() -> dict[str, set[str]]:
    """Which top folders the Python files of each top folder import."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    names = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    folders = {name.split("/")[0] for name in names}
    for name in names:
        for node in ast.walk(ast.parse((REPOSITORY / name).read_text())):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                modules = [node.module]
            found[name.split("/")[0]] |= {it.split(".")[0] for it in modules} & folders
    return {folder: imported - {folder} for folder, imported in found.items()}


def test_no_folder_is_in_a_circle() -> None:
    """tests above scripts, scripts above loadtests, then local,
    then the product; the emulator apart.
    """
    imports = folder_imports()
    order = [*TopologicalSorter(imports).static_order()]  # raises CycleError for a circle
    assert order.index("cache") < order.index("services") < order.index("local")
    assert imports["standin"] == set()
    assert imports["cache"] == set()
    assert imports["services"] == {"cache"}
