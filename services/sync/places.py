"""The places of target accounts, and one way to work in them side by side."""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from cache.values import Place
from services.aws.ec2 import opted_in_regions
from services.aws.outcome import LOOK_ERRORS
from services.aws.session import AwsClients
from services.platform.accounts import TargetAccount

logger = logging.getLogger(__name__)
PLACES_IN_FLIGHT = 16
ANY_REGION = "us-east-1"  # any region that is always on answers DescribeRegions for the account


def side_by_side[I, T](work: Callable[[I], T], places: Iterable[I]) -> Iterator[T]:
    """`work` on each, at most PLACES_IN_FLIGHT at a time; the results as they come.

    `work` keeps one place's failure to that place: what `work` raises ends them all.
    """
    with ThreadPoolExecutor(PLACES_IN_FLIGHT, "place") as pool:
        for run in as_completed([pool.submit(work, place) for place in places]):
            yield run.result()


def in_time[I, T](
    work: Callable[[I], T], places: Iterable[I], seconds: float, late: Callable[[I], T]
) -> Iterator[T]:
    """The same for work that changes nothing, within so many seconds: `late` answers for what takes
    longer.

    A call that hangs outlives the deadline, its caller does not.
    """
    pool = ThreadPoolExecutor(PLACES_IN_FLIGHT, "place")
    runs = {pool.submit(work, place): place for place in places}
    waiting = set(runs)
    try:
        for run in as_completed(runs, seconds):
            waiting.discard(run)
            yield run.result()
    except TimeoutError:
        yield from (late(runs[run]) for run in waiting)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def by_place[I](items: Iterable[I], place_of: Callable[[I], Place]) -> dict[Place, list[I]]:
    """The items of each place, places in the order of their names."""
    found: defaultdict[Place, list[I]] = defaultdict(list)
    for item in items:
        found[place_of(item)].append(item)
    return dict(sorted(found.items()))


def places_of(accounts: Iterable[TargetAccount], clients: AwsClients) -> Sequence[Place]:
    """Every place of these accounts, in a stable order."""
    regions = side_by_side(lambda it: (it, it.regions or _drs_regions(it, clients)), accounts)
    return sorted(
        Place(account.account_id, region)
        for account, names in regions
        for region in dict.fromkeys(names)
    )


def _drs_regions(account: TargetAccount, clients: AwsClients) -> Iterable[str]:
    """Where the SDK knows DRS, less the regions that are off in the account.

    If that cannot be asked, all of them: each then fails by its own name instead of being
    forgotten.
    """
    regions = clients.drs_regions()
    try:
        enabled = opted_in_regions(clients.get("ec2", Place(account.account_id, ANY_REGION)))
    except LOOK_ERRORS as error:
        logger.warning("Could not ask which regions account %s uses: %s", account.account_id, error)
        return regions
    return [region for region in regions if region in enabled]
