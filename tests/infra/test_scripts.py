"""The shell scripts: sound, and runnable by the bash that macOS ships, which is 3.2."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted([ROOT / ".ci/run", *ROOT.glob("*.sh"), *ROOT.glob("scripts/*.sh")])
# What bash 3.2 reads otherwise or not at all, what brought it (bash's CHANGES), and a line that has
# it. No registry has a bash 3.2 to run the scripts with.
NEWER_THAN_3_2 = {
    "associative array, 4.0": (r"\b(declare|local|typeset) -\w*A", "declare -A a"),
    "case attribute, 4.0": (r"\b(declare|local|typeset) -\w*[lu]\b", "declare -l a"),
    "global from a function, 4.2": (r"\b(declare|typeset) -\w*g", "declare -g a=1"),
    "name reference, 4.3": (r"\b(declare|local|typeset) -\w*n\b", "local -n a=b"),
    "options of a function alone, 4.4": (r"\blocal -(\s|$)", "local -"),
    "mapfile, 4.0": (r"\b(mapfile|readarray)\b", "mapfile -t a"),
    "read a number of characters or a first text, 4.1": (r"\bread .*-\w*[Ni]\b", "read -r -N 3 a"),
    "a part of a second, 4.0": (r"\bread .*-t *0?\.\d", "read -t 0.5 a"),
    "case conversion, 4.0": (r"\$\{\w+(\[[^]]*\])?(,,?|\^\^?)", 'echo "${a^^}"'),
    "transformation, 4.4": (r"\$\{\w+(\[[^]]*\])?@[A-Za-z]\}", 'echo "${a[*]@Q}"'),
    "negative subscript, 4.3": (r"\w\[-\d", 'echo "${a[-1]}"'),
    "negative length, 4.2": (r"\$\{\w+:[^}]*: *-", 'echo "${a:0:-1}"'),
    "redirection of both, 4.0": (r"&>>", "ls &>>log"),
    "pipe of both, 4.0": (r"\|&", "ls |& cat"),
    "a name for a descriptor, 4.1": (r"(?<!\$)\{\w+\}[<>]", "exec {log}>file"),
    "coprocess, 4.0": (r"^\s*coproc\b", "coproc cat"),
    "wait for any, 4.3": (r"\bwait -\w*[np]", "wait -n"),
    "time by printf, 4.2": (r"printf .*%\(", "printf '%(%F)T' -1"),
    "printf into an array, 4.1": (r"printf -v *['\"]?\w+\[", "printf -v a[0] x"),
    "is it set, 4.2": (r"(\[\[?|\btest)( [^]]*)? -[vR] ", "[[ -n $b && -v a ]]"),
    "shell options": (
        r"\b(globstar|lastpipe|inherit_errexit|autocd|dirspell|localvar_inherit)\b",
        "shopt -s lastpipe",
    ),
    "fall through, 4.0": (r";;?&", "a) b ;;&"),
    "padded sequence or step, 4.0": (
        r"\{(0\d+\.\.\d+|\d+\.\.0\d+|\w+\.\.\w+\.\.\d+)\}",
        "echo {01..10}",
    ),
    "variables": (
        r"\b(BASHPID|BASH_XTRACEFD|EPOCHSECONDS|EPOCHREALTIME|SRANDOM|BASH_ARGV0)\b",
        'echo "$EPOCHSECONDS"',
    ),
    "code points, 4.2": (r"\$'[^']*\\[uU]", "echo $'\\u00e9'"),
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


def newer(text: str) -> set[str]:
    """What bash 3.2 would not read in it as written."""
    return {why for why, (word, _) in NEWER_THAN_3_2.items() if re.search(word, text, re.MULTILINE)}


@pytest.mark.parametrize("why", NEWER_THAN_3_2)
def test_what_is_newer_is_found(why: str) -> None:
    """Each rule finds the line that was planted for it."""
    assert why in newer(NEWER_THAN_3_2[why][1])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda it: it.name)
def test_nothing_is_newer_than_bash_3_2(script: Path) -> None:
    """Neither the words nor the treatment of arrays that may be empty."""
    text = code(script)
    assert newer(text) == set()
    assert unset_when_empty(text) == set()


def unset_when_empty(text: str) -> set[str]:
    """The arrays that nobody fills before they are used bare. (Every script here runs under -u.)"""
    filled = set(re.findall(r"(\w+)=\([^)]", text)) | set(re.findall(r"read -r -a (\w+)", text))
    return set(ARRAY.findall(text)) - filled


def test_an_array_that_may_be_empty_is_found() -> None:
    """Written so that bash before 4.4 knows it too, it passes; a filled one may stand bare."""
    assert unset_when_empty('a=()\nls "${a[@]}"') == {"a"}
    assert unset_when_empty('a=()\nls ${a[@]+"${a[@]}"}') == set()
    assert unset_when_empty('a=(b)\nls "${a[@]}"') == set()


@pytest.mark.parametrize("script", ["deploy.sh", "import.sh", "teardown.sh"])
@pytest.mark.parametrize(("words", "status"), [(["--help"], 0), ([], 2), (["Wrong"], 2)])
def test_a_person_is_told_how(script: str, words: list[str], status: int) -> None:
    """Help on request; without an environment, one line, and nothing is begun."""
    command = [ROOT / "scripts" / script, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == status
    assert f"scripts/{script} ENV" in done.stdout if status == 0 else "environment" in done.stderr
