"""A plan as people name it: by its id, or by its name where only one plan has it."""

import click

from services.platform.plans import Plan
from services.wiring import Wiring


def plan_of(wiring: Wiring, target: str) -> Plan:
    """The plan with this id, or else the only one with this name.

    Raises:
        click.UsageError: when there is none, or several have the name: their ids are told.
        TableUnavailable: when the plans cannot be read.
    """
    found = wiring.plans.get(target).value
    if found is not None:
        return found
    named = [it for it in wiring.plans.all().value if it.name == target]
    if not named:
        raise click.UsageError(f"there is no recovery plan {target!r}")
    if len(named) > 1:
        ids = ", ".join(it.plan_id for it in named)
        raise click.UsageError(f"{len(named)} plans are called {target!r}: {ids}")
    return named[0]
