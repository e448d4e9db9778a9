"""`python -m standin.aws.fleet`: build a big fleet in the
stand-in and measure what it costs to list it.
"""

import multiprocessing
import resource
import threading
import time
from itertools import islice, product
from multiprocessing.connection import Connection

import boto3
import click
from botocore.config import Config

from standin.aws import models
from standin.aws.front import Server
from standin.aws.loading import load
from standin.aws.standin import StandIn
from standin.drs.fleet import holdings

PAGE = 200


def places(accounts: int, regions: int) -> list[tuple[str, str]]:
    """That many made-up accounts, each in the first so many regions."""
    return list(
        product(
            [f"{300_000_000_000 + n}" for n in range(accounts)], islice(models.REGIONS, regions)
        )
    )


def build(stand_in: StandIn, servers: int, launched: int, where: list[tuple[str, str]]) -> None:
    """Spread `servers` source servers, `launched` of them with
    recovery instances, evenly over the places.
    """
    now = stand_in.drs.clock.now()
    for number, (account, region) in enumerate(where):
        body = holdings(
            account, region, _share(servers, number, where), _share(launched, number, where), now
        )
        load(stand_in.drs, stand_in.state.place(account, region), body)


def _share(total: int, number: int, where: list[tuple[str, str]]) -> int:
    """The number-th place's part of a total that need not divide evenly."""
    return total * (number + 1) // len(where) - total * number // len(where)


def _serve(
    servers: int, launched: int, where: list[tuple[str, str]], to_parent: Connection
) -> None:
    started = time.monotonic()
    stand_in = StandIn(speed=0)
    build(stand_in, servers, launched, where)
    server = Server(stand_in, 0)
    to_parent.send((server.server_port, time.monotonic() - started))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while to_parent.recv():
        used = resource.getrusage(resource.RUSAGE_SELF)
        to_parent.send((used.ru_utime + used.ru_stime, used.ru_maxrss / 1024))


@click.command()
@click.option("--servers", default=100_000, show_default=True)
@click.option(
    "--launched", default=20_000, show_default=True, help="Servers that have a recovery instance."
)
@click.option("--accounts", default=50, show_default=True)
@click.option("--regions", default=10, show_default=True)
def main(servers: int, launched: int, accounts: int, regions: int) -> None:
    """Build a fleet in a process of its own, list it all with boto3
    in pages of 200, and print what it cost.
    """
    where = places(accounts, regions)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(servers, launched, where, theirs)
    )
    process.start()
    theirs.close()  # so that a child that dies ends our waiting
    try:
        port, seconds = ours.recv()
        click.echo(
            f"{servers} source servers, {launched} recovery instances in {len(where)} places: "
            f"{seconds:.1f} s"
        )
        for service, operation, member in (
            ("drs", "describe_source_servers", "items"),
            ("drs", "describe_recovery_instances", "items"),
            ("ec2", "describe_instances", "Reservations"),
        ):
            before, _ = _used(ours)
            items, seconds = _list_all(
                f"http://127.0.0.1:{port}", where, service, operation, member
            )
            after, _ = _used(ours)
            rate = (
                f"{items / seconds:.0f} items/s, {1000 * (after - before) / items:.3f} ms of "
                "the stand-in's CPU each"
            )
            click.echo(f"{operation}: {items} items in {seconds:.1f} s = {rate}")
        click.echo(f"peak memory of the stand-in: {_used(ours)[1]:.0f} MiB")
    finally:
        process.terminate()
        process.join()


def _used(child: Connection) -> tuple[float, float]:
    """CPU seconds so far, and peak memory in MiB."""
    child.send(True)
    used: tuple[float, float] = child.recv()
    return used


def _list_all(
    url: str, where: list[tuple[str, str]], service: str, operation: str, member: str
) -> tuple[int, float]:
    """How many items there are in all places, and how many seconds it took to page through them."""
    session = boto3.Session()
    items, seconds = 0, 0.0
    for account, region in where:
        client = session.client(
            service,
            region_name=region,
            endpoint_url=url,
            aws_access_key_id=account,
            aws_secret_access_key="any",  # noqa: S106
            config=Config(retries={"total_max_attempts": 1}),
        )
        started = time.monotonic()
        for reply in client.get_paginator(operation).paginate(PaginationConfig={"PageSize": PAGE}):
            items += len(reply[member])
        seconds += time.monotonic() - started
    return items, seconds


if __name__ == "__main__":
    main()
