"""The recovery instance sync as Python functions, for code that runs beside it: one import, the
deployment from the environment. Each is what the direct operation of the same name does.

Two were named in another style where they come from, and have both names.
"""

from functools import lru_cache
from typing import Any

from cache.errors import SomeUnknown
from services.api.access import without_address
from services.api.models import ExistingInstances
from services.execution import termination
from services.execution.approval import refuse_alone
from services.execution.operations import DIRECTLY
from services.reads.pages import existing_body, server_ids
from services.settings import Settings
from services.sync import run
from services.sync.after_wave import sync_after_wave
from services.sync.wiring import SyncWiring


@lru_cache
def _wiring() -> SyncWiring:
    return SyncWiring(Settings.from_env())


def sync_all_recovery_instances() -> dict[str, Any]:
    """Look at every region of every target account; `{instancesUpdated, regionsScanned, errors,
    …}`.

    Raises:
        AlreadyRunning: when a full sync is under way. TableUnavailable: when nothing can be
        recorded.
    """
    return run.sync_all_recovery_instances(_wiring().sync_parts()).body()


def sync_recovery_instances_for_account(account_id: str, region: str) -> dict[str, Any]:
    """Look at one account in one region; the same answer.

    Raises:
        InvalidInput: when the account is no target account, or the region none of its.
    """
    parts = _wiring().sync_parts()
    return run.sync_recovery_instances_for_account(parts, account_id, region).body()


def sync_recovery_instances_after_wave(
    execution_id: str, wave_number: int, source_server_ids: list[str]
) -> dict[str, Any]:
    """Look at the servers of a finished wave; what that came to.

    Raises:
        InvalidInput, NotFound: when this is not what the execution's row says. TableUnavailable:
        when the row cannot be read.
    """
    event = {
        "operation": "sync_recovery_instances_after_wave",
        "executionId": execution_id,
        "waveNumber": wave_number,
        "sourceServerIds": source_server_ids,
    }
    return sync_after_wave(_wiring().executions, _wiring().sync_parts, event)


def get_recovery_instance_sync_status() -> dict[str, Any]:
    """What runs, how the last run ended, and every place.

    Raises:
        TableUnavailable: when it cannot be read.
    """
    return run.get_recovery_instance_sync_status(_wiring().looks, _wiring().status)


def check_existing_recovery_instances(source_server_ids: list[str]) -> list[dict[str, Any]]:
    """The existing instances of these servers, as items in the API's members.

    A server without an item has none.

    Raises:
        SomeUnknown: when some could not be looked up; that is no "none".
        InvalidInput: when these are not 1 to 5,000 well-formed ids.
    """
    servers = dict.fromkeys(server_ids(source_server_ids))
    answer = _wiring().reader.read(servers)
    body = ExistingInstances.model_validate_json(existing_body(answer, servers))
    found = [it.model_dump(by_alias=True) for it in body.existing_instances]
    if answer.unknown:
        raise SomeUnknown(answer.unknown, found)
    return found


def terminate_recovery_instances(
    execution_id: str, *, confirm: bool = False, requested_by: str = DIRECTLY
) -> int:
    """Terminate what an execution launched, as far as the guard rails allow; how many instances are
    asked to go.

    Real recoveries go with `confirm` alone. `requested_by` stands in the row and the report.

    Raises:
        NotFound, Conflict: when there is no such execution, it still runs, or a second person would
        have to agree. TableUnavailable: when its rows cannot be read.
    """
    wiring = _wiring()
    refuse_alone(wiring.settings, confirm=confirm)
    answer = termination.terminate_recovery_instances(
        wiring.executions,
        wiring.sync_parts(),
        execution_id,
        confirm=confirm,
        by=without_address(requested_by) or DIRECTLY,
    )
    return len(answer["requested"])


checkExistingRecoveryInstances = check_existing_recovery_instances  # noqa: N816
terminateRecoveryInstances = terminate_recovery_instances  # noqa: N816
