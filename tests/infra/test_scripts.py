"""The shell scripts: sound, and runnable by the bash that macOS ships, which is 3.2."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted([*ROOT.glob("*.sh"), *ROOT.glob("scripts/*.sh")])
# what bash 3.2 reads otherwise or not at all, and what brought it (bash's CHANGES)
NEWER_THAN_3_2 = {
    "associative array, 4.0": r"\b(declare|local|typeset) -\w*A",
    "name reference, 4.3": r"\b(declare|local|typeset) -\w*n\b",
    "mapfile, 4.0": r"\b(mapfile|readarray)\b",
    "case conversion, 4.0": r"\$\{\w+(\[[^]]*\])?(,,?|\^\^?)",
    "redirection of both, 4.0": r"&>>",
    "pipe of both, 4.0": r"\|&",
    "coprocess, 4.0": r"^\s*coproc\b",
    "negative subscript, 4.3": r"\$\{\w+\[-\d",
    "transformation, 4.4": r"\$\{\w+@[A-Za-z]\}",
    "time by printf, 4.2": r"printf .*%\(",
    "test -v, 4.2": r"\[\[? -v ",
    "recursive glob, 4.0": r"\bglobstar\b",
    "fall through, 4.0": r";;?&",
}
# Under `set -u` an empty array counts as unset before 4.4, unless it is written ${a[@]+"${a[@]}"}.
ARRAY = re.compile(r'(?<!\+)"\$\{(\w+)\[@\]\}"')


def code(script: Path) -> str:
    """A script without its comments."""
    return "\n".join(re.sub(r"(^|\s)#.*", "", line) for line in script.read_text().splitlines())


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda it: it.name)
def test_shellcheck_finds_nothing(script: Path) -> None:
    """What is set aside is set aside in the script."""
    command = [ROOT / ".venv/bin/shellcheck", "--external-sources", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda it: it.name)
def test_nothing_is_newer_than_bash_3_2(script: Path) -> None:
    """Neither the words nor the treatment of arrays that may be empty."""
    text = code(script)
    assert [
        why for why, word in NEWER_THAN_3_2.items() if re.search(word, text, re.MULTILINE)
    ] == []
    strict = re.search("^set -e?u", text, re.MULTILINE) or script.name in {
        "bootstrap.sh",
        "tools.sh",
        "deploy_steps.sh",
    }
    filled = set(re.findall(r"(\w+)=\([^)]", text)) | set(re.findall(r"read -r -a (\w+)", text))
    empty = set(ARRAY.findall(text)) - filled
    assert not (strict and empty), empty


@pytest.mark.parametrize("script", ["deploy.sh", "import.sh", "teardown.sh"])
@pytest.mark.parametrize(("words", "status"), [(["--help"], 0), ([], 2), (["Wrong"], 2)])
def test_a_person_is_told_how(script: str, words: list[str], status: int) -> None:
    """Help on request; without an environment, one line, and nothing is begun."""
    command = [ROOT / "scripts" / script, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == status
    assert f"scripts/{script} ENV" in done.stdout if status == 0 else "environment" in done.stderr
