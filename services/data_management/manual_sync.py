"""The sync by API: started asynchronously in its own function,
because API Gateway gives up after 29 seconds.
"""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any

from cache.errors import Failing, InvalidInput, TableUnavailable, TierUnavailable
from services.api import models
from services.api.http import Request, Response, dumps
from services.aws.invoke import invoke_sync
from services.sync.run import get_recovery_instance_sync_status
from services.wiring import Wiring

WAIT_SECONDS = 20.0
POLL_SECONDS = 0.25
STATUS_URL = "/drs/recovery-instance-sync/status"


@contextmanager
def failing_as(code: str) -> Iterator[None]:
    """What cannot be asked fails with the code that senders of these two requests know.

    Raises:
        Failing: in place of TierUnavailable.
    """
    try:
        yield
    except TierUnavailable as error:
        raise Failing(code, str(error)) from error


class ManualSync:
    """Starts a full sync in the sync function, and waits a little for its result."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def start(self, request: Request) -> Response:
        """200 with the result if it is done in time, else 202 with the status address and the run's
        id.

        Raises:
            InvalidInput: when a body says anything: there is nothing to choose.
            Failing: SYNC_FAILED when the status cannot be read or the sync function takes no event.
        """
        if request.object_if_any():
            raise InvalidInput("body", "must be empty: the sync looks at every place")
        with failing_as("SYNC_FAILED"):
            return self._start()

    def _start(self) -> Response:
        running = self._wiring.status.read().running
        if running:
            return _accepted(str(running.get("runId", "unknown")))
        run_id = str(uuid.uuid4())
        event = dumps({"operation": "sync_recovery_instances", "runId": run_id})
        invoke_sync(self._wiring.settings.name("recovery-instance-sync"), event)
        waited_until = monotonic() + WAIT_SECONDS
        while monotonic() < waited_until:
            time.sleep(POLL_SECONDS)
            with suppress(TableUnavailable):  # the run goes on all the same
                if (result := self._result(run_id)) is not None:
                    return Response(result)
        return _accepted(run_id)

    def status(self, _request: Request) -> Response:
        """What runs, what ran, and every place.

        Raises:
            Failing: STATUS_FAILED when it cannot be read.
        """
        with failing_as("STATUS_FAILED"):
            return Response(
                get_recovery_instance_sync_status(self._wiring.looks, self._wiring.status)
            )

    def _result(self, run_id: str) -> dict[str, Any] | None:
        last = self._wiring.status.read().last_run
        if last is None or last.get("runId") != run_id:
            return None
        whole = get_recovery_instance_sync_status(self._wiring.looks, self._wiring.status)[
            "lastRun"
        ]
        return dict(whole)


def _accepted(run_id: str) -> Response:
    running = models.SyncRunning(run_id=run_id, status="running", status_url=STATUS_URL)
    return Response(running.sent(), 202)
