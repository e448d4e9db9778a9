"""The sync of one place, whole or for some servers: draw a ticket, look, record, and only then judge what vanished."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from cache.errors import TableUnavailable
from cache.looks import LookLog
from cache.protocol import Observation, Verdict, change_of, is_overruled_elsewhere
from cache.recorder import Recorder
from cache.table import Table
from cache.values import Place, now
from services.aws import drs
from services.aws.outcome import LOOK_ERRORS, Outcome, outcome_of
from services.sync.look import Look

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class PlaceReport:
    """What one look at one place came to."""

    place: Place
    outcome: Outcome = Outcome.SEEN
    message: str | None = None
    ticket: int = 0
    instances: int = 0
    absent: int = 0
    refused: int = 0
    unpublished: int = 0
    is_mirrored: bool = True
    aws_calls: Counter[str] = field(default_factory=Counter)
    duration_ms: int = 0


class PlaceSync:
    """Looks at one place and records what it saw. Any failure is this place's alone and ends up in its report."""

    def __init__(self, table: Table, looks: LookLog, recorder: Recorder, look: Look) -> None:
        self._table = table
        self._looks = looks
        self._recorder = recorder
        self._look = look
        self._report = PlaceReport(look.place)

    def whole(self) -> PlaceReport:
        """Everything in the place; what its index has and a complete listing lacks is looked for, server by server."""

        def steps() -> None:
            ticket = self._report.ticket = self._looks.draw_ticket()
            seen_at = now()
            listing = drs.list_recovery_instances(self._look.drs_client, self._look.check)
            if not listing.is_initialized:
                self._report.outcome = Outcome.NOT_INITIALIZED
            stored, _ = self._table.read_rows(listing.launches)
            seen = self._look.observe(listing.launches, stored, seen_at)
            self._servers(self._record(seen, ticket, stored))
            known = self._table.servers_in(self._look.place)
            here = {it.server_id for it in seen}
            if listing.unreadable:
                self._fail(
                    Outcome.ERROR,
                    f"{listing.unreadable} records make no sense; nothing was called absent",
                )
            else:
                self._servers(
                    [
                        it
                        for it, presence in known.items()
                        if presence == "present" and it not in here
                    ],
                    ticket,
                )
            # No look writes a tombstone again, so its publish is renewed here: it may have been lost, or the mirror may
            # have come back older. (Tombstones therefore stay in the index of their place.)
            gone = [it for it, presence in known.items() if presence == "absent" and it not in here]
            self._report.is_mirrored &= self._recorder.republish(gone)

        self._carefully(steps)
        return self._report

    def servers(self, server_ids: Sequence[str]) -> PlaceReport:
        """These servers only."""
        self._carefully(lambda: self._servers(server_ids))
        return self._report

    def _servers(self, server_ids: Sequence[str], absence_ticket: int | None = None) -> None:
        """Look at these servers under a new ticket; those with nothing alive become absent.

        After a listing, absence carries the listing's older ticket: where a launch and a listing cross, present wins.
        """
        if not server_ids:
            return
        ticket = self._looks.draw_ticket()
        self._report.ticket = self._report.ticket or ticket
        seen_at = now()
        found = drs.describe_recovery_instances(self._look.drs_client, server_ids, self._look.check)
        stored, _ = self._table.read_rows(server_ids)
        seen = self._look.observe(found.launches, stored, seen_at)
        self._servers(self._record(seen, ticket, stored))
        if found.unreadable:
            self._fail(
                Outcome.ERROR,
                f"{found.unreadable} records make no sense; nothing was called absent",
            )
            return
        here = {it.server_id for it in seen}
        absent = (
            Observation(server_id=it, place=self._look.place, observed_at=seen_at, launch=None)
            for it in server_ids
            if it not in here
        )
        self._record(absent, absence_ticket or ticket, stored)

    def _record(
        self, seen: Iterable[Observation], ticket: int, stored: dict[str, dict[str, object]]
    ) -> list[str]:
        """Record what was seen under this ticket; the servers that must be looked at again."""
        recorded = self._recorder.record([change_of(it, ticket) for it in seen], stored)
        report = self._report
        for written in recorded.written:
            if written.verdict is Verdict.OLDER:
                report.refused += 1
            elif written.verdict is not Verdict.ELSEWHERE:
                report.absent += written.change.is_absence
                report.instances += not written.change.is_absence
        report.unpublished += recorded.unpublished
        report.is_mirrored &= recorded.is_mirrored
        if recorded.failures:
            self._fail(
                Outcome.ERROR, f"{len(recorded.failures)} rows not written: {recorded.failures[0]}"
            )
        return [
            it.change.server_id
            for it in recorded.written
            if is_overruled_elsewhere(it.row, it.change, it.verdict)
        ]

    def _carefully(self, steps: Callable[[], None]) -> None:
        began = monotonic()
        calls = self._look.clients.calls(self._look.place)
        try:
            steps()
        except (*LOOK_ERRORS, TableUnavailable) as error:
            self._fail(
                Outcome.ERROR if isinstance(error, TableUnavailable) else outcome_of(error),
                str(error),
            )
        except Exception as error:
            # A malformed reply breaks botocore's parsers in ways nobody can list, and one place's garbage may not cost
            # the others their sync.
            logger.exception("The look at %s failed", self._look.place)
            self._fail(Outcome.ERROR, f"{type(error).__name__}: {error}")
        if self._look.doubts and self._report.message is None:
            self._report.message = "; ".join(self._look.doubts)
        self._report.aws_calls = self._look.clients.calls(self._look.place) - calls
        self._report.duration_ms = int((monotonic() - began) * 1000)

    def _fail(self, outcome: Outcome, message: str) -> None:
        self._report.outcome, self._report.message = outcome, message
