"""Why a deployment stops.

Each message is for the person at the terminal: what is wrong, where, and what helps.
"""


class Refused(Exception):
    """Nothing was done, because something given or met does not allow it."""


class Failed(Exception):
    """AWS began and could not finish; CloudFormation has taken back what it made."""
