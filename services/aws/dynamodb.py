"""DynamoDB's client: botocore's own, which signs, retries and finds credentials, but leaves items
as JSON has them.

botocore walks through every attribute value of a reply along its model, only to build the same
dictionaries again: most of the client's CPU time for a BatchGetItem of our rows
(docs/performance.md). Binary values are the one type that differs from its JSON, so a reply that
may hold one is read botocore's way.
"""

import re
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.parsers import JSONParser, ResponseParserFactory

from cache.errors import TableUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONNECTIONS = 32
_MAYBE_BINARY = re.compile(rb'"BS?"\s*:')


def dynamodb_client(connect_timeout: float, read_timeout: float, attempts: int) -> "DynamoDBClient":
    """A client with this patience (seconds a call, calls in all); everything else comes from the
    environment.

    Raises:
        TableUnavailable: when AWS's own settings do not let it be made: no region, no such profile.
    """
    session = botocore.session.get_session()
    session.register_component("response_parser_factory", _ItemParserFactory())
    config = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=CONNECTIONS,
        tcp_keepalive=True,
        parameter_validation=False,  # our few calls are tested; the service checks them too
        user_agent="recovery-instance-sync",  # else put together from its parts twice in every call
    )
    try:
        return cast("DynamoDBClient", session.create_client("dynamodb", config=config))
    except BotoCoreError as error:
        raise TableUnavailable(f"AWS's settings: {error}") from error


class _ItemParser(JSONParser):
    """Parses one reply; items, which are maps of attribute values, are left as they are."""

    _is_plain = False

    def _parse_body_as_json(self, body_contents: bytes) -> Any:
        self._is_plain = _MAYBE_BINARY.search(body_contents) is None
        # botocore-stubs do not know it
        return super()._parse_body_as_json(body_contents)  # type: ignore[misc]

    def _parse_shape(self, shape: Any, node: Any) -> Any:
        if self._is_plain and _holds_items(shape):
            return node
        return super()._parse_shape(shape, node)  # type: ignore[misc]


def _holds_items(shape: Any) -> bool:
    """Whether this is an item, or a list of items."""
    if shape.type_name == "list":
        return _holds_items(shape.member)
    return bool(shape.type_name == "map" and shape.value.name == "AttributeValue")


class _ItemParserFactory(ResponseParserFactory):
    def create_parser(self, protocol_name: str) -> Any:
        if protocol_name == "json":
            # botocore-stubs do not know it
            return _ItemParser(**self._defaults)  # type: ignore[attr-defined]
        return super().create_parser(protocol_name)
