"""More requests than a process can answer: those whose refusal harms most are answered longest (F40)."""

import asyncio
import itertools
import json
import re
from collections import Counter, deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from authrim.server.app import make_app
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.web import middleware
from authrim.web.overload import FEW, FEWEST, URGENCIES, Overload, Urgency
from authrim.web.overload_gate import GatedRoute, OverloadGate
from authrim.wire.gate import Entry
from authrim.wire.limits import Limits
from authrim.wire.tls import Tls
from tests.faults.processes import Site, site
from tests.support.gated_site import gated
from tests.support.patience import PATIENCE
from tests.support.running import RunningServer
from tests.wire.tls_listener.listening import SERVER, trusting

CROWD = FEW + 64


@pytest.mark.parametrize(
    ("in_progress", "refused"),
    [
        (127, set()),
        (128, {Urgency.ADMINISTRATION}),
        (192, {Urgency.ADMINISTRATION, Urgency.SIGN_IN}),
        (256, {Urgency.ADMINISTRATION, Urgency.SIGN_IN, Urgency.TOKEN}),
        (1024, set(Urgency) - {Urgency.ENDS}),
    ],
)
def test_kinds_give_way_in_order(in_progress: int, refused: set[Urgency]) -> None:
    """F40: the more is in progress, the fewer kinds are let in: registration gives way first, revocation never."""
    overload = Overload(1)
    assert after(overload, 2, 3) == 4
    overload.room, overload.in_progress = 256, in_progress
    answers = {urgency: overload.refuse(urgency) for urgency in Urgency}
    assert {urgency for urgency, answer in answers.items() if answer is not None} == refused
    assert {(one.status, one.error) for one in answers.values() if one} <= {(503, "temporarily_unavailable")}


def test_with_few_in_progress_there_is_no_queue() -> None:
    """F25: on a machine that gives the process no processor, whatever is asked one by one is answered."""
    overload = Overload(0.03)
    assert after(overload, 1, 50) == 4
    overload.in_progress = FEWEST // 2 - 1
    assert overload.room == FEWEST
    assert overload.refuse(Urgency.ADMINISTRATION) is None


def after(overload: Overload, wait: float, looks: int, append_wait: float = 0.0) -> int:
    """The level after so many looks that found the same waits."""
    for _ in range(looks):
        overload.note(wait, 0.05, append_wait)
    return overload.level


def test_one_stall_is_no_overload() -> None:
    """F25, F40: a single long step of the event loop holds tokens to their room until the next look, and introspection
    to none; a queue that stands holds all to it, and a second longer than it stands."""
    overload = Overload(1)
    assert (after(overload, 30, 2), after(overload, 0, 1)) == (3, 0)
    assert (after(overload, 30, 3), after(overload, 0, 19), after(overload, 0, 1)) == (4, 4, 0)


def test_it_can_be_switched_off() -> None:
    """F40: with 0 seconds nothing is ever refused."""
    assert after(Overload(0, 0.25), 30, 50, append_wait=30) == 0


def test_what_appends_nothing_does_not_wait_for_appends() -> None:
    """F24, F40: while appends wait too long, tokens are refused; introspection, keys and metadata never are."""
    overload = Overload(0.03, 0.25)
    assert after(overload, 0, 200, append_wait=3) == 3
    overload.in_progress = 4 * FEW
    assert overload.refuse(Urgency.TOKEN) is not None
    assert overload.refuse(Urgency.STATE) is None
    assert after(overload, 3, 200, append_wait=3) == 4


#: Of twenty requests that come, so many are of each kind.
MIXTURE = {
    Urgency.ADMINISTRATION: 1,
    Urgency.SIGN_IN: 3,
    Urgency.TOKEN: 12,
    Urgency.STATE: 3,
    Urgency.ENDS: 1,
}


@pytest.mark.parametrize("capacity", [500, 1500, 4000])
def test_a_process_keeps_its_deadlines_at_its_own_pace(capacity: int) -> None:
    """F40: three times what a process can do, whether it has a processor of its own or half of one: introspection and
    revocation are answered within half a second and never refused, what gives way does so in its order, and hardly
    less is answered than could be."""
    step, overload, in_progress, latencies = 0.025, Overload(0.03), deque[int](), []
    come = [urgency for urgency, count in MIXTURE.items() for _ in range(count)]
    refused, done = Counter[Urgency](), 0
    arrivals = (come[number * 7 % len(come)] for number in itertools.count())
    for now in range(int(20 / step)):
        for urgency in itertools.islice(arrivals, int(3 * capacity * step)):
            overload.in_progress = len(in_progress)
            if overload.refuse(urgency) is None:
                in_progress.append(now)
            else:
                refused[urgency] += 1
        served = min(len(in_progress), int(capacity * step))
        latencies += [(now - in_progress.popleft() + 1) * step for _ in range(served)]
        done, overload.ended = done + served, served
        overload.note(len(in_progress) / capacity / 3, step)  # a request comes back to the loop some times
    assert max(latencies[len(latencies) // 10 :]) <= max(0.5, FEWEST * 4 / capacity)
    assert not refused[Urgency.STATE] + refused[Urgency.ENDS]
    parts = [refused[urgency] / count for urgency, count in MIXTURE.items()]
    assert parts == sorted(parts, reverse=True)
    assert done > 0.9 * capacity * 20
    assert after(overload, 0, 60) == 0


def gate_of(overload: Overload) -> OverloadGate:
    """A gate with one route."""
    routes = {("POST", "/token"): GatedRoute("token", Urgency.TOKEN, is_page=False)}
    return OverloadGate(overload, routes, lambda _locale: web.Response(status=503), "en")


def test_a_burst_brings_in_no_more_than_can_be_done() -> None:
    """F40: as soon as the process is late, only so many requests for tokens are in progress; one that ends makes
    room."""
    overload = Overload(1)
    gate, message = gate_of(overload), SimpleNamespace(method="POST", path="/token?x", headers={})
    assert after(overload, 2, 1) == 3
    overload.room = FEWEST
    decided = [gate.decide(message, number) for number in range(FEWEST + 1)]  # type: ignore[arg-type]
    assert decided[:-1] == [Entry.ADMITTED] * FEWEST
    assert isinstance(decided[-1], bytes)
    gate.leave(0)
    gate.leave(0)
    assert overload.ended == 1
    assert gate.decide(message, "another") is Entry.ADMITTED  # type: ignore[arg-type]


FORM = "grant_type=client_credentials"


async def test_a_connection_goes_on_after_refusals(server: RunningServer) -> None:
    """F40: what is refused at the gate leaves its connection as it was: in time for the next head, with the body read,
    the requests behind it answered in their order."""
    async with gated(server, Limits(header_seconds=0.2)) as (overload, line):
        overload.level = 3
        refused = await line.ask("POST /token", FORM)
        assert (refused.status, json.loads(refused.body)["error"]) == (503, "temporarily_unavailable")
        assert (refused.headers["retry-after"], refused.headers["cache-control"]) == ("2", "no-store")
        assert (await line.ask("POST /revoke", "token=x")).status == 401
        assert (await line.ask("POST /introspect", "token=x")).status == 401
        assert (await line.ask("POST /token", FORM)).status == 503
        await asyncio.sleep(0.5)  # longer than a head may take
        for _ in range(3):
            line.send("POST /token", FORM)
        line.send("POST /revoke", "token=x")
        assert [(await line.answer()).status for _ in range(4)] == [503, 503, 503, 401]
        line.writer.write(b"POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n")
        await asyncio.sleep(0.05)
        line.writer.write(b"a=")
        assert (await line.answer()).status == 503
        overload.level = 0
        assert (await line.ask("POST /token", FORM)).status == 401


async def test_the_gate_lets_a_body_wait(server: RunningServer) -> None:
    """F40, A216: a body that comes faster than it is read waits behind the gate, too: one that is too long is refused,
    and the connection does not fail."""
    size = 1 << 20
    async with gated(server) as (_overload, line):
        with capture_logs() as lines:
            head = "POST /token HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            line.writer.write(f"{head}{size:x}\r\n{'a' * size}\r\n0\r\n\r\n".encode())
            assert (await line.answer()).status in (400, 413)
        assert "connection.failed" not in [one["event"] for one in lines]


async def test_no_spelling_of_a_request_is_left_out_of_the_count(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F40: a request counts as in progress also where the gate was not asked: with an Origin, with a path that is
    spelled in another way or names something, with a body that comes later. Until its body has come it is no work."""
    counted: list[int] = []
    async with gated(server) as (overload, line):
        overload.room = FEW
        finish = middleware._finish
        monkeypatch.setattr(
            middleware, "_finish", lambda *of: (counted.append(overload.in_progress), finish(*of))
        )
        await line.ask("POST /token", FORM)
        await line.ask("POST /token", FORM, Origin="https://app.example")
        await line.ask("POST /%74oken", FORM)
        await line.ask("GET /login/0123")
        line.writer.write(
            b"POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\na"
        )
        await asyncio.sleep(0.05)
        assert overload.in_progress == 0
        line.writer.write(b"=")
        assert (await line.answer()).status == 401
        assert (counted, overload.in_progress) == ([1] * 5, 0)
        overload.level, overload.room = 4, 0
        for refused in ("POST /%74oken", "GET /login/0123"):
            assert (await line.ask(refused, FORM if refused.startswith("POST") else "")).status == 503
        assert overload.in_progress == 0


@pytest.mark.parametrize("ask_clients", [False, True])
async def test_the_gate_is_behind_our_own_tls(
    server: RunningServer, tmp_path: Path, ask_clients: bool
) -> None:
    """F40: what comes over the server's own TLS is refused at the gate too, also several heads in one record and one
    head in two, whether or not clients may show a certificate; revocation is answered."""
    tls = Tls(*SERVER.write(tmp_path, "server"), ask_clients=ask_clients)
    async with gated(server, tls=tls, client=trusting(tmp_path)) as (overload, line):
        assert (await line.ask("POST /token", FORM)).status == 401
        overload.level = 3
        behind = await line.ask("POST /token", FORM, Origin="https://app.example")
        assert (behind.status, "authrim-error-id" in behind.headers) == (503, True)
        for _ in range(3):
            line.send("POST /token", FORM)
        refused = [await line.answer() for _ in range(3)]
        assert [(one.status, one.headers["retry-after"]) for one in refused] == [(503, "2")] * 3
        assert not [one for one in refused if "authrim-error-id" in one.headers]
        line.writer.write(b"POST /token HTTP/1.1\r\nHost: local")
        await asyncio.sleep(0.05)
        line.writer.write(b"host\r\nContent-Length: 0\r\n\r\n")
        assert "authrim-error-id" not in (await line.answer()).headers
        assert (await line.ask("POST /revoke", "token=x")).status == 401
        overload.level = 0
        assert (await line.ask("POST /token", FORM)).status == 401


async def test_a_refusal_is_made_for_whom_it_is_shown(server: RunningServer) -> None:
    """F40: at the gate or behind it, a person gets a page in the own language that leads to no record, a program JSON,
    and a script of another origin can read it."""
    async with gated(server) as (overload, line):
        overload.level = 4
        page = await line.ask("GET /authorize?a=b", Accept="text/html", Accept_Language="de-AT, en;q=0.5")
        assert (page.status, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert b'lang="de"' in page.body
        assert b"error-id" not in page.body
        assert "authrim-error-id" not in page.headers
        assert page.headers["content-security-policy"]
        assert json.loads((await line.ask("GET /authorize", Accept="application/json")).body)["error"]
        script = await line.ask("POST /token", FORM, Origin="https://app.example")
        assert (script.status, script.headers["access-control-allow-origin"]) == (503, "*")
        assert (await line.ask("GET /health/live")).status == 200
        assert (await line.ask("GET /jwks")).status == 200
        last = await line.ask("POST /token", FORM, Connection="close")
        assert (last.status, last.headers["connection"]) == (503, "close")


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
        site(place_of_store, tmp_path, 1, {"overload_milliseconds": 12}) as place,
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
