"""Health: the process lives, and it is ready only while it can do its work."""

import asyncio
import time

import pytest
import time_machine

from tests.postgres_cluster import Cluster
from tests.support.running import RunningServer

ON_POSTGRES = pytest.mark.parametrize("store_place", ["postgres"], indirect=True)


async def ask(server: RunningServer, what: str) -> tuple[int, dict[str, str]]:
    async with server.http.get(server.url(f"/health/{what}")) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        return answer.status, await answer.json()


async def test_a_server_over_its_store_is_ready(server: RunningServer) -> None:
    """Both answers are 200 while the log can be read."""
    assert await ask(server, "live") == (200, {"status": "live"})
    assert await ask(server, "ready") == (200, {"status": "ready"})


@ON_POSTGRES
async def test_a_server_without_its_store_is_not_ready(
    server: RunningServer, cluster: Cluster, postgres_dsn: str
) -> None:
    """While the database is away: not ready, but alive, and requests get 503; when it is back all goes on."""
    service = await server.client("service")
    name = postgres_dsn.rpartition("/")[2]
    cluster.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        cluster.execute(
            f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        assert await ask(server, "ready") == (503, {"status": "unready", "why": "store_unavailable"})
        assert (await ask(server, "live"))[0] == 200
        form = {"grant_type": "client_credentials"}
        async with server.http.post(server.url("/token"), data=form, headers=service.basic) as answer:
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert (await answer.json())["error"] == "temporarily_unavailable"
    finally:
        cluster.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    deadline = time.monotonic() + 20
    while (await ask(server, "ready"))[0] != 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    status, _ = await server.post("/token", form, service.basic)
    assert status == 200


@ON_POSTGRES
@pytest.mark.parametrize("skew", [-60, 60])
async def test_a_server_whose_clock_is_wrong_is_not_ready(server: RunningServer, skew: int) -> None:
    """Decisions 7: a clock more than five seconds from the database's makes the node unready."""
    with time_machine.travel(time.time() + skew, tick=True):
        assert await ask(server, "ready") == (503, {"status": "unready", "why": "clock_skew"})
    assert (await ask(server, "ready"))[0] == 200
