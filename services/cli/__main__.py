"""`python -m services.cli`."""

from services.cli import main

main(prog_name="recovery-sync")
