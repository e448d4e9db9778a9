"""The table `target-accounts`: the accounts that servers recover into.

We read it, its rows are others'.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from cache.attributes import decode_item
from cache.table import translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LEFT = frozenset({"inactive", "disabled", "deleted", "removed", "suspended"})
"""Status words of an account that is looked at no longer.

A word that is neither here nor `active` is a fault of the row.
"""


class TargetAccount(BaseModel):
    """A row. Without `regions`, every region DRS has; without `roleArn`, our own account.

    That it is the account of our credentials is checked before AWS is asked with them.

    What a form leaves empty is as good as missing.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore"
    )

    account_id: str = Field(pattern=r"^[0-9]{12}$")
    role_arn: str | None = Field(None, pattern=r"^arn:[a-z-]+:iam::[0-9]{12}:role/.+$")
    external_id: str | None = None
    regions: tuple[str, ...] | None = None
    status: str | None = None
    is_current_account: bool | None = None

    @field_validator("role_arn", "external_id", "status", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        return (text.strip() or None) if isinstance(text, str) else text

    @field_validator("regions", mode="before")
    @classmethod
    def _regions(cls, value: object) -> object:
        """Fewer regions than were meant would leave places unseen; so
        what is no list of names, one and all, means every region.
        """
        names = value if isinstance(value, list | tuple) else ()
        if not all(isinstance(it, str) for it in names):
            return None
        return tuple(dict.fromkeys(name for it in names if (name := it.strip()))) or None

    @field_validator("is_current_account", mode="wrap")
    @classmethod
    def _is_current(cls, value: object, _handler: object) -> bool | None:
        return value if isinstance(value, bool) else None

    @model_validator(mode="after")
    def _reachable(self) -> "TargetAccount":
        if self.is_current_account is False and self.role_arn is None:
            raise ValueError("roleArn is missing, and the account is not the current one")
        if self.role_arn and not self.is_current_account and self._role_account != self.account_id:
            raise ValueError(f"roleArn is of another account, {self._role_account}")
        if self.status and self.status.lower() not in {"active", *LEFT}:
            raise ValueError(f"status {self.status!r:.30} is not a word we know")
        return self

    @property
    def _role_account(self) -> str:
        return (self.role_arn or "").split(":")[4]

    @property
    def is_active(self) -> bool:
        """A status that is missing or `active` means: look at it."""
        return self.status is None or self.status.lower() == "active"


class AccountRows(NamedTuple):
    """What the table says.

    `faults` are by account: why its row cannot be understood; of a row that names no account, by
    the empty string."""

    accounts: dict[str, TargetAccount]
    faults: dict[str, str]


def read_target_accounts(client: "DynamoDBClient", table: str) -> AccountRows:
    """The active target accounts, and what is wrong with the rows that cannot be used.

    Raises:
        TableUnavailable: when the table could not be read to its end.
    """
    with translated("read the target accounts"):
        pages = client.get_paginator("scan").paginate(TableName=table)
        return target_accounts([decode_item(item) for page in pages for item in page["Items"]])


def target_accounts(rows: Iterable[Mapping[str, Any]]) -> AccountRows:
    """The same, from rows of plain values. One bad row costs its own account only."""
    accounts: dict[str, TargetAccount] = {}
    faults: dict[str, str] = {}
    for row in rows:
        try:
            account = TargetAccount.model_validate(row)
        except ValidationError as error:
            named = row.get("accountId")
            what = "; ".join(map(_told, error.errors()))
            account_id = named if isinstance(named, str) else ""
            faults[account_id] = f"target account {named!r:.60} is not usable: {what}"
            continue
        if account.is_active:
            accounts[account.account_id] = account
    return AccountRows(accounts, faults)


def _told(fault: Mapping[str, Any]) -> str:
    """One fault that pydantic found: which field, and what."""
    where = ".".join(map(str, fault["loc"]))
    what = str(fault["msg"]).removeprefix("Value error, ")
    return f"{where}: {what}" if where else what
