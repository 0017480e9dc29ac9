"""``docs/operations/metrics.md``: every metric, from its declaration."""

from authrim.metrics.catalogue import SUBJECTS
from authrim.metrics.declaration import MOST_SERIES, Histogram, Metric
from authrim.metrics.labels import LABELS

_OPENING = f"""# Metrics

<!-- Generated from authrim/metrics/catalogue.py by `make docs`. -->

A server tells [Prometheus](https://prometheus.io/) what it does, on a listener of its own:

```toml
metrics_listen = "127.0.0.1:9464"
```

The page is at `/metrics`. It has no TLS and no sign-in, so give it an address that only Prometheus reaches: the
loopback interface, an internal network, or a Unix socket (`metrics_listen = "/run/authrim/metrics.sock"`).

```yaml
scrape_configs:
  - job_name: authrim
    static_configs:
      - targets: ["127.0.0.1:9464"]
```

**One page for all processes of a server.** With several workers, or with the background work in a process of its own,
each process writes down once per second what it has counted, and whichever of them is asked adds it up. A process that
is started again goes on from what was written down, so no counter falls while the server runs; a process that is
killed loses the counts of its last second. `authrim background` that you run yourself has a page of its own, if
`metrics_listen` is set there; beside a server on the same machine it needs another address
(`AUTHRIM_METRICS_LISTEN=127.0.0.1:9465`).

**What the database knows** (`authrim_database_…`, `authrim_table_…`, `authrim_log_position`,
`authrim_follower_lag_seconds`, `authrim_outbox_messages` and so on) is read when the page is asked for, by each process
at most once in 10 seconds. Every node of a cluster says the same of it, so take `max by (…)` over the nodes. When the
database cannot be read, `authrim_database_up` is 0 and the others are missing.

**No label has a value that a stranger chooses**, no person and no address is in any, and no metric has more than
{MOST_SERIES} combinations of labels in a process; what comes later is counted as `other`. Clients are counted one by
one only with `metrics_client_ids`.
"""


def page() -> str:
    """The whole text of ``docs/operations/metrics.md``."""
    sections = [_section(subject, metrics) for subject, metrics in SUBJECTS.items()]
    rows = [f"| `{name}` | {meaning} |" for name, meaning in LABELS.items()]
    labels = ["## Labels", "", "| label | value |", "|---|---|", *rows, ""]
    return "\n".join([_OPENING, *sections, *labels])


def _section(subject: str, metrics: tuple[Metric, ...]) -> str:
    rows = [_row(metric) for metric in metrics]
    heading = ["| metric | type | labels | unit | meaning |", "|---|---|---|---|---|"]
    return "\n".join([f"## {subject}", "", *heading, *rows, ""])


def _row(metric: Metric) -> str:
    cells = (
        f"`{metric.name}`",
        metric.kind,
        _labels(metric),
        metric.unit or "–",
        metric.meaning + _bounds(metric),
    )
    return f"| {' | '.join(cells)} |"


def _labels(metric: Metric) -> str:
    return ", ".join(f"`{label}`" for label in metric.labels) or "–"


def _bounds(metric: Metric) -> str:
    return (
        f" Buckets: {', '.join(f'{bound:g}' for bound in metric.bounds)}."
        if isinstance(metric, Histogram)
        else ""
    )
