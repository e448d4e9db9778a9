"""`recovery-sync`: the product on the command line, for whoever is on call.

Exit code 1 on failure, 2 on bad usage.
"""

from services.cli import check, drills, executions, leftovers, show, sync, terminate, upkeep
from services.cli.group import main

__all__ = [
    "check",
    "drills",
    "executions",
    "leftovers",
    "main",
    "show",
    "sync",
    "terminate",
    "upkeep",
]
