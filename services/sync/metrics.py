"""What a sync tells CloudWatch: totals for the alarms, and one set per place for the dashboard."""

from collections.abc import Mapping
from time import time

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from cache.values import PlaceLook, to_millis
from services.sync.place import PlaceReport
from services.sync.report import SyncReport
from services.telemetry import NAMESPACE, metrics

DAY = 86_400.0
LONGEST_AGE = 86_400.0  # seconds; a place never seen counts as this old


def count_whole_sync(report: SyncReport, looks: Mapping[str, PlaceLook]) -> None:
    """The heartbeat: places seen, and how long ago the longest unseen one was, whoever reads.

    `looks` are the looks as they stand after the sync; only configured places count.
    """
    metrics.add_metric(
        "PlacesSeen", MetricUnit.Count, sum(it.outcome.is_complete for it in report.places)
    )
    known = [looks[str(it.place)] for it in report.places if str(it.place) in looks]
    if known:
        age = time() - min(it.completed_at for it in known) / 1000
        metrics.add_metric("OldestLook", MetricUnit.Seconds, max(0.0, min(age, LONGEST_AGE)))


def count_sync(report: SyncReport) -> None:
    """One sync, whole or of one place."""
    places = report.places
    metrics.add_metric("SyncDuration", MetricUnit.Milliseconds, report.duration_ms)
    metrics.add_metric("InstancesUpdated", MetricUnit.Count, sum(it.instances for it in places))
    metrics.add_metric(
        "PlacesFailed", MetricUnit.Count, sum(it.outcome.is_failure for it in places)
    )
    metrics.add_metric("PublishFailures", MetricUnit.Count, sum(it.unpublished for it in places))
    metrics.add_metric("RefusedOlderWrites", MetricUnit.Count, sum(it.refused for it in places))
    drills = [it.oldest_drill for it in places if it.oldest_drill]
    oldest = time() - min(map(to_millis, drills)) / 1000 if drills else 0.0
    metrics.add_metric("OldestDrillDays", MetricUnit.Count, max(0.0, oldest / DAY))
    for place in places:
        _count_place(place)


def _count_place(report: PlaceReport) -> None:
    place = EphemeralMetrics(
        namespace=NAMESPACE
    )  # single_metric takes one metric and drops the others without a word
    for name, value in metrics.default_dimensions.items():
        place.add_dimension(name, value)
    place.add_dimension("Account", report.place.account_id)
    place.add_dimension("Region", report.place.region)
    place.add_metric("PlaceInstances", MetricUnit.Count, report.instances)
    place.add_metric("PlaceAwsCalls", MetricUnit.Count, report.aws_calls.total())
    place.add_metric("PlaceComplete", MetricUnit.Count, int(report.outcome.is_complete))
    place.add_metric("PlaceDuration", MetricUnit.Milliseconds, report.duration_ms)
    place.add_metadata("outcome", str(report.outcome))
    place.flush_metrics()
