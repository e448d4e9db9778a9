"""What a complete look that has listed its place does to the looks
before it, on memory, moto and DynamoDB over HTTP.
"""

from itertools import chain

from cache.protocol import Change, Verdict
from cache.table import Table
from tests.tiers.conftest import Tables
from tests.tiers.conftest import write as write_each
from tests.tiers.samples import HERE, THERE, absence, present, server_id

ONE = server_id(1)


def verdict(table: Table, change: Change) -> Verdict:
    """What became of one change."""
    (written,) = write_each(table, change)
    return written.verdict


def test_an_older_look_cannot_write_there(tables: Tables) -> None:
    """Not over a row, and not where there is none: nothing was
    written anywhere of "nothing there".
    """
    table, raise_fence = tables.fenced()
    verdict(table, present(1))
    assert raise_fence(HERE, 5)
    for late in (present(4), absence(4), present(4, number=2)):
        assert verdict(table, late) is Verdict.FENCED
    assert table.read_rows([ONE]).rows[ONE]["version"] == 1
    assert verdict(table, present(5)) is Verdict.UPDATE
    assert verdict(table, absence(6)) is Verdict.UPDATE


def test_it_only_rises(tables: Tables) -> None:
    """An older look that has listed later is told so."""
    _, raise_fence = tables.fenced()
    assert raise_fence(HERE, 5)
    assert not raise_fence(HERE, 5)
    assert not raise_fence(HERE, 4)
    assert raise_fence(HERE, 6)
    assert raise_fence(THERE, 1)


def test_a_row_of_another_place_is_behind_that_ones_fence_too(tables: Tables) -> None:
    """And costs nobody else: the other rows of the transaction are written."""
    table, raise_fence = tables.fenced()
    verdict(table, present(1, number=1, place=THERE))
    assert raise_fence(THERE, 5)
    rows = table.read_rows([ONE])
    done = list(chain(*table.write([present(4, number=it) for it in (1, 2, 3)], rows)))
    assert [it.verdict for it in done] == [Verdict.FENCED, Verdict.REPLACE, Verdict.REPLACE]
    assert verdict(table, present(6)) is Verdict.UPDATE
