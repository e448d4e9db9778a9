"""The tables of the platform around us, a file per table."""
