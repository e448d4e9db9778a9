"""What every protocol of the stand-in shares: a request, a reply,
and the fault of a wrong reply of our own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from standin.aws.shapes import Problem


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    """Without the query."""
    query: str
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Parsed:
    """A request as its protocol reads it."""

    operation: str
    params: dict[str, Any]


class WrongReply(Exception):
    """The stand-in was about to say something the service cannot say.

    Answers 500, naming the path.
    """

    def __init__(self, shape: str, problems: list[Problem]) -> None:
        super().__init__(f"{shape}: {'; '.join(map(str, problems[:5]))}")


def request_id() -> str:
    return str(uuid4())
