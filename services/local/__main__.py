"""`python -m services.local`: the local stack without the rest of the command line."""

import sys

from rich.console import Console

from services.local.processes import LocalStackError
from services.local.run import DIRECTORY, run_local
from services.local.stack import Stack

if __name__ == "__main__":
    try:
        run_local(Console(), Stack(DIRECTORY, port=8080))
    except LocalStackError as error:
        sys.exit(str(error))
