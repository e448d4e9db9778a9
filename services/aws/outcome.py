"""How a look at a place can end, and which AWS error means which end. "Could not look" is never "nothing there"."""

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, HTTPClientError

from cache.errors import LookTimeout, UnreadableReply
from cache.values import Outcome

NOT_INITIALIZED = "UninitializedAccountException"
_DENIED = {
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnrecognizedClientException", "AuthFailure",
    "InvalidClientTokenId", "ExpiredToken", "ExpiredTokenException", "OptInRequired", "SignatureDoesNotMatch",
}  # fmt: skip
_THROTTLED = {
    "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException", "EC2ThrottledException",
}  # fmt: skip
LOOK_ERRORS = (BotoCoreError, ClientError, LookTimeout, UnreadableReply)


def outcome_of(error: Exception) -> Outcome:
    """The outcome that one of LOOK_ERRORS means."""
    if isinstance(error, ClientError):
        code = error.response["Error"]["Code"]
        if code == NOT_INITIALIZED:
            return Outcome.NOT_INITIALIZED
        if code in _DENIED:
            return Outcome.DENIED
        return Outcome.THROTTLED if code in _THROTTLED else Outcome.ERROR
    if isinstance(error, LookTimeout | ConnectTimeoutError):
        return Outcome.TIMEOUT
    return Outcome.UNREACHABLE if isinstance(error, HTTPClientError) else Outcome.ERROR


def is_not_initialized(error: ClientError) -> bool:
    """Whether DRS says that it was never set up in this account and region."""
    return outcome_of(error) is Outcome.NOT_INITIALIZED
