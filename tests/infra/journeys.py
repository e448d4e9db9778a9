"""Everything people and schedules do, once, on the whole stack:
what a function may do is what it does here.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import urllib3
from redis import Redis

from cache.attributes import encode_item
from local import functions
from local.processes import Process
from local.seed import create_table
from local.servers import OWN_ACCOUNT, REGION
from local.stack import Stack
from local.users import AUDIENCE
from local.world import EMPTY_PLAN
from services.platform.execution import Execution, Wave
from services.platform.executions import Executions
from services.platform.sync_status import SyncStatus
from tests.infra.recorder import Recorder

ROLES = {
    "query": "QueryRole",
    "data-management": "DataManagementRole",
    "execution": "ExecutionRole",
    "recovery-instance-sync": "SyncRole",
    "publisher": "PublisherRole",
}
CLAIMS = {"aud": AUDIENCE, "sub": "you", "cognito:groups": "recovery-viewers"}
PATIENCE = 60  # seconds for what goes on by itself


@dataclass
class RecordedStack(Stack):
    """A stack whose functions each reach AWS through a recorder of their own."""

    recorders: dict[str, Recorder] = field(default_factory=dict)

    def _front(self) -> Process:
        process = super()._front()
        path = self.directory / "front.json"
        config = json.loads(path.read_text())
        targets = {
            name.removeprefix("AWS_ENDPOINT_URL_"): url
            for name, url in self.environment.items()
            if "//" in url
        }
        for role, spec in config["functions"].items():
            self.recorders[role] = Recorder(targets)
            spec["environment"] |= self.recorders[role].endpoints
        path.write_text(json.dumps(config))
        return process

    def stop(self) -> None:
        super().stop()
        for recorder in self.recorders.values():
            recorder.stop()


def _page_event(resource: str, parameters: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "httpMethod": "GET", "resource": resource, "path": resource, "pathParameters": parameters,
        "headers": {},
        "queryStringParameters": None, "body": None, "requestContext": {"requestId": "journey",
        "authorizer": {"claims": CLAIMS}},
    }  # fmt: skip


def group_by_tags() -> dict[str, Any]:
    """A protection group by tags, which no server of the world has."""
    tags = {"Tier": "none has this"}
    group = {"groupId": "by-tags", "accountId": OWN_ACCOUNT, "region": REGION}
    return group | {"serverSelectionTags": tags}


@dataclass
class Journeys:
    """A person with a browser, an operator with the AWS command line, and the schedule."""

    stack: RecordedStack

    def all(self) -> None:
        """Every journey, in an order in which they can be made."""
        dynamodb = self.stack.client("dynamodb")
        create_table(dynamodb, functions.GROUPS_TABLE, "groupId")
        group = encode_item(group_by_tags())
        dynamodb.put_item(TableName=functions.GROUPS_TABLE, Item=group)
        self.stack.sync()
        self._pages()
        self._plan_of_a_group()
        self._manual_sync()
        self._sync_while_another_runs()
        self._direct_operations()
        self._report_and_clean_up()
        self._drill_and_termination()
        self._cancelled_drill()
        self._abandoned_execution()
        self.stack.sync()

    def _pages(self) -> None:
        plan = self.stack.world.recovery_plans[0]["planId"]
        self._flush()  # a plan that the mirror holds is not asked for
        for _ in range(2):  # with nothing in the mirror, and with nothing but plans in memory
            # A function that starts on a busy machine may have no time left to ask the table, and
            # says so.
            self._await(
                lambda: (
                    not self._call("GET", f"/recovery-plans/{plan}/check-existing-instances")[
                        "degraded"
                    ]
                )
            )
            self._call(
                "POST", "/recovery-instances/query", {"sourceServerIds": ["s-00000000000000000"]}
            )
            self._call("GET", "/recovery-plans")
            self._call("GET", "/leftovers")
            self._call("GET", f"/recovery-plans/{plan}/servers")
            self._call("GET", "/plan-checks")
            self._flush()

    def _flush(self) -> None:
        Redis(port=self.stack.valkey.port, protocol=2).flushall()

    def _plan_of_a_group(self) -> None:
        """Plans as the platform has them: of a group by tags, which the
        sync has selected, and of one that is not there.
        """
        dynamodb, plans = self.stack.client("dynamodb"), functions.TABLES["recovery-plans"]
        for plan, group in (("tagged", group_by_tags()["groupId"]), ("grouped", "none")):
            row = {"planId": plan, "waves": [{"waveNumber": 0, "protectionGroupId": group}]}
            dynamodb.put_item(TableName=plans, Item=encode_item(row))
        path = "/recovery-plans/{planId}/check-existing-instances"
        checks = {}
        for plan in ("tagged", "grouped"):
            checks[plan] = self._call("GET", path.format(planId=plan))
            Redis(
                port=self.stack.valkey.port, protocol=2
            ).flushall()  # or the plan comes from there
            self._invoke("data-management", _page_event(path, {"planId": plan}))
            self._call("POST", "/executions", {"planId": plan, "executionType": "DRILL"}, 400)
        assert checks["grouped"]["hasExistingInstances"] is None
        assert checks["grouped"]["degraded"] is True
        assert checks["tagged"]["unresolvedWaves"] == []

    def _manual_sync(self) -> None:
        self._call("POST", "/drs/recovery-instance-sync")
        self._call("GET", "/drs/recovery-instance-sync/status")

    def _sync_while_another_runs(self) -> None:
        status = SyncStatus(self.stack.client("dynamodb"), functions.TABLES["sync-status"])
        status.begin("another-run", "2026-01-01T00:00:00Z", 1)
        for role in ("data-management", "recovery-instance-sync"):
            self._invoke(role, {"operation": "sync_recovery_instances"}, error="ALREADY_RUNNING")
        status.end("another-run", {"runId": "another-run"})

    def _direct_operations(self) -> None:
        execution = self.stack.world.execution_history[0]
        launched = next(it for it in execution["waves"] if it.get("jobId"))
        account, region = launched["accountId"], launched["region"]
        wave = {
            "executionId": execution["executionId"],
            "waveNumber": launched["waveNumber"],
            "sourceServerIds": launched["serverIds"][:1],
        }
        self._flush()
        plan = {"planId": self.stack.world.recovery_plans[0]["planId"]}
        self._invoke(
            "data-management",
            _page_event("/recovery-plans/{planId}/check-existing-instances", plan),
        )  # as READ_FROM=live routes it
        self._invoke("data-management", _page_event("/recovery-plans"))
        for operation in (
            {"operation": "sync_recovery_instances"},
            {"operation": "sync_recovery_instances", "accountId": account, "region": region},
            {"operation": "get_recovery_instance_sync_status"},
            {"operation": "audit_mirror", "repair": True},
            {"operation": "warm_mirror"},
            {
                "operation": "check_existing_recovery_instances",
                "sourceServerIds": wave["sourceServerIds"],
            },
            {"operation": "sync_recovery_instances_after_wave", **wave},
        ):
            self._invoke("data-management", operation)
        self._invoke("execution", {"operation": "sync_recovery_instances_after_wave", **wave})
        check = {"operation": "check_existing_recovery_instances"}
        self._invoke("query", check | {"sourceServerIds": wave["sourceServerIds"]})
        handed = {"operation": "terminate_recovery_instances", "executionId": wave["executionId"]}
        self._invoke("data-management", handed | {"dryRun": True})

    def _report_and_clean_up(self) -> None:
        row = next(
            it for it in self.stack.world.execution_history if it["executionType"] == "DRILL"
        )
        self._call("GET", f"/executions/{row['executionId']}/report")
        body = {"note": "as rehearsed", "dryRun": True}
        self._call("POST", f"/recovery-plans/{row['planId']}/clean-up-drill", body)

    def _drill_and_termination(self) -> None:
        self._call("GET", f"/executions?planId={EMPTY_PLAN}")
        first_of = {
            wave["accountId"]: wave["serverIds"][0]
            for wave in reversed(self._plan(EMPTY_PLAN)["waves"])
        }
        for server_id in first_of.values():
            self._call("GET", f"/source-servers/{server_id}/recovery-snapshots")
        *failing, launching = sorted(
            first_of
        )  # our own account comes first, and its other servers launch
        assert len(failing) > 1, launching
        failures = {first_of[account]: "no capacity" for account in failing}
        self.stack.standin.call("PUT", "behaviour", {"launch_failures": failures})
        self._flush()  # the plan is checked from the table then
        started = self._call(
            "POST", "/executions", {"planId": EMPTY_PLAN, "executionType": "DRILL"}, 202
        )
        execution = started["executionId"]
        self._await(lambda: "endTime" in self._call("GET", f"/executions/{execution}"))
        self._call("POST", "/executions", {"planId": EMPTY_PLAN, "executionType": "DRILL"}, 409)
        self._call("POST", f"/executions/{execution}/terminate-instances", {"dryRun": True})
        self._call("POST", f"/executions/{execution}/terminate-instances", {}, 202)
        status = f"/executions/{execution}/termination-status"
        self._await(lambda: self._call("GET", status)["status"] != "IN_PROGRESS")
        self._invoke(
            "execution", {"operation": "terminate_recovery_instances", "executionId": execution}
        )

    def _cancelled_drill(self) -> None:
        body = {"planId": EMPTY_PLAN, "executionType": "DRILL", "replaceExisting": True}
        execution = self._call("POST", "/executions", body, 202)["executionId"]
        self._call("POST", f"/executions/{execution}/cancel", None, 202)
        self._await(lambda: "endTime" in self._call("GET", f"/executions/{execution}"))

    def _abandoned_execution(self) -> None:
        """One that no machine drives is found and closed."""
        table, turns = (functions.TABLES[it] for it in ("execution-history", "sync-status"))
        long_ago = "2026-01-01T00:00:00Z"
        silent = Execution(
            execution_id="silent",
            plan_id="silent",
            start_time=long_ago,
            driven_at=long_ago,
            revision=0,
            waves=[Wave(wave_number=1)],
        )
        Executions(self.stack.client("dynamodb"), table, turns).begin(silent, lambda _: None)
        self._invoke("execution", {"operation": "watch_executions"})
        assert "endTime" in self._call("GET", "/executions/silent")

    def _plan(self, plan_id: str) -> dict[str, Any]:
        return next(plan for plan in self.stack.world.recovery_plans if plan["planId"] == plan_id)

    def _call(self, method: str, path: str, body: object = None, expected: int = 200) -> Any:
        content = None if body is None else json.dumps(body)
        reply = urllib3.request(
            method, self.stack.url + path, body=content, retries=False, timeout=60
        )
        assert reply.status == expected, (method, path, reply.status, reply.data[:500])
        return reply.json()

    def _invoke(self, role: str, event: dict[str, Any], error: str | None = None) -> None:
        reply = self.stack.client("lambda").invoke(
            FunctionName=functions.name(role), Payload=json.dumps(event)
        )
        payload = json.load(reply["Payload"])
        assert "FunctionError" not in reply, payload
        assert payload.get("error") == error, payload

    def _await(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < deadline, "it never ends"
            time.sleep(0.1)
