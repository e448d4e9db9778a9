"""The functions' code and the version that pages are read by, compared with what is built, whatever
the stack thinks.

CloudFormation sees a function's code by its address in S3. After code was replaced by hand, back or
forwards, the stack would call it unchanged; Lambda's own hash of the code tells.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from scripts.deployment.parameters import Parameters

ZIPS = {
    "query-handler": "query",
    "data-management-handler": "data_management",
    "recovery-instance-sync": "data_management",
    "execution-handler": "execution",
}
WHERE_THERE_IS_A_MIRROR = {"publisher": "publisher"}
ALIAS = "live"
VERSIONS_KEPT = (
    3  # each one's snapshot is paid for by the hour (SnapStart, Python); two to go back to
)
SETTLE = {"Delay": 2, "MaxAttempts": 150}


class Functions:
    """The functions of one deployment. `build` holds the zips."""

    def __init__(
        self,
        client: Any,
        parameters: Parameters,
        build: Path = Path("build"),
        report: Callable[[str], None] = print,
    ) -> None:
        self._client = client
        self._name = f"{parameters['Project']}-{{}}-{parameters['Environment']}".format
        self._has_mirror = parameters["RedisKind"] != "none"
        self._zips = ZIPS | (WHERE_THERE_IS_A_MIRROR if self._has_mirror else {})
        self._build = build
        self._report = report

    def differing(self) -> list[str]:
        """The functions whose code is another than the built one."""
        return [
            role for role, zipped in self._zips.items() if self._code(role) != self._built(zipped)
        ]

    def replace_code(self) -> list[str]:
        """Uploads what differs and waits until it runs; the functions that got other code."""
        changed = self.differing()
        for role in changed:
            code = (self._build / f"{self._zips[role]}.zip").read_bytes()
            self._client.update_function_code(FunctionName=self._name(role), ZipFile=code)
            self._await("function_updated_v2", FunctionName=self._name(role))
        return changed

    def fill(self) -> Iterator[str]:
        """The first look, and the mirror held against the table: lines that say what came of it.

        A failure is told and stops nothing: the schedule looks again within minutes.
        """
        report = self._ask("recovery-instance-sync", "sync_recovery_instances")
        places, found = len(report.get("places", ())), report.get("instancesUpdated", 0)
        yield f"first sync: {places} places looked at, {found} instances found"
        yield from (f"!! {it}" for it in _troubles(report))
        if self._has_mirror:
            audit = self._ask("data-management-handler", "audit_mirror")
            counts = (f"{audit.get(it, '?')} {it}" for it in ("compared", "missing", "differing"))
            yield f"mirror: {', '.join(counts)}"
            yield from (f"!! {it}" for it in _troubles(audit))

    def _ask(self, role: str, operation: str) -> dict[str, Any]:
        payload = json.dumps({"operation": operation}).encode()
        reply = self._client.invoke(FunctionName=self._name(role), Payload=payload)
        answer: dict[str, Any] = json.loads(reply["Payload"].read())
        return answer

    def publish(self) -> str:
        """Moves the alias to a version of what the query function now is, and deletes old versions.

        Lambda makes a version only if code or configuration have changed since the last one, and
        answers with that one otherwise (PublishVersion): so this may be asked after every
        deployment.
        """
        name = self._name("query-handler")
        self._await("function_updated_v2", FunctionName=name)
        version = str(self._client.publish_version(FunctionName=name)["Version"])
        self._await("published_version_active", FunctionName=name, Qualifier=version)
        if self._live(name) != version:
            self._client.update_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
        self._prune(name, version)
        return version

    def _prune(self, name: str, live: str) -> None:
        pages = self._client.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        numbers = [it["Version"] for page in pages for it in page["Versions"]]
        published = sorted((it for it in numbers if it.isdigit()), key=int)
        for version in published[:-VERSIONS_KEPT]:
            if version != live:
                self._client.delete_function(FunctionName=name, Qualifier=version)
                self._report(f"  {name}: version {version} deleted")

    def _live(self, name: str) -> str:
        return str(self._client.get_alias(FunctionName=name, Name=ALIAS)["FunctionVersion"])

    def _code(self, role: str) -> str:
        found = self._client.get_function_configuration(FunctionName=self._name(role))
        return str(found["CodeSha256"])

    def _built(self, zipped: str) -> str:
        content = (self._build / f"{zipped}.zip").read_bytes()
        return base64.b64encode(hashlib.sha256(content).digest()).decode()

    def _await(self, state: str, **which: str) -> None:
        self._client.get_waiter(state).wait(**which, WaiterConfig=SETTLE)


def _troubles(answer: dict[str, Any]) -> list[str]:
    """What an operation's answer says went wrong, a failed function's too."""
    said = [answer[it] for it in ("errorMessage", "message") if answer.get(it)]
    return [str(it) for it in (*said, *answer.get("errors", ()), *answer.get("unreadable", ()))]
