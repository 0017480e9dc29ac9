"""A307: who may ask the server what it saw of a request."""

import msgspec
import pytest

from authrim.core.doctor_ticket import HEADER, LIFETIME, make_ticket
from authrim.core.seen_request import MOST_PADDING, PADDING_HEADER, AskedOfServer, SeenRequest
from authrim.crypto.master import MasterKeys
from authrim.store.contract import Store
from tests.support.running import RunningServer

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def ask(
    server: RunningServer, *tickets: str, body: bytes = b"{}", method: str = "POST"
) -> tuple[int, bytes, int]:
    """The status, the body, and the length of the padding."""
    headers = [(HEADER, ticket) for ticket in tickets] + [("Content-Type", "application/json")]
    async with server.http.request(method, server.url("/doctor"), headers=headers, data=body) as answer:
        return answer.status, await answer.read(), len(answer.headers.get(PADDING_HEADER, ""))


async def test_a_stranger_finds_nothing(server: RunningServer, store: Store) -> None:
    """A307: without a ticket, with a forged, an old or a foreign one, or with two, the answer is that of an address
    where nothing is; nothing is appended, and a ticket that was not taken is not used up."""
    core, now = server.core, server.core.now()
    good = make_ticket(core.master, core.issuer, now)
    forged = good[:-1] + ("A" if good[-1] != "A" else "B")
    others = MasterKeys([b"o" * 32])
    async with server.http.post(server.url("/no-such-address"), data=b"{}") as answer:
        nothing = (answer.status, sorted(await answer.json()))
    position = (await store.head()).position
    for tickets in (
        (),
        ("",),
        ("x.1.2.3",),
        (forged,),
        (good, good),
        (make_ticket(others, core.issuer, now),),
        (make_ticket(core.master, "https://another.example", now),),
        (make_ticket(core.master, core.issuer, now - LIFETIME - 60),),
        (make_ticket(core.master, core.issuer, now + LIFETIME + 60),),
    ):
        status, body, _ = await ask(server, *tickets)
        assert (status, sorted(msgspec.json.decode(body))) == nothing, tickets
    assert (await ask(server, good))[0] == 200
    assert (await ask(server, good))[0] == nothing[0]
    for method in ("GET", "HEAD", "PUT", "OPTIONS"):
        assert (await ask(server, make_ticket(core.master, core.issuer, now), method=method))[0] == 404
    assert (await store.head()).position == position


async def test_what_the_answer_tells(server: RunningServer) -> None:
    """It is about the request alone, has the value of no setting in it, and a header no longer than a limit."""
    core = server.core
    asked = msgspec.json.encode(AskedOfServer(answer_bytes=10**9, padding="p" * 100))
    status, body, padding = await ask(server, make_ticket(core.master, core.issuer, core.now()), body=asked)
    seen = msgspec.json.decode(body, type=SeenRequest)
    assert (status, seen.body_bytes, padding) == (200, 100, MOST_PADDING)
    assert seen.source == seen.peer == "127.0.0.1"
    assert seen.settings["session_lifetime"] != str(core.settings.session_lifetime)
    assert all(len(value) == 22 for value in seen.settings.values())


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"answer_bytes": "x"}', b"x" * 70_000])
async def test_a_question_that_cannot_be_read(server: RunningServer, body: bytes) -> None:
    """A217: it is refused as everywhere else, with the limits of every body."""
    core = server.core
    status, _, _ = await ask(server, make_ticket(core.master, core.issuer, core.now()), body=body)
    assert status in {400, 413}
