"""Logs and metrics: one JSON line each, metrics as EMF lines that CloudWatch reads from the log."""

import logging
from time import time

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from cache.answer import Answer

NAMESPACE = "RecoveryInstanceSync"
metrics = Metrics(namespace=NAMESPACE)


def set_up_logging(function: str) -> Logger:
    """The function's logger; what `cache` and `services` log goes out through it, once."""
    logger = Logger(service=function)
    for name in ("cache", "services"):
        ours = logging.getLogger(name)
        ours.handlers = logger.handlers
        ours.setLevel(logger.log_level)
        ours.propagate = False
    return logger


def name_deployment(name: str) -> None:
    """Keep what this deployment measures apart from others in
    the account: a dimension on every metric.
    """
    metrics.set_default_dimensions(Deployment=name)


def count_read(answer: Answer) -> None:
    """One page read: hits, misses, unknowns, whether the mirror was
    away, and how old the oldest look behind it is.
    """
    metrics.add_metric("CacheHitCount", MetricUnit.Count, answer.hits)
    metrics.add_metric("CacheMissCount", MetricUnit.Count, len(answer.missed))
    metrics.add_metric("UnknownServerCount", MetricUnit.Count, len(answer.unknown))
    metrics.add_metric("MirrorAway", MetricUnit.Count, int(answer.mirror_away))
    if (as_of := answer.as_of) is not None:
        metrics.add_metric("DataAge", MetricUnit.Seconds, max(0.0, time() - as_of / 1000))


def count_republished(changed: int, unpublished: int) -> None:
    """A batch of the table's stream: rows that have changed, and how many of them did not reach the
    mirror.
    """
    metrics.add_metric("RowsChanged", MetricUnit.Count, changed)
    metrics.add_metric("RowsUnpublished", MetricUnit.Count, unpublished)


def count_failed_execution(*, failed: bool) -> None:
    """An execution has ended."""
    metrics.add_metric("ExecutionsFailed", MetricUnit.Count, int(failed))


def count_watch(*, abandoned: int) -> None:
    """The executions that nobody drives, though nobody has ended them either."""
    metrics.add_metric("ExecutionsAbandoned", MetricUnit.Count, abandoned)
