"""CloudFormation: the state a stack is in, changes shown and made, events told when they fail."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from botocore.exceptions import ClientError

from scripts.deployment.errors import Failed, Refused

CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
NESTED = "AWS::CloudFormation::Stack"
USABLE = {
    f"{it}_COMPLETE" for it in ("CREATE", "UPDATE", "UPDATE_ROLLBACK", "IMPORT", "IMPORT_ROLLBACK")
}
NOT_THERE = {"", "REVIEW_IN_PROGRESS"}  # the latter: a change set was made and never executed
FAILED_CREATION = {"ROLLBACK_COMPLETE"}
WAYS_OUT = {
    "CREATE_FAILED": "the first creation failed and was left as it was: delete the stack, "
    "and deploy again",
    "UPDATE_FAILED": "an update failed and was left as it was: "
    "`aws cloudformation rollback-stack --stack-name {name}`, and deploy again",
    "ROLLBACK_FAILED": "the first creation failed and could not be taken back: delete the stack "
    "in the console, "
    "where its events say what holds it",
    "DELETE_FAILED": "a deletion failed: its events say what holds it; remove that and delete "
    "the stack again",
    "UPDATE_ROLLBACK_FAILED": "an update failed and could not be taken back: mend what its "
    "events name, then "
    "`aws cloudformation continue-update-rollback --stack-name {name}`",
    "IMPORT_ROLLBACK_FAILED": "an import failed: see its events",
}
NOTHING_TO_DO = ("didn't contain changes", "no updates are to be performed")


@dataclass(frozen=True)
class Change:
    """One resource that a change set would add, modify or remove;
    `replacement` as CloudFormation says it.
    """

    stack: str
    action: str
    resource: str
    kind: str
    replacement: str

    def __str__(self) -> str:
        told = {"True": "  REPLACED", "Conditional": "  may be replaced"}.get(self.replacement, "")
        return f"{self.action:<8}{self.stack}: {self.resource} ({self.kind}){told}"


def what_to_do(name: str, status: str) -> str:
    """With a stack of this status: create, update, or replace the remains of a creation that
    failed.

    Raises:
        Refused: it is being changed, or stuck; the message says what helps.
    """
    if status in NOT_THERE:
        return "create"
    if status in FAILED_CREATION:
        return "delete the remains of the creation that failed, and create"
    if status in USABLE:
        return "update"
    if status in WAYS_OUT:
        raise Refused(f"stack {name} is {status}: {WAYS_OUT[status].format(name=name)}")
    raise _busy(name, status)


def is_held(resource_status: str) -> bool:
    """Whether a resource of this status is the stack's.

    After a failed creation CloudFormation goes on listing what it has taken back, and what it never
    made because somebody else's has the name: neither may be deleted in the stack's name.
    """
    return resource_status == "DELETE_FAILED" or not resource_status.startswith(
        ("DELETE_", "CREATE_FAILED", "IMPORT_FAILED", "IMPORT_ROLLBACK_")
    )


def _busy(name: str, status: str) -> Refused:
    return Refused(f"stack {name} is {status}: wait until that has ended")


class Stacks:
    """The stacks of one account and region."""

    def __init__(self, client: Any, report: Callable[[str], None] = print) -> None:
        self._client = client
        self._report = report

    def status(self, name: str) -> str:
        """Its status; empty when there is none."""
        try:
            return str(self._described(name)["StackStatus"])
        except ClientError as error:
            if "does not exist" in str(error):
                return ""
            raise

    def meet(self, name: str) -> str:
        """What a deployment will do with this stack. Raises Refused as `what_to_do` does."""
        return what_to_do(name, self.status(name))

    def outputs(self, name: str) -> dict[str, str]:
        """Its outputs, whatever state it is in; none when it is not there."""
        if self.status(name) in NOT_THERE:
            return {}
        return {
            it["OutputKey"]: it["OutputValue"] for it in self._described(name).get("Outputs", [])
        }

    def resources(self, name: str) -> dict[str, str]:
        """Physical ids by logical ids of what it holds; none when it is not there."""
        if self.status(name) in NOT_THERE:
            return {}
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=name)
        found = (it for page in pages for it in page["StackResourceSummaries"])
        return {
            it["LogicalResourceId"]: it.get("PhysicalResourceId", "")
            for it in found
            if is_held(it["ResourceStatus"])
        }

    def deploy(
        self, name: str, body: str, parameters: Mapping[str, str], tags: Mapping[str, str]
    ) -> bool:
        """Creates or updates; whether anything was changed.

        Raises:
            Refused: the stack is in a state that allows neither.
            Failed: CloudFormation could not finish and took back what it did; why is reported.
        """
        self._clear(name)
        change_set = self._change_set(name, body, parameters, tags)
        if change_set is None:
            self._report(f"  {name}: nothing to change")
            return False
        self.execute(name, change_set)
        return True

    def execute(self, name: str, change_set: str) -> None:
        """Makes the changes and waits. Raises Failed as `deploy` does."""
        self._client.execute_change_set(StackName=name, ChangeSetName=change_set)
        status = self._settled(name)
        if status not in USABLE or "ROLLBACK" in status:
            for line in self._failures(name):
                self._report(f"  !! {line}")
            raise Failed(f"stack {name} is {status}")
        self._report(f"  {name}: {status}")

    def changes(
        self, name: str, body: str, parameters: Mapping[str, str], tags: Mapping[str, str]
    ) -> list[Change]:
        """What a deployment would change, nested stacks included; the
        stack and its change sets stay as they are.
        """
        change_set = self._change_set(name, body, parameters, tags, nested=True)
        if change_set is None:
            return []
        try:
            return list(self._changes(name, change_set))
        finally:
            self._client.delete_change_set(StackName=name, ChangeSetName=change_set)

    def import_tables(
        self,
        name: str,
        body: str,
        parameters: Mapping[str, str],
        tables: Mapping[str, tuple[str, str]],
    ) -> None:
        """Takes tables that exist into the stack: their names and types by logical id.

        Raises Refused and Failed as `deploy` does.
        """
        self._clear(name)
        wanted = [
            {
                "ResourceType": kind,
                "LogicalResourceId": logical,
                "ResourceIdentifier": {"TableName": table},
            }
            for logical, (kind, table) in tables.items()
        ]
        change_set = self._change_set(name, body, parameters, {}, ResourcesToImport=wanted)
        if change_set:
            self.execute(name, change_set)

    def is_usable(self, name: str) -> bool:
        """Whether it is there and whole, so that it can be updated."""
        return self.status(name) in USABLE

    def refuse_deletion_while_busy(self, name: str) -> None:
        """Raises Refused while something happens to it: in any other state it can be deleted."""
        status = self.status(name)
        if status.endswith("_IN_PROGRESS") and status not in NOT_THERE:
            raise _busy(name, status)

    def delete(self, name: str) -> None:
        """Deletes it and waits. Raises Refused while something happens to it; Failed."""
        if self.status(name) == "":
            return
        self.refuse_deletion_while_busy(name)
        identity = self._described(name)[
            "StackId"
        ]  # a deleted stack is no longer found by its name
        self._client.delete_stack(StackName=name)
        status = self._settled(identity)
        if status not in {"", "DELETE_COMPLETE"}:
            for line in self._failures(name):
                self._report(f"  !! {line}")
            raise Failed(f"stack {name} is {status}")
        self._report(f"  {name}: deleted")

    def _clear(self, name: str) -> None:
        """The stack can be created or updated now: remains of a creation that failed are gone."""
        self.meet(name)
        if self.status(name) in FAILED_CREATION:
            self.delete(name)

    def _described(self, name: str) -> dict[str, Any]:
        return dict(self._client.describe_stacks(StackName=name)["Stacks"][0])

    def _change_set(
        self,
        name: str,
        body: str,
        parameters: Mapping[str, str],
        tags: Mapping[str, str],
        *,
        nested: bool = False,
        **more: Any,
    ) -> str | None:
        """The id of a change set that is ready; None when there is nothing to change."""
        kind = (
            "IMPORT"
            if "ResourcesToImport" in more
            else "CREATE"
            if self.status(name) in NOT_THERE
            else "UPDATE"
        )
        made = self._client.create_change_set(
            StackName=name,
            ChangeSetName=f"deployment-{time.time_ns()}",
            ChangeSetType=kind,
            TemplateBody=body,
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
            ],
            Capabilities=CAPABILITIES,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            **({"IncludeNestedStacks": True} if nested else {}),
            **more,
        )
        for pause in _pauses():
            found = self._client.describe_change_set(ChangeSetName=made["Id"], StackName=name)
            if found["Status"] == "CREATE_COMPLETE":
                return str(made["Id"])
            if found["Status"] == "FAILED":
                reason = found.get("StatusReason", "")
                self._client.delete_change_set(ChangeSetName=made["Id"], StackName=name)
                if any(it in reason.lower() for it in NOTHING_TO_DO):
                    return None
                raise Refused(f"CloudFormation refuses the change of {name}: {reason}")
            time.sleep(pause)
        raise AssertionError  # the pauses never end

    def _changes(self, name: str, change_set: str) -> Iterator[Change]:
        pages = self._client.get_paginator("describe_change_set").paginate(
            ChangeSetName=change_set, StackName=name
        )
        for change in (it["ResourceChange"] for page in pages for it in page["Changes"]):
            inner = change.get("ChangeSetId")
            if change["ResourceType"] == NESTED and inner:
                yield from self._changes(
                    change.get("PhysicalResourceId") or change["LogicalResourceId"], inner
                )
            else:
                short = name.split("/")[1] if "/" in name else name
                yield Change(
                    short,
                    change["Action"],
                    change["LogicalResourceId"],
                    change["ResourceType"],
                    str(change.get("Replacement", "")),
                )

    def _settled(self, name: str) -> str:
        for pause in _pauses():
            status = self.status(name)
            if not status.endswith("_IN_PROGRESS") or status == "REVIEW_IN_PROGRESS":
                return status
            time.sleep(pause)
        raise AssertionError  # the pauses never end

    def _failures(self, name: str) -> Iterator[str]:
        """What failed in the last attempt, where it failed
        first; nested stacks say why themselves.
        """
        events = self._client.describe_stack_events(StackName=name)["StackEvents"]
        began = max(it["Timestamp"] for it in events if _begins_an_attempt(it))
        for event in events:
            reason = event.get("ResourceStatusReason", "")
            if event["Timestamp"] < began or not event["ResourceStatus"].endswith("_FAILED"):
                continue
            if "cancelled" in reason:
                continue
            resource = f"{event['StackName']}: {event['LogicalResourceId']}"
            yield f"{resource} {event['ResourceStatus']}: {reason}"
            stack = event["PhysicalResourceId"]
            if event["ResourceType"] == NESTED and stack not in {"", event["StackId"]}:
                yield from self._failures(stack)


def _begins_an_attempt(event: Mapping[str, Any]) -> bool:
    """Whether the stack itself began to be made, changed or deleted with this event.

    Told by its time, not by its place in the list: events of one moment come in any order.
    """
    begins = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
    is_of_the_stack = event["LogicalResourceId"] == event["StackName"]
    return is_of_the_stack and event["ResourceStatus"].endswith(begins)


def _pauses() -> Iterator[float]:
    """Seconds between two questions: short ones first, then CloudFormation's own pace."""
    return (min(5.0, 0.3 * 1.4**number) for number in count())
