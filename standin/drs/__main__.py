"""`python -m standin.drs`: serve DRS, EC2 and STS on one loopback port."""

import contextlib
import re
import signal
import sys
from pathlib import Path

import click

from standin.aws.front import Server
from standin.aws.scenario import play
from standin.aws.standin import StandIn


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=4650,
    show_default=True,
    help="0 takes a free one.",
)
@click.option(
    "--account",
    default="111111111111",
    show_default=True,
    help="Account of keys that name no other.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Of the jobs' clock; 0: by hand.",
)
@click.option("--seed", default=0, show_default=True, help="Of ids and of chance.")
@click.option(
    "--scenario",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file to play.",
)
def main(port: int, account: str, speed: float, seed: int, scenario: Path | None) -> None:
    """Stand in for AWS Elastic Disaster Recovery, with the EC2 and STS it needs, on 127.0.0.1.

    Point a client at it with AWS_ENDPOINT_URL_DRS, AWS_ENDPOINT_URL_EC2 and AWS_ENDPOINT_URL_STS.
    """
    if not re.fullmatch(r"\d{12}", account):
        raise click.BadParameter("an AWS account has twelve digits", param_hint="--account")
    stand_in = StandIn(account, speed, seed)
    try:
        if scenario:
            play(scenario, stand_in)
        server = Server(stand_in, port)
    except ValueError as exc:
        raise click.ClickException(str(exc)) from exc
    except OSError as exc:
        raise click.ClickException(f"Cannot listen on 127.0.0.1:{port}: {exc.strerror}") from exc
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    click.echo(f"Serving drs, ec2 and sts on http://127.0.0.1:{server.server_port}")
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
