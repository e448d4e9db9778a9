"""Steps survive a crash anywhere: nothing is launched or
terminated twice, and nothing is forgotten.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from cache.values import Place
from services.platform.execution import Status
from tests.execution.deployment import Deployment

MOST_WRITES = 40


class Crash(BaseException):
    """The process ends here."""


WRITES = (
    "dynamodb.PutItem", "dynamodb.UpdateItem", "dynamodb.TransactWriteItems", "drs.StartRecovery",
    "drs.TerminateRecoveryInstances",
)  # fmt: skip


class Fuse:
    """Ends the process at its nth write: before it is made, or once it was made but nobody heard
    the answer.

    Reads change nothing, so a crash at one of them is a crash after the write before it.
    """

    def __init__(self, nth: int, *, before: bool) -> None:
        self.left = nth
        self.before = before

    @contextmanager
    def on(self, *clients: Any) -> Iterator[None]:
        """Watch these clients."""
        when = "before-call" if self.before else "after-call"
        events = [(client.meta.events, f"{when}.{write}") for client in clients for write in WRITES]
        for hooks, event in events:
            hooks.register_first(event, self._count, unique_id=f"fuse {event}")
        try:
            yield
        finally:
            for hooks, event in events:
                hooks.unregister(event, unique_id=f"fuse {event}")

    @property
    def blew(self) -> bool:
        """Whether it happened."""
        return self.left <= 0

    def _count(self, **_: object) -> None:
        self.left -= 1
        if self.left == 0:
            raise Crash


def drive_through_a_crash(
    deployment: Deployment, place: Place, execution_id: str, fuse: Fuse
) -> None:
    """What the state machine does: a step that ended early is repeated.

    Steps keep nothing in the process.
    """
    steps = ["start_wave", "poll_wave", "sync_wave"]
    parts = deployment.wiring.sync_parts()
    with fuse.on(deployment.wiring.dynamodb, parts.clients.get("drs", place)):
        for step in steps:
            try:
                deployment.step(step, execution_id)
            except Crash:
                deployment.step(step, execution_id)
            deployment.advance()
    deployment.operate("finish", executionId=execution_id)


@pytest.mark.parametrize("before", [True, False], ids=["before the call", "after the call"])
def test_a_crash_at_any_write_launches_nothing_twice_and_ends_the_same(
    deployment: Deployment, before: bool
) -> None:
    """Every write of a wave in turn is the last thing that a process does."""
    place = deployment.place(0)
    for nth in range(1, MOST_WRITES):
        fuse = Fuse(nth, before=before)
        ids = deployment.protect(place, 2)
        execution_id = deployment.begin((place, ids))
        drive_through_a_crash(deployment, place, execution_id, fuse)
        execution = deployment.execution(execution_id)
        assert execution.status == Status.COMPLETED, f"write {nth}"
        launches = deployment.jobs(place)
        assert len(launches) == nth, f"write {nth}: one job for each execution"
        assert set(execution.waves[0].job_ids) <= {job["jobID"] for job in launches}
        if not fuse.blew:
            assert nth > 8, "the fuse was never in the way"
            return
    pytest.fail("the writes never end")


def test_a_job_that_was_over_before_anybody_looked_again_is_found(deployment: Deployment) -> None:
    """It has lost its participants by then; the servers remember their last launch."""
    place = deployment.place(0)
    ids = deployment.protect(place, 2)
    deployment.drill((place, ids))
    execution_id = deployment.begin((place, ids), replace=True)
    deployment.aws.weather([{"operation": "StartRecovery", "outage": "503"}])
    with pytest.raises(Exception, match="StartRecovery"):
        deployment.step("start_wave", execution_id)
    deployment.aws.weather([])
    client = deployment.wiring.sync_parts().clients.get("drs", place)
    job = client.start_recovery(sourceServers=[{"sourceServerID": it} for it in ids], isDrill=True)[
        "job"
    ]["jobID"]
    deployment.advance(100_000)
    assert client.describe_jobs(filters={"jobIDs": [job]})["items"][0]["participatingServers"] == []
    execution = deployment.drive(execution_id)
    assert execution.waves[0].job_ids == [job]
    assert execution.status == Status.COMPLETED
    assert len(deployment.jobs(place)) == 2, "the first drill's and this one's"


def test_finishing_and_syncing_again_changes_nothing(deployment: Deployment) -> None:
    """Any step may be delivered twice, late ones too."""
    place = deployment.place(0)
    ids = deployment.protect(place, 1)
    execution_id = deployment.drill((place, ids))
    row = deployment.executions.row(execution_id)
    for step in ("start_wave", "poll_wave", "sync_wave"):
        assert deployment.step(step, execution_id)["moreWaves"] is False
    deployment.operate("finish", executionId=execution_id, error="too late")
    assert deployment.executions.row(execution_id) == row
    assert len(deployment.jobs(place)) == 1
