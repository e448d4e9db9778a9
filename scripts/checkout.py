"""The product's command line, and the two commands that need a checkout: `local` and `signoff`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from loadtests.command import signoff
from local.command import local
from services.cli import main

main.add_command(local)
main.add_command(signoff)

if __name__ == "__main__":
    main(prog_name="./run.sh")
