"""``authrim session`` on a real store."""

import asyncio
import json

from authrim.core.execute import Change, append_of
from authrim.crypto.ids import new_id
from authrim.store.contract import Store
from authrim.store.postgres.store import PostgresStore
from authrim.store.sqlite.store import SQLiteStore
from domain.event import Event
from domain.person.session_events import BackChannelLogoutDelivered, BackChannelLogoutFailed, SessionStarted
from domain.stream import session_stream
from tests.support.command_line import CommandLine


async def write(store: Store, session_id: str, version: int, *events: Event, stream: str = "") -> None:
    change = Change(stream or session_stream("default", session_id), version, events)
    await store.append(append_of((change,), b"{}"))


def started(subject: str, expires_at: int = 2**32) -> SessionStarted:
    return SessionStarted(subject, "canary-digest", 1, "acr", ("pwd",), expires_at)


async def create(authrim: CommandLine) -> str:
    arguments = ("account", "create", "alice", "--password-stdin")
    return str((await asyncio.to_thread(authrim.json, *arguments, stdin="a-long-password\n"))["subject"])


async def test_list_shows_the_sessions_of_the_person_alone(authrim: CommandLine, store: SQLiteStore) -> None:
    """Page by page, expired ones as such, none of somebody else, and never the digest of a cookie."""
    subject = await create(authrim)
    ids = sorted(new_id() for _ in range(3))
    for session_id, expires_at in zip(ids, (2**32, 2, 2**32), strict=True):
        await write(store, session_id, 0, started(subject, expires_at))
    await write(store, new_id(), 0, started("somebody-else"))
    first = await asyncio.to_thread(authrim.json, "session", "list", "alice", "--limit", "2")
    rest = await asyncio.to_thread(authrim.json, "session", "list", subject, "--after", ids[1])
    seen = first["sessions"] + rest["sessions"]
    assert [one["session_id"] for one in seen] == ids
    assert [one["status"] for one in seen] == ["active", "expired", "active"]
    text = (await asyncio.to_thread(authrim.run, "session", "list", "alice")).stdout
    assert "canary" not in text + json.dumps(seen)
    assert max(map(len, text.splitlines())) <= 80


async def test_end_and_the_notices_that_follow(authrim: CommandLine, store: SQLiteStore) -> None:
    """One session ends once, with its reason; what became of the notice to each client is shown."""
    session_id = new_id()
    await write(store, session_id, 0, started("somebody"))
    for now in (True, False):
        ended = await asyncio.to_thread(authrim.json, "session", "end", session_id)
        assert ended["ended_now"] is now
    told = BackChannelLogoutDelivered("shop", "jti", 1)
    failed = BackChannelLogoutFailed("forum", "jti", "unreachable", 1, 5)
    await write(store, session_id, 2, told, failed)
    shown = await asyncio.to_thread(authrim.json, "session", "show", session_id)
    assert (shown["status"], shown["end_reason"]) == ("ended", "administrator")
    assert shown["clients"] == {
        "forum": "failed: unreachable, attempts 5",
        "shop": "delivered, attempt 1",
    }
    assert "canary" not in json.dumps(shown)


def test_unknown_session(authrim: CommandLine) -> None:
    """A session that is not there is refused by name, and nothing is written for it."""
    for command in ("show", "end"):
        refused = authrim.json("session", command, "nothing", status=1)
        assert refused["description"] == "There is no such session."


async def test_the_same_on_postgresql(environment: dict[str, str], postgres_dsn: str) -> None:
    """Sessions are listed, shown and ended on PostgreSQL as on SQLite."""
    authrim = CommandLine({**environment, "AUTHRIM_DATABASE": postgres_dsn})
    subject, session_id = await create(authrim), new_id()
    store = PostgresStore(postgres_dsn)
    await store.open()
    try:
        await write(store, session_id, 0, started(subject))
    finally:
        await store.close()
    (listed,) = (await asyncio.to_thread(authrim.json, "session", "list", "alice"))["sessions"]
    assert (listed["session_id"], listed["status"]) == (session_id, "active")
    assert (await asyncio.to_thread(authrim.json, "session", "end", session_id))["ended_now"] is True
    assert (await asyncio.to_thread(authrim.json, "session", "show", session_id))["status"] == "ended"
