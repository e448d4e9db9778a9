"""Checks ElastiCache tokens by the signing rules (AWS General
Reference, Signature Version 4), not with botocore.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote


class Refused(Exception):
    """The token does not prove what it claims."""


def check_connect_token(
    token: str, cache: str, user: str, secrets: Mapping[str, str], now: datetime
) -> str:
    """The access key that signed this ElastiCache token; `secrets` by access key.

    Raises:
        Refused: another cache, user, action or key, expired, or not signed with that key's secret.
    """
    host, _, query_string = token.partition("/?")
    query = dict(parse_qsl(query_string, strict_parsing=True))
    if (host, query.get("Action"), query.get("User")) != (cache, "connect", user):
        raise Refused(f"{host} {query.get('Action')} {query.get('User')}")
    key, day, region, service, _ = query["X-Amz-Credential"].split("/")
    signed_at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if service != "elasticache" or not signed_at <= now < signed_at + timedelta(
        seconds=int(query["X-Amz-Expires"])
    ):
        raise Refused(f"{service}, signed at {signed_at}")
    signature = query.pop("X-Amz-Signature")
    canonical_query = "&".join(
        f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(query.items())
    )
    empty = hashlib.sha256(b"").hexdigest()
    request = f"GET\n/\n{canonical_query}\nhost:{host}\n\nhost\n{empty}"
    scope = f"{day}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{query['X-Amz-Date']}\n{scope}\n{digest}"
    derived = f"AWS4{secrets.get(key, '')}".encode()
    for part in (day, region, service, "aws4_request", text):
        derived = hmac.digest(derived, part.encode(), "sha256")
    if derived.hex() != signature:
        raise Refused(f"not signed by {key}")
    return key
