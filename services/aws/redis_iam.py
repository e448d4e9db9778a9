"""ElastiCache's IAM authentication: instead of a password, a request signed with the caller's own
credentials.

The token is a presigned GET for the cache's *name* (never its address), good for opening
connections for 15 minutes; an open connection lasts up to 12 hours (ElastiCache user guide,
"Authenticating with IAM"). So each new connection signs anew, which asks nobody, and nothing has to
be renewed: a connection that the server ends is replaced by the pool.
"""

from urllib.parse import urlencode

import botocore.session
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, NoCredentialsError, NoRegionError
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError

TOKEN_SECONDS = 900  # the most that ElastiCache takes
SERVERLESS = "serverless:"


class IamTokens(CredentialProvider):
    """A user's name and a fresh token, for every connection.

    `cache` is the replication group's id, or `serverless:` and the serverless cache's name, whose
    tokens differ.
    """

    def __init__(self, user: str, cache: str) -> None:
        self._user = user
        self._session = botocore.session.get_session()
        self._name = cache.removeprefix(SERVERLESS).lower()
        self._query = {"Action": "connect", "User": user}
        if cache.startswith(SERVERLESS):
            self._query["ResourceType"] = "ServerlessCache"

    def get_credentials(self) -> tuple[str, str]:
        """The user and a token signed now.

        Raises:
            redis.exceptions.AuthenticationError: when there is nothing to sign with.
        """
        request = AWSRequest(method="GET", url=f"http://{self._name}/?{urlencode(self._query)}")
        try:
            credentials = self._session.get_credentials()
            if credentials is None:
                raise NoCredentialsError
            region = self._session.get_config_variable("region")
            if region is None:
                raise NoRegionError
            frozen = (
                credentials.get_frozen_credentials()
            )  # else a renewal may come between the key and its secret
            SigV4QueryAuth(frozen, "elasticache", region, expires=TOKEN_SECONDS).add_auth(request)
        except BotoCoreError as error:
            raise AuthenticationError(f"no token for {self._user}: {error}") from error
        return self._user, str(request.url).removeprefix("http://")
