"""What a sync came to, as it is stored and sent."""

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from services.sync.place import PlaceReport

logger = logging.getLogger(__name__)
ERRORS_KEPT = 100  # in the stored result, which is one DynamoDB item


@dataclass(slots=True)
class SyncReport:
    """What one run came to.

    `errors` are target accounts that could not be understood and places that failed.
    """

    run_id: str
    started_at: str
    ended_at: str = ""
    duration_ms: int = 0
    places: list[PlaceReport] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    no_longer_configured: list[str] = field(default_factory=list)
    aws_calls: Counter[str] = field(default_factory=Counter)
    """All requests to AWS, retries, origin accounts and STS
    included; the places' own do not add up to it.
    """

    def add(self, report: PlaceReport) -> None:
        """Take in how one place did; what could not be seen is one line of the log too."""
        self.places.append(report)
        where = f"region {report.place.region} of account {report.place.account_id}"
        if report.outcome.is_failure:
            self.errors.append(f"Failed to sync {where}: {report.outcome}: {report.message}")
            logger.error("%s", self.errors[-1])
        elif report.outcome.is_complete and report.message:  # beside the listing
            self.errors.append(f"Partly synced {where}: {report.message}")
            logger.warning("%s", self.errors[-1])

    def summary(self) -> dict[str, Any]:
        """The result: three keys of the first contract, and ours, without the places."""
        return {
            "runId": self.run_id,
            "status": "completed",
            "instancesUpdated": sum(it.instances for it in self.places),
            "instancesAbsent": sum(it.absent for it in self.places),
            "rowsWritten": sum(it.written for it in self.places),
            "regionsScanned": len(self.places),
            "errors": self.errors[:ERRORS_KEPT],
            "noLongerConfigured": self.no_longer_configured,
            "awsCalls": dict(self.aws_calls),
            "startedAt": self.started_at,
            "endedAt": self.ended_at,
            "durationMs": self.duration_ms,
        }

    def body(self) -> dict[str, Any]:
        """The result with every place's outcome."""
        named = (
            {"accountId": it.place.account_id, "region": it.place.region} | place_facts(it)
            for it in self.places
        )
        return self.summary() | {
            "places": sorted(named, key=lambda it: (it["accountId"], it["region"]))
        }


def place_facts(report: PlaceReport) -> dict[str, Any]:
    """What `sync-status` keeps of a look at a place, and what is sent of it."""
    counted = {
        "sourceServers": None if report.source_servers is None else len(report.source_servers),
        "extraInstances": report.extra_instances,
        "forgottenInstances": report.forgotten_instances,
    }
    return {
        **{name: it for name, it in counted.items() if it is not None},
        "outcome": str(report.outcome),
        "message": report.message,
        "instances": report.instances,
        "absent": report.absent,
        "rowsWritten": report.written,
        "awsCalls": dict(report.aws_calls),
        "durationMs": report.duration_ms,
    }
