"""The process that `loadtests.crash` kills: one full sync of the product as it is, with a counter
under its sockets.

Reads lines `STEP WHEN` and answers each with how the sync of a forked child ended: `killed`, or
`done SENT`. STEP n is the n-th time anything is sent to anyone; WHEN is `before` it leaves or
`after` (it arrives, the reply is never seen).
"""

import os
import signal
import socket
import sys
from itertools import count
from typing import Any

from cache.values import Place
from services.settings import Settings
from services.sync.run import SyncParts, sync_all_recovery_instances
from services.sync.wiring import SyncWiring


def arm(step: int, when: str) -> Any:
    """Kills this process at that step; a function that says how much was sent so far."""
    sent, whole = count(1), socket.socket.sendall
    last = [0]

    def sendall(self: socket.socket, *arguments: Any) -> None:
        number = last[0] = next(sent)
        if number == step and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        whole(self, *arguments)
        if number == step:
            os.kill(os.getpid(), signal.SIGKILL)

    socket.socket.sendall = sendall  # type: ignore[method-assign, assignment]
    return lambda: last[0]


def run(parts: SyncParts, step: int, when: str) -> int:
    """The forked child's life; how often it sent something, through the pipe its parent reads."""
    sent = arm(step, when)
    sync_all_recovery_instances(parts)
    return int(sent())


def main() -> None:
    """Prepares what costs time and sends nothing, then forks one child per line."""
    wiring = SyncWiring(Settings.from_env())
    parts = wiring.sync_parts()
    for account in parts.accounts.values():
        for region in account.regions or ():
            for service in ("drs", "ec2"):
                parts.clients.get(service, Place(account.account_id, region))
    wiring.dynamodb.close()  # no child may inherit a connection
    for line in sys.stdin:
        step, when = line.split()
        read_end, write_end = os.pipe()
        if (child := os.fork()) == 0:
            os.write(write_end, str(run(parts, int(step), when)).encode())
            os._exit(0)
        os.close(write_end)
        _, status = os.waitpid(child, 0)
        sent = os.read(read_end, 16).decode()
        os.close(read_end)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        # the protocol
        print("killed" if killed else f"done {sent}" if sent else "failed", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
