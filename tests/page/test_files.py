"""The page's files: one policy in every place that sends it, nothing
inline, nothing from elsewhere, small modules.
"""

import re
from pathlib import Path

import pytest

from local.servers import REPOSITORY

PAGE = REPOSITORY / "services" / "page"
SCRIPTS = sorted(PAGE.rglob("*.js"))
STYLES = sorted(PAGE.rglob("*.css"))
MARKUP = (PAGE / "index.html").read_text()
POLICY = (PAGE / "csp.txt").read_text().strip()
ONLY_BY_HEADER = "; frame-ancestors 'none'"  # browsers ignore it in a meta element


def name(path: Path) -> str:
    """For the test's id."""
    return path.name


def test_the_markup_carries_the_policy() -> None:
    """So that it holds wherever the files are served from."""
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', MARKUP)
    assert found
    assert found[1] + ONLY_BY_HEADER == POLICY


def test_the_distribution_sends_the_policy() -> None:
    """The template has it word for word, folded as YAML folds."""
    template = re.sub(r"\s+", " ", (REPOSITORY / "infra" / "page.yaml").read_text())
    assert POLICY in template


def test_the_policy_allows_nothing_inline_and_nobody_else() -> None:
    """Own scripts, styles, pictures and calls; and no way to make markup of a string."""
    sources = dict(part.split(" ", 1) for part in POLICY.split("; "))
    assert sources.pop("default-src") == "'none'"
    assert {sources[it] for it in ("script-src", "style-src", "img-src", "connect-src")} == {
        "'self'"
    }
    assert (sources["require-trusted-types-for"], sources["trusted-types"]) == (
        "'script'",
        "'none'",
    )
    assert "unsafe" not in POLICY


def test_the_markup_has_no_inline_script_or_style() -> None:
    """Every script has a source, nothing has a style or handler attribute."""
    assert re.findall(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\sstyle=|\son\w+=", MARKUP) == []


@pytest.mark.parametrize("path", [*SCRIPTS, *STYLES, PAGE / "index.html"], ids=name)
def test_a_file_names_no_other_origin(path: Path) -> None:
    """XML's namespace is a name, no address."""
    assert set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text())) <= {"http://www.w3.org"}


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_a_script_is_small_and_makes_no_markup_of_text(path: Path) -> None:
    """Text enters as text nodes only; one purpose a file."""
    text = path.read_text()
    assert len(text.splitlines()) < 250
    assert (
        re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text
        )
        == []
    )


def test_what_is_preloaded_is_what_is_imported() -> None:
    """Every module but the first, so that the browser fetches them side
    by side instead of one import after another.
    """
    preloaded = set(re.findall(r'modulepreload" href="([^"]+)"', MARKUP))
    assert preloaded == {str(path.relative_to(PAGE)) for path in SCRIPTS} - {"js/main.js"}
