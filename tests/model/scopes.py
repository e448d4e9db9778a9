"""Who takes part in what is explored.

The largest scope that holds everybody would not end; these overlap instead.
"""

from tests.model.protocol import A, B
from tests.model.state import Looker, Scope

SYNC = Looker("a sync", A, details=True)
PLAIN = Looker("the other sync", A)
SYNC_B = Looker("the other place's sync", B)
WAVE = Looker("a wave", A, full=False, execution=True)
WAVE_B = Looker("the other place's wave", B, full=False, execution=True)
TERMINATION = Looker("a termination", A, full=False, details=True)

HEALERS = Scope(
    (Looker("a clean sync", A, details=True), Looker("a clean sync there", B, details=True)),
    readers=0,
)

EVERYDAY = {
    "two syncs": Scope((SYNC, SYNC), readers=0, changes=2),
    "two syncs, reader": Scope((SYNC, SYNC), readers=1, changes=1),
    "sync, reader, faults": Scope((SYNC,), readers=1, changes=2, faults=1),
    "sync, wave": Scope((SYNC, WAVE), readers=0, changes=2),
    "sync, wave, reader": Scope((SYNC, WAVE), readers=1, changes=1),
    "two places": Scope((SYNC, SYNC_B), readers=0, changes=2),
    "never seen before": Scope((SYNC, WAVE), readers=0, changes=2, starts_empty=True),
    "never seen before, two syncs": Scope((SYNC, SYNC), readers=0, changes=2, starts_empty=True),
}
FULL = {
    "two syncs, reader, faults": Scope((SYNC, SYNC), readers=1, changes=2, faults=1),
    "sync, wave, termination": Scope((SYNC, WAVE, TERMINATION), readers=0, changes=1),
    "two syncs, a wave": Scope((SYNC, SYNC, WAVE), readers=0, changes=1),
    "two places, a wave": Scope((SYNC, SYNC_B, WAVE_B), readers=0, changes=1),
    "two places, reader, faults": Scope((SYNC, SYNC_B), readers=1, changes=2, faults=1),
    "never seen before": Scope((SYNC, WAVE), readers=1, changes=2, faults=1, starts_empty=True),
}
HUNT = (
    Scope((PLAIN,), readers=1, changes=1, faults=1),
    Scope((SYNC, PLAIN), readers=0, changes=2),
    Scope((SYNC, WAVE), readers=0, changes=2),
    Scope((PLAIN, TERMINATION), readers=0, changes=2),
    Scope((SYNC, SYNC_B), readers=0, changes=1),
    Scope((PLAIN, PLAIN), readers=0, changes=2, starts_empty=True),
    Scope((PLAIN, WAVE), readers=0, changes=2, starts_empty=True),
    Scope((PLAIN, PLAIN), readers=1, changes=1),
    Scope((PLAIN, WAVE), readers=1, changes=1),
    Scope((TERMINATION,), readers=1, changes=1, faults=1),
)
