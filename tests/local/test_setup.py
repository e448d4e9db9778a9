"""The set-up scripts, on machines made of a few files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.servers import REPOSITORY

TOOLS = "/usr/bin:/bin"


def program(path: Path, text: str) -> None:
    """An executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def bash(command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a command with the set-up functions loaded and nothing else in its environment."""
    script = (
        f"set -euo pipefail; cd {REPOSITORY}/scripts; source bootstrap.sh; source "
        f"browser.sh; cd {cwd}; {command}"
    )
    return subprocess.run(
        ["bash", "-c", script],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def machine_without_python(root: Path) -> str:
    """A PATH with the basic tools and Pythons that are too old or refuse to run."""
    for name in ("python3", "python", "python3.12", "python3.13", "python3.14"):
        program(root / "shims" / name, "echo 'pyenv: command not found' >&2; exit 127")
    for tool in ("awk", "cmp", "rm", "cp", "bash"):
        found = next(
            Path(folder) / tool for folder in TOOLS.split(":") if (Path(folder) / tool).exists()
        )
        (root / "shims" / tool).symlink_to(found)
    return str(root / "shims")


@pytest.mark.parametrize("home", [None, "", "/nowhere"])
def test_a_python_behind_a_broken_shim_is_found(tmp_path: Path, home: str | None) -> None:
    """The shim on PATH exits 127; the version beside it runs, whatever HOME says."""
    path = machine_without_python(tmp_path / "pyenv")
    program(
        tmp_path / "pyenv" / "versions" / "3.12.1" / "bin" / "python",
        f'exec "{sys.executable}" "$@"',
    )
    found = bash("find_python", tmp_path, PATH=path, **({} if home is None else {"HOME": home}))
    assert found.stdout.strip() == str(tmp_path / "pyenv/versions/3.12.1/bin/python"), found.stderr


def test_a_machine_without_python_gets_one_clear_line(tmp_path: Path) -> None:
    """And a failing exit code; nothing is left behind."""
    if any(
        found
        for folder in ("/usr/bin", "/usr/local/bin")
        for found in Path(folder).glob("python3.1[2-9]")
    ):
        pytest.skip("this machine has a system Python that is new enough")
    path = machine_without_python(tmp_path / "pyenv")
    failed = bash("bootstrap", tmp_path, PATH=path, HOME=str(tmp_path))
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert "3.12" in failed.stderr
    assert not (tmp_path / ".venv").exists()


def test_an_environment_that_fits_the_lock_is_left_alone(tmp_path: Path) -> None:
    """The stamp decides: same lock, no installation; another lock, a
    new one, by pip alone where uv cannot run.
    """
    keep = (
        f'if [ "${{2:-}}" = pip ]; then echo "$*" >>log; exit 0; fi; exec "{sys.executable}" "$@"'
    )
    program(tmp_path / ".venv" / "bin" / "python", keep)
    (tmp_path / "requirements.lock").write_text("nothing\n")
    (tmp_path / ".venv" / ".installed").write_text("nothing\n")
    assert bash("bootstrap", tmp_path, PATH=os.environ["PATH"]).returncode == 0
    assert not (tmp_path / "log").exists()
    (tmp_path / "requirements.lock").write_text("something else\n")
    assert "uv could not" in bash("bootstrap", tmp_path, PATH=os.environ["PATH"]).stderr
    assert [line.split()[-1] for line in (tmp_path / "log").read_text().splitlines()] == [
        ".venv/uv.lock.txt",
        "requirements.lock",
    ]
    assert (tmp_path / ".venv" / ".installed").read_text() == "something else\n"


@pytest.mark.parametrize(
    ("user", "environment", "status", "says"),
    [
        ("1000", {}, 0, "will be skipped"),
        ("1000", {"CI": "true"}, 1, "No Chromium"),
        ("0", {"CI": "true"}, 0, "Installing"),
    ],
)
def test_a_missing_browser_is_installed_or_skipped_loudly_or_fails_ci(
    tmp_path: Path, user: str, environment: dict[str, str], status: int, says: str
) -> None:
    """Root installs Debian's package; others go on without, but not in CI."""
    tools = tmp_path / "bin"
    program(tools / "id", f"echo {user}")
    program(
        tools / "apt-get",
        f'case "$*" in *chromium*) printf "#!/bin/sh" >{tools}/chromium; chmod +x '
        f"{tools}/chromium;; esac",
    )
    for tool in ("bash", "chmod"):
        (tools / tool).symlink_to(
            next(it for folder in TOOLS.split(":") if (it := Path(folder) / tool).exists())
        )
    done = bash("ensure_browser", tmp_path, PATH=str(tools), **environment)
    assert (done.returncode, says in done.stderr) == (status, True), done.stderr


def test_the_lock_names_no_address() -> None:
    """It works against whichever package index a machine is told to use."""
    assert "://" not in (REPOSITORY / "requirements.lock").read_text()
