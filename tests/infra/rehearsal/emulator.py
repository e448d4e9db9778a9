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
"""

from copy import deepcopy
from typing import Any

from ministack.app import main
from ministack.core.responses import json_response
from ministack.services import apigateway_v1, cloudformation, dynamodb, lambda_svc
from ministack.services.cloudformation import handlers, helpers, provisioners

KEPT = ("versions", "next_version", "aliases", "policy", "concurrency", "event_invoke_config")
A_VERSIONS_OWN = {"Version", "FunctionArn", "RevisionId", "Description", "LastModified"}

create = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]["create"]
publish = lambda_svc._publish_version
execute = apigateway_v1.handle_execute
begin = handlers._create_change_set
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
    if handlers._p(params, "ChangeSetType") != "IMPORT":
        return begin(params)
    named = [
        it[0] for key, it in params.items() if "ResourceIdentifier" in key and key.endswith("value")
    ]
    missing = [it for it in named if it not in dynamodb._tables]
    if missing or not named:
        return helpers._error("ValidationError", f"Resources to import do not exist: {missing}")
    stack = cloudformation._stacks.get(handlers._p(params, "StackName"), {})
    there = stack.get("StackStatus", "DELETE_COMPLETE") != "DELETE_COMPLETE"
    return begin({**params, "ChangeSetType": ["UPDATE" if there else "CREATE"]})


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
apigateway_v1._build_lambda_event_v1 = event_of_the_operator
handlers._ACTION_HANDLERS["DeleteChangeSet"] = delete_change_set

if __name__ == "__main__":
    main()
