"""Callers who are told apart."""

import json
from dataclasses import replace
from typing import Any

from services.api.access import Access, Role
from services.api.routing import answer
from services.execution.routes import ExecutionRoutes
from services.sync.wiring import SyncWiring
from tests.execution.deployment import Deployment

ACCESS = Access(
    "JWT",
    frozenset({"page"}),
    {Role.OPERATOR: frozenset({"operators"}), Role.APPROVER: frozenset({"approvers"})},
)


class People:
    """Callers of a deployment where a second person must agree; all of them may do everything."""

    def __init__(self, deployment: Deployment) -> None:
        settings = replace(deployment.wiring.settings, four_eyes=True)
        self._routes = ExecutionRoutes(SyncWiring(settings)).routes

    def ask(
        self, who: str, resource: str, execution_id: str = "", body: Any = None
    ) -> tuple[int, Any]:
        """POST as this person."""
        claims = {"aud": "page", "cognito:username": who, "cognito:groups": "operators,approvers"}
        event = {
            "httpMethod": "POST", "resource": resource, "path": resource,
            "pathParameters": {"executionId": execution_id}, "body": json.dumps(body or {}),
            "requestContext": {"authorizer": {"claims": claims}},
        }  # fmt: skip
        reply = answer(event, self._routes, "", ACCESS)
        return reply["statusCode"], json.loads(reply["body"])
