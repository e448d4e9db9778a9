"""The metrics, as EMF lines in the log: CloudWatch reads them from there. Names of the original keep their wording."""

from time import time

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from cache.reader import Answer

NAMESPACE = "RecoveryInstanceSync"
metrics = Metrics(namespace=NAMESPACE)


def name_deployment(name: str) -> None:
    """Keep what this deployment measures apart from others in the account: a dimension on every metric."""
    metrics.set_default_dimensions(Deployment=name)


def count_read(answer: Answer) -> None:
    """One page read: hits, misses, unknowns, whether the mirror was away, and how old the oldest look behind it is."""
    metrics.add_metric("CacheHitCount", MetricUnit.Count, answer.hits)
    metrics.add_metric("CacheMissCount", MetricUnit.Count, len(answer.missed))
    metrics.add_metric("UnknownServerCount", MetricUnit.Count, len(answer.unknown))
    metrics.add_metric("MirrorAway", MetricUnit.Count, int(answer.mirror_away))
    if (as_of := answer.as_of) is not None:
        metrics.add_metric("DataAge", MetricUnit.Seconds, max(0.0, time() - as_of / 1000))
