"""The page of metrics is what Prometheus takes."""

import subprocess

import pytest

from authrim.metrics.catalogue import METRICS
from authrim.metrics.declaration import Counter, Gauge
from authrim.metrics.exposition import exposition
from authrim.metrics.snapshot import Snapshot

pytestmark = pytest.mark.operations


def test_promtool_finds_nothing_to_say() -> None:
    """promtool reads a page that has every metric, and its linter agrees with names, types, units and meanings."""
    full = Snapshot(1.0, {}, {}, {})
    for metric in METRICS:
        labels = tuple(f"a {label}" for label in metric.labels)
        if isinstance(metric, Counter):
            full.counters[metric.name] = {labels: 1.0}
        elif isinstance(metric, Gauge):
            full.gauges[metric.name] = {labels: 1.0}
        else:
            full.histograms[metric.name] = {labels: [1.0] * (len(metric.bounds) + 2)}
    text, _ = exposition(full, "")
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
