"""The protocol with one rule left out, again and again: the checker must see each of them break something."""
# ruff: noqa: ARG002  a mutant does not look at what the rule looks at

from typing import Any

from cache.protocol import Change, Verdict, apply, judge
from tests.model.protocol import NO_ROW, NOTHING, Protocol


class UnconditionalPut(Protocol):
    """A write without its condition."""

    def judge(self, row: dict[str, Any] | None, change: Change) -> Verdict:
        """As if every stored version were older."""
        return judge(row and {**row, "version": -1}, change)


class BlindPublish(Protocol):
    """A sync's publish without its condition."""

    def publishes(self, row: int, mirrored: int) -> bool:
        """Always."""
        return True

    def refills(self, row: int, mirrored: int) -> bool:
        """As it should be."""
        return super().publishes(row, mirrored)


class BlindRefill(Protocol):
    """A reader's refill without its condition."""

    def refills(self, row: int, mirrored: int) -> bool:
        """Always."""
        return True


class PhysicalDelete(Protocol):
    """An absence deletes the row: no tombstone, no version."""

    def _put(self, row: int, change: Change) -> tuple[Verdict, int]:
        verdict, after = super()._put(row, change)
        return verdict, NO_ROW if verdict.is_write and change.is_absence else after


class SkipUnchangedWrite(Protocol):
    """What is already in the row is not written again."""

    def judge(self, row: dict[str, Any] | None, change: Change) -> Verdict:
        """An unchanged row keeps its version."""
        verdict = judge(row, change)
        same = row is not None and {**row, "version": 0} == {
            **apply(row, change, Verdict.UPDATE),
            "version": 0,
        }
        return Verdict.OWN if verdict.is_write and same else verdict


class SkipUnchangedPublish(Protocol):
    """A look that changed nothing but the version publishes nothing."""

    def sends(self, before: int, after: int) -> bool:
        """Only what differs."""
        old, new = self.rows[before], self.rows[after]
        return old is None or new is None or {**old, "version": 0} != {**new, "version": 0}


class HalfAListing(Protocol):
    """A listing that broke off counts as whole, and what it lacks as absent."""

    believes_half_a_listing = True


class AbsenceUndescribed(Protocol):
    """What a listing lacks is absent, without asking for it by id in the row's own place."""

    describes_before_absence = False


class TicketAfterLook(Protocol):
    """The ticket is drawn when there is something to write."""

    takes_ticket_first = False


class StrictlyNewerPublish(Protocol):
    """An equal version is not published, so no entry's life is ever renewed."""

    def publishes(self, row: int, mirrored: int) -> bool:
        """Only a newer one."""
        return mirrored == NOTHING or self.rows.version(row) > self.rows.version(mirrored)


class DetailsCarriedOver(Protocol):
    """Another instance's row keeps what was not seen."""

    def apply(self, row: dict[str, Any] | None, change: Change, verdict: Verdict) -> dict[str, Any]:
        """Every write is an update."""
        return apply(row, change, Verdict.UPDATE)


class NeverLooksAgain(Protocol):
    """What lost to another place's absence is left at that."""

    def looks_again(self, row: int, change: Change, verdict: Verdict) -> bool:
        """Never."""
        return False


MUTANTS: tuple[type[Protocol], ...] = (
    UnconditionalPut,
    BlindPublish,
    BlindRefill,
    PhysicalDelete,
    SkipUnchangedWrite,
    SkipUnchangedPublish,
    HalfAListing,
    AbsenceUndescribed,
    TicketAfterLook,
    StrictlyNewerPublish,
    DetailsCarriedOver,
    NeverLooksAgain,
)
