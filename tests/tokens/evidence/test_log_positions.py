"""Introspection answers that name their position in the log, and resource servers that demand one."""

import asyncio

import pytest

from authrim.core.clients_and_keys import Configuration
from authrim.core.signing_keys import key_ring_of, revoke_key
from authrim.store.read_back import ReadBack
from authrim.tokens import log_positions
from authrim.tokens.log_positions import PositionWaits
from domain.stream import DEFAULT_TENANT
from tests.support.running import KnownClient, RunningServer, running_server

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def token_of(server: RunningServer, service: KnownClient) -> str:
    _, answer = await server.post("/token", {"grant_type": "client_credentials"}, service.basic)
    return str(answer["access_token"])


async def head(server: RunningServer) -> int:
    return (await server.core.store.head()).position


async def test_an_answer_names_its_position(server: RunningServer) -> None:
    """Whoever asks is told a position that the answer has reached, of an inactive token too; who does not ask gets the
    answer of RFC 7662 and no more. A position that is reached is no wait."""
    service = await server.client("service")
    token = await token_of(server, service)
    position = await head(server)
    _, plain = await server.post("/introspect", {"token": token}, service.basic)
    assert "log_position" not in plain
    for more in ({"log_position": "true"}, {"min_position": str(position)}, {"min_position": "0"}):
        _, answer = await server.post("/introspect", {"token": token, **more}, service.basic)
        assert answer.pop("log_position") >= position
        assert answer == plain
    revoked = {"token": token}
    assert (await server.post("/revoke", revoked, service.basic))[0] == 200
    ended = await head(server)
    form = {"token": token, "min_position": str(ended)}
    assert await server.post("/introspect", form, service.basic) == (
        200, {"active": False, "log_position": ended},
    )  # fmt: skip


async def test_an_introspection_waits_for_its_position(server: RunningServer) -> None:
    """A resource server that demands a position gets its answer once the log has reached it, and not before: what
    happens at that position is in the answer."""
    service = await server.client("service")
    token = await token_of(server, service)
    wanted = await head(server) + 1
    form = {"token": token, "min_position": str(wanted)}
    asking = asyncio.create_task(server.post("/introspect", form, service.basic))
    await asyncio.sleep(0.5)
    assert not asking.done()
    assert (await server.post("/revoke", {"token": token}, service.basic))[0] == 200
    status, answer = await asking
    assert (status, answer["active"]) == (200, False)
    assert answer["log_position"] >= wanted


async def test_a_revoked_key_is_in_the_answer(server: RunningServer, store: ReadBack) -> None:
    """A position at which another process revoked a key is in the answer of one that has not followed the log so far:
    it knows of the key before it answers, and no JWT of that key is active."""
    core = server.core
    behind = Configuration(store, key_ring_of(core.settings, core.private))
    await behind.open()
    kid = core.key_ring.signer(DEFAULT_TENANT, "ES256", core.now()).kid
    await revoke_key(store, core.private, core.configuration, DEFAULT_TENANT, kid, "leaked")
    assert kid in behind.key_ring.verification_keys(DEFAULT_TENANT, core.now())
    wanted = (await store.head()).position
    assert await PositionWaits(store, behind).reach("api", str(wanted), 0) == wanted
    assert kid not in behind.key_ring.verification_keys(DEFAULT_TENANT, core.now())


@pytest.mark.parametrize("seconds", [0, 1])
async def test_a_wait_has_an_end(store: ReadBack, seconds: int) -> None:
    """A269: after the time of the setting the answer is 503 with Retry-After."""
    async with running_server(
        store, introspection_positions=True, min_position_wait_seconds=seconds
    ) as server:
        service = await server.client("service")
        form = {"token": await token_of(server, service), "min_position": "999999999999999"}
        for _ in range(log_positions.MOST_OF_CLIENT + 1 if seconds == 0 else 1):
            async with server.http.post(
                server.url("/introspect"), data=form, headers=service.basic
            ) as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
                assert (await answer.json())["error"] == "temporarily_unavailable"


@only_sqlite
async def test_few_can_wait(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A269: one client holds only so many places, and what is beyond them is answered at once; others still wait, and
    plain introspections go on."""
    monkeypatch.setattr(log_positions, "MOST_OF_CLIENT", 2)
    service, api = await server.client("service"), await server.client("api")
    token = await token_of(server, service)
    wanted = await head(server) + 1
    form = {"token": token, "min_position": str(wanted)}
    waiting = [asyncio.create_task(server.post("/introspect", form, service.basic)) for _ in range(2)]
    waiting.append(asyncio.create_task(server.post("/introspect", form, api.basic)))
    await asyncio.sleep(0.5)
    assert not any(task.done() for task in waiting)
    assert (await server.post("/introspect", form, service.basic))[0] == 503
    assert (await server.post("/introspect", {"token": token}, service.basic))[0] == 200
    assert (await server.post("/revoke", {"token": token}, service.basic))[0] == 200
    assert {(await task)[0] for task in waiting} == {200}


@only_sqlite
@pytest.mark.parametrize(
    "more",
    [{"min_position": "-1"}, {"min_position": "1e9"}, {"min_position": "9" * 16}, {"log_position": "1"}],
)
async def test_what_is_no_position(server: RunningServer, more: dict[str, str]) -> None:
    """A269: what is no position is refused before anything waits."""
    service = await server.client("service")
    form = {"token": await token_of(server, service), **more}
    status, answer = await server.post("/introspect", form, service.basic)
    assert (status, answer["error"]) == (400, "invalid_request")
