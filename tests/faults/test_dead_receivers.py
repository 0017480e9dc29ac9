"""A client that hears of logouts hears of them in time, whoever else does not answer (A119)."""

from collections.abc import AsyncIterator

import pytest

from authrim.store.contract import Store
from tests.support.dead_receivers import dead_client, ended_sessions, seconds_until_told, silent_port
from tests.support.https_site import Authority, Site
from tests.support.logout_receiver import PATH
from tests.support.running import RunningServer, running_server

#: A healthy client was told after one second; one that had to wait behind the dead, after thirty. How soon it is on a
#: quiet machine is measured by ``python -m bench.logout_notices``.
SOON = 15.0

one_store = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


@pytest.fixture
async def server(store: Store, authority: Authority) -> AsyncIterator[RunningServer]:
    allowed = ("localhost", "127.0.0.0/8")
    async with running_server(store, egress_allow=allowed, egress_ca_file=authority.ca_file) as running:
        yield running


@one_store
@pytest.mark.parametrize("clients", [1, 48])
async def test_a119_the_dead_delay_nobody(server: RunningServer, site: Site, clients: int) -> None:
    """A119: 48 sessions end, whose one client or whose 48 clients never answer; another client is told as ever."""
    site.serve(PATH, b"")
    healthy = await server.client("web", backchannel_logout_uri=site.url(PATH))
    with silent_port() as port:
        dead = [await dead_client(server, port, number % clients) for number in range(48)]
        await ended_sessions(server, dead)
        waited = await seconds_until_told(server, site, healthy, 6)
    # The longest of a few on a busy machine says less than the others do.
    assert waited[-2] < SOON, waited
