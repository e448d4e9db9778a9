"""The sync of one place, whole or for some servers: a ticket, a look,
what it saw recorded, and only then what vanished.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from cache.errors import TableUnavailable
from cache.looks import LookLog
from cache.protocol import Observation, Verdict, change_of, has_launch, is_sound, must_look_again
from cache.recorder import Confirmation, Recorder
from cache.table import Stored, Table
from cache.values import Outcome, Place, now
from services.aws import drs
from services.aws.outcome import LOOK_ERRORS, outcome_of
from services.sync.extras import forgotten_instances, second_instances
from services.sync.inventory import Inventory, completed, take_inventory, without_instance
from services.sync.look import Look

logger = logging.getLogger(__name__)
NARROW_LOOKS = 3  # at one server in turn, while newer looks keep overtaking


@dataclass(slots=True)
class PlaceReport:
    """What one look at one place came to.

    `instances` were seen, `written` rows of them and of the absent changed.
    """

    place: Place
    outcome: Outcome = Outcome.SEEN
    message: str | None = None
    started_at: str = ""
    ticket: int = 0
    instances: int = 0
    absent: int = 0
    written: int = 0
    refused: int = 0
    unpublished: int = 0
    source_servers: Mapping[str, drs.Protected] | None = None
    """The source servers that an inventory has found; None where none was taken."""
    oldest_drill: str | None = None
    extra_instances: list[dict[str, Any]] | None = None
    forgotten_instances: list[dict[str, Any]] | None = None
    """Beside the servers' current ones; None where nobody looked."""
    aws_calls: Counter[str] = field(default_factory=Counter)
    duration_ms: int = 0


class PlaceSync:
    """Looks at one place and records what it saw.

    Any failure is this place's alone and ends up in its report.
    """

    def __init__(self, table: Table, looks: LookLog, recorder: Recorder, look: Look) -> None:
        self._table = table
        self._looks = looks
        self._recorder = recorder
        self._look = look
        self._report = PlaceReport(look.place, started_at=now())
        self._listing_ticket = 0

    def whole(self, *, with_inventory: bool = False) -> PlaceReport:
        """Everything in the place.

        The order list, fence, read, compare is what makes skipping safe (docs/model.md).
        """
        with self._reported():
            ticket = self._report.ticket = self._listing_ticket = self._looks.draw_ticket()
            self._report.started_at = now()
            listing = drs.list_recovery_instances(self._look.drs_client, self._look.check)
            if not listing.is_initialized:
                self._report.outcome = Outcome.NOT_INITIALIZED
            inventory = take_inventory(self._look) if with_inventory else None
            if self._looks.raise_fence(self._look.place, ticket):
                self._compare(listing, inventory, Confirmation(ticket, self._report.started_at))
            else:
                self._give_way(listing)
        return self._report

    def servers(self, server_ids: Sequence[str]) -> PlaceReport:
        """These servers only."""
        with self._reported():
            self._ask_by_id(server_ids)
        return self._report

    def _compare(
        self, listing: drs.Listing, inventory: Inventory | None, confirmation: Confirmation
    ) -> None:
        """Behind the fence: write what differs, confirm what does
        not, and look for what the listing lacks.
        """
        known = self._table.servers_in(self._look.place)
        protected = inventory.servers if inventory else ()
        stored = self._read([*listing.launches, *known, *protected])
        launches = self._look.settled(listing)
        self._report.extra_instances = second_instances(listing, launches)
        if inventory:
            self._report.forgotten_instances = forgotten_instances(self._look, listing)
        seen = self._look.observe(launches, stored.rows, confirmation.listed_at)
        self._report.oldest_drill = _oldest_drill(seen)
        here, is_whole = {it.server_id for it in seen}, not self._doubts(listing)
        if inventory:
            self._report.source_servers = inventory.servers
            if is_whole:
                seen += without_instance(
                    self._look, inventory, here, stored, confirmation.listed_at
                )
            seen = completed(self._look, inventory, seen, stored)
        self._ask_by_id(self._record(seen, confirmation.ticket, stored, confirmation))
        if is_whole:
            self._seek({it.server_id for it in seen}, stored, confirmation)

    def _seek(self, seen: Collection[str], stored: Stored, confirmation: Confirmation) -> None:
        """What the place has rows of and the look did not see:
        confirmed as gone, or asked for by id.
        """
        place = str(self._look.place)
        missing = {
            it: row
            for it, row in stored.rows.items()
            if it not in seen and row.get("place") == place
        }
        gone = {
            it: row
            for it, row in missing.items()
            if row.get("presence") == "absent" and is_sound(row)
        }
        self._report.unpublished += self._recorder.confirm(stored._replace(rows=gone), confirmation)
        left = [it for it in missing if it not in gone]
        self._ask_by_id(left, stored, absence_ticket=confirmation.ticket)

    def _give_way(self, listing: drs.Listing) -> None:
        """A newer look has listed the place.

        Ours may still be the later listing: what only it saw is asked for by id.
        """
        self._fail(Outcome.OVERTAKEN, "a newer look has listed the place meanwhile")
        alive = {it: one for it, one in listing.launches.items() if one.ec2_instance_state.is_alive}
        rows = self._read(alive).rows
        self._ask_by_id([it for it, one in alive.items() if not has_launch(rows.get(it), one)])

    def _ask_by_id(
        self,
        server_ids: Collection[str],
        stored: Stored | None = None,
        absence_ticket: int | None = None,
        looks_left: int = NARROW_LOOKS,
    ) -> None:
        """A narrow look: under a new ticket, and every row is written; with nothing alive it
        becomes absent.

        The rows are read before the describe: what comes to stand there since is not called absent.
        After a listing, absence carries the listing's older ticket: where a launch and a listing
        cross, present wins.
        """
        if not server_ids:
            return
        if not looks_left:
            self._fail(Outcome.OVERTAKEN, f"{len(server_ids)} servers changed under every look")
            return
        ticket = self._looks.draw_ticket()
        self._report.ticket = self._report.ticket or ticket
        stored = stored or self._read(server_ids)
        seen_at = now()
        found = drs.describe_recovery_instances(self._look.drs_client, server_ids, self._look.check)
        seen = self._look.observe(self._look.settled(found), stored.rows, seen_at)
        again = self._record(seen, ticket, stored)
        if not self._doubts(found):
            here = {it.server_id for it in seen}
            gone = (
                Observation(server_id=it, place=self._look.place, observed_at=seen_at, launch=None)
                for it in server_ids
                if it not in here
            )
            again += self._record(gone, absence_ticket or ticket, stored)
        self._ask_by_id(again, looks_left=looks_left - 1)

    def _read(self, server_ids: Iterable[str]) -> Stored:
        stored = self._table.read_rows(server_ids)
        if stored.unread:
            self._fail(Outcome.ERROR, f"{len(stored.unread)} rows could not be read")
        return stored

    def _record(
        self,
        seen: Iterable[Observation],
        ticket: int,
        stored: Stored,
        confirmation: Confirmation | None = None,
    ) -> list[str]:
        """Record what was seen under this ticket; the servers
        that must be asked for by id (again).
        """
        recorded = self._recorder.record(
            [change_of(it, ticket) for it in seen], stored, confirmation
        )
        report, again, is_complete = self._report, list[str](), ticket == self._listing_ticket
        for it in recorded.written:
            report.written += it.verdict.is_write
            report.refused += it.verdict is Verdict.OLDER
            if it.verdict.is_settled and it.change.is_absence:
                report.absent += _was_present(stored, it.change.server_id)
            elif it.verdict.is_settled:
                report.instances += 1
            if must_look_again(it.row, it.change, it.verdict, is_complete=is_complete):
                again.append(it.change.server_id)
        report.unpublished += recorded.unpublished
        if is_complete and recorded.verdicts[Verdict.FENCED]:
            self._fail(Outcome.OVERTAKEN, "a newer look has listed the place meanwhile")
        if failures := recorded.failures:
            self._fail(Outcome.ERROR, f"{len(failures)} rows not written: {failures[0].error}")
        return again

    def _doubts(self, listing: drs.Listing) -> bool:
        """Whether records of the listing make no sense: any of them may
        be of a server that seems to be missing.
        """
        if listing.unreadable:
            what = f"{listing.unreadable} records make no sense; nothing was called absent"
            self._fail(Outcome.ERROR, what)
        return listing.unreadable > 0

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Whatever happens is this place's alone, and stands in its report."""
        began = monotonic()
        calls = self._look.clients.calls(self._look.place)
        try:
            yield
        except TableUnavailable as error:
            self._fail(Outcome.ERROR, str(error))
        except LOOK_ERRORS as error:
            self._fail(outcome_of(error), str(error))
        except Exception as error:
            # A malformed reply breaks botocore's parsers in ways nobody can list, and one place's
            # garbage may not cost the others their sync.
            logger.exception("The look at %s failed", self._look.place)
            self._fail(Outcome.ERROR, f"{type(error).__name__}: {error}")
        if self._look.doubts and self._report.message is None:
            self._report.message = "; ".join(sorted(self._look.doubts))
        self._report.aws_calls = self._look.clients.calls(self._look.place) - calls
        self._report.duration_ms = int((monotonic() - began) * 1000)

    def _fail(self, outcome: Outcome, message: str) -> None:
        """The first failure is the one to tell, but for one that
        only says that another look is newer.
        """
        if self._report.outcome.is_complete or self._report.outcome is Outcome.OVERTAKEN:
            self._report.outcome, self._report.message = outcome, message


def _oldest_drill(seen: Iterable[Observation]) -> str | None:
    """When the drill instance that runs longest was launched; None when there is none."""
    launches = (
        it.details.launch_time for it in seen if it.details and it.launch and it.launch.is_drill
    )
    return min(launches, default=None)


def _was_present(stored: Stored, server_id: str) -> bool:
    """Whether its instance has gone now; a server that never had one has lost nothing."""
    return stored.rows.get(server_id, {}).get("presence") == "present"
