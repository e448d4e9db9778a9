"""The seeded world as the surrounding platform writes it: the same servers behind its forms of
rows, with every oddity.

Plans name protection groups, accounts name no regions, executions count in epoch seconds and keep
statuses in lists.
"""

from collections.abc import Iterator
from typing import Any

from cache.values import to_millis
from local.world import OWN, World, make_world

ROLE_NAME = "DROrchestrationRole"
UNREADABLE_ACCOUNT, LEFT_ACCOUNT = "888888888888", "999999999999"
BY_TAGS, GROUP_GONE, NOT_WAVES = "plan-by-tags", "plan-group-gone", "plan-of-no-waves"
RUNNING = "exec-the-platform-runs"
CREATED = 1_790_000_000


def make_platform_world(seed: int = 2026, servers: int = 300) -> World:
    """A world of so many servers in four places of two accounts, in the platform's rows."""
    world = make_world(seed, servers, places=4, plans=16)
    world.target_accounts = [*map(_account_row, world.target_accounts), *_odd_accounts()]
    world.recovery_plans = [
        _plan_row(world, plan, number) for number, plan in enumerate(world.recovery_plans)
    ]
    world.recovery_plans += _odd_plans(world)
    world.execution_history = [*map(_execution_row, world.execution_history)]
    world.execution_history += _odd_executions(world)
    return world


def _account_row(row: dict[str, Any]) -> dict[str, Any]:
    known = {name: it for name, it in row.items() if name != "regions"}
    is_own = row["accountId"] == OWN
    return {"roleArn": "", "externalId": "", **known, "isCurrentAccount": is_own,
    "createdAt": CREATED,
            "lastValidated": CREATED, "createdBy": "operator"}  # fmt: skip


def _odd_accounts() -> Iterator[dict[str, Any]]:
    """One whose status nobody knows, and one that has left."""
    for account, status in ((UNREADABLE_ACCOUNT, "validating"), (LEFT_ACCOUNT, "inactive")):
        role = f"arn:aws:iam::{account}:role/{ROLE_NAME}"
        yield {"accountId": account, "status": status, "roleArn": role, "isCurrentAccount": False}


def _plan_row(world: World, plan: dict[str, Any], number: int) -> dict[str, Any]:
    """Waves are counted from 0; two plans of three name groups, the others their servers."""
    waves = []
    for position, wave in enumerate(plan["waves"]):
        row = {"waveNumber": position, "waveName": wave["waveName"], "waveDescription": "",
        "pauseBeforeWave": False,
               "dependsOnWaves": [position - 1] if position else []}  # fmt: skip
        if number % 3:
            group_id = f"group-{number:03d}-{position}"
            place = {name: wave[name] for name in ("accountId", "region")}
            group = {
                "groupId": group_id,
                "groupName": wave["waveName"],
                "assumeRoleName": ROLE_NAME,
                **place,
            }
            world.protection_groups.append(group | {"sourceServerIds": wave["serverIds"]})
            waves.append(row | {"protectionGroupId": group_id, "serverIds": []})
        else:
            waves.append(wave | row)
    account = plan["waves"][0]["accountId"] if plan["waves"] else OWN
    return {
        "planId": plan["planId"],
        "planName": plan["planName"],
        "description": plan["description"],
        "version": 3,
        "accountId": account,
        "assumeRoleName": ROLE_NAME,
        "createdDate": CREATED,
        "waves": waves,
    }


def _odd_plans(world: World) -> list[dict[str, Any]]:
    """A plan of servers by tags, and plans whose servers nobody can know."""
    for server in world.places[OWN, "us-east-1"]["sourceServers"][::7]:
        server["tags"] = server["tags"] | {"Tier": "db", "Team": "7"}
    group = {"groupId": "by-tags", "accountId": OWN, "region": "us-east-1", "sourceServerIds": []}
    world.protection_groups.append(group | {"serverSelectionTags": {"Tier": "db"}})
    wave = {"waveNumber": 0, "waveName": "Databases", "serverIds": []}
    return [
        {"planId": BY_TAGS, "planName": "By tags",
        "waves": [wave | {"protectionGroupId": "by-tags"}]},
        {"planId": GROUP_GONE, "planName": "Group gone",
        "waves": [wave | {"protectionGroupId": "no-such-group"}]},
        {"planId": NOT_WAVES, "planName": 7, "description": ["odd"], "waves": {"0": wave},
        "version": "three"},
    ]  # fmt: skip


def _execution_row(row: dict[str, Any]) -> dict[str, Any]:
    account = row["waves"][0]["accountId"]
    context = {
        "accountId": account,
        "assumeRoleName": ROLE_NAME,
        "externalId": "",
        "isCurrentAccount": account == OWN,
    }
    waves = [_wave_row(wave, number, account, row) for number, wave in enumerate(row["waves"])]
    times = {name: to_millis(row[name]) // 1000 for name in ("startTime", "endTime")}
    return row | times | {"initiatedBy": "operator", "totalWaves": len(waves), "accountId": account,
                          "accountContext": context, "waves": waves}  # fmt: skip


def _wave_row(
    wave: dict[str, Any], number: int, account: str, row: dict[str, Any]
) -> dict[str, Any]:
    """Its account only where that is not the execution's; statuses as
    a list, with what the platform shows of them.
    """
    known = {name: it for name, it in wave.items() if name != "accountId" or it != account}
    statuses = [
        {"sourceServerId": it, "serverName": f"server {it[-3:]}", "launchStatus": status,
        "hostname": None}
        for it, status in wave["serverStatuses"].items()
    ]  # fmt: skip
    started = to_millis(row["startTime"]) // 1000
    return known | {"waveNumber": number, "startTime": started, "serverStatuses": statuses}


def _odd_executions(world: World) -> list[dict[str, Any]]:
    """Locks, one that runs in a word of the platform's, one of a word
    nobody told us, and rows that hold hardly anything.
    """
    plan_id = world.recovery_plans[0]["planId"]
    lock = {"status": "LOCK", "waves": "none"}
    return [
        lock | {"executionId": f"lock-{plan_id}", "planId": plan_id},
        lock | {"executionId": world.execution_history[0]["executionId"], "planId": "LOCK"},
        {"executionId": RUNNING, "planId": plan_id, "status": "POLLING", "startTime": CREATED,
        "waves": []},
        {"executionId": "exec-odd", "planId": "plan-nobody-has", "status": "ROLLING_BACK",
        "waves": [7, {"jobIds": 7}]},
        {"executionId": "exec-bare", "planId": "plan-bare"},
    ]  # fmt: skip
