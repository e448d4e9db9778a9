"""Structured logs: one JSON line each, for our own modules' standard loggers too."""

import logging

from aws_lambda_powertools import Logger


def set_up_logging(function: str) -> Logger:
    """The function's logger; what `cache` and `services` log goes out through it, once."""
    logger = Logger(service=function)
    for name in ("cache", "services"):
        ours = logging.getLogger(name)
        ours.handlers = logger.handlers
        ours.setLevel(logger.log_level)
        ours.propagate = False
    return logger
