"""The version protocol, checked in every interleaving of small
scopes; `tests/model/check.py` runs it by hand.
"""

import pytest

from tests.model.check import Checker, Found, hunt, report
from tests.model.mutants import MUTANTS
from tests.model.protocol import Protocol
from tests.model.scopes import EVERYDAY, FULL
from tests.model.state import Scope


def explain(found: Found) -> str:
    """The trace, for a person."""
    return "\n".join([*found.trace, f"=> {found.violation}"])


@pytest.mark.parametrize("scope", EVERYDAY.values(), ids=EVERYDAY)
def test_no_interleaving_breaks_the_protocol(scope: Scope) -> None:
    """Syncs, waves, terminations and readers, killed at any step,
    over a mirror that forgets and fails over.
    """
    found = Checker(scope, Protocol()).explore()
    assert found.violation is None, explain(found)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("scope", FULL.values(), ids=FULL)
def test_no_interleaving_of_more_processes_breaks_it_either(scope: Scope) -> None:
    """The same with more readers, changes and faults."""
    found = Checker(scope, Protocol()).explore()
    assert found.violation is None, explain(found)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda it: it.__name__)
def test_leaving_out_any_rule_is_noticed(
    mutant: type[Protocol], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mutant has a counterexample, printed with its shortest trace."""
    found = hunt(mutant())
    assert report(mutant.__name__, found)
    assert str(found.violation) in capsys.readouterr().out
