"""A backup under load, the machine lost, restored elsewhere."""

import asyncio
from pathlib import Path

import pytest

from authrim.server.rollback import StartRefused, refuse_rollback
from authrim.store.opening import open_store
from authrim.store.read_back import ReadBack
from tests.backup.installation import (
    REASON,
    Place,
    another_place,
    commands,
    environment_of,
    introspected,
    payloads,
    posted,
    served,
    under_load,
)
from tests.support.browser import Browser
from tests.support.ports import free_port
from tests.support.processes import wait_until
from tests.support.running import development_settings, running_server
from tests.support.tokens import OFFLINE, claims_of

#: How many tokens are answered before and after the copy is taken.
SOME = 10


async def test_backup_under_load(
    store: ReadBack, store_place: Place, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """F35: a backup that is taken while tokens are issued, restored elsewhere after the machine is lost, has a chain
    that verifies and tables that are what the log says; every token up to its position is active there, and none from
    after it. No server starts on it before an operator has accepted it."""
    port, folder = free_port(), tmp_path / "backup"
    async with running_server(store, port=port) as server:
        web, api, service = [await server.client(name) for name in ("web", "api", "service")]
        person = await Browser(server).code_flow(web, **OFFLINE)
        async with under_load(server, service) as answered:
            await more(answered)
            before = list(answered)
            taken = await asyncio.to_thread(commands(store_place, port).json, "backup", str(folder))
            await more(answered)
    issued = payloads(store_place, "grant.access_token_issued.v1")
    positions = {event["token_id"]: position for position, event in issued}
    known = [token for token in answered if positions[claims_of(token)["jti"]] <= taken["position"]]
    lost = [token for token in answered if token not in known]
    assert set(before) <= set(known)
    assert len(lost) >= SOME
    if isinstance(store_place, Path):
        for path in store_place.parent.glob("authrim.db*"):
            path.unlink()
    with another_place(store_place, tmp_path, lambda: request.getfixturevalue("cluster")) as place:
        restored = await asyncio.to_thread(
            commands(place, port).json, "restore", str(folder), "--verify", "--key", taken["key"]
        )
        assert restored["verified"]["ok"], restored
        assert restored["verified"]["chain_hash"] == taken["chain_hash"]
        assert restored["verified"]["active"] == restored["verified"]["tokens"] > SOME
        with pytest.raises(StartRefused, match="restored from a backup"):
            await start(place, port)
        environment = environment_of(place, port)
        with served(environment, "--accept-rollback", REASON, "--keep-grants") as issuer:
            assert all(await asyncio.to_thread(introspected, issuer, api, known))
            assert not any(await asyncio.to_thread(introspected, issuer, api, lost))
            form = {"grant_type": "refresh_token", "refresh_token": person["refresh_token"]}
            status, refreshed = await asyncio.to_thread(posted, issuer, web, "/token", form)
            assert (status, "access_token" in refreshed) == (200, True)
        await start(place, port)  # it is not asked again
        ((_, event),) = payloads(place, "log.rollback_accepted.v1")
        assert (event["known_by"], event["kept"], event["reason"]) == ("restored_backup", True, REASON)


async def more(answered: list[str]) -> None:
    """Wait until some more tokens are answered."""
    wanted = len(answered) + SOME
    await asyncio.to_thread(wait_until, lambda: len(answered) >= wanted)


async def start(place: Place, port: int) -> None:
    """What a server does before it serves."""
    settings = development_settings(port, database=str(place))
    store = open_store(settings)
    await store.open()
    try:
        await refuse_rollback(settings, store, None)
    finally:
        await store.close()
