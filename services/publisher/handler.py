"""The publisher function, on the stream of the table of instances.

Every writer publishes what it wrote; one that dies in between, or finds Redis away, leaves the
mirror behind the table. The stream says which rows have changed, and those are published again.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cache.errors import NotPublished
from cache.values import SERVER_ID
from services.settings import Settings
from services.telemetry import count_republished, metrics, name_deployment, set_up_logging
from services.wiring import Wiring

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = set_up_logging("publisher")


@lru_cache
def wiring() -> Wiring:
    settings = Settings.from_env()
    name_deployment(settings.deployment)
    return Wiring(settings)


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: Mapping[str, Any], _context: "LambdaContext") -> None:
    """Publish the rows that a batch of the stream names.

    Raises:
        NotPublished: when any of them was not read or not taken. Lambda asks again, with half of
        the batch if need be, until the entries in the mirror have outlived themselves.
    """
    changed = changed_servers(event)
    unpublished = wiring().recorder.republish(changed)
    count_republished(len(changed), unpublished)
    if unpublished:
        raise NotPublished(f"{unpublished} of {len(changed)} changed rows are not published yet")


def changed_servers(event: Mapping[str, Any]) -> list[str]:
    """The servers whose rows a batch says have changed, each once; what is no server is left out.

    `{Records: [{dynamodb: {Keys: {sourceServerId: {S}}}}]}` (DynamoDB Streams in Lambda's guide).
    """
    keys = (it["dynamodb"]["Keys"]["sourceServerId"].get("S", "") for it in event["Records"])
    return [it for it in dict.fromkeys(keys) if SERVER_ID.fullmatch(it)]
