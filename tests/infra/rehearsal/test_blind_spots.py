"""The table of what emulators do not show names tests that exist, and steps that the gate has."""

from pathlib import Path

import pytest

from tests.infra.rehearsal.blind_spots import BLIND_SPOTS, GATE, BlindSpot

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("spot", BLIND_SPOTS, ids=lambda it: it.rule[:40])
def test_something_stands_in(spot: BlindSpot) -> None:
    """A rule that nothing shows is a rule that nobody keeps."""
    file, _, test = spot.shown_by.partition("::")
    text = (ROOT / file).read_text()
    if test:
        assert f"def {test}(" in text
    else:
        assert file == GATE
