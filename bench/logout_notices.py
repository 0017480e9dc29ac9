"""How long a logout notice takes while other clients never answer: ``python -m bench.logout_notices``."""

import asyncio
import statistics
import tempfile
from pathlib import Path

import click
import structlog

from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from tests.support.dead_receivers import dead_client, ended_sessions, seconds_until_told, silent_port
from tests.support.https_site import Authority, serving_site
from tests.support.logout_receiver import PATH
from tests.support.running import running_server


async def measure(dead: int, sessions: int, logouts: int) -> list[float]:
    """The seconds between a logout and the notice to the healthy client, with ``dead`` clients that never answer."""
    with tempfile.TemporaryDirectory() as folder, silent_port() as port:
        authority = Authority(Path(folder))
        migrate_sqlite(Path(folder) / "authrim.db")
        store = SQLiteStore(Path(folder) / "authrim.db")
        await store.open()
        try:
            async with (
                serving_site(authority) as site,
                running_server(
                    store, egress_allow=("localhost", "127.0.0.0/8"), egress_ca_file=authority.ca_file
                ) as server,
            ):
                site.serve(PATH, b"")
                healthy = await server.client("web", backchannel_logout_uri=site.url(PATH))
                clients = [await dead_client(server, port, number % dead) for number in range(sessions)]
                await ended_sessions(server, clients)
                return await seconds_until_told(server, site, healthy, logouts)
        finally:
            await store.close()


@click.command()
@click.option(
    "--dead", default=100, help="Clients that accept a connection but never answer, each on its own host."
)
@click.option("--sessions", default=200, help="Sessions of these clients that end before the measurement.")
@click.option("--logouts", default=100, help="Measured logouts of the healthy client, one after another.")
def main(dead: int, sessions: int, logouts: int) -> None:
    """Print the median, the 99th percentile and the longest time in seconds."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    waited = asyncio.run(measure(dead, sessions, logouts))
    p99 = statistics.quantiles(waited, n=100, method="inclusive")[98]
    print(f"median {statistics.median(waited):.2f} s, p99 {p99:.2f} s, longest {waited[-1]:.2f} s")


if __name__ == "__main__":
    main()
