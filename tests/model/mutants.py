"""The protocol with one rule left out, again and again: the
checker must see each of them break something.
"""
# ruff: noqa: ARG002  a mutant does not look at what the rule looks at

from typing import Any

from cache.protocol import Change, Verdict, apply, decide
from cache.record import Record
from cache.values import PlaceLook, to_stamp
from tests.model.protocol import NO_ROW, Copy, Protocol


class UnconditionalPut(Protocol):
    """A write without its condition on the row."""

    def is_unchanged(self, stored: int, row: int) -> bool:
        """As if it always were the row that was read."""
        return True


class BlindPublish(Protocol):
    """A sync's publish without its condition."""

    def publishes(self, new: Copy, old: Copy | None) -> bool:
        """Always."""
        return True

    def refills(self, new: Copy, old: Copy | None) -> bool:
        """As it should be."""
        return super().publishes(new, old)


class BlindRefill(Protocol):
    """A reader's refill without its condition."""

    def refills(self, new: Copy, old: Copy | None) -> bool:
        """Always."""
        return True


class PhysicalDelete(Protocol):
    """An absence deletes the row: no tombstone, no version."""

    def decide(
        self, row: int, change: Change, *, again: bool, may_skip: bool
    ) -> tuple[Verdict, int]:
        """Nothing is left of the row."""
        verdict, after = super().decide(row, change, again=again, may_skip=may_skip)
        return verdict, NO_ROW if verdict.is_write and change.is_absence else after


class NoFence(Protocol):
    """What is already in the row is not written again, and nothing keeps older looks out."""

    fences = False


class FenceAtTheEnd(Protocol):
    """The fence is raised when everything is written."""

    fences_before_reading = False
    fences_before_writing = False


class CompareBeforeFence(Protocol):
    """The rows are read before the fence is raised."""

    fences_before_reading = False


class NoCheckOfTheFence(Protocol):
    """A write does not look at the fence."""

    def may_pass(self, fence: int, ticket: int) -> bool:
        """Always."""
        return True


class SkipOnAnEventualRead(Protocol):
    """The rows are read without consistency, and what was read decides what is skipped."""

    reads_consistently = False


class NarrowLookSkips(Protocol):
    """A narrow look, which raises no fence, does not write what is already in the row."""

    narrow_looks_skip = True


class OvertakenDropsTheLiving(Protocol):
    """An overtaken look forgets what it alone saw."""

    gives_way_quietly = True

    def looks_again(self, row: int, change: Change, verdict: Verdict, *, is_complete: bool) -> bool:
        """Not where it was a fence."""
        is_overtaken = verdict is Verdict.FENCED and is_complete
        return not is_overtaken and super().looks_again(
            row, change, verdict, is_complete=is_complete
        )


class OvertakenCountsAsComplete(Protocol):
    """A look that was overtaken answers for its place."""

    counts_overtaken_as_complete = True


class AbsenceWithoutASecondRead(Protocol):
    """A narrow look says "nothing there" of whatever row it meets."""

    def changed(
        self, row: dict[str, Any] | None, change: Change, *, may_skip: bool
    ) -> tuple[Verdict, dict[str, Any] | None]:
        """As if it had been read before the describe."""
        return decide(row, change, may_skip=may_skip)


class FreshFromTheEnd(Protocol):
    """A complete look dates its place by when it ended."""

    listed_at_the_end = True


class FreshAboveCompleted(Protocol):
    """A complete look dates every row of its place, newer ones too."""

    def observed_at(self, record: Record, look: PlaceLook | None) -> str:
        """Whatever its version."""
        return (
            max(record.last_sync_time, to_stamp(look.listed_at)) if look else record.last_sync_time
        )


class PublishWithoutTheConfirmingTicket(Protocol):
    """What a complete look confirms is published under the row's own version."""

    def confirmation(self, row: int, ticket: int, moment: int) -> Copy:
        """As if nobody had looked since."""
        return self.copy(row, None, moment, ticket)


class SkipUnchangedPublish(Protocol):
    """What was not written is not published."""

    def sends(self, verdict: Verdict) -> bool:
        """Only what was."""
        return verdict is not Verdict.SAME


class HalfAListing(Protocol):
    """A listing that broke off counts as whole, and what it lacks as absent."""

    believes_half_a_listing = True
    describes_before_absence = False


class AbsenceUndescribed(Protocol):
    """What a listing lacks is absent, without asking for it by id in the row's own place."""

    describes_before_absence = False


class TicketAfterLook(Protocol):
    """The ticket is drawn when there is something to write."""

    takes_ticket_first = False


class StrictlyNewerPublish(Protocol):
    """An equal pair of version and confirming ticket is not published."""

    def publishes(self, new: Copy, old: Copy | None) -> bool:
        """Only a newer one."""
        return old is None or self._pair(new) > self._pair(old)


class DetailsCarriedOver(Protocol):
    """Another instance's row keeps what was not seen."""

    def decide(
        self, row: int, change: Change, *, again: bool, may_skip: bool
    ) -> tuple[Verdict, int]:
        """Every write is an update."""
        verdict, after = super().decide(row, change, again=again, may_skip=may_skip)
        if verdict is not Verdict.REPLACE:
            return verdict, after
        return verdict, self.rows.number(apply(self.rows[row], change, Verdict.UPDATE))


class NeverLooksAgain(Protocol):
    """What lost to another place's newer word is left at that."""

    def looks_again(self, row: int, change: Change, verdict: Verdict, *, is_complete: bool) -> bool:
        """Not where the row is newer."""
        is_older = verdict is Verdict.OLDER
        return not is_older and super().looks_again(row, change, verdict, is_complete=is_complete)


class FencedNarrowLookGivesUp(Protocol):
    """A narrow look that meets a fence leaves it at that."""

    def looks_again(self, row: int, change: Change, verdict: Verdict, *, is_complete: bool) -> bool:
        """Not where it was a fence."""
        is_fenced = verdict is Verdict.FENCED and not is_complete
        return not is_fenced and super().looks_again(row, change, verdict, is_complete=is_complete)


MUTANTS: tuple[type[Protocol], ...] = (
    UnconditionalPut,
    BlindPublish,
    BlindRefill,
    PhysicalDelete,
    NoFence,
    FenceAtTheEnd,
    CompareBeforeFence,
    NoCheckOfTheFence,
    SkipOnAnEventualRead,
    NarrowLookSkips,
    OvertakenDropsTheLiving,
    OvertakenCountsAsComplete,
    AbsenceWithoutASecondRead,
    FreshFromTheEnd,
    FreshAboveCompleted,
    PublishWithoutTheConfirmingTicket,
    SkipUnchangedPublish,
    HalfAListing,
    AbsenceUndescribed,
    TicketAfterLook,
    StrictlyNewerPublish,
    DetailsCarriedOver,
    NeverLooksAgain,
    FencedNarrowLookGivesUp,
)
