"""Syncs that cross: the order of the looks decides, never the order of the writes."""

from functools import partial
from threading import Thread

import pytest

from cache.record import Attribution
from cache.values import Place
from services.sync.run import sync_recovery_instances_for_account
from tests.sync.platform import Platform

# the call after the listing of recovery instances: the look has been taken by then
LISTING = "DescribeSourceServers"
WAVE = Attribution(source_execution_id="exec-wave", source_plan_name="The wave's plan")


def one_place(platform: Platform, place: Place | None = None) -> None:
    """A sync of one place, as the API and a manual call start it."""
    sync_recovery_instances_for_account(platform.wiring.sync_parts(), *(place or platform.place))


@pytest.mark.parametrize("other", ["full", "place", "wave"])
def test_an_older_look_that_finishes_later_changes_nothing(platform: Platform, other: str) -> None:
    """Neither in the table nor in the mirror, whichever sync overtook it."""
    machine = platform.server()
    old = platform.launch(machine)
    with platform.held_before(LISTING, partial(one_place, platform)):
        platform.forget(old)
        new = platform.launch(machine)
        if other == "full":
            platform.sync()
        elif other == "place":
            one_place(platform)
        else:
            platform.sync_wave(new, WAVE)
        overtook = platform.rows(machine)[machine.id]
    assert overtook["ec2InstanceId"] == new.id
    row = platform.rows(machine)[machine.id]
    asked_again = {
        "version",
        "lastSyncTime",
        "ec2ObservedAt",
        "serverObservedAt",
        "originObservedAt",
        "replicationObservedAt",
        "launchSettingsObservedAt",
    }
    assert {n: it for n, it in row.items() if n not in asked_again} == {
        n: it for n, it in overtook.items() if n not in asked_again
    }
    entry = platform.mirrored(machine)
    assert entry is not None
    assert entry.version == row["version"] >= overtook["version"]


def test_a_wave_overtaken_by_a_background_look_keeps_its_execution(platform: Platform) -> None:
    """The background look wrote the launch without an execution,
    under a newer ticket; the wave looks again.
    """
    machine = platform.server()
    instance = platform.launch(machine)
    with platform.held_before(LISTING, lambda: platform.sync_wave(instance, WAVE)):
        platform.sync()
        assert "sourceExecutionId" not in platform.rows(machine)[machine.id]
    row = platform.rows(machine)[machine.id]
    assert (row["sourceExecutionId"], row["sourcePlanName"]) == ("exec-wave", "The wave's plan")
    platform.sync()
    assert platform.rows(machine)[machine.id]["sourceExecutionId"] == "exec-wave", (
        "and no later look loses it"
    )


def test_a_launch_that_crosses_a_listing_is_not_called_absent(platform: Platform) -> None:
    """The listing fell into the window of a relaunch, in which
    neither instance shows; the second look does not.
    """
    machine = platform.server()
    old = platform.launch(machine)
    platform.sync()
    platform.forget(old)
    with platform.held_before("DescribeRecoveryInstances", platform.sync, nth=2):
        new = platform.launch(machine)
        platform.sync_wave(new, WAVE)
    assert platform.shown(machine) == new.id
    assert platform.rows(machine)[machine.id]["sourceExecutionId"] == "exec-wave"


def test_a_server_that_moved_is_found_although_its_old_place_drew_the_newer_ticket(
    platform: Platform,
) -> None:
    """The absence of the place it left overrules the look at the
    new one, which is therefore repeated.
    """
    platform.configure("us-east-1", "eu-west-1")
    machine = platform.server()
    here, there = platform.place, Place(platform.account, "eu-west-1")
    machine.region = there.region
    old = platform.launch(machine)
    platform.sync()
    platform.forget(old)
    machine.region = here.region
    new = platform.launch(machine)
    with platform.held_before("DescribeRecoveryInstances", partial(one_place, platform)):
        one_place(platform, there)
        assert platform.rows(machine)[machine.id]["presence"] == "absent"
    assert platform.shown(machine) == new.id
    assert platform.rows(machine)[machine.id]["place"] == str(here)


def test_a_server_that_moved_is_never_declared_absent_by_its_old_place(platform: Platform) -> None:
    """The old place lists it no longer; its row is in the new place."""
    platform.configure("us-east-1", "eu-west-1")
    machine = platform.server()
    old = platform.launch(machine)
    platform.sync()
    here, there = platform.place, Place(platform.account, "eu-west-1")
    platform.forget(old)
    machine.region = there.region
    new = platform.launch(machine)
    with platform.held_before("DescribeRecoveryInstances", platform.sync):
        sync_recovery_instances_for_account(platform.wiring.sync_parts(), *there)
    assert platform.rows(machine)[machine.id]["place"] == str(there)
    sync_recovery_instances_for_account(platform.wiring.sync_parts(), *here)
    assert platform.shown(machine) == new.id


def test_many_syncs_at_once_end_where_one_would(platform: Platform) -> None:
    """One-place and wave syncs side by side: rows are right,
    executions kept; one sync more, and mirror is table.
    """
    machines = [platform.server(number=number) for number in range(12)]
    instances = [platform.launch(it) for it in machines]
    wave = instances[:6]
    for instance in wave:
        platform.executed(instance, f"exec-{instance.job_id}")
    parts = platform.wiring.sync_parts()
    works = [
        lambda: sync_recovery_instances_for_account(parts, *platform.place),
        lambda: sync_recovery_instances_for_account(parts, *platform.place),
        *(
            lambda it=it: platform.sync_wave(
                it, Attribution(source_execution_id=f"exec-{it.job_id}")
            )
            for it in wave
        ),
    ]
    threads = [Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = platform.rows(*machines)
    assert {it.machine.id: it.id for it in instances} == {
        key: row["ec2InstanceId"] for key, row in rows.items()
    }
    assert all(rows[it.machine.id]["sourceExecutionId"] == f"exec-{it.job_id}" for it in wave)
    platform.sync()  # a publish may have been lost on a busy machine; this is what heals it
    rows = platform.rows(*machines)
    for machine in machines:
        entry = platform.mirrored(machine)
        assert entry is not None
        assert entry.version == rows[machine.id]["version"]
