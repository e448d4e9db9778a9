"""Creates the platform's tables on the local endpoint."""

from typing import Any

KEYS = {
    "recovery-instances": "sourceServerId",
    "target-accounts": "accountId",
    "recovery-plans": "planId",
    "execution-history": "executionId",
    "sync-status": "id",
}
INDEXES = {"byExecution": ("sourceExecutionId", "sourceServerId"), "byPlace": ("place", "presence")}


def create_tables(dynamodb: Any, names: dict[str, str]) -> None:
    """Creates every table; `names` by the short name."""
    for short, key in KEYS.items():
        indexes = INDEXES if short == "recovery-instances" else {}
        attributes = {key, *(name for pair in indexes.values() for name in pair)}
        dynamodb.create_table(
            TableName=names[short],
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in sorted(attributes)],
            BillingMode="PAY_PER_REQUEST",
            **(
                {
                    "GlobalSecondaryIndexes": [
                        {
                            "IndexName": name,
                            "KeySchema": [
                                {"AttributeName": partition, "KeyType": "HASH"},
                                {"AttributeName": sort, "KeyType": "RANGE"},
                            ],
                            "Projection": {"ProjectionType": "KEYS_ONLY"},
                        }
                        for name, (partition, sort) in indexes.items()
                    ]
                }
                if indexes
                else {}
            ),
        )
