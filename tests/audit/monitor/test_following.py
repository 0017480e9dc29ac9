"""The monitor on each store: in pages, through kills and poison, beside other processes, and what it keeps."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from authrim.audit.monitor import alarms
from authrim.audit.monitor.monitor import Monitor
from authrim.store import monitor_contract
from authrim.store.contract import Append, NewEvent, StreamAppend
from authrim.store.read_back import ReadBack
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from projections.monitor import rules
from projections.monitor.rules import Breach
from tests.domain.grant_samples import ISSUER
from tests.store.log_samples import CANARY, behind_its_back, write_grant, write_history, write_poison
from tests.support.browser import Browser
from tests.support.running import RunningServer

ROOT = Path(__file__).parents[3]
METADATA = b'{"tenant":"default"}'


async def write_breaches(store: ReadBack, count: int) -> None:
    """Grants in each of which a token came from nowhere, and nothing else is wrong."""
    token = (
        b'{"type":"grant.access_token_issued.v1","token_id":"t","format":"jwt","client_id":"","scope":[],'
        b'"audience":[],"issued_at":1,"expires_at":2}'
    )
    for number in range(count):
        event = NewEvent("grant.access_token_issued.v1", token)
        await store.append(Append((StreamAppend(f"default:grant:wrong-{number:04}", 0, (event,)),), METADATA))


async def alarm_streams(store: ReadBack) -> list[str]:
    """The streams of the alarms in the log, each as often as it has an alarm."""
    events = await store.read_log(0, 10_000)
    return [one.stream for one in events if one.type == "audit.rule_broken.v1"]


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from authrim.audit.monitor import alarms
from authrim.audit.monitor.monitor import Monitor
from tests.domain.grant_samples import ISSUER
from tests.store.test_followers import open_again

def die(*_arguments, **_named):
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    place, when = sys.argv[1:]
    store = open_again(Path(place) if place.startswith("/") else place)
    await store.open()
    monitor = Monitor(store, ISSUER, page=4)
    if when == "in the page":
        await monitor.step()
        monitor._check = die
    if when == "before the alarm":
        alarms._append = die
    if when == "after the alarm":
        type(store.monitor).mark_told = die
    await monitor.step()

asyncio.run(main())
"""


@pytest.mark.parametrize("when", ["in the page", "before the alarm", "after the alarm"])
async def test_killed_in_the_middle(store: ReadBack, store_place: Path | str, when: str) -> None:
    """F18, A281: killed in a page, between a page and its alarms, or between an alarm and the note of it, the monitor
    goes on and each breach has one alarm; so it is when the whole log is proved again."""
    await write_breaches(store, 10)
    process = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", _KILLED, str(store_place), when],
        cwd=ROOT, env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert process.returncode == -signal.SIGKILL, process.stderr.decode()
    assert (await store.monitor.state()).position == 4
    head = (await store.head()).position
    assert await Monitor(store, ISSUER, page=4).catch_up() >= head
    told = await alarm_streams(store)
    assert len(told) == len(set(told)) == 10
    known = await store.monitor.breaches(100)
    assert sorted(told) == sorted(f"default:audit:{one.breach.id}" for one in known)
    await store.monitor.begin_again()
    again = Monitor(store, ISSUER)
    assert await again.catch_up() == (await store.head()).position
    assert (again.broken, await alarm_streams(store)) == ({}, told)


async def test_lost_rows_come_back_from_the_log(store: ReadBack, store_place: Path | str) -> None:
    """F39: with the monitor's tables emptied and its position put back, it makes the same rows again, and knows from
    the log which breaches were told and acknowledged."""
    await write_history(store)
    await write_breaches(store, 3)
    monitor = Monitor(store, ISSUER)
    await monitor.catch_up()
    one = (await store.monitor.breaches(100))[0].breach.id
    assert await alarms.acknowledge(store, one, "ticket 4711") is None
    await monitor.catch_up()

    def rows() -> list[list[tuple[object, ...]]]:
        tables = ("monitor_states", "monitor_breaches")
        columns = ("stream, document", "id, rule, stream, positions, about, told_at, acknowledged_at IS NULL")
        return [
            behind_its_back(store_place, f"SELECT {names} FROM {table} ORDER BY 1")
            for table, names in zip(tables, columns, strict=True)
        ]

    before = rows()
    assert all(before)
    for statement in (
        "DELETE FROM monitor_states", "DELETE FROM monitor_breaches",
        "UPDATE followers SET position = 0 WHERE name = 'monitor_v1'",
    ):  # fmt: skip
        behind_its_back(store_place, statement)
    told = await alarm_streams(store)
    await Monitor(store, ISSUER).catch_up()
    assert await alarm_streams(store) == told
    assert rows() == before


async def test_poison_is_named_and_stops_nobody(store: ReadBack) -> None:
    """F19: an event that cannot be read is a breach with its position and the kind of error, once; what comes after it
    is proved, and nothing of its content is told."""
    await write_poison(store)
    await write_poison(store, "default:session:poisoned")
    await write_poison(store, "no-kind-at-all")
    await write_poison(store, "default:key:poisoned")
    await write_breaches(store, 1)
    with capture_logs() as lines:
        monitor = Monitor(store, ISSUER, page=2)
        assert await monitor.catch_up() >= 13
    known = [one.breach for one in await store.monitor.breaches(100)]
    unreadable = {(one.stream, one.about) for one in known if one.rule == rules.READABLE_EVENTS}
    assert unreadable >= {
        ("default:grant:poisoned", "1 UnknownType"),
        ("default:grant:poisoned", "2 DecodeError"),
        ("default:session:poisoned", "4 UnknownType"),
    }
    assert rules.LIVE_GRANT in monitor.broken
    named = [line for line in lines if line["event"] == "monitor.rule_broken"]
    assert {line["breach"] for line in named} == {one.id for one in known}
    assert {line["log_level"] for line in named} == {"error"}
    events = "".join(one.payload.decode() for one in await store.read_log(13, 100))
    assert CANARY not in f"{known}{lines}{events}"


NAMELESS = {
    "grant.authorization_requested.v1": b'"client_id":"a\\u0000","redirect_uri":"x","response_type":"code",'
    b'"response_mode":"query","scope":[],"requested_at":1,"expires_at":9',
    "grant.client_credentials_granted.v1": b'"client_id":"a","scope":[],"audience":["a\\u0000"],'
    b'"client_auth_method":"x","granted_at":1',
    "grant.subject_authenticated.v1": b'"subject":"a\\u0000","session_id":"\\u0000","auth_time":1,"acr":"","amr":[]',
    "grant.access_token_issued.v1": b'"token_id":"t","format":"jwt","client_id":"","scope":[],'
    b'"audience":["a\\u0000"],"issued_at":1,"expires_at":2',
    "grant.access_token_revoked.v1": b'"token_id":"a\\u0000b","revoked_at":1',
}


async def test_names_that_nothing_can_have(store: ReadBack) -> None:
    """F19: an event that names a client, a person, a resource server or a token with text that no database takes does
    not stop the monitor."""
    for number, (tag, members) in enumerate(NAMELESS.items()):
        event = NewEvent(tag, b'{"type":"%s",%s}' % (tag.encode(), members))
        await store.append(Append((StreamAppend(f"default:grant:{number}", 0, (event,)),), METADATA))
    monitor = Monitor(store, ISSUER, page=2)
    assert await monitor.catch_up() >= len(NAMELESS)
    assert rules.READABLE_EVENTS not in monitor.broken
    assert rules.LIVE_GRANT in monitor.broken


async def test_text_that_is_none_stops_nobody(tmp_path: Path) -> None:
    """F19: of an event whose type is no UTF-8 the monitor tells, also when it meets it again in the stream of a grant
    that it reads from the start, and what comes after it is proved. PostgreSQL takes no such text."""
    migrate_sqlite(place := tmp_path / "authrim.db")
    store = SQLiteStore(place)
    await store.open()
    try:
        await write_grant(store, "one")
        behind_its_back(place, "DROP TRIGGER events_no_update")
        behind_its_back(
            place,
            "UPDATE events SET type = CAST(x'ff' AS TEXT) WHERE stream_id = 'default:grant:one' AND version = 2",
        )
        monitor = Monitor(store, ISSUER)
        await monitor.catch_up()
        behind_its_back(place, "DELETE FROM monitor_states")
        stored = await store.read_whole_stream("default:grant:one")
        consent = NewEvent(
            "grant.consent_granted.v1", b'{"type":"grant.consent_granted.v1","scope":["openid"]}'
        )
        await store.append(
            Append((StreamAppend("default:grant:one", stored[-1].version, (consent,)),), METADATA)
        )
        assert await monitor.catch_up() == (await store.head()).position
        (known,) = await store.monitor.breaches(10)
        assert (known.breach.rule, known.breach.about) == (
            rules.READABLE_EVENTS,
            f"{stored[1].position} UnknownType",
        )
    finally:
        await store.close()


async def test_a_flood_of_breaches_fills_nothing(store: ReadBack, monkeypatch: pytest.MonkeyPatch) -> None:
    """A281: beyond a number of open breaches of one rule no more are kept or told, and other rules still are."""
    for module in [name for name in sys.modules if name.endswith("._monitor")]:
        monkeypatch.setattr(sys.modules[module], "MOST_OPEN", 5)
    assert monitor_contract.MOST_OPEN > 5
    await write_breaches(store, 30)
    await write_poison(store)
    monitor = Monitor(store, ISSUER)
    await monitor.catch_up()
    assert monitor.broken[rules.LIVE_GRANT] == 5
    assert monitor.broken[rules.READABLE_EVENTS] == 2
    assert len(await alarm_streams(store)) <= 5 + len(rules.RULES)


async def test_two_monitors_take_turns(store: ReadBack, store_place: Path | str) -> None:
    """F37: two processes that prove the same log find each breach once, and tell it once."""
    from tests.store.test_followers import open_again

    await write_breaches(store, 40)
    other = open_again(store_place)
    await other.open()
    try:
        first, second = Monitor(store, ISSUER, page=3), Monitor(other, ISSUER, page=3)
        await asyncio.gather(first.catch_up(), second.catch_up())
    finally:
        await other.close()
    assert first.broken.total() + second.broken.total() == len(await store.monitor.breaches(100))
    told = await alarm_streams(store)
    assert len(told) == len(set(told)) >= 40


async def test_a_row_that_differs_is_found(store: ReadBack, store_place: Path | str) -> None:
    """F39: a row that is not what its events say is found in turn, and told by table and key without a value; true rows
    are not."""
    await write_history(store)
    monitor = Monitor(store, ISSUER)
    for _ in range(12):
        await monitor.sample()
    assert monitor.broken == {}
    behind_its_back(store_place, "UPDATE clients SET status = 'active' WHERE key = 'default:app'")
    behind_its_back(
        store_place, "UPDATE tokens SET revoked_at = NULL WHERE key = 'default:grant-2:grant-2-1'"
    )
    behind_its_back(
        store_place,
        "INSERT INTO tokens (key, tenant, grant_id, client_id, document, expires_at) "
        "VALUES ('default:grant-9:x', 'default', 'grant-9', 'app', '{}', 99999)",
    )
    for _ in range(24):
        await monitor.sample()
    assert monitor.broken == {rules.ROWS_ARE_THE_FOLD: 3}
    assert sorted(one.breach.about.rsplit(" ", 1)[0] for one in await store.monitor.breaches(100)) == [
        "clients default:app", "tokens default:grant-2:grant-2-1", "tokens default:grant-9:x",
    ]  # fmt: skip


async def test_a_server_proves_what_it_does(server: RunningServer, browser: Browser) -> None:
    """A282: real flows over HTTP are followed by the server's own monitor and break nothing; it counts what it
    proved."""
    web, spa = await server.client("web"), await server.client("spa")
    tokens = await browser.code_flow(web, scope="openid offline_access")
    await browser.code_flow(spa, scope="openid profile")
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await server.post("/token", form, web.basic))[0] == 200
    await server.post("/revoke", {"token": tokens["access_token"]}, web.basic)
    await server.post("/revoke", {"token": tokens["refresh_token"]}, web.basic)
    service = await server.client("service")
    assert (await server.post("/token", {"grant_type": "client_credentials"}, service.basic))[0] == 200
    head = (await server.core.store.head()).position
    monitor = server.core.monitor
    for _ in range(600):
        if monitor.position >= head:
            break
        await asyncio.sleep(0.1)
    assert (monitor.events, monitor.position) == (head, head)
    assert monitor.broken == {}
    assert await server.core.store.monitor.breaches(10, closed=True) == []


def test_breaches_have_ids_of_their_own() -> None:
    """The id of a breach is that of rule, stream and what it is about, and not of where it was found."""
    breach = Breach("one_redemption", "default:grant:g", (1, 2), "x")
    assert breach.id == breach._replace(positions=(3,)).id
    others = (breach._replace(rule="live_code"), breach._replace(stream="s"), breach._replace(about="y"))
    assert len({breach.id, *(one.id for one in others)}) == 4
    assert json.dumps(breach.id).isascii()
