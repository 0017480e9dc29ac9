"""More requests than a process can answer: those whose refusal harms most are answered longest (F40)."""

import asyncio
import math
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from authrim.server.app import make_app
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.web.overload import URGENCIES, Overload, Urgency
from authrim.wire.limits import Limits
from tests.faults.processes import Site, site
from tests.support.patience import PATIENCE
from tests.support.running import RunningServer

CROWD = 64


@pytest.mark.parametrize(
    ("wait", "answered"),
    [
        (0.2, set(Urgency)),
        (0.3, {Urgency.SIGN_IN, Urgency.TOKEN, Urgency.STATE, Urgency.ENDS}),
        (0.6, {Urgency.TOKEN, Urgency.STATE, Urgency.ENDS}),
        (0.8, {Urgency.STATE, Urgency.ENDS}),
        (60.0, {Urgency.ENDS}),
        (math.inf, {Urgency.ENDS}),
    ],
)
def test_kinds_give_way_in_order(wait: float, answered: set[Urgency]) -> None:
    """F40: the longer requests wait, the fewer kinds are answered: registration gives way first, revocation never."""
    overload = Overload(1)
    overload.note(wait)
    overload.note(wait)
    assert {urgency for urgency in Urgency if overload.refuse(urgency) is None} == answered
    refusal = overload.refuse(Urgency.ADMINISTRATION)
    assert refusal is None or (refusal.status, refusal.error) == (503, "temporarily_unavailable")


def test_one_stall_is_no_overload() -> None:
    """F25: after a single long step of the event loop nothing is refused."""
    overload = Overload(1)
    overload.note(30)
    assert overload.refuse(Urgency.ADMINISTRATION) is None
    overload.note(0)
    assert overload.refuse(Urgency.ADMINISTRATION) is None


def test_it_can_be_switched_off() -> None:
    """F40: with 0 seconds nothing is ever refused."""
    overload = Overload(0)
    overload.note(30)
    overload.note(30)
    assert all(overload.refuse(urgency) is None for urgency in Urgency)


async def test_what_belongs_to_a_request_gives_way_with_it(server: RunningServer) -> None:
    """F40: a preflight, HEAD and the other form of an address are as urgent as the request that they are for."""
    app = make_app(server.parts, Limits())
    urgencies = app[URGENCIES]
    for name in app.router.named_resources():
        own = re.sub("(_head|_preflight)$", "", name)
        assert urgencies[name] is urgencies[own], name
    assert urgencies["revoke_preflight"] is Urgency.ENDS
    assert urgencies["token_preflight"] is urgencies["userinfo"] is Urgency.TOKEN


async def ask(
    http: aiohttp.ClientSession, place: Site, path: str, form: dict[str, str]
) -> tuple[int, dict[str, Any], str]:
    """Status, body and ``Retry-After``."""
    headers = place.clients["service"].basic
    async with http.post(place.url(path), data=form, headers=headers) as answer:
        body = await answer.json() if await answer.read() else {}
        return answer.status, body, answer.headers.get("Retry-After", "")


async def test_revocation_goes_on_when_tokens_are_refused(tmp_path: Path) -> None:
    """F40: under a crowd that asks for tokens, some are refused with 503 and ``Retry-After``, every revocation is
    answered, and when the crowd is gone tokens are issued again by themselves."""
    wanted, place_of_store = {"grant_type": "client_credentials"}, tmp_path / "authrim.db"
    migrate_sqlite(place_of_store)
    async with (
        site(place_of_store, tmp_path, 1, {"overload_milliseconds": 4}) as place,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http,
    ):

        async def issued() -> str:
            async with asyncio.timeout(PATIENCE):
                while True:
                    status, body, _ = await ask(http, place, "/token", wanted)
                    if status == 200:
                        return str(body["access_token"])
                    await asyncio.sleep(0.1)

        tokens = [await issued() for _ in range(10)]
        refused: list[tuple[int, dict[str, Any], str]] = []
        first, over = asyncio.Event(), asyncio.Event()

        async def crowd() -> None:
            while not over.is_set():
                answer = await ask(http, place, "/token", wanted)
                if answer[0] != 200:
                    refused.append(answer)
                    first.set()

        async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
            for _ in range(CROWD):
                group.create_task(crowd())
            await first.wait()
            revoked = [await ask(http, place, "/revoke", {"token": token}) for token in tokens]
            over.set()
        assert [status for status, _, _ in revoked] == [200] * len(tokens)
        assert {(status, body["error"]) for status, body, _ in refused} == {(503, "temporarily_unavailable")}
        assert all(int(after) > 0 for _, _, after in refused)
        assert await issued()
