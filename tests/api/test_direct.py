"""Direct operations that more than one function takes are refused alike, before anything is asked."""

import pytest

from cache.errors import InvalidInput
from services.sync.after_wave import sync_after_wave
from services.sync.run import SyncParts

WAVE = {
    "operation": "sync_recovery_instances_after_wave", "executionId": "exec-1", "waveNumber": 1, "region": "us-east-1",
    "sourceServerIds": [f"s-{0:017d}"], "accountId": "111111111111", "jobId": f"drsjob-{0:017d}",
}  # fmt: skip


class Asked(Exception):
    """The event was taken, and somebody is asked."""


def asked() -> SyncParts:
    """Nobody can be asked here."""
    raise Asked


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"waveNumber": "1"}, "waveNumber: "),
        ({"waveNumber": -1}, "waveNumber: "),
        ({"sourceServerIds": ["s-1"]}, "sourceServerIds.0: "),
        ({"sourceServerIds": []}, "sourceServerIds: "),
        ({"jobId": "job-1"}, "jobId: "),
        ({"dryRun": True}, "dryRun: "),
    ],
)
def test_a_wave_that_makes_no_sense_is_refused_by_name(
    change: dict[str, object], says: str
) -> None:
    """The first field that is wrong; no table is read for it."""
    with pytest.raises(InvalidInput, match=f"^{says}"):
        sync_after_wave(asked, WAVE | change)


def test_a_wave_that_makes_sense_is_taken() -> None:
    """So the refusals above are for the change alone."""
    with pytest.raises(Asked):
        sync_after_wave(asked, WAVE)
