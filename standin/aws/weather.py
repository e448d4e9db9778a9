"""What goes wrong on the way: rules that match calls, and the effects they have."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from standin.drs.ids import Ids
from standin.drs.paging import NO_PAGE_WEATHER, PageWeather

MATCHES = ("service", "operation", "accountId", "region", "role")

EFFECTS: dict[str, Any] = {
    "throttle": float, "latencyMs": float, "jitterMs": float, "outage": ("refuse", "hang", "503"),
    "deny": bool,
    "failOnPage": int, "pageSize": int, "emptyPages": bool, "expireTokens": (True, False, "page",
    "session"),
    "unknownMembers": bool, "unknownEnums": list, "garbage": list, "clockSkewSeconds": float,
    "times": int,
}  # fmt: skip


@dataclass(frozen=True)
class Conditions:
    """The weather that one call meets."""

    throttled: bool = False
    delay: float = 0
    """Seconds."""
    outage: str = ""
    denied: bool = False
    fail_on_page: int = 0
    page: PageWeather = NO_PAGE_WEATHER
    expire_page_token: bool = False
    expire_session: bool = False
    unknown_members: bool = False
    unknown_enums: list[str] | bool = False
    garbage: list[str] | bool = False
    skew: float = 0
    """Seconds by which the service's clock is ahead."""

    @property
    def distorts(self) -> bool:
        return bool(self.unknown_members or self.unknown_enums or self.garbage)


class Weather:
    """Rules in force. Of two rules that match a call and set the same effect, the first counts."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._random = Ids(seed)
        self.rules: list[dict[str, Any]] = []
        self._left: list[float] = []

    def replace(self, rules: Any) -> None:
        """Raises ValueError for what is no list of rules, naming the place."""
        if not isinstance(rules, list):
            raise ValueError(f"rules: should be a list, is {rules!r:.80}")
        for number, rule in enumerate(rules):
            _check(f"rules[{number}]", rule)
        with self._lock:
            self.rules = rules
            self._left = [float(rule.get("times", "inf")) for rule in rules]

    def meet(self, facts: Mapping[str, str | None]) -> Conditions:
        """The conditions for a call, counting it against the rules that match.

        `facts` has the names of MATCHES.
        """
        with self._lock:
            effects: dict[str, Any] = {}
            for number, rule in enumerate(self.rules):
                if self._left[number] > 0 and all(
                    facts[name] == rule[name] for name in MATCHES if name in rule
                ):
                    self._left[number] -= 1
                    effects = rule | effects
            return self._conditions(effects) if effects else Conditions()

    def _conditions(self, effects: dict[str, Any]) -> Conditions:
        expire = effects.get("expireTokens", False)
        jitter = effects.get("jitterMs", 0) * self._random.number(1000) / 1000
        return Conditions(
            throttled=self._random.chance(effects.get("throttle", 0)),
            delay=(effects.get("latencyMs", 0) + jitter) / 1000,
            outage=effects.get("outage", ""),
            denied=effects.get("deny", False),
            fail_on_page=effects.get("failOnPage", 0),
            page=PageWeather(effects.get("pageSize"), effects.get("emptyPages", False)),
            expire_page_token=expire in (True, "page"),
            expire_session=expire == "session",
            unknown_members=effects.get("unknownMembers", False),
            unknown_enums=effects.get("unknownEnums", False),
            garbage=effects.get("garbage", False),
            skew=effects.get("clockSkewSeconds", 0),
        )


def _check(path: str, rule: Any) -> None:
    if not isinstance(rule, dict):
        raise ValueError(f"{path}: should be an object, is {rule!r:.80}")
    for name, value in rule.items():
        if name in MATCHES:
            fits = isinstance(value, str)
        elif name in EFFECTS:
            fits = _fits(value, EFFECTS[name])
        else:
            raise ValueError(
                f"{path}.{name}: no such key; there are {', '.join((*MATCHES, *EFFECTS))}"
            )
        if not fits:
            raise ValueError(f"{path}.{name}: {value!r} does not fit")


def _fits(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, tuple):
        return value in wanted
    if wanted is bool:
        return isinstance(value, bool)
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if wanted is int:
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    return isinstance(value, bool) or (
        isinstance(value, list) and all(isinstance(name, str) for name in value)
    )
