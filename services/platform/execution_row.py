"""An execution as its row in `execution-history` has it: read tolerantly, written so that the
platform understands it.

The platform's functions write this table too, in forms nobody has documented: times in epoch
seconds, a wave's statuses as a list, the account at the top. A member that is missing, of another
type or unknown costs itself alone, never the row.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from cache.attributes import AttributeValue, encode, encode_item
from cache.errors import InvalidRow
from cache.values import is_server_id, to_millis, to_stamp
from services.platform.execution import Execution, Server, Status, TerminationJob, Wave

logger = logging.getLogger(__name__)
LOCK = "LOCK"  # the status of a row by which the platform locks something; no execution
TIMES = ("startTime", "endTime", "terminationInitiatedAt")
MILLIS_FROM = (
    100_000_000_000  # an epoch time from here on is in milliseconds: as seconds, the year 5138
)
# Our words on the left; on the right the platform's, which are those of DRS for servers.
_WAVE_WORDS: Mapping[str, str] = {Status.STARTING: "INITIATED"}
_SERVER_WORDS: Mapping[str, str] = {Server.LAUNCHING: "IN_PROGRESS"}
_OUR_WAVE_WORDS: Mapping[str, str] = {word: str(ours) for ours, word in _WAVE_WORDS.items()}
_OUR_SERVER_WORDS: Mapping[str, str] = {word: str(ours) for ours, word in _SERVER_WORDS.items()}
MOST_LISTED = 2_500
"""Servers of one execution up to which their statuses are written as the platform's list of
objects. The statuses of more
are a map by id: as a list they would not fit into the 400 KB of one DynamoDB item."""

type Row = Mapping[str, Any]


def is_lock(row: Row) -> bool:
    """Whether this row is one of the platform's locks."""
    return row.get("status") == LOCK


def read_execution(row: Row) -> Execution:
    """The execution in a row of plain values.

    Raises:
        InvalidRow: when the row has no execution id.
    """
    execution_id = row.get("executionId")
    if not isinstance(execution_id, str) or not execution_id:
        raise InvalidRow(f"execution {execution_id!r:.60}: executionId: is not text")
    account = _account(row)
    waves = [_wave(it, number, account) for number, it in enumerate(_objects(row.get("waves")))]
    times = {name: _stamp(row.get(name)) for name in TIMES}
    jobs = row.get("terminateJobs") or row.get("terminationJobs")
    values = dict(row) | times | {
        "planId": _text(row.get("planId")) or "",
        "executionType": _word(row.get("executionType")) or "UNKNOWN",
        "status": _word(row.get("status"))
        or (Status.COMPLETED if times["endTime"] else Status.PENDING),
        "requestedBy": _text(row.get("requestedBy")) or _initiator(row),
        "waves": waves,
        "terminationJobs": list(_termination_jobs(jobs, waves, account)),
    }  # fmt: skip
    return _tolerant(Execution, values)


def _initiator(row: Row) -> str | None:
    """Who began an execution of the platform; of an e-mail address what names the person."""
    is_ours = row.get("revision") is not None
    return None if is_ours else (_text(row.get("initiatedBy")) or "").partition("@")[0] or None


def new_row(execution: Execution) -> dict[str, AttributeValue]:
    """The item of a new execution."""
    nothing = execution.model_copy(update={"waves": [], "termination_jobs": []})
    who = {"initiatedBy": execution.requested_by or "recovery-sync"}
    members = encode_item(who | _members(execution))
    return members | {"waves": {"L": []}} | _lists({}, nothing, execution)


def changed_members(
    item: Mapping[str, AttributeValue], before: Execution, after: Execution
) -> dict[str, AttributeValue | None]:
    """What of a row changes with its execution; None for what goes.

    What others keep in it stays as they have it, in its lists too.
    """
    changes = _changes(encode_item(_members(before)), encode_item(_members(after)))
    return changes | _lists(item, before, after)


def _changes(
    old: Mapping[str, AttributeValue], new: Mapping[str, AttributeValue]
) -> dict[str, AttributeValue | None]:
    return {
        name: new.get(name) for name in old.keys() | new.keys() if old.get(name) != new.get(name)
    }


def _members(execution: Execution) -> dict[str, Any]:
    """All but the lists, in the platform's words."""
    row = execution.model_dump(
        by_alias=True, exclude_none=True, exclude={"waves", "termination_jobs"}
    )
    row |= {name: _epoch(row[name]) for name in TIMES if name in row}
    row["totalWaves"] = len(execution.waves)
    accounts = {wave.account_id for wave in execution.waves}
    if len(accounts) == 1:
        row["accountId"] = accounts.pop()
        row["accountContext"] = {"accountId": row["accountId"]}
    if execution.termination_jobs:
        row["instancesTerminated"] = not execution.open_terminations
    return row


def _lists(
    item: Mapping[str, AttributeValue], before: Execution, after: Execution
) -> dict[str, AttributeValue]:
    """Waves and TERMINATE jobs, those that have changed, each over what the row has of it."""
    lists: dict[str, AttributeValue] = {}
    if after.waves != before.waves:
        lists["waves"] = _wave_list(item.get("waves", {}), before, after)
    old, new = ([_job(it) for it in row.termination_jobs] for row in (before, after))
    if changed := [it for it in new if it not in old]:
        lists["terminateJobs"] = _over(item.get("terminateJobs"), "jobId", changed)
    return lists


def _job(job: TerminationJob) -> dict[str, Any]:
    return job.model_dump(by_alias=True, exclude_none=True)


def _wave_list(had: AttributeValue, before: Execution, after: Execution) -> AttributeValue:
    """The waves that have changed, each in its place; whatever else is in the list stays there."""
    as_list = len(after.server_ids) <= MOST_LISTED
    written = [*had.get("L", ())]
    places = [place for place, it in enumerate(written) if "M" in it]
    for place, was, wave in zip(places, before.waves, after.waves, strict=False):
        if wave != was:
            written[place] = {"M": _changed_wave(written[place]["M"], was, wave, as_list=as_list)}
    for wave in after.waves[len(places) :]:
        statuses = _statuses({}, {}, wave.server_statuses, as_list=as_list)
        written.append({"M": _wave_item(wave) | {"serverStatuses": statuses}})
    return {"L": written}


def _changed_wave(
    base: Mapping[str, AttributeValue], was: Wave, wave: Wave, *, as_list: bool
) -> dict[str, AttributeValue]:
    changes = _changes(_wave_item(was), _wave_item(wave))
    if wave.server_statuses != was.server_statuses:
        changes["serverStatuses"] = _statuses(
            base.get("serverStatuses", {}),
            was.server_statuses,
            wave.server_statuses,
            as_list=as_list,
        )
    members = {**base, **changes}
    return {name: value for name, value in members.items() if value is not None}


def _wave_item(wave: Wave) -> dict[str, AttributeValue]:
    """All but its servers' statuses, in the platform's words."""
    row = wave.model_dump(by_alias=True, exclude_none=True, exclude={"server_statuses"})
    row |= {name: _epoch(row[name]) for name in ("startTime", "endTime") if name in row}
    row["status"] = _WAVE_WORDS.get(wave.status, wave.status)
    return encode_item(row)


def _statuses(
    had: AttributeValue, was: Mapping[str, str], now: Mapping[str, str], *, as_list: bool
) -> AttributeValue:
    words = {it: _SERVER_WORDS.get(word, word) for it, word in now.items()}
    if not as_list:
        return encode(words)
    entries = [
        {"sourceServerId": it, "launchStatus": words[it]}
        for it, word in now.items()
        if was.get(it) != word or "L" not in had
    ]
    return _over(had, "sourceServerId", entries)


def _over(
    had: AttributeValue | None, key: str, values: Iterable[Mapping[str, Any]]
) -> AttributeValue:
    """A list of objects as it is written: each over the entry of the same key that was there, new
    ones last; entries that we do not know stay where they are."""
    new = {value[key]: encode_item(value) for value in values}
    written: list[AttributeValue] = []
    for entry in (had or {}).get("L", ()):
        members = entry.get("M", {})
        name = members.get(key, {}).get("S") or entry.get("S")
        written.append({"M": {**members, **new.pop(name)}} if name in new else entry)
    return {"L": [*written, *({"M": it} for it in new.values())]}


def _wave(row: Row, position: int, account: str) -> Wave:
    """A wave.

    Without a number of its own its position tells; without a list of servers their statuses do.
    """
    statuses = _server_statuses(row.get("serverStatuses"))
    ids = _server_ids(row)
    status = _word(row.get("status")) or Status.PENDING
    job_ids = [it for it in _items(row.get("jobIds")) if isinstance(it, str) and it]
    values = dict(row) | {name: _stamp(row.get(name)) for name in ("startTime", "endTime")} | {
        "waveNumber": _number(row.get("waveNumber"), position),
        "accountId": _account(row) or account,
        "serverIds": ids or [*statuses],
        "serverStatuses": statuses,
        "status": _OUR_WAVE_WORDS.get(status, status),
        "jobIds": job_ids,
        "jobId": _text(row.get("jobId")) or (job_ids[0] if job_ids else None),
    }  # fmt: skip
    return _tolerant(Wave, values)


def _server_statuses(value: object) -> dict[str, str]:
    """Status by server, from the platform's list of objects or from a map."""
    if isinstance(value, Mapping):
        pairs = [(name, word.get("launchStatus") if isinstance(word, Mapping) else word)
                 for name, word in value.items()]  # fmt: skip
    else:
        pairs = [(it.get("sourceServerId"), it.get("launchStatus") or it.get("status"))
                 for it in _objects(value)]  # fmt: skip
    words = {name: _word(word) for name, word in pairs if is_server_id(name)}
    return {name: _OUR_SERVER_WORDS.get(word, word) for name, word in words.items() if word}


def _server_ids(row: Row) -> list[str]:
    """The servers that a row names. DRS and DynamoDB refuse a whole call for what is no id."""
    return [it for it in _items(row.get("serverIds")) if is_server_id(it)]


def _termination_jobs(value: object, waves: list[Wave], account: str) -> Iterable[TerminationJob]:
    """The TERMINATE jobs; where a job does not name its place, the only one there is."""
    regions = {wave.region for wave in waves if wave.region}
    region = regions.pop() if len(regions) == 1 else ""
    for entry in _items(value):
        row = entry if isinstance(entry, Mapping) else {"jobId": entry}
        if not (job_id := _text(row.get("jobId"))):
            continue
        yield _tolerant(TerminationJob, dict(row) | {
            "jobId": job_id,
            "accountId": _account(row) or account,
            "region": _text(row.get("region")) or region,
            "serverIds": _server_ids(row),
            "status": _word(row.get("status")) or Status.PENDING,
        })  # fmt: skip


def _tolerant[M: BaseModel](model: type[M], values: Mapping[str, Any]) -> M:
    """The model of these values, without the members that it does not have or cannot take."""
    names = {field.alias for field in model.model_fields.values()}
    known = {name: it for name, it in values.items() if name in names}
    try:
        return model.model_validate(known)
    except ValidationError as error:
        wrong = {str(fault["loc"][0]) for fault in error.errors()}
        logger.warning("Passed over in an execution's row: %s", ", ".join(sorted(wrong)))
        return _tolerant(model, {name: it for name, it in known.items() if name not in wrong})


def _account(row: Row) -> str:
    """The account a row names, in its context or beside it; a number has lost its zeros."""
    context = row.get("accountContext")
    named = (
        context.get("accountId") if isinstance(context, Mapping) else None,
        row.get("accountId"),
    )
    for account in named:
        if isinstance(account, int) and not isinstance(account, bool):
            return f"{account:012d}"
        if isinstance(account, str) and account:
            return account
    return ""


def _stamp(value: object) -> str | None:
    """A time in our form, from epoch seconds or milliseconds, as number or text, or ISO 8601."""
    try:
        if isinstance(value, str) and not value.replace(".", "", 1).isdigit():
            return to_stamp(to_millis(value))
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            number = float(value)
            return to_stamp(int(number if number >= MILLIS_FROM else number * 1000))
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _epoch(stamp: str) -> int:
    return to_millis(stamp) // 1000


def _number(value: object, otherwise: int) -> int:
    if isinstance(value, bool):
        return otherwise
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return int(value) if isinstance(value, int | float) else otherwise


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _word(value: object) -> str | None:
    return value.upper() if isinstance(value, str) and value else None


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _objects(value: object) -> list[Row]:
    return [it for it in _items(value) if isinstance(it, Mapping)]
