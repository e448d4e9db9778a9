"""The waves of a new execution, from its plan's row."""

from collections.abc import Iterable, Mapping
from typing import Any

from cache.errors import InvalidInput
from services.platform.execution import Wave

_OF_A_PLAN = {"wave_number", "wave_name", "account_id", "region", "server_ids"}
_OF_A_RUN = {
    name
    for field, info in Wave.model_fields.items()
    if field not in _OF_A_PLAN
    for name in (field, str(info.alias))
}
_NO = ("", "0", "false", "no", "off", "none")


def planned_waves(rows: Iterable[Mapping[str, Any]]) -> list[Wave]:
    """The waves that have servers, in the order of their numbers; `rows` are as a plan has them.

    What a run says of a wave (its status, its jobs) is not a plan's to say: such members are left
    out. Others of another type than ours cost themselves alone.

    Raises:
        InvalidInput: when a wave depends on one that is not launched before it.
    """
    waves = [_wave(row) for row in rows if row["serverIds"]]
    waves.sort(key=lambda it: it.wave_number)
    numbers = {it.wave_number for it in waves}
    for wave in waves:
        later = [it for it in _depends_on(wave) if it in numbers and it >= wave.wave_number]
        if later:
            raise InvalidInput(
                "plan",
                f"wave {wave.wave_number} depends on wave {later[0]}, which is not launched "
                "before it",
            )
    return waves


def _wave(row: Mapping[str, Any]) -> Wave:
    members = {name: it for name, it in row.items() if name not in _OF_A_RUN}
    return Wave.model_validate(members | {
        "accountId": row["accountId"] or "",
        "region": row["region"] or "",
        "pauseBeforeWave": _pauses(row.get("pauseBeforeWave")),
        "longestMinutes": _minutes(row.get("longestMinutes")),
    })  # fmt: skip


def _pauses(said: object) -> bool:
    """Whether to wait for a word. What is not a no is a yes: a launch cannot be taken back."""
    return str(said).strip().casefold() not in _NO


def _minutes(said: object) -> int | None:
    """From 1 on; None for anything else."""
    text = str(said).partition(".")[0]
    return int(text) if text.isascii() and text.isdigit() and int(text) else None


def _depends_on(wave: Wave) -> list[int]:
    """The numbers of waves that must come first, as far as they can be read."""
    said = (wave.model_extra or {}).get("dependsOnWaves")
    texts = map(str, said if isinstance(said, list) else ())
    return [int(it) for it in texts if it.isascii() and it.isdigit()]
