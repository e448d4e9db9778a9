"""`local`: the whole stack on one machine."""

import click

from services.cli.output import out


@click.command()
@click.option("--port", default=8080, show_default=True, help="Where the page is served.")
@click.option(
    "--servers", default=1200, show_default=True, help="Source servers in the seeded world."
)
@click.option(
    "--interval", default=300.0, show_default=True, help="Seconds between syncs; 0 for no schedule."
)
@click.option(
    "--read-from",
    type=click.Choice(["mirror", "table", "live"]),
    default="mirror",
    show_default=True,
)
@click.option(
    "--world",
    type=click.Choice(["ours", "platform"]),
    default="ours",
    show_default=True,
    help="Rows as this product documents them, or as the platform around it writes them.",
)
@click.option("--four-eyes", is_flag=True, help="Real recoveries need a second person.")
def local(  # noqa: PLR0913, PLR0917 - an option each
    port: int, servers: int, interval: float, read_from: str, world: str, four_eyes: bool
) -> None:
    """Run the whole stack on this machine, with a seeded world, until Ctrl-C."""
    from local.platform_world import make_platform_world
    from local.processes import LocalStackError
    from local.run import DIRECTORY, run_local
    from local.stack import Stack
    from local.world import make_world

    make = make_platform_world if world == "platform" else make_world
    stack = Stack(DIRECTORY, port, make(servers=servers), interval, read_from)
    stack.four_eyes = four_eyes
    try:
        run_local(out, stack)
    except LocalStackError as error:
        raise click.ClickException(str(error)) from error
