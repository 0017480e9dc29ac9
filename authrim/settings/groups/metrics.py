"""What the server tells Prometheus about itself."""

from pydantic import Field

from authrim.settings.kinds import Group, MetricsAddress


class Metrics(Group):
    """What the server tells Prometheus about itself ([operations/metrics.md](operations/metrics.md))."""

    metrics_listen: MetricsAddress | None = Field(
        default=None,
        description="Where the page of metrics is: `host:port`, or the path of a Unix socket, which begins with `/`. "
        "It is a listener of its own, without TLS and without sign-in: choose an address that only Prometheus "
        "reaches. Without it there is no such page.",
    )
    metrics_client_ids: bool = Field(
        default=False,
        description="Whether tokens and refusals are also counted by client: at most 1000 series per process and "
        "metric.",
    )
