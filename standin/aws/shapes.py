"""Checks values against botocore's shapes: members, types,
required members, enums, patterns, lengths, ranges.
"""

import functools
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from botocore.model import ListShape, MapShape, Shape, StructureShape


class Problem(NamedTuple):
    path: str
    """As `.items[3].sourceServerID`; empty for the value itself."""
    message: str

    def __str__(self) -> str:
        return f"{self.path or 'value'} {self.message}"


type Check = Callable[[Any], list[Problem]]

_SOUND: list[Problem] = []
_INTEGERS = ("integer", "long")


class ShapeChecker:
    """One check per shape, compiled on first use.

    Timestamps are epoch numbers, as rest-json writes them, or with `iso_timestamps` ISO 8601
    strings with a zone.
    """

    def __init__(self, iso_timestamps: bool = False) -> None:
        self._timestamp = _check_iso_timestamp if iso_timestamps else _check_number_timestamp
        self._compiled: dict[int, tuple[Shape, Check]] = {}

    def problems(self, shape: Shape, value: Any) -> list[Problem]:
        """What is wrong with `value`, in the order of its members; empty when it fits."""
        return self._check(shape)(value)

    def _check(self, shape: Shape) -> Check:
        # The shape is kept beside its check: an id is only unique among living objects.
        if id(shape) not in self._compiled:
            self._compiled[id(shape)] = (shape, self._compile(shape))
        return self._compiled[id(shape)][1]

    def _compile(self, shape: Shape) -> Check:
        if isinstance(shape, StructureShape):
            return self._structure(shape)
        if isinstance(shape, ListShape):
            return self._list(shape)
        if isinstance(shape, MapShape):
            return self._map(shape)
        if shape.type_name == "timestamp":
            return self._timestamp
        return _scalar(shape)

    def _structure(self, shape: StructureShape) -> Check:
        # Members are looked up when first met, so that shapes may contain themselves.
        member = functools.cache(
            lambda name: self._check(shape.members[name]) if name in shape.members else None
        )
        required = shape.required_members

        def check(value: Any) -> list[Problem]:
            if not isinstance(value, dict):
                return [Problem("", f"should be a structure, is {value!r:.80}")]
            problems = [
                Problem(f".{name}", "is required") for name in required if name not in value
            ]
            for name, inner in value.items():
                inner_check = member(name)
                if inner_check is None:
                    problems.append(Problem(f".{name}", f"is no member of {shape.name}"))
                elif found := inner_check(inner):
                    problems += _below(f".{name}", found)
            return problems

        return check

    def _list(self, shape: ListShape) -> Check:
        element = self._check(shape.member)
        size = _range(shape, "length")

        def check(value: Any) -> list[Problem]:
            if not isinstance(value, list):
                return [Problem("", f"should be a list, is {value!r:.80}")]
            problems = size(len(value)) if size else []
            for number, inner in enumerate(value):
                if found := element(inner):
                    problems = problems + _below(f"[{number}]", found)
            return problems

        return check

    def _map(self, shape: MapShape) -> Check:
        key, element = self._check(shape.key), self._check(shape.value)

        def check(value: Any) -> list[Problem]:
            if not isinstance(value, dict):
                return [Problem("", f"should be a map, is {value!r:.80}")]
            return [
                problem
                for name, inner in value.items()
                for problem in _below(f"[{name!r}]", key(name) + element(inner))
            ]

        return check


def _below(prefix: str, problems: list[Problem]) -> list[Problem]:
    return [Problem(prefix + problem.path, problem.message) for problem in problems]


def _scalar(shape: Shape) -> Check:
    if shape.type_name in _INTEGERS:
        return _integer(shape)
    if shape.type_name == "string":
        return _string(shape)
    types: dict[str, Any] = {"boolean": bool, "float": (int, float), "double": (int, float)}
    wanted = types[shape.type_name]

    def check(value: Any) -> list[Problem]:
        if isinstance(value, wanted):
            return _SOUND
        return [Problem("", f"should be of type {shape.type_name}, is {value!r:.80}")]

    return check


def _integer(shape: Shape) -> Check:
    within = _range(shape, "value")

    def check(value: Any) -> list[Problem]:
        if not isinstance(value, int) or isinstance(value, bool):
            return [Problem("", f"should be of type {shape.type_name}, is {value!r:.80}")]
        return within(value) if within else _SOUND

    return check


def _string(shape: Shape) -> Check:
    size, pattern = _range(shape, "length"), _pattern(shape)
    enum = frozenset(getattr(shape, "enum", ()))

    def check(value: Any) -> list[Problem]:
        if not isinstance(value, str):
            return [Problem("", f"should be a string, is {value!r:.80}")]
        if enum and value not in enum:
            return [Problem("", f"is {value!r:.80}, not one of {', '.join(sorted(enum))}")]
        problems = size(len(value)) if size else _SOUND
        if pattern and not pattern.fullmatch(value):
            return [
                *problems,
                Problem("", f"is {value!r:.80}, which does not match {pattern.pattern}"),
            ]
        return problems

    return check


def _range(shape: Shape, what: str) -> Check | None:
    if not {"min", "max"} & set(shape.metadata):
        return None
    least, most = shape.metadata.get("min", float("-inf")), shape.metadata.get("max", float("inf"))

    def check(value: Any) -> list[Problem]:
        if least <= value <= most:
            return _SOUND
        return [Problem("", f"has {what} {value}, outside {least} to {most}")]

    return check


def _pattern(shape: Shape) -> re.Pattern[str] | None:
    r"""None also for the few patterns of STS that use
    `\p{…}`, which Python's `re` does not know.
    """
    try:
        return re.compile(shape.metadata["pattern"]) if "pattern" in shape.metadata else None
    except re.error:
        return None


def _check_number_timestamp(value: Any) -> list[Problem]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _SOUND
    return [Problem("", f"should be epoch seconds, is {value!r:.80}")]


def _check_iso_timestamp(value: Any) -> list[Problem]:
    try:
        if datetime.fromisoformat(value).tzinfo is not None:
            return _SOUND
    except (TypeError, ValueError):
        pass
    return [Problem("", f"should be an ISO 8601 time with a zone, is {value!r:.80}")]
