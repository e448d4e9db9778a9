"""Page load that goes on whatever happens, and what its answers were worth."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, cycle
from threading import Event, Thread
from time import monotonic

from loadtests.faults_stack import FaultyStack, Page, wrong

PATIENCE = 3.0  # seconds that no answer may take
NORMAL = 1.0  # seconds within which a page of a healthy stack comes
STREAK = 3.0  # seconds of normal pages that make things normal
CALLERS = 128  # open loop: none waits for another's answer


@dataclass(frozen=True)
class Answered:
    """One page: when it was due (monotonic), how it ended, counted from then, and what was wrong
    with it.

    `is_old`: it shows what was true before the last change, where that is no fault.
    """

    due: float
    page: Page
    faults: tuple[str, ...] = ()
    unknown: int = 0
    is_old: bool = False

    @property
    def seconds(self) -> float:
        """From when it was due, so that waiting for a free caller counts."""
        return self.page.seconds

    @property
    def is_normal(self) -> bool:
        """Whole, right as of now, and quick."""
        is_right = self.page.status == 200 and not (self.faults or self.unknown or self.is_old)
        return is_right and self.seconds < NORMAL


@dataclass(frozen=True)
class Tally:
    """What a row of the matrix says of the pages due in a span of time."""

    requests: int
    wrong: int
    false_none: int
    late: int
    refused: int
    unknown: int
    old: int
    slowest: float

    @classmethod
    def of(cls, answers: Iterable[Answered]) -> "Tally":
        """The tally of these answers."""
        answers = list(answers)
        faults = [fault for it in answers for fault in it.faults]
        false_none = sum(fault.startswith("false none") for fault in faults)
        return cls(
            requests=len(answers),
            wrong=len(faults) - false_none,
            false_none=false_none,
            late=sum(it.seconds >= PATIENCE for it in answers),
            refused=sum(it.page.status != 200 for it in answers),
            unknown=sum(it.unknown > 0 for it in answers),
            old=sum(it.is_old for it in answers),
            slowest=max((it.seconds for it in answers), default=0.0),
        )

    @property
    def is_good(self) -> bool:
        """Nothing wrong, no false none, nothing late, nothing refused."""
        return not (self.wrong or self.false_none or self.late or self.refused)


class PageLoad:
    """Asks for the pages of some plans in turn, at a fixed rate per second, until stopped."""

    def __init__(self, faulty: FaultyStack, plan_ids: list[str], rate: float) -> None:
        self.answers: list[Answered] = []
        self._faulty = faulty
        self._plans = cycle([(it, faulty.servers_of(it)) for it in plan_ids])
        self._rate = rate
        self._stopped = Event()
        self._callers = ThreadPoolExecutor(CALLERS)
        self._thread = Thread(target=self._run, name="page-load", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends it, once what was asked is answered."""
        self._stopped.set()
        self._thread.join()
        self._callers.shutdown()

    def between(self, since: float, until: float) -> list[Answered]:
        """What was due in this span; waits until all of it is answered."""
        due = int((until - since) * self._rate)
        while len(found := [it for it in list(self.answers) if since <= it.due < until]) < due - 1:
            if self._stopped.wait(0.1):
                break
        return found

    def await_normal(
        self, since: float, patience: float, is_back: Callable[[], bool]
    ) -> float | None:
        """Seconds from `since` until pages were normal for good and
        `is_back` held; None if that took too long.
        """
        back_at: float | None = None
        while (now := monotonic()) < since + patience:
            if back_at is None and is_back():
                back_at = now
            after = sorted(
                (it for it in list(self.answers) if it.due >= since), key=lambda it: it.due
            )
            last_bad = max((it.due + it.seconds for it in after if not it.is_normal), default=since)
            streak = [it for it in after if it.due >= last_bad]
            if back_at is not None and len(streak) >= STREAK * self._rate:
                return max(last_bad, back_at) - since
            self._stopped.wait(0.1)
        return None

    def _run(self) -> None:
        began = monotonic()
        for number, (plan_id, servers) in zip(count(), self._plans, strict=False):
            due = began + number / self._rate
            if self._stopped.wait(max(0.0, due - monotonic())):
                return
            self._callers.submit(self._ask, due, plan_id, servers)

    def _ask(self, due: float, plan_id: str, servers: list[str]) -> None:
        page = self._faulty.plan_page(plan_id)
        page = Page(page.status, monotonic() - due, page.body)
        if page.status != 200:
            self.answers.append(Answered(due, page))
            return
        world, before = self._faulty.world.expected, self._faulty.before
        not_now = wrong(page.body, servers, world)
        faults = tuple(wrong(page.body, servers, world, before)) if not_now else ()
        unknown = len(page.body["unknownServerIds"])
        judged = Page(
            page.status, page.seconds, {}
        )  # thousands of bodies would be kept for nothing
        self.answers.append(Answered(due, judged, faults, unknown, bool(not_now and not faults)))
