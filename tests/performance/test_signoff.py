"""The verdict of the benchmarks: a missed target is seen, told, and
ends in an exit code; nothing here is timed.
"""

import json
import socket
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from loadtests import signoff
from loadtests.command import signoff as signoff_command
from loadtests.counting import KeyCounter
from loadtests.load import ALL_PLANS, ONE_PLAN, Run, Sample, Shape, percentile
from loadtests.plots import Axis, lines
from loadtests.report import cpu_per_page, write_report
from loadtests.verdict import Result, show


def sample(seconds: float = 0.05, handler: float = 0.01, **changes: object) -> Sample:
    """One good page of 200 servers."""
    return Sample(1000.0, ONE_PLAN, seconds, handler, True, False, 100)._replace(**changes)


THINK = Shape("think time", 10)


def run(*samples: Sample, shape: Shape = THINK) -> Run:
    """What came of a shape."""
    return Run(shape, list(samples), {"functions": 1.0}, shape.seconds)


def missed(it: Run) -> list[str]:
    """The targets this run does not meet."""
    return [result.name.partition(": ")[2] for result in signoff.verdict(it) if not result.ok]


def test_a_good_run_meets_every_target() -> None:
    """Fast, whole, and nothing unknown."""
    assert missed(run(*[sample()] * 100, sample(name=ALL_PLANS))) == []


@pytest.mark.parametrize(
    ("bad", "target"),
    [
        (sample(seconds=3.1), "slowest page"),
        (sample(is_whole=False), "failed requests"),
        (sample(is_degraded=True), "answers with unknowns"),
    ],
)
def test_one_bad_page_among_a_thousand_is_a_miss(bad: Sample, target: str) -> None:
    """Every page counts, not their average."""
    assert missed(run(*[sample()] * 1000, bad)) == [target]


def test_slow_handlers_are_a_miss_even_when_pages_are_fast() -> None:
    """The handler's 99th percentile has a target of its own."""
    slow = [sample(handler=0.2)] * 3
    assert missed(run(*[sample()] * 97, *slow)) == ["p99 in the handler, 200 servers"]


def test_nothing_measured_is_no_success() -> None:
    """A load that never arrived does not pass."""
    assert "slowest page" in missed(run())


def test_beyond_capacity_unknowns_are_told_but_no_miss() -> None:
    """There only the three seconds bind."""
    shape = Shape("Redis gone, beyond capacity", 10)
    assert missed(run(sample(is_degraded=True), shape=shape)) == []
    assert missed(run(sample(seconds=3.2), shape=shape)) == ["slowest page"]


def test_the_breaking_point_is_the_fewest_users_that_hurt() -> None:
    """Or the most there were, when nothing broke."""
    steps = Shape("ramp", 10, steps=((5, 50), (10, 400)))
    fine, bad = sample(users=200), sample(users=300, seconds=4)
    assert signoff.breaking_point(run(fine, bad, bad._replace(users=350), shape=steps)) == 300
    assert signoff.breaking_point(run(fine, shape=steps)) == 200


def test_the_machine_is_calibrated_in_the_report(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """On a slower machine the same targets are another matter: the report says how fast it is."""
    monkeypatch.setattr(signoff, "_local", lambda *_: [run(sample(), sample(at=1001.0))])
    assert signoff.sign_off(None, tmp_path, 1)
    machine, *_ = json.loads((tmp_path / "report.json").read_text())["results"]
    assert (machine["name"].partition(":")[0], machine["unit"]) == ("calibration", "ms")
    assert machine["measured"] > 0
    assert machine["target"] is None


@pytest.mark.parametrize(
    ("result", "ok"),
    [
        (Result("most", 1.0, "s", 1.0), True),
        (Result("most", 1.01, "s", 1.0), False),
        (Result("least", 3.0, "×", 3.0, at_least=True), True),
        (Result("least", 2.9, "×", 3.0, at_least=True), False),
        (Result("told", 9e9, ""), True),
        (Result("none at all", 1, "", 0), False),
    ],
)
def test_targets_are_met_at_their_limit(result: Result, ok: bool) -> None:
    """A most may be reached, a least must be; what has no target is never missed."""
    assert result.ok == ok
    assert show("x", [result]) == ok


@pytest.mark.parametrize(("met", "code"), [(True, 0), (False, 1)])
def test_the_command_ends_with_the_verdict(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, met: bool, code: int
) -> None:
    """Exit code 1 on a miss; host, report and scale are passed on."""
    asked: list[object] = []
    monkeypatch.setattr(signoff, "sign_off", lambda *words: asked.append(words) or met)
    done = CliRunner().invoke(
        signoff_command, ["--host", "https://x", "--out", str(tmp_path), "--scale", "0.5"]
    )
    assert (done.exit_code, asked) == (code, [("https://x", tmp_path, 0.5)])


def test_the_report_has_every_result_and_sound_plots(tmp_path: Path) -> None:
    """HTML and JSON say the same; the plots are well-formed."""
    runs = [
        run(*[sample(at=1000.0 + n) for n in range(5)]),
        run(sample(), shape=Shape("closed loop", 5)),
    ]
    results = [result for it in runs for result in signoff.verdict(it)] + [Result("<b>", 5, "s", 1)]
    page = write_report(tmp_path, runs, results).read_text()
    said = json.loads((tmp_path / "report.json").read_text())
    assert [it["name"] for it in said["results"]] == [it.name for it in results]
    assert said["isMet"] is False
    assert "&lt;b&gt;" in page
    assert "targets missed" in page
    for plot in ("latency", "percentiles"):
        ElementTree.fromstring((tmp_path / f"{plot}.svg").read_text())  # noqa: S314  our own


def test_cpu_is_told_per_page() -> None:
    """One CPU second over four pages is 250 ms each; the list of plans belongs to the page."""
    samples = [sample()] * 4 + [sample(name=ALL_PLANS)] * 4
    assert cpu_per_page(run(*samples)) == {"functions": 250.0}


def test_percentiles_of_nothing_and_of_one() -> None:
    """The ends are the least and the largest value."""
    assert percentile([1.0], 0.99) == 1.0
    assert percentile([1.0, 2.0, 3.0], 1.0) == 3.0
    assert str(percentile([], 0.5)) == "nan"


@pytest.mark.parametrize("log", [False, True])
def test_plots_take_a_single_point(log: bool) -> None:
    """No division by zero where a line has no length."""
    # our own
    ElementTree.fromstring(lines("t & u", Axis("x", log), Axis("y", log), {"a<b": [(5, 5)]}))  # noqa: S314


def test_the_counter_sees_every_key_however_it_is_cut() -> None:
    """Keys are counted over the borders of receives, on the way in only."""
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        counter = KeyCounter(upstream.getsockname()[1])
        with socket.create_connection(("127.0.0.1", counter.port)) as client:
            server, _ = upstream.accept()
            sent = b'x"sourceServerId"' * 50
            for at in range(0, len(sent), 7):
                client.sendall(sent[at : at + 7])
            got = b""
            while len(got) < len(sent):
                got += server.recv(1000)
            server.sendall(b'"sourceServerId"')
            assert client.recv(1000)
            server.close()
        counter.close()
    assert (got, counter.keys) == (sent, 50)


def test_the_plans_of_the_sign_off_have_200_servers_each() -> None:
    """Twelve plans over all places, none of them named like another."""
    world = signoff.make_world(servers=1200)
    names = signoff._add_plans(world)  # noqa: SLF001
    plans = {row["planId"]: row for row in world.recovery_plans}
    assert len(set(names)) == signoff.PLANS
    assert {
        len({it for wave in plans[name]["waves"] for it in wave["serverIds"]}) for name in names
    } == {200}
