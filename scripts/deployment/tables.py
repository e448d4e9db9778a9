"""The deployment's tables: which are made, which are the
platform's, and how rows are kept or go for good.
"""

import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from cfnlint.decode import cfn_yaml

from scripts.deployment.parameters import INFRA, TABLES, Parameters


class Tables:
    """The tables that tables.yaml names, in one region."""

    def __init__(self, client: Any, parameters: Parameters) -> None:
        self._client = client
        self._parameters = parameters

    def made(self) -> dict[str, tuple[str, str]]:
        """Logical id and type, by name, of those that this deployment makes."""
        return {name: it for name, it in self._all() if self._is_made(it[0])}

    def expected(self) -> list[str]:
        """The platform's own, which must be there."""
        return [name for name, it in self._all() if not self._is_made(it[0])]

    def exists(self, name: str) -> bool:
        """Whether there is a table of this name."""
        try:
            self._client.describe_table(TableName=name)
        except self._client.exceptions.ResourceNotFoundException:
            return False
        return True

    def template_of(self, names: list[str]) -> str:
        """tables.yaml with these tables alone: an import may bring nothing else."""
        kept = {self.made()[name][0] for name in names}
        resources = {key: it for key, it in self._template["Resources"].items() if key in kept}
        return json.dumps(self._template | {"Resources": resources})

    def delete(self, name: str) -> None:
        """Deletes a table and all its rows, and waits."""
        self._client.update_table(TableName=name, DeletionProtectionEnabled=False)
        self._client.get_waiter("table_exists").wait(TableName=name)
        self._client.delete_table(TableName=name)
        self._client.get_waiter("table_not_exists").wait(TableName=name)

    @cached_property
    def _template(self) -> dict[str, Any]:
        return dict(cfn_yaml.load(str(INFRA / TABLES)))

    def _all(self) -> Iterator[tuple[str, tuple[str, str]]]:
        for logical, resource in self._template["Resources"].items():
            name = resource["Properties"]["TableName"]["Fn::Sub"]
            for parameter in ("Project", "Environment"):
                name = name.replace(f"${{{parameter}}}", self._parameters[parameter])
            yield name, (logical, resource["Type"])

    def _is_made(self, logical: str) -> bool:
        conditional = "Condition" in self._template["Resources"][logical]
        return not conditional or self._parameters["PlatformTables"] == "create"
