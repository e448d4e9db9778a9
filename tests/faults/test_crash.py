"""A sync killed with SIGKILL, at steps all through its I/O, is healed by one clean sync."""

from pathlib import Path

from loadtests.crash import WHEN, scene

# of the everyday run, where most is written; `python -m loadtests.crash` kills at every step
KILLS = 18


def test_one_clean_sync_heals_a_killed_one(tmp_path: Path) -> None:
    """World, table and mirror agree exactly, between table and publish too."""
    with scene(tmp_path, places=1, servers_in_all=8) as it:
        steps = it.count_steps()
        assert steps > KILLS
        at = [steps // 2 + number * steps // 2 // KILLS for number in range(KILLS)]
        crashes = [it.crash(number, step, WHEN[number // 2 % 2]) for number, step in enumerate(at)]
    assert [crash.faults for crash in crashes if crash.faults] == []
    assert sum(crash.killed for crash in crashes) >= KILLS // 2
    assert sum(crash.left > 0 for crash in crashes) >= KILLS // 2, (
        "killing must tear something, or this proves nothing"
    )
