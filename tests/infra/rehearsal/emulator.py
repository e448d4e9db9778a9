"""ministack, run by its venv's Python, with AWS's rules that the scripts rely on and ministack does
not keep.

- An updated function keeps its versions and aliases (Lambda developer guide, "Manage Lambda
  function versions").
- PublishVersion makes no version while code and configuration are those of the last one (Lambda API
  reference).
- A route that asks for credentials lets nobody in without any, and tells the function whose they
  are. (That they are good is not checked: whoever brings some is the operator.)
- A table that is updated keeps its rows; one that a deleted stack retained keeps all; a change set
  of type IMPORT takes tables that exist, and no others (CloudFormation user guide, "Import AWS
  resources manually").
- A queue's attributes are known in an update too, not its address alone.
- DeleteChangeSet answers with its result element (CloudFormation's service model).
- A bucket asked for with an expected owner who does not own it is refused (S3 API reference).
- IncludeNestedStacks makes a change set for each nested stack that differs, named in its parent's
  (CloudFormation user guide, "Change sets for nested stacks").
- A stack that something happens to is not deleted, and one that failed to be created is not updated
  (CloudFormation user guide, "Stack status codes"); `SetStackStatus`, which AWS has not, puts one
  into such a state.
"""

import os
from copy import deepcopy
from typing import Any

from ministack.app import main
from ministack.core.responses import json_response
from ministack.services import apigateway_v1, cloudformation, dynamodb, lambda_svc, s3
from ministack.services.cloudformation import changesets, engine, handlers, helpers, provisioners

KEPT = ("versions", "next_version", "aliases", "policy", "concurrency", "event_invoke_config")
A_VERSIONS_OWN = {"Version", "FunctionArn", "RevisionId", "Description", "LastModified"}

create = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]["create"]
publish = lambda_svc._publish_version
execute = apigateway_v1.handle_execute
begin = handlers._create_change_set
describe = handlers._ACTION_HANDLERS["DescribeChangeSet"]
end = handlers._ACTION_HANDLERS["DeleteStack"]
answer_files = s3.handle_request
OWNER = "x-amz-expected-bucket-owner"
NESTED = "AWS::CloudFormation::Stack"
build_event = apigateway_v1._build_lambda_event_v1
INVOKE_CONFIG = "AWS::Lambda::EventInvokeConfig"
REGION = "us-east-1"
configure = provisioners._RESOURCE_HANDLERS[INVOKE_CONFIG]["update"]
OPERATOR = "arn:aws:sts::111111111111:assumed-role/recovery-operators/rehearsal"


def table_or_update(create_table: Any) -> Any:
    """A way to make a table that leaves the rows of one that is there."""

    def made(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
        before = dynamodb._tables.get(props["TableName"])
        protected = props.get("Replicas", [props])[0]["DeletionProtectionEnabled"]
        answer = create_table(logical_id, props, stack_name)
        table = dynamodb._tables[props["TableName"]]
        table["DeletionProtectionEnabled"] = str(protected).lower() == "true"
        table["items"] = before["items"] if before else table["items"]
        return answer

    return made


def create_change_set(params: dict[str, Any]) -> Any:
    """An import is a creation of what exists, or an update by it, and refuses the rest."""
    stack = cloudformation._stacks.get(handlers._p(params, "StackName"), {})
    status, kind = stack.get("StackStatus", ""), handlers._p(params, "ChangeSetType")
    if kind != "CREATE" and not may_change(status):
        return helpers._error(
            "ValidationError", f"Stack is in {status} state and can not be updated."
        )
    if kind != "IMPORT":
        answer = begin(params)
        if handlers._p(params, "IncludeNestedStacks") == "true":
            nest(params)
        return answer
    named = [
        it[0] for key, it in params.items() if "ResourceIdentifier" in key and key.endswith("value")
    ]
    missing = [it for it in named if it not in dynamodb._tables]
    if missing or not named:
        return helpers._error("ValidationError", f"Resources to import do not exist: {missing}")
    there = stack.get("StackStatus", "DELETE_COMPLETE") != "DELETE_COMPLETE"
    return begin({**params, "ChangeSetType": ["UPDATE" if there else "CREATE"]})


async def serve_files(method: str, path: str, headers: Any, *rest: Any, **named: Any) -> Any:
    """S3's answer; all buckets are of this account."""
    expected = {name.lower(): value for name, value in headers.items()}.get(OWNER)
    is_there = s3._parse_bucket_key(path, headers)[0] in s3._buckets
    if is_there and expected not in {None, os.environ["MINISTACK_ACCOUNT_ID"]}:
        return 403, {}, b""
    return await answer_files(method, path, headers, *rest, **named)


def may_change(status: str) -> bool:
    """Whether a stack of this status takes an update or an import; what is not there is begun."""
    return status in {"", "REVIEW_IN_PROGRESS", "DELETE_COMPLETE"} or (
        status.endswith("_COMPLETE") and status != "ROLLBACK_COMPLETE"
    )


def nest(params: dict[str, Any]) -> None:
    """Change sets for the nested stacks that are modified, named in the one just made."""
    name = handlers._p(params, "ChangeSetName")
    _, root = changesets._find_change_set(name, handlers._p(params, "StackName"))
    if root is None:
        return
    stack = cloudformation._stacks[root["StackName"]]
    template, values = root["_template"], root["_resolved_params"]
    leave_out_what_is_not_made(root)
    for change in (it["ResourceChange"] for it in root["Changes"]):
        logical = change["LogicalResourceId"]
        if change["ResourceType"] != NESTED or change["Action"] != "Modify":
            continue
        properties = engine._resolve_refs(
            deepcopy(template["Resources"][logical]["Properties"]), stack["_resources"], values,
            engine._evaluate_conditions(template, values), template.get("Mappings", {}),
            root["StackName"], root["StackId"],
        )  # fmt: skip
        physical = stack["_resources"][logical]["PhysicalResourceId"]
        child = provisioners._nested_stack_lookup_name(physical)
        inner = {
            "StackName": [child], "ChangeSetName": [f"{name}-{logical}"],
            "ChangeSetType": ["UPDATE"], "TemplateURL": [properties["TemplateURL"]],
        }  # fmt: skip
        for number, (key, value) in enumerate(properties.get("Parameters", {}).items(), 1):
            inner[f"Parameters.member.{number}.ParameterKey"] = [key]
            inner[f"Parameters.member.{number}.ParameterValue"] = [str(value)]
        begin(inner)
        identity, nested = changesets._find_change_set(f"{name}-{logical}", child)
        if nested:
            leave_out_what_is_not_made(nested)
        change |= {"ChangeSetId": identity, "PhysicalResourceId": physical}


def leave_out_what_is_not_made(change_set: dict[str, Any]) -> None:
    """Resources whose condition does not hold are not there to be modified."""
    there = cloudformation._stacks[change_set["StackName"]]["_resources"]
    change_set["Changes"] = [
        it
        for it in change_set["Changes"]
        if it["ResourceChange"]["Action"] != "Modify"
        or it["ResourceChange"]["LogicalResourceId"] in there
    ]


def describe_change_set(params: dict[str, Any]) -> Any:
    """With the nested change sets' names."""
    status, headers, body = describe(params)
    _, root = changesets._find_change_set(
        handlers._p(params, "ChangeSetName"), handlers._p(params, "StackName")
    )
    for change in (it["ResourceChange"] for it in (root or {}).get("Changes", [])):
        if "ChangeSetId" in change:
            logical = f"<LogicalResourceId>{change['LogicalResourceId']}</LogicalResourceId>"
            more = "".join(
                f"<{key}>{change[key]}</{key}>" for key in ("PhysicalResourceId", "ChangeSetId")
            )
            body = body.replace(logical.encode(), (logical + more).encode())
    return status, headers, body


def delete_stack(params: dict[str, Any]) -> Any:
    """Refused while something happens to the stack."""
    name = handlers._p(params, "StackName")
    status = cloudformation._stacks.get(name, {}).get("StackStatus", "")
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        return helpers._error(
            "ValidationError", f"Stack [{name}] cannot be deleted while in status {status}"
        )
    return end(params)


def set_stack_status(params: dict[str, Any]) -> Any:
    """A state that only time or a fault of AWS would bring."""
    stack = cloudformation._stacks[handlers._p(params, "StackName")]
    stack["StackStatus"] = handlers._p(params, "StackStatus")
    for resource in stack["_resources"].values() if "ResourceStatus" in params else ():
        resource["ResourceStatus"] = handlers._p(params, "ResourceStatus")
    return helpers._xml(200, "SetStackStatusResponse", "")


def update_invoke_config(name: str, old: Any, new: dict[str, Any], stack: str) -> Any:
    """With the queue's ARN, where an update has its address."""
    failed = new.get("DestinationConfig", {}).get("OnFailure", {})
    if failed.get("Destination", "").startswith("http"):
        account, queue = failed["Destination"].split("/")[-2:]
        failed["Destination"] = f"arn:aws:sqs:{REGION}:{account}:{queue}"
    return configure(name, old, new, stack)


def create_or_update(logical_id: str, props: dict[str, Any], stack_name: str) -> Any:
    """A function made anew over itself keeps what belongs to its name."""
    before = deepcopy(lambda_svc._functions.get(props.get("FunctionName", ""), {}))
    made = create(logical_id, props, stack_name)
    lambda_svc._functions[made[0]] |= {key: before[key] for key in KEPT if key in before}
    return made


def publish_what_is_new(name: str, data: dict[str, Any]) -> Any:
    """The last version again, unless something has changed since."""
    function = lambda_svc._functions.get(name, {})
    last = function.get("versions", {}).get(str(function.get("next_version", 1) - 1))
    if (
        last
        and last["code_zip"] == function["code_zip"]
        and same(last["config"], function["config"])
    ):
        return json_response(last["config"], 201)
    return publish(name, data)


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two configurations differ in nothing but what every version has of its own."""
    return all(
        one.get(key) == other.get(key) for key in (one.keys() | other.keys()) - A_VERSIONS_OWN
    )


async def let_in(api: str, stage: str, method: str, path: str, headers: Any, *rest: Any) -> Any:
    """A route's answer, for whoever brings credentials of some kind."""
    if not any(name.lower() == "authorization" for name in headers):
        return (
            403,
            {"Content-Type": "application/json"},
            b'{"message": "Missing Authentication Token"}',
        )
    return await execute(api, stage, method, path, headers, *rest)


def event_of_the_operator(*words: Any, **named: Any) -> Any:
    """What the function is sent, with who has signed it."""
    event = build_event(*words, **named)
    event["requestContext"]["identity"]["userArn"] = OPERATOR
    return event


def delete_change_set(params: dict[str, Any]) -> Any:
    """The answer with the element that clients look for."""
    name = handlers._p(params, "ChangeSetName")
    _, root = changesets._find_change_set(name, handlers._p(params, "StackName"))
    for change in (root or {}).get("Changes", []):
        cloudformation._change_sets.pop(change["ResourceChange"].get("ChangeSetId", ""), None)
    status, headers, body = handlers._delete_change_set(params)
    if status != 200:
        return status, headers, body
    return helpers._xml(200, "DeleteChangeSetResponse", "<DeleteChangeSetResult/>")


for kind in ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"):
    known = provisioners._RESOURCE_HANDLERS[kind]
    known["create"], known["delete"] = table_or_update(known["create"]), lambda *_: None
provisioners._RESOURCE_HANDLERS[INVOKE_CONFIG]["update"] = update_invoke_config
handlers._ACTION_HANDLERS["CreateChangeSet"] = create_change_set
provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]["create"] = create_or_update
lambda_svc._publish_version = publish_what_is_new
apigateway_v1.handle_execute = let_in
s3.handle_request = serve_files
apigateway_v1._build_lambda_event_v1 = event_of_the_operator
handlers._ACTION_HANDLERS |= {
    "DescribeChangeSet": describe_change_set,
    "DeleteChangeSet": delete_change_set,
    "DeleteStack": delete_stack,
    "SetStackStatus": set_stack_status,
}

if __name__ == "__main__":
    main()
