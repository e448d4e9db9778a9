"""What a first deployment does before the first page is served, on the local stack's functions."""

import re
from pathlib import Path

from local.functions import ENVIRONMENT, PROJECT
from local.stack import Stack
from local.world import DENIED
from scripts.deployment.functions import Functions
from scripts.deployment.parameters import read
from tests.infra.deployment.conftest import NEEDED


def filled(stack: Stack, infra: Path, *words: str) -> list[str]:
    """The lines that are printed."""
    (infra / "environments" / f"{ENVIRONMENT}.conf").write_text(NEEDED)
    parameters = read(ENVIRONMENT, [f"Project={PROJECT}", *words], infra)
    return list(Functions(stack.client("lambda"), parameters).fill())


def test_the_first_sync_and_the_mirror_are_told(stack: Stack, infra: Path) -> None:
    """How much was found, what could not be looked at, and that both tiers agree."""
    sync, denied, mirror = filled(stack, infra)
    found = len(stack.world.alive)
    assert re.fullmatch(rf"first sync: [1-9]\d* places looked at, {found} instances found", sync)
    assert (denied[:3], DENIED in denied) == ("!! ", True)
    assert mirror.endswith(" compared, 0 missing, 0 differing")
    assert mirror != "mirror: 0 compared, 0 missing, 0 differing"


def test_a_deployment_without_a_mirror_compares_none(stack: Stack, infra: Path) -> None:
    """Nor does it wait for one."""
    assert not any(it.startswith("mirror") for it in filled(stack, infra, "RedisKind=none"))
