"""The mirror's Redis client: one server or a cluster, plain or TLS, a password in the URL or ElastiCache's IAM tokens.

`rediss://` means TLS with the certificate and the name checked; redis-py takes further options from the URL's query
(`?ssl_ca_certs=/path/ca.pem` for a private authority). Nothing connects before the first command.
"""

from typing import Any

from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.retry import Retry

from cache.packed import PackedCluster
from services.settings import Settings

TIMEOUT = (
    0.25  # seconds for a connection and for a reply; redis-py's defaults hold a page for 4 to 59 s
)
CONNECTIONS = 32  # per node


def mirror_client(settings: Settings) -> Redis | PackedCluster:
    """The client that the settings describe."""
    options: dict[str, Any] = {
        "socket_timeout": TIMEOUT,
        "socket_connect_timeout": TIMEOUT,
        "max_connections": CONNECTIONS,
        "protocol": 2,  # no HELLO: the handshake is one write instead of five
        "driver_info": None,  # nor the library's name: a new connection can ask at once
    }
    if settings.redis_iam_user:
        from services.aws.redis_iam import IamTokens  # noqa: PLC0415 - brings botocore, which no other mirror needs

        options["credential_provider"] = IamTokens(
            settings.redis_iam_user, settings.redis_iam_cache
        )
    never = Retry(NoBackoff(), 0)  # the mirror retries by itself
    if settings.redis_cluster:
        return PackedCluster(lambda: _cluster(settings.redis_url, never, options))
    return Redis.from_url(settings.redis_url, retry=never, **options)


def _cluster(url: str, retry: Retry, options: dict[str, Any]) -> RedisCluster:
    # The address in the settings outlives the nodes: after a failure they are asked for there again.
    return RedisCluster.from_url(url, retry=retry, dynamic_startup_nodes=False, **options)
