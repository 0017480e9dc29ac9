"""The catalogue of metrics: names by Prometheus' conventions, labels that are explained, series that are bounded."""

import ast
import re
from pathlib import Path

import pytest

from authrim.metrics import catalogue
from authrim.metrics.catalogue import METRICS
from authrim.metrics.declaration import MOST_SERIES, Counter, Gauge, Histogram, Metric
from authrim.metrics.labels import LABELS


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_name_follows_the_conventions(metric: Metric) -> None:
    """A counter ends in ``_total`` and nothing else does; what is measured names its base unit; every label is
    explained."""
    assert re.fullmatch(r"authrim_[a-z]+(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") == isinstance(metric, Counter)
    assert not re.search(r"milli|micro|minutes|_ms_|kilo", metric.name)
    assert set(metric.labels) <= set(LABELS)
    assert metric.meaning.endswith(".")


def test_every_metric_is_on_the_page() -> None:
    """Each declaration of the file belongs to one subject, and no name is used twice."""
    declared = [
        target.id
        for node in ast.parse(Path(catalogue.__file__).read_text("utf-8")).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Call)
        for target in [node.target]
        if isinstance(target, ast.Name) and isinstance(node.value.func, ast.Name)
        and node.value.func.id in {"Counter", "Gauge", "Histogram"}
    ]  # fmt: skip
    assert [getattr(catalogue, name) for name in declared] == list(METRICS)
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert {label for metric in METRICS for label in metric.labels} == set(LABELS)


def test_everything_that_is_declared_is_counted() -> None:
    """Each metric is used by name somewhere in the server: none stays at nothing forever as if all were well."""
    root = Path(catalogue.__file__).parents[1]
    used: set[str] = set()
    for file in root.rglob("*.py"):
        if file.name != "catalogue.py":
            tree = ast.parse(file.read_text("utf-8"))
            used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
            used |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names = {name for name, value in vars(catalogue).items() if value in METRICS}
    assert names <= used


def test_no_input_makes_the_series_grow_without_end() -> None:
    """Values beyond the limit of a metric are counted as ``other``, and nothing is lost (A304)."""
    counter = Counter("authrim_a_total", "A.", ("client_id", "kind"))
    gauge, histogram = Gauge("authrim_b", "B.", ("x",)), Histogram("authrim_c", "C.", ("x",))
    for number in range(3 * MOST_SERIES):
        counter.add(f"client-{number}", "code")
        gauge.set(number, str(number))
        histogram.observe(0.3, str(number))
    for metric in (counter, gauge, histogram):
        assert len(metric.series) == MOST_SERIES + 1
    assert counter.series["other", "other"] == 2 * MOST_SERIES
    assert sum(map(sum, (cell[:-1] for cell in histogram.series.values()))) == 3 * MOST_SERIES


def test_a_value_at_a_bound_is_in_its_bucket() -> None:
    """A bucket has what is less than or equal to its bound; what is beyond the last bound is counted too."""
    histogram = Histogram("authrim_a_seconds", "A.", bounds=(0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7):
        histogram.observe(value)
    assert histogram.series[()] == pytest.approx([2, 1, 1, 7.65])


def test_labels_that_a_metric_does_not_have_are_a_defect() -> None:
    """Too few or too many labels raise when a series begins, in a test that counts anything."""
    with pytest.raises(ValueError, match="authrim_a_total has the labels"):
        Counter("authrim_a_total", "A.", ("x",)).add("one", "two")
