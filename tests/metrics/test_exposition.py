"""The page in Prometheus' formats, read back by the library's own parsers."""

from collections.abc import Callable, Iterable

import pytest
from prometheus_client import Metric as Family
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from authrim.metrics.catalogue import METRICS
from authrim.metrics.exposition import exposition
from authrim.metrics.snapshot import Snapshot

Parser = Callable[[str], Iterable[Family]]

SNAPSHOT = Snapshot(
    1.0,
    counters={"authrim_appends_total": {("committed",): 3.0}},
    gauges={"authrim_table_rows": {('a "quoted"\nname',): 7.0}},
    histograms={"authrim_append_batch_size": {(): [2.0, 1.0, *[0.0] * 8, 1.0, 1030.0]}},
)


@pytest.mark.parametrize(
    ("accept", "parse"),
    [
        ("", text_string_to_metric_families),
        ("text/plain;version=0.0.4;q=0.2", text_string_to_metric_families),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", openmetrics.text_string_to_metric_families),
    ],
)  # fmt: skip
def test_every_metric_is_read_back(accept: str, parse: Parser) -> None:
    """Each metric of the catalogue is on the page with its type and meaning, in the format that was asked for; labels
    are escaped, and buckets add up."""
    text, media_type = exposition(SNAPSHOT, accept)
    assert media_type.startswith("application/openmetrics-text" if "openmetrics" in accept else "text/plain")
    families = {family.name: family for family in parse(text.decode())}
    assert {name.removesuffix("_total"): kind for name, kind in ((m.name, m.kind) for m in METRICS)} == {
        name: family.type for name, family in families.items()
    }
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert samples["authrim_appends_total", "committed"] == 3
    assert samples["authrim_table_rows", 'a "quoted"\nname'] == 7
    assert samples["authrim_append_batch_size_bucket", "1.0"] == 2
    assert samples["authrim_append_batch_size_bucket", "512.0"] == 3
    assert samples["authrim_append_batch_size_bucket", "+Inf"] == 4
    assert samples["authrim_append_batch_size_count",] == 4
    assert samples["authrim_append_batch_size_sum",] == 1030
