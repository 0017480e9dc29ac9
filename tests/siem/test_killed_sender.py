"""A process that sends to a SIEM gets ``kill -9`` at every point of its work, and another one goes on."""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from authrim.store.read_back import ReadBack
from tests.siem.receiver import SyslogReceiver, syslog_receiver
from tests.siem.sending import PAGE
from tests.siem.test_siem import received, sessions
from tests.support.https_site import Authority
from tests.support.killed import KillingProxy, sender

MODULE = "tests.siem.sending"


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_f18_a_file_has_each_event_after_any_kill(
    store: ReadBack, store_place: Path, tmp_path: Path
) -> None:
    """F18: killed after a page was read and before it was written, in the middle of a line, or after it was written and
    before that was recorded: the file has every event, in order. What was written without a record comes again, and is
    known by its ``uid``."""
    path, last = tmp_path / "siem.jsonl", await sessions(store, "a", 50)
    for number, point in enumerate(("unwritten", "in a line", "unrecorded"), 1):
        async with sender(MODULE, str(store_place), point, "0", str(path)) as process:
            await process.until_killed()
        assert await store.outbox.position("siem_file") == number * PAGE
    async with sender(MODULE, str(store_place), "", "0", str(path)):
        await received(store, "siem_file", last)
    records = [json.loads(line)["metadata"] for line in path.read_text("ascii").splitlines()]
    sequence = [one["sequence"] for one in records]
    assert list(dict.fromkeys(sequence)) == list(range(1, last + 1))
    # What comes again begins behind what was recorded, and goes on from there.
    assert [now for before, now in pairwise(sequence) if now != before + 1] == [2 * PAGE + 1, 3 * PAGE + 1]
    assert len({(one["sequence"], one["uid"]) for one in records}) == last
    assert len({one["uid"] for one in records}) == last


async def test_f18_syslog_gets_each_event_after_any_kill(
    store: ReadBack, store_place: Path | str, authority: Authority
) -> None:
    """F18: killed while the receiver reads, so that what it had sent is not recorded, and then when it has read its
    events and not sent them: the next process sends them all, in order, and repeats have the same ``uid``."""
    last, known = await sessions(store, "a", 50), 30
    assert await store.outbox.advance("siem_syslog", 0, known)
    async with syslog_receiver(authority) as receiver, KillingProxy(receiver.port) as proxy:
        arguments = f"localhost:{proxy.port}", str(authority.ca_file)
        async with sender(MODULE, str(store_place), "", "60", *arguments) as process:
            receiver.meets[known + PAGE + 5] = process.kill
            await process.until_killed()
        first = taken_by(receiver)
        assert first[0] == (known + 1, first[0][1])
        assert first[-1][0] >= known + PAGE + 5
        async with sender(MODULE, str(store_place), "", "60", *arguments) as process:
            proxy.victim = process
            await process.until_killed()
        assert taken_by(receiver) == []
        assert await store.outbox.position("siem_syslog") == known
        async with sender(MODULE, str(store_place), "", "0.1", *arguments):
            await received(store, "siem_syslog", last)
        again = taken_by(receiver)
    assert [position for position, _ in again] == list(range(known + 1, last + 1))
    assert again[: len(first)] == first


def taken_by(receiver: SyslogReceiver) -> list[tuple[int, str]]:
    """The positions and the uids that it got since it was asked last."""
    taken = [(record["metadata"]["sequence"], record["metadata"]["uid"]) for record in receiver.records]
    receiver.messages.clear()
    return taken
