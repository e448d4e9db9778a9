"""ministack, run by its venv's Python, with four of AWS's rules that the scripts rely on and
ministack does not keep.

- An updated function keeps its versions and aliases (Lambda developer guide, "Manage Lambda
  function versions").
- PublishVersion makes no version while code and configuration are those of the last one (Lambda API
  reference).
- A route that asks for credentials lets nobody in without any, and tells the function whose they
  are. (That they are good is not checked: whoever brings some is the operator.)
- DeleteChangeSet answers with its result element (CloudFormation's service model).
"""

from copy import deepcopy
from typing import Any

from ministack.app import main
from ministack.core.responses import json_response
from ministack.services import apigateway_v1, lambda_svc
from ministack.services.cloudformation import handlers, helpers, provisioners

KEPT = ("versions", "next_version", "aliases", "policy", "concurrency", "event_invoke_config")
A_VERSIONS_OWN = {"Version", "FunctionArn", "RevisionId", "Description", "LastModified"}

create = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]["create"]
publish = lambda_svc._publish_version
execute = apigateway_v1.handle_execute
build_event = apigateway_v1._build_lambda_event_v1
OPERATOR = "arn:aws:sts::111111111111:assumed-role/recovery-operators/rehearsal"


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


provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]["create"] = create_or_update
lambda_svc._publish_version = publish_what_is_new
apigateway_v1.handle_execute = let_in
apigateway_v1._build_lambda_event_v1 = event_of_the_operator
handlers._ACTION_HANDLERS["DeleteChangeSet"] = delete_change_set

if __name__ == "__main__":
    main()
