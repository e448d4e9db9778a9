"""Listings in pages, with opaque tokens that belong to one listing."""

import base64
import bisect
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from standin.drs.errors import Refusal
from standin.drs.state import Item

DEFAULT_SIZE = 100
"""Items in a page when the caller names no size; the service's own figure is not published."""
LARGEST_SIZE = 1000
"""The model names no maximum; callers in public code go up to this."""


class Token(NamedTuple):
    page: int
    """Number of the page the token leads to; the first page, which needs no token, is 1."""
    after: str
    """Key of the last item already given."""
    empty_given: bool
    listing: int
    """Fingerprint of operation and filters: a token of another listing is refused."""


@dataclass(frozen=True)
class PageWeather:
    size: int | None = None
    """No page is longer than this."""
    empty: bool = False
    """An empty page with a token comes before each full one."""


NO_PAGE_WEATHER = PageWeather()


@dataclass(frozen=True)
class PageRequest:
    listing: int
    """From `fingerprint`."""
    size: int | None
    token: str | None
    weather: PageWeather = NO_PAGE_WEATHER


class Page(NamedTuple):
    items: list[Item]
    next_token: str | None

    def reply(self, member: str = "items") -> dict[str, Any]:
        return {member: self.items} | ({"nextToken": self.next_token} if self.next_token else {})


def encode(token: Token) -> str:
    return base64.urlsafe_b64encode(json.dumps(token).encode()).decode()


def decode(text: str) -> Token:
    """Raises `ValueError` for anything that `encode` did not make."""
    page, after, empty_given, listing = json.loads(base64.urlsafe_b64decode(text.encode()))
    return Token(int(page), str(after), bool(empty_given), int(listing))


def fingerprint(operation: str, filters: object) -> int:
    return zlib.crc32(json.dumps([operation, filters], sort_keys=True, default=str).encode())


def page(
    found: Mapping[str, Item], request: PageRequest, key: Callable[[Item], str] | None = None
) -> Page:
    """One page of `found`, in the order of its ids or of `key`.

    Raises ValidationException for a token of another.

    Tokens hold the last key, not a position, so items that come or go between pages shift nothing.
    """
    at = _read(request)
    ordered = sorted(
        (key(item) if key else identifier, identifier) for identifier, item in found.items()
    )
    start = bisect.bisect_right(ordered, at.after, key=lambda pair: pair[0]) if request.token else 0
    if request.weather.empty and not at.empty_given and start < len(ordered):
        return Page([], encode(at._replace(page=at.page + 1, empty_given=True)))
    end = start + min(
        request.size or DEFAULT_SIZE, request.weather.size or LARGEST_SIZE, LARGEST_SIZE
    )
    items = [found[identifier] for _, identifier in ordered[start:end]]
    if end >= len(ordered):
        return Page(items, None)
    return Page(items, encode(Token(at.page + 1, ordered[end - 1][0], False, request.listing)))


def _read(request: PageRequest) -> Token:
    if not request.token:
        return Token(1, "", False, request.listing)
    try:
        token = decode(request.token)
    except (ValueError, TypeError) as exc:
        raise Refusal("ValidationException", "Invalid nextToken", reason="cannotParse") from exc
    if token.listing != request.listing:
        raise Refusal("ValidationException", "nextToken belongs to another listing", reason="other")
    return token
