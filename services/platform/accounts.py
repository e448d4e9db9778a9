"""The table `target-accounts`: the accounts that servers recover into. We read it, its rows are others'."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from cache.attributes import decode_item
from cache.table import translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class TargetAccount(BaseModel):
    """A row. Without `regions`, every region DRS has; without `roleArn`, our own account."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore"
    )

    account_id: str = Field(pattern=r"^[0-9]{12}$")
    role_arn: str | None = Field(None, pattern=r"^arn:[a-z-]+:iam::[0-9]{12}:role/.+$")
    external_id: str | None = Field(None, min_length=2, max_length=1224)
    regions: tuple[str, ...] | None = None
    status: str | None = None

    @property
    def is_active(self) -> bool:
        """A status that is missing or `active` means: look at it."""
        return self.status is None or self.status.lower() == "active"


def read_target_accounts(
    client: "DynamoDBClient", table: str
) -> tuple[dict[str, TargetAccount], list[str]]:
    """The active target accounts by id, and what is wrong with the rows that cannot be used.

    Raises:
        TableUnavailable: when the table could not be read to its end.
    """
    with translated("read the target accounts"):
        pages = client.get_paginator("scan").paginate(TableName=table)
        return target_accounts([decode_item(item) for page in pages for item in page["Items"]])


def target_accounts(
    rows: Iterable[Mapping[str, Any]],
) -> tuple[dict[str, TargetAccount], list[str]]:
    """The same, from rows of plain values. One bad row costs its own account only."""
    accounts: dict[str, TargetAccount] = {}
    faults: list[str] = []
    for row in rows:
        try:
            account = TargetAccount.model_validate(row)
        except ValidationError as error:
            what = "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
            )
            faults.append(f"target account {row.get('accountId')!r} is not usable: {what}")
            continue
        if account.is_active:
            accounts[account.account_id] = account
    return accounts, faults
