"""The five tables, for whoever does not deploy the templates.

`infra/` says the same in CloudFormation.
"""

from typing import TYPE_CHECKING, Any

from cache.table import BY_EXECUTION, BY_PLACE, translated
from services.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEXES = {BY_EXECUTION: ("sourceExecutionId", "sourceServerId"), BY_PLACE: ("place", "presence")}


def table_keys(settings: Settings) -> dict[str, str]:
    """Each table's name and its partition key."""
    return {
        settings.recovery_instances_table: "sourceServerId",
        settings.target_accounts_table: "accountId",
        settings.recovery_plans_table: "planId",
        settings.execution_history_table: "executionId",
        settings.sync_status_table: "id",
    }


def create_tables(
    client: "DynamoDBClient", settings: Settings, *, deletion_protection: bool = True
) -> list[str]:
    """Create the tables that are missing, encrypted and on demand; the names of those created.

    Raises:
        TableUnavailable: when DynamoDB refuses, or a table does not become active.
    """
    created = []
    with translated("create the tables"):
        existing = {
            name
            for page in client.get_paginator("list_tables").paginate()
            for name in page["TableNames"]
        }
        for name, key in table_keys(settings).items():
            if name in existing:
                continue
            indexes = INDEXES if name == settings.recovery_instances_table else {}
            client.create_table(
                **_definition(name, key, indexes), DeletionProtectionEnabled=deletion_protection
            )
            created.append(name)
        for name in created:
            client.get_waiter("table_exists").wait(
                TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
            )
            recovery: Any = {"PointInTimeRecoveryEnabled": True}
            client.update_continuous_backups(
                TableName=name, PointInTimeRecoverySpecification=recovery
            )
    return created


def _definition(name: str, key: str, indexes: dict[str, tuple[str, str]]) -> dict[str, Any]:
    attributes = {key, *(attribute for keys in indexes.values() for attribute in keys)}
    definition: dict[str, Any] = {
        "TableName": name,
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "AttributeDefinitions": [
            {"AttributeName": it, "AttributeType": "S"} for it in sorted(attributes)
        ],
        "BillingMode": "PAY_PER_REQUEST",
        "SSESpecification": {"Enabled": True},
    }
    if indexes:
        definition["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
        definition["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": it, "KeyType": kind}
                    for it, kind in zip(keys, ("HASH", "RANGE"), strict=True)
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index, keys in indexes.items()
        ]
    return definition
