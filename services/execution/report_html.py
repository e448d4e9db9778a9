"""The report as one HTML page that stands alone: to print, to file, to send.

Names are other people's text and are escaped.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from services.platform.execution import OVER

KINDS = {"DRILL": "Drill", "RECOVERY": "Recovery"}
type Part = Mapping[str, Any]

_STYLE = """
body { max-width: 70em; margin: 2em auto; padding: 0 1em; color: #17202b; font: 14px/1.45 system-ui, Arial, sans-serif; }
h1 { margin-bottom: 0; } h2 { margin: 1.6em 0 0.3em; font-size: 16px; break-after: avoid; }
p { margin: 0.3em 0; } .sub { color: #52606e; } .bad { color: #b3261e; font-weight: 600; }
table { width: 100%; border-collapse: collapse; } td, th { padding: 3px 8px 3px 0; text-align: left; vertical-align: top; }
th { border-bottom: 1px solid #7b8794; } td { border-bottom: 1px solid #d8dee6; overflow-wrap: anywhere; }
tr { break-inside: avoid; } .number { text-align: right; white-space: nowrap; }
@media print { body { margin: 0; max-width: none; font-size: 11px; } }
"""


def report_html(report: Part) -> str:
    """The page of a report body."""
    title = f"{kind_of(report)} report: {report['planName'] or report['planId']}"
    parts = [
        f"<h1>{_text(title)}</h1>",
        (
            f'<p class="sub">Execution {_text(report["executionId"])}, report of '
            f"{_text(report['generatedAt'])}</p>"
        ),
        _facts(report),
        _check(report["findings"]),
        *(_wave(wave) for wave in report["waves"]),
        _end(report),
    ]
    head = f'<meta charset="utf-8"><title>{_text(title)}</title><style>{_STYLE}</style>'
    return (
        "<!doctype html>\n<html "
        f'lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'
    )


def kind_of(report: Part) -> str:
    """What it was; rows of others may not say."""
    return KINDS.get(report["executionType"], "Execution")


def what_is_left(report: Part) -> str:
    """Never "nothing" where nobody knows."""
    left = report["leftBehind"]
    if left is None:
        return "could not be asked" if report["status"] in OVER else "not known while it runs"
    return f"{len(left)} servers still have an instance: {', '.join(left)}" if left else "nothing"


def duration(seconds: int | None) -> str:
    """`4 s`, `3 min 5 s`, `2 h 5 min`; `not known` for None."""
    if seconds is None:
        return "not known"
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minute} min"
    return f"{minute} min {second} s" if minute else f"{second} s"


def _facts(report: Part) -> str:
    rows = [
        ("Status", report["status"] + (f": {report['message']}" if report["message"] else "")),
        ("Asked for by", report.get("requestedBy") or "not known"),
        ("Agreed to by", report.get("approvedBy") or "nobody else"),
        *([("Cancelled by", report["cancelledBy"])] if report["cancelledBy"] else []),
        ("Started", report["startTime"] or "not known"),
        ("Ended", report["endTime"] or "not yet"),
        ("Took", duration(report["durationSeconds"])),
        ("Servers", f"{report['serverCount']}: {_counts(report)}"),
        ("Longest recovery time (RTO)", duration(report["longestRecoveryTimeSeconds"])),
        ("Oldest recovery point (RPO)", duration(report["oldestRecoveryPointSeconds"])),
        ("Measured on", f"{report['measured']} of {report['serverCount']} servers"),
    ]
    return _table((), ((f"<b>{_text(name)}</b>", _text(value)) for name, value in rows))


def _check(findings: Sequence[Part] | None) -> str:
    if findings is None:
        said = ["Not checked by this product."]
    else:
        said = [f"{it['severity']}: {it['message']}" for it in findings] or ["Nothing was found."]
    heading = "<h2>Plan check before the launch</h2>"
    return heading + "".join(f"<p>{_text(it)}</p>" for it in said)


def _wave(wave: Part) -> str:
    name = f"Wave {wave['waveNumber']} {wave['waveName']}".strip()
    place = f"{wave['accountId']} / {wave['region']}"
    said = f"{wave['status']}, {_counts(wave)}, took {duration(wave['durationSeconds'])}"
    jobs = ", ".join(wave["jobIds"]) or "no job"
    if wave["resumedBy"]:
        jobs += f", resumed by {wave['resumedBy']}"
    heads = ("Server", "Status", "Instance", "Type", "Recovery point", "RPO", "Launched", "RTO")
    why = f'<p class="bad">{_text(wave["message"])}</p>' if wave["message"] else ""
    return (
        f"<h2>{_text(name)}</h2><p>{_text(said)}</p>"
        f'<p class="sub">{_text(place)}, {_text(jobs)}</p>{why}'
        + _table(heads, map(_server, wave["servers"]))
    )


def _server(server: Part) -> Sequence[str]:
    name = server["sourceServerName"]
    status = _text(server["status"])
    if server["reason"]:
        status += f'<br><span class="bad">{_text(server["reason"])}</span>'
    return (
        (f"{_text(name)}<br>" if name else "") + _text(server["sourceServerId"]),
        status,
        _text(server["ec2InstanceId"] or "–"),
        _text(server["instanceType"] or "–"),
        _text(server["pointInTime"] or "not known"),
        _text(duration(server["recoveryPointSeconds"])),
        _text(server["launchTime"] or "not known"),
        _text(duration(server["recoveryTimeSeconds"])),
    )


def _end(report: Part) -> str:
    jobs = [
        f"{it['jobId']}: {len(it['serverIds'])} servers in {it['accountId']} / {it['region']}, "
        f"{it['status']}"
        + (f", asked for at {it['requestedAt']}" if it.get("requestedAt") else "")
        + (f" by {it['requestedBy']}" if it.get("requestedBy") else "")
        + (f", over at {it['endedAt']}" if it.get("endedAt") else "")
        for it in report["termination"]
    ]
    notes = [
        f"{it['at']}, {it['by'] or 'not known who'}: {it['note']}" for it in report["cleanUps"]
    ]
    return (
        "<h2>Termination</h2>"
        + ("".join(f"<p>{_text(it)}</p>" for it in jobs) or "<p>Nothing was terminated.</p>")
        + "".join(f"<p>Clean-up, {_text(it)}</p>" for it in notes)
        + f"<p><b>Left behind:</b> {_text(what_is_left(report))}</p>"
    )


def _counts(part: Part) -> str:
    return f"{part['launched']} launched, {part['failed']} failed"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = f"<tr>{''.join(f'<th>{it}</th>' for it in heads)}</tr>" if heads else ""
    body = "".join(f"<tr>{''.join(f'<td>{it}</td>' for it in row)}</tr>" for row in rows)
    return f"<table>{head}{body}</table>"


def _text(value: object) -> str:
    return escape(str(value))
