"""The parts of one DRS, put together, and the call that its operations answer."""

from dataclasses import dataclass
from typing import Any

from standin.drs.behaviour import Behaviour
from standin.drs.clock import Clock
from standin.drs.events import Events
from standin.drs.ids import Ids
from standin.drs.paging import NO_PAGE_WEATHER, PageRequest, PageWeather, fingerprint
from standin.drs.state import Place, State

type Params = dict[str, Any]
type Reply = dict[str, Any]


class Drs:
    """State, clock, events and behaviour of all places.

    Not thread-safe: the caller holds one lock around it.
    """

    def __init__(self, speed: float = 1.0, seed: int = 0) -> None:
        self.clock = Clock(speed)
        self.ids = Ids(seed)
        self.state = State()
        self.events = Events(self.clock, self.ids)
        self.behaviour = Behaviour()

    def behave(self, behaviour: Behaviour) -> None:
        self.behaviour = self.events.behaviour = behaviour

    def forget(self) -> None:
        """Lose every place and all that was going to happen there."""
        self.state.forget()
        self.clock.forget()
        self.events.forget()
        self.behave(Behaviour())


@dataclass(frozen=True)
class Call:
    """One validated request to one place."""

    drs: Drs
    place: Place
    operation: str
    params: Params
    weather: PageWeather = NO_PAGE_WEATHER

    def filter(self, name: str) -> Any:
        return self.params.get("filters", {}).get(name)

    def page_request(self) -> PageRequest:
        listing = fingerprint(
            self.operation,
            [self.params.get(name) for name in ("filters", "jobID", "sourceServerID", "order")],
        )
        return PageRequest(
            listing, self.params.get("maxResults"), self.params.get("nextToken"), self.weather
        )
