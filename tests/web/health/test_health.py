"""Health: the process lives, and it is ready only while it can do its work."""

import asyncio
import resource
import time
from pathlib import Path
from typing import Any

import pytest
import time_machine
from structlog.testing import capture_logs

from authrim.audit.follow import NAMES
from authrim.core import readiness
from domain.units import MICROSECONDS
from tests.postgres_cluster import Cluster
from tests.support.patience import PATIENCE
from tests.support.running import RunningServer

ON_POSTGRES = pytest.mark.parametrize("store_place", ["postgres"], indirect=True)


async def ask(server: RunningServer, what: str) -> tuple[int, dict[str, Any]]:
    async with server.http.get(server.url(f"/health/{what}")) as answer:
        assert answer.headers["Cache-Control"] == "no-store"
        told = await answer.json()
        told.pop("behind_seconds", None)  # which has tests of its own
        return answer.status, told


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
        cluster.end_sessions(name)
        assert await ask(server, "ready") == (503, {"status": "unready", "why": "store_unavailable"})
        assert (await ask(server, "live"))[0] == 200
        form = {"grant_type": "client_credentials"}
        async with server.http.post(server.url("/token"), data=form, headers=service.basic) as answer:
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert (await answer.json())["error"] == "temporarily_unavailable"
    finally:
        cluster.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    deadline = time.monotonic() + PATIENCE
    while (await ask(server, "ready"))[0] != 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    status, _ = await server.post("/token", form, service.basic)
    assert status == 200


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_a_server_on_a_full_disk_is_not_ready(
    server: RunningServer, store_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F11: a disk that takes no more makes the node unready, with one log line that says why; when there is room it is
    ready again. Reads go on meanwhile."""
    monkeypatch.setattr(readiness, "WRITE_SECONDS", 0.0)
    assert (await ask(server, "ready"))[0] == 200
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with capture_logs() as lines:
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (4096, hard)
        )  # Python ignores the signal that comes with it
        try:
            for _ in range(3):
                assert await ask(server, "ready") == (503, {"status": "unready", "why": "store_cannot_write"})
            assert (await ask(server, "live"))[0] == 200
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert await ask(server, "ready") == (200, {"status": "ready"})
    told = [line for line in lines if line["event"].startswith("readiness.")]
    assert [line["event"] for line in told] == ["readiness.lost", "readiness.back"]
    assert "the disk" in told[0]["cause"]


@ON_POSTGRES
@pytest.mark.parametrize("skew", [-60, 60])
async def test_a_server_whose_clock_is_wrong_is_not_ready(server: RunningServer, skew: int) -> None:
    """Decisions 7: a clock more than five seconds from the database's makes the node unready."""
    with time_machine.travel(time.time() + skew, tick=True):
        assert await ask(server, "ready") == (503, {"status": "unready", "why": "clock_skew"})
    assert (await ask(server, "ready"))[0] == 200


@pytest.mark.parametrize("lag", [0, 90])
async def test_whoever_asks_hears_how_far_followers_are_behind(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch, lag: int
) -> None:
    """Followers that lag make no process unready: the answer says how many seconds each is behind, and beyond a minute
    one log line does, and one when they have caught up."""
    monkeypatch.setattr(readiness, "WRITE_SECONDS", 0.0)
    lags = dict.fromkeys(NAMES, 0) | {NAMES[0]: lag}

    async def of_store(_names: object) -> dict[str, int]:
        return {name: seconds * MICROSECONDS for name, seconds in lags.items()}

    with capture_logs() as lines, monkeypatch.context() as patched:
        patched.setattr(server.core.store, "lags", of_store)
        for _ in range(2):
            async with server.http.get(server.url("/health/ready")) as answer:
                assert answer.status == 200
                assert (await answer.json())["behind_seconds"] == lags
        lags[NAMES[0]] = 0
        await ask(server, "ready")
    told = [line["event"] for line in lines if line["event"].startswith("background.")]
    assert told == (["background.behind", "background.caught_up"] if lag else [])


@pytest.mark.parametrize(
    "path",
    [
        "/health/live",
        "/health/ready",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/jwks",
        "/.well-known/oauth-protected-resource/userinfo",
    ],
)
async def test_head_is_answered_as_get_is(server: RunningServer, path: str) -> None:
    """RFC 9110 §9.1, §9.3.2: monitors ask with HEAD; status and headers are those of GET, and there is no body."""
    async with server.http.get(server.url(path)) as got, server.http.head(server.url(path)) as head:
        assert (head.status, got.status) == (200, 200)
        assert head.headers["Content-Type"] == got.headers["Content-Type"]
        assert head.headers["Content-Length"] == str(len(await got.read()))
        assert await head.read() == b""


async def test_head_begins_nothing(server: RunningServer) -> None:
    """RFC 9110 §9.2.1: where a GET records a request, HEAD is not taken."""
    async with server.http.head(server.url("/authorize")) as answer:
        assert answer.status == 405


async def test_a_probe_that_finds_all_well_writes_no_line(server: RunningServer) -> None:
    """A probe comes every few seconds: one that is answered 200 is a line for debugging alone, any other is told."""
    with capture_logs() as lines:
        assert (await ask(server, "live"))[0] == 200
        with time_machine.travel(time.time() + 60, tick=True):
            assert (await ask(server, "ready"))[0] in {200, 503}
        async with server.http.post(server.url("/health/live")) as answer:
            assert answer.status == 405
    found = [(line["log_level"], line["status"]) for line in lines if line["event"] == "request"]
    assert [level for level, status in found if status == 200] == ["debug"] * sum(s == 200 for _, s in found)
    assert {level for level, status in found if status != 200} == {"info"}
