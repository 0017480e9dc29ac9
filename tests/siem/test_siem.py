"""Records that a SIEM is sent: each event of the log, in order, whoever dies in between."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from authrim.core.execute import Change, append_of
from authrim.siem.follower import SinkFollower
from authrim.siem.sinks import FileSink, Sink, SyslogSink
from authrim.store.read_back import ReadBack
from domain.person.session_events import SessionEnded, SessionStarted
from domain.stream import DEFAULT_TENANT, session_stream
from tests.audit.ocsf.test_records import check
from tests.siem.receiver import SyslogReceiver, syslog_receiver
from tests.support.https_site import Authority
from tests.support.logout_receiver import until
from tests.support.patience import PATIENCE
from tests.support.running import running_server

ISSUER = "https://login.example.com"
one_store = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def _quickly_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SyslogSink, "settling", 0.3)


async def sessions(store: ReadBack, prefix: str, count: int) -> int:
    """So many sessions begin and end; the last position."""
    position = 0
    for number in range(count):
        events = (
            SessionStarted("person", "digest", 1, "acr", ("pwd", "mfa"), 2**32),
            SessionEnded("logout", 2),
        )
        change = Change(session_stream(DEFAULT_TENANT, f"{prefix}{number}"), 0, events)
        position = (await store.append(append_of((change,), b"{}"))).last_position
    return position


def to_syslog(authority: Authority, port: int) -> SyslogSink:
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    return SyslogSink(f"localhost:{port}", ISSUER, context)


@asynccontextmanager
async def following(store: ReadBack, sink: Sink) -> AsyncIterator[None]:
    """A process that sends, until it is killed at the end of the block."""
    task = asyncio.create_task(SinkFollower(store, sink, ISSUER).follow())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def received(store: ReadBack, name: str, position: int) -> None:
    """Wait until the saved position is there."""
    async with asyncio.timeout(PATIENCE):
        while await store.outbox.position(name) < position:  # noqa: ASYNC110 - another task moves it
            await asyncio.sleep(0.05)


async def test_messages_are_what_the_standards_say(store: ReadBack, authority: Authority) -> None:
    """RFC 5424, RFC 5425: each event is one message in one frame, over TLS, in the order of the log; its record is one
    of the published schema, and its severity that of the record."""
    last = await sessions(store, "a", 20)
    async with syslog_receiver(authority) as receiver, following(store, to_syslog(authority, receiver.port)):
        await until(lambda: len(receiver.messages) == last)
        await received(store, "siem_syslog", last)
    assert receiver.positions == list(range(1, last + 1))
    priority, timestamp, host, name, kind, message = receiver.messages[0]
    assert (int(priority), host, name, kind) == (
        13 * 8 + 6,
        b"login.example.com",
        b"authrim",
        b"session.started.v1",
    )
    record = check(message)
    assert (record["class_uid"], record["is_mfa"]) == (3002, True)
    assert timestamp.startswith(b"20")


async def test_nothing_is_lost_when_the_receiver_or_the_sender_dies(
    store: ReadBack, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receiver is cut off in mid stream, comes back, and then the sending process is killed and another goes on:
    every event arrives, in the order of the log within each connection, and a double has the ``uid`` of the first."""
    monkeypatch.setattr("authrim.siem.follower.PERIOD", 1.0)
    seen: dict[int, str] = {}

    def collect(receiver: SyslogReceiver) -> None:
        for record in receiver.records:
            uid = seen.setdefault(record["metadata"]["sequence"], record["metadata"]["uid"])
            assert uid == record["metadata"]["uid"]

    await sessions(store, "a", 100)
    async with syslog_receiver(authority) as receiver:
        port = receiver.port
        async with following(store, to_syslog(authority, port)):
            await until(lambda: len(receiver.messages) >= 50)
            receiver.kill()
            last = await sessions(store, "b", 100)
            await until(lambda: receiver.connections >= 2 and last in receiver.positions)
            collect(receiver)
    async with syslog_receiver(authority, port) as second, following(store, to_syslog(authority, port)):
        last = await sessions(store, "c", 20)
        await received(store, "siem_syslog", last)
        collect(second)
    assert sorted(seen) == list(range(1, last + 1))


@one_store
async def test_one_process_at_a_time_sends(store: ReadBack, authority: Authority) -> None:
    """Of two processes one sends, and each event once; when it dies the other goes on."""
    await sessions(store, "first", 1)
    async with syslog_receiver(authority) as receiver:
        async with following(store, to_syslog(authority, receiver.port)):
            await until(lambda: receiver.connections == 1)
            async with following(store, to_syslog(authority, receiver.port)):
                last = await sessions(store, "a", 50)
                await received(store, "siem_syslog", last)
                assert receiver.connections == 1
                assert receiver.positions == list(range(1, last + 1))
        async with following(store, to_syslog(authority, receiver.port)):
            last = await sessions(store, "b", 5)
            await received(store, "siem_syslog", last)
    assert receiver.positions == list(range(1, last + 1))


@one_store
async def test_a_receiver_with_another_certificate_gets_nothing(store: ReadBack, tmp_path: Path) -> None:
    """RFC 5425 §5.2: whoever has no certificate of the authority for this host is told nothing."""
    (tmp_path / "other").mkdir()
    authority, other = Authority(tmp_path), Authority(tmp_path / "other")
    await sessions(store, "a", 1)
    async with syslog_receiver(other) as receiver:
        sink = to_syslog(authority, receiver.port)
        with pytest.raises(ssl.SSLCertVerificationError):
            await SinkFollower(store, sink, ISSUER).step()
    assert receiver.messages == []


@one_store
async def test_a_file_has_each_event_once(
    store: ReadBack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was renamed is begun again, and the half line that a killed process left is completed."""
    path = tmp_path / "events.jsonl"
    last = await sessions(store, "a", 10)
    await SinkFollower(store, FileSink(path), ISSUER).step()
    assert positions(path) == list(range(1, last + 1))
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    await store.outbox.advance("siem_file", last, last - 1)
    monkeypatch.setattr("authrim.siem.follower.PERIOD", 1)
    follower = SinkFollower(store, FileSink(path), ISSUER)
    await stepped(follower, lambda: path.read_bytes() == whole)
    path.rename(tmp_path / "events.1")
    last = await sessions(store, "b", 1)
    await stepped(follower, path.exists)
    assert positions(path) == [last - 1, last]


@one_store
async def test_a_server_sends_by_itself(store: ReadBack, authority: Authority, tmp_path: Path) -> None:
    """A server with the settings sends everything, its own start too."""
    path = tmp_path / "siem.jsonl"
    async with syslog_receiver(authority) as receiver:
        address = f"localhost:{receiver.port}"
        settings: dict[str, Any] = {
            "siem_file": path,
            "siem_syslog": address,
            "siem_ca_file": authority.ca_file,
        }
        async with running_server(store, **settings) as server:
            head = (await server.core.store.head()).position
            await until(
                lambda: len(receiver.messages) >= head and path.exists() and len(positions(path)) >= head
            )
    assert receiver.positions[:head] == positions(path)[:head] == list(range(1, head + 1))


async def stepped(follower: SinkFollower, condition: Callable[[], bool]) -> None:
    """Steps until something holds: another follower may have the turn for a moment."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await follower.step()
            await asyncio.sleep(0.05)


def positions(path: Path) -> list[int]:
    return [json.loads(line)["metadata"]["sequence"] for line in path.read_text("ascii").splitlines()]
