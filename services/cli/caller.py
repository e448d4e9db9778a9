"""Who sits at the command line, as rows and reports keep it."""

from services.api.access import name_of_arn
from services.aws.identity import caller_arn


def caller() -> str:
    """`ROLE/SESSION` or a user's name; where STS does not say, that it was the command line."""
    return name_of_arn(caller_arn()) or "the command line"
