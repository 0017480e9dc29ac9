"""A snapshot in the text formats of Prometheus and OpenMetrics, written by ``prometheus_client``.

Only a server that has a page of metrics imports this: the library takes 60 ms to load.
"""

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import (
    Metric as Family,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from authrim.metrics.catalogue import METRICS
from authrim.metrics.declaration import Counter, Gauge, Metric
from authrim.metrics.snapshot import Snapshot


class _Page(Collector):
    """The families of a snapshot, in the catalogue's order. A metric that has no series yet is on the page too."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Family]:
        """One family for each metric."""
        return (_family(metric, self._snapshot) for metric in METRICS)


def exposition(snapshot: Snapshot, accept: str) -> tuple[bytes, str]:
    """The page and its media type, in the format that ``Accept`` prefers."""
    encode, media_type = choose_encoder(accept)
    return encode(_Page(snapshot)), media_type


def _family(metric: Metric, snapshot: Snapshot) -> Family:
    if isinstance(metric, Counter):
        counter = CounterMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        for labels, value in snapshot.counters.get(metric.name, {}).items():
            counter.add_metric(labels, value)
        return counter
    if isinstance(metric, Gauge):
        gauge = GaugeMetricFamily(metric.name, metric.meaning, labels=metric.labels)
        for labels, value in snapshot.gauges.get(metric.name, {}).items():
            gauge.add_metric(labels, value)
        return gauge
    histogram = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
    for labels, cell in snapshot.histograms.get(metric.name, {}).items():
        histogram.add_metric(labels, list(_buckets(metric.bounds, cell[:-1])), cell[-1])
    return histogram


def _buckets(bounds: Iterable[float], counts: Iterable[float]) -> Iterator[tuple[str, float]]:
    """Each bound with how many values were at most that much."""
    ends = (*map(str, bounds), "+Inf")
    return zip(ends, accumulate(counts), strict=True)
