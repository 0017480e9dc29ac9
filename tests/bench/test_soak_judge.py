"""The judge of a soak finds what grows, and is not misled by what settles or scatters."""

from collections import Counter
from random import Random

import pytest

from bench.soak.judge import trend_of
from bench.soak.page import Report, Window, curves, text
from bench.soak.readings import Name, Readings

_MEMORY = Name("memory", "RSS of worker 1")


def _report(values: list[float], name: Name = _MEMORY, failures: int = 0) -> Report:
    readings: list[tuple[float, Readings]] = [
        (10.0 * number, {name: value}) for number, value in enumerate(values)
    ]
    windows = [Window.of(10.0 * number, [1.0, 2.0, 30.0]) for number in range(len(values))]
    return Report(10, readings, windows, Counter({"refresh": 1000}), Counter({"refresh: 500": failures}), 0)


def test_a_leak_is_found() -> None:
    """Memory that grows by 24 MB per hour under scatter is found, and the run fails."""
    chance = Random(1)
    report = _report([120 + number * 24 / 360 + chance.uniform(-1, 1) for number in range(120)])
    assert len(report.faults) == 1
    assert "RSS of worker 1" in report.faults[0]
    assert "**grows**" in text(report)


@pytest.mark.parametrize("kind", ["handles", "rows", "hot table", "connections", "queue"])
def test_growth_of_any_kind_is_found(kind: str) -> None:
    """Whatever is judged is found when it grows without bound."""
    assert _report([10.0 + number * 20 for number in range(120)], Name(kind, "something")).faults


def test_what_settles_is_bounded() -> None:
    """Memory that grows at first, settles, and then only scatters is no fault."""
    chance = Random(2)
    report = _report([120 + min(number, 40) + chance.uniform(-2, 2) for number in range(120)])
    assert report.faults == []
    assert "bounded" in text(report)


def test_the_log_grows_by_design() -> None:
    """The log itself is named, and is no fault."""
    report = _report([float(number) for number in range(120)], Name("the log", "events"))
    assert report.faults == []
    assert "grows by design" in text(report)


def test_a_run_that_failed_or_read_nothing_is_no_proof() -> None:
    """Failed requests, a broken rule and an empty run are faults."""
    assert _report([1.0] * 30, failures=50).faults
    assert _report([1.0] * 30, Name("breaches", "monitor_breaches")).faults
    assert _report([]).faults


def test_too_few_readings_say_nothing() -> None:
    """No line is drawn through a handful of readings."""
    assert trend_of([(10.0 * number, float(number)) for number in range(10)]) is None


def test_curves_are_drawn() -> None:
    """Each chart has a line for what was read."""
    drawn = curves(_report([120.0 + number % 3 for number in range(60)]))
    assert drawn["memory"].count("<polyline") == 1
    assert drawn["latency"].count("<polyline") == 2
