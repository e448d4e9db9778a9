"""What a sync tells CloudWatch: totals for the alarms, and one set per place for the dashboard."""

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from services.metrics import NAMESPACE, metrics
from services.sync.place import PlaceReport
from services.sync.report import SyncReport


def count_sync(report: SyncReport) -> None:
    """One sync, whole or of one place."""
    places = report.places
    metrics.add_metric("SyncDuration", MetricUnit.Milliseconds, report.duration_ms)
    metrics.add_metric("InstancesUpdated", MetricUnit.Count, sum(it.instances for it in places))
    metrics.add_metric("PlacesFailed", MetricUnit.Count, sum(not it.outcome.is_complete for it in places))
    metrics.add_metric("PublishFailures", MetricUnit.Count, sum(it.unpublished for it in places))
    metrics.add_metric("RefusedOlderWrites", MetricUnit.Count, sum(it.refused for it in places))
    for place in places:
        _count_place(place)


def _count_place(report: PlaceReport) -> None:
    deployment = dict(metrics.default_dimensions)
    first = ("PlaceInstances", MetricUnit.Count, report.instances)
    with single_metric(*first, namespace=NAMESPACE, default_dimensions=deployment) as metric:
        metric.add_dimension("Account", report.place.account_id)
        metric.add_dimension("Region", report.place.region)
        metric.add_metric("PlaceAwsCalls", MetricUnit.Count, report.aws_calls.total())
        metric.add_metric("PlaceComplete", MetricUnit.Count, int(report.outcome.is_complete))
        metric.add_metric("PlaceDuration", MetricUnit.Milliseconds, report.duration_ms)
        metric.add_metadata("outcome", str(report.outcome))
