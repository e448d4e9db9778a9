"""A short race of writers and readers over both tiers; `python
-m loadtests.race_soak` runs the long one.
"""

from typing import Literal

import pytest

from loadtests.race_oracle import nines
from loadtests.race_soak import FAULTS, soak


@pytest.mark.parametrize(("table", "writes"), [("memory", 8_000), ("dynamodb", 600)])
def test_no_read_is_ever_wrong_and_nothing_stays_stale(
    table: Literal["memory", "dynamodb"], writes: int
) -> None:
    """Late, killed and overtaken looks, a mirror that forgets: every
    answer stood in a row, and one sync heals all.
    """
    race = soak(table, writes, servers_=400)
    assert {fault: race.counts[fault] for fault in FAULTS} == dict.fromkeys(FAULTS, 0)
    assert race.counts["writes"] >= writes
    assert race.counts["table: older"] > 0, "nothing was overtaken: this was no race"
    assert race.oracle.lags, "nobody read"


def test_nines_are_counted_as_people_count_them() -> None:
    """One late in a thousand is three nines; none late proves
    no more than the number of reads can.
    """
    assert nines(1, 1000) == "99.90000 % of 1,000 (3.0 nines)"
    assert nines(0, 1000) == "100 % of 1,000 (at least 3.0 nines)"
