"""What is shipped: a zip carries what its handler imports, and what
the wheel installs works without a checkout.
"""

import json
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from local.processes import Process, clean_environment
from local.servers import REPOSITORY

HANDLERS = ("query", "data_management", "execution")
OWN_CODE = """
import json, sys
sys.path.insert(0, "scripts")
from build_zips import ZIPS, own_code
print(json.dumps({it.handler: [name for name, _ in own_code(it)] for it in ZIPS}))
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the zips are built from, where files may be planted."""
    for folder in ("cache", "services", "scripts"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    return tmp_path


def own_code(checkout: Path) -> dict[str, list[str]]:
    """The files of ours in each zip."""
    command = [sys.executable, "-c", OWN_CODE]
    done = subprocess.run(
        command, cwd=checkout, env=clean_environment(), capture_output=True, text=True, check=True
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_a_zip_carries_what_its_handler_imports_and_no_more(checkout: Path) -> None:
    """A file that is not imported is in no zip; once a handler
    imports the file, however late, it is in that one.
    """
    planted = "services/reads/planted.py"
    (checkout / planted).touch()
    assert [zip_ for zip_, names in own_code(checkout).items() if planted in names] == []
    with (checkout / "services/query/handler.py").open("a") as handler:
        handler.write("\n\ndef late() -> None:\n    import services.reads.planted\n")
    assert [zip_ for zip_, names in own_code(checkout).items() if planted in names] == ["query"]


def test_a_page_read_carries_no_way_to_look_or_to_launch() -> None:
    """What its role forbids is not even there as code; and no function carries the command line."""
    carried = own_code(REPOSITORY)
    looks = ("services/sync/", "services/execution/", "services/aws/drs", "services/aws/ec2")
    assert [it for it in carried["query"] if it.startswith(looks)] == []
    for handler in HANDLERS:
        others = tuple(f"services/{it}/" for it in {*HANDLERS, "cli", "page"} - {handler})
        assert f"services/{handler}/handler.py" in carried[handler]
        assert [it for it in carried[handler] if it.startswith(others)] == []
        assert len(carried[handler]) == len({*carried[handler]})


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it; the packages
    that the wheel depends on are this one's.
    """
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder / "dist"]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True)
    home = folder / "venv"
    venv.create(home, with_pip=False)
    (wheel,) = (folder / "dist").iterdir()
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--offline"]
    subprocess.run([*uv, "--python", home / "bin" / "python", wheel], check=True)
    site = next((home / "lib").glob("python*/site-packages"))
    ours = next(it for it in sys.path if it.endswith("site-packages"))
    (site / "dependencies.pth").write_text(ours)
    return home


def run(home: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`recovery-sync` of this environment, far from the checkout."""
    return subprocess.run(
        [home / "bin" / "recovery-sync", *arguments],
        cwd=home,
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_command_of_the_wheel_answers(installed: Path) -> None:
    """None of them needs a file that only a checkout has."""
    said = run(installed, "--help")
    assert said.returncode == 0, said.stderr
    listed = said.stdout.split("Commands:")[1].splitlines()
    commands = [line.split()[0] for line in listed if line.startswith("  ") and line.split()]
    assert "sync" in commands
    for command in commands:
        done = run(installed, command, "--help")
        assert done.returncode == 0, done.stderr


def test_the_wheel_works_on_tables(installed: Path, dynamodb: Process) -> None:
    """`create-tables` and `status`, as on a fresh account."""
    aws = {
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "111111111111",
        "AWS_SECRET_ACCESS_KEY": "local",
        "ENVIRONMENT": "wheel",
    }
    created = run(installed, "create-tables", "--json", **aws)
    assert len(json.loads(created.stdout)["created"]) == 5, created.stderr
    status = run(installed, "status", "--json", **aws)
    assert json.loads(status.stdout)["lastRun"] is None, status.stderr


def test_the_wheel_holds_the_product_alone(installed: Path) -> None:
    """No page, no local stack, no tests: what cannot work without a checkout is not in it."""
    (wheel,) = (installed.parent / "dist").iterdir()
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {
        "cache",
        "services",
    }
    assert [name for name in names if not name.endswith(".py") and ".dist-info/" not in name] == []
