"""The sign-off's report: what was asked and measured, as a page and as JSON, with plots."""

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from loadtests.load import ALL_PLANS, ONE_PLAN, Run, percentile
from loadtests.plots import Axis, Points, lines
from loadtests.verdict import Result, circumstances

SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0)
_STYLE = """body{font:15px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse}td,th{padding:.2rem .8rem;border-bottom:1px solid #ddd;text-align:left}
.missed{color:#b71c1c;font-weight:bold}svg{max-width:100%}"""


def write_report(directory: Path, runs: Sequence[Run], results: Sequence[Result]) -> Path:
    """Writes report.json, report.html and the plots; the page's path."""
    plots = {"latency": _over_time(runs), "percentiles": _percentiles(runs)}
    for name, plot in plots.items():
        (directory / f"{name}.svg").write_text(plot)
    body = {
        "circumstances": circumstances(),
        "isMet": all(it.ok for it in results),
        "results": [it.as_dict() for it in results],
        "shapes": [_facts(it) for it in runs],
    }
    (directory / "report.json").write_text(json.dumps(body, indent=1))
    page = directory / "report.html"
    page.write_text(_page(body, runs, plots))
    return page


def cpu_per_page(it: Run) -> dict[str, float]:
    """CPU milliseconds by process for one operator's page: all plans, and one plan."""
    pages = max(1, len(it.times(ONE_PLAN)))
    return {name: round(seconds * 1000 / pages, 2) for name, seconds in it.cpu.items()}


def _facts(it: Run) -> dict[str, Any]:
    return {
        "name": it.shape.name,
        "seconds": it.shape.seconds,
        "users": it.shape.users,
        "think": it.shape.think,
        "requests": len(it.samples),
        "failed": it.failed,
        "withUnknowns": it.degraded,
        "secondsByShare": {
            name: {f"{share:g}": round(percentile(it.times(name), share), 4) for share in SHARES}
            for name in (ALL_PLANS, ONE_PLAN)
            if it.times(name)
        },
        "handlerSecondsByShare": {
            f"{share:g}": round(percentile(it.handler_times(ONE_PLAN), share), 4)
            for share in SHARES
            if it.handler_times(ONE_PLAN)
        },
        "cpuMillisecondsPerPage": cpu_per_page(it),
        "notes": it.notes,
    }


def _over_time(runs: Sequence[Run]) -> str:
    """The slowest page of each second, shape by shape."""
    series: dict[str, Points] = {}
    for it in runs:
        if it.shape.name == "live" or not it.samples:
            continue
        start = it.samples[0].at
        slowest: dict[int, float] = {}
        for sample in it.samples:
            second = int(sample.at - start)
            slowest[second] = max(slowest.get(second, 0.001), sample.seconds)
        series[it.shape.name] = sorted(slowest.items())
    return lines(
        "Slowest request of each second", Axis("seconds"), Axis("seconds", log=True), series
    )


def _percentiles(runs: Sequence[Run]) -> str:
    series: dict[str, Points] = {
        it.shape.name: [
            (share * 100, max(percentile(it.times(), share), 0.001)) for share in SHARES
        ]
        for it in runs
        if it.samples
    }
    return lines(
        "Request times by percentile", Axis("percentile"), Axis("seconds", log=True), series
    )


def _page(body: dict[str, Any], runs: Sequence[Run], plots: dict[str, str]) -> str:
    rows = "".join(map(_row, body["results"]))
    names = sorted({name for it in runs for name in it.cpu})
    costs = "".join(
        f"<tr><td>{escape(it.shape.name)}"
        + "".join(f"<td>{cpu_per_page(it).get(name, 0):.1f}" for name in names)
        for it in runs
    )
    heads = "".join(f"<th>{escape(name)}" for name in names)
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Capacity sign-off</title>
<style>{_STYLE}</style>
<h1>Capacity sign-off: {"all targets met" if body["isMet"] else "targets missed"}</h1><p>{escape(body["circumstances"])}
<table><tr><th><th>target<th>measured<th>ratio<th>{rows}</table>{"".join(plots.values())}
<h2>CPU milliseconds per page, by process</h2><table><tr><th>{heads}{costs}</table></html>
"""


def _row(it: dict[str, Any]) -> str:
    measured = f"{it['measured']:.4g} {it['unit']}"
    if it["target"] is None:
        return f"<tr><td>{escape(it['name'])}<td><td>{measured}<td><td>"
    ratio = "" if it["ratio"] is None else f"{it['ratio']:.2f}"
    word = "ok" if it["ok"] else "missed"
    return (
        f"<tr><td>{escape(it['name'])}<td>{it['target']}<td>{measured}<td>{ratio}<td "
        f"class={word}>{word}"
    )
