"""`signoff`: can it carry what is demanded?"""

from pathlib import Path

import click


@click.command()
@click.option(
    "--host",
    help="A deployed page instead of a local stack; SIGNOFF_TOKEN is sent as Authorization.",
)
@click.option(
    "--out",
    default=".local/signoff",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Report.",
)
@click.option("--scale", default=1.0, show_default=True, help="Stretches or shortens every shape.")
def signoff(host: str | None, out: Path, scale: float) -> None:
    """Load the page with 100 operators, in every weather. Exit code 1 when a target is missed."""
    from loadtests.signoff import sign_off

    if not sign_off(host, out.resolve(), scale):
        raise SystemExit(1)
