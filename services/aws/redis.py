"""The mirror's Redis client: one server or a cluster, plain or TLS, a password in the URL or
ElastiCache's IAM tokens.

`rediss://` means TLS with the certificate and the name checked; redis-py takes further options from
the URL's query (`?ssl_ca_certs=/path/ca.pem` for a private authority).
"""

from typing import Any

from redis import Redis, RedisCluster
from redis.backoff import NoBackoff
from redis.retry import Retry

from services.settings import Settings

# Seconds for each step of connecting: TCP, TLS, signing in, a cluster's map of slots. A token is
# checked against IAM, and public reports of functions that connect to ElastiCache Serverless speak
# of 0.1 to 2.5 s in all, so connecting has more time than a reply (cache/exchange.py). redis-py's
# defaults hold a page for 4 to 59 s.
CONNECT_TIMEOUT = 1.0
CONNECTIONS = 32  # per node
_NEVER = Retry(NoBackoff(), 0)  # the mirror retries by itself


def redis_client(settings: Settings) -> Redis | RedisCluster:
    """A new client as the settings describe it. A cluster is asked for its nodes at once.

    Raises:
        redis.exceptions.RedisClusterException: when the cluster cannot be asked.
    """
    options: dict[str, Any] = {
        "socket_timeout": CONNECT_TIMEOUT,
        "socket_connect_timeout": CONNECT_TIMEOUT,
        "max_connections": CONNECTIONS,
        "protocol": 2,  # no HELLO: the handshake is one write instead of five
        "driver_info": None,  # nor the library's name: a new connection can ask at once
    }
    if settings.redis_iam_user:
        # brings botocore, which no other mirror needs
        from services.aws.redis_iam import IamTokens  # noqa: PLC0415

        options["credential_provider"] = IamTokens(
            settings.redis_iam_user, settings.redis_iam_cache
        )
    if settings.redis_cluster:
        # The address in the settings outlives the nodes: a new client asks for them there.
        options["dynamic_startup_nodes"] = False
    kind = RedisCluster if settings.redis_cluster else Redis
    return kind.from_url(settings.redis_url, retry=_NEVER, **options)
