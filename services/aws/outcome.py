"""How a look at a place can end, and which AWS error means which
end. "Could not look" is never "nothing there".
"""

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's name; no answer came, as opposed to a wrong one
    ConnectTimeoutError,
    HTTPClientError,
    ReadTimeoutError,
)

from cache.errors import LookTimeout, UnreadableReply, WrongAccount
from cache.values import Outcome

NOT_INITIALIZED = "UninitializedAccountException"
_DENIED = {
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnrecognizedClientException",
    "AuthFailure",
    "InvalidClientTokenId", "ExpiredToken", "ExpiredTokenException", "OptInRequired",
    "SignatureDoesNotMatch",
}  # fmt: skip
_THROTTLED = {
    "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException",
    "EC2ThrottledException",
}  # fmt: skip
NO_ANSWER = (HTTPClientError, ConnectionError)
LOOK_ERRORS = (BotoCoreError, ClientError, LookTimeout, UnreadableReply, WrongAccount)


def outcome_of(error: Exception) -> Outcome:
    """The outcome that one of LOOK_ERRORS means."""
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        if code == NOT_INITIALIZED:
            return Outcome.NOT_INITIALIZED
        if code in _DENIED:
            return Outcome.DENIED
        return Outcome.THROTTLED if code in _THROTTLED else Outcome.ERROR
    if isinstance(error, WrongAccount):
        return Outcome.DENIED
    if isinstance(error, LookTimeout | ConnectTimeoutError | ReadTimeoutError):
        return Outcome.TIMEOUT
    return Outcome.UNREACHABLE if isinstance(error, NO_ANSWER) else Outcome.ERROR


def is_not_initialized(error: ClientError) -> bool:
    """Whether DRS says that it was never set up in this account and region."""
    return outcome_of(error) is Outcome.NOT_INITIALIZED
