"""CloudWatch's alarms as far as the template uses them: periods of datapoints in, OK or ALARM out.

Statistics, metric math (IF, FILL, arithmetic and comparisons), M of N datapoints and missing data,
as the CloudWatch user guide describes them. Dimensions are compared whole, as CloudWatch does.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.infra.policies import PARAMETERS, filled
from tests.infra.templates import resources

type Series = tuple[str, str, frozenset[tuple[str, str]]]
STATISTICS = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "p99": lambda values: sorted(values)[int(0.99 * len(values))],
}
COMPARISONS = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
}


@dataclass
class Period:
    """The datapoints of five minutes."""

    points: defaultdict[Series, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, namespace: str, name: str, value: float, **dimensions: str) -> None:
        """One datapoint."""
        self.points[namespace, name, frozenset(dimensions.items())].append(value)


class Alarm:
    """One alarm of a template."""

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self._it = properties

    def is_ringing(self, periods: Sequence[Period]) -> bool:
        """Whether it is in ALARM after these periods, the newest last."""
        window = periods[-self._it["EvaluationPeriods"] :]
        breaching = sum(self._is_breaching(it) for it in window)
        return breaching >= self._it.get("DatapointsToAlarm", self._it["EvaluationPeriods"])

    def _is_breaching(self, period: Period) -> bool:
        value = self._value(period)
        if value is None:
            return bool(self._it["TreatMissingData"] == "breaching")
        compare = COMPARISONS[self._it["ComparisonOperator"]]
        return bool(compare(value, _number(self._it["Threshold"])))

    def _value(self, period: Period) -> float | None:
        if "Metrics" not in self._it:
            statistic = self._it.get("Statistic") or self._it["ExtendedStatistic"]
            return _statistic(period, self._it, statistic)
        values = {
            it["Id"]: _statistic(period, it["MetricStat"]["Metric"], it["MetricStat"]["Stat"])
            for it in self._it["Metrics"]
            if "MetricStat" in it
        }
        (expression,) = (it["Expression"] for it in self._it["Metrics"] if "Expression" in it)
        return _calculated(expression, values)


def _number(threshold: Any) -> float:
    """A threshold, from the deployment's parameters where it is one."""
    return float(PARAMETERS[threshold["Ref"]] if isinstance(threshold, dict) else threshold)


def alarms(template: str = "monitoring.yaml") -> dict[str, Alarm]:
    """Every alarm of the template by its logical name, as of a deployment with a mirror."""
    found = resources(template, "AWS::CloudWatch::Alarm")
    return {name: Alarm(properties) for name, properties in found.items()}


def _statistic(period: Period, metric: Mapping[str, Any], statistic: str) -> float | None:
    dimensions = frozenset((it["Name"], _text(it["Value"])) for it in metric["Dimensions"])
    points = period.points.get((metric["Namespace"], metric["MetricName"], dimensions))
    return float(STATISTICS[statistic](points)) if points else None


def _text(value: object) -> str:
    """A dimension's value with its parameters filled in."""
    if isinstance(value, dict):
        return filled(value["Fn::Sub"] if "Fn::Sub" in value else f"${{{value['Ref']}}}")
    return str(value)


def _calculated(expression: str, values: Mapping[str, float | None]) -> float | None:
    """Metric math: no datapoint where a metric has none, unless FILL names what stands in."""
    python = re.sub(r"\bIF\(", "iif(", re.sub(r"\bAND\b", "and", expression))
    needed = set(re.findall(r"\b[a-z_]+\b", re.sub(r"FILL\([^)]*\)", "", expression)))
    if any(values[it] is None for it in needed & values.keys()):
        return None
    functions = {
        "iif": lambda so, then, otherwise: then() if so else otherwise(),
        "FILL": lambda value, default: default if value is None else value,
    }
    python = re.sub(r"iif\(([^,]*), ([^,]*), ([^,]*)\)", r"iif(\1, lambda: \2, lambda: \3)", python)
    names = {"__builtins__": {}, **functions, **values}
    return float(eval(python, names))  # noqa: S307 - the template's own text
