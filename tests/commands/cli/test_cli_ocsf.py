"""``authrim audit ocsf`` and ``authrim audit siem`` on a real store."""

import asyncio
import json
from pathlib import Path

from authrim.store import codec
from authrim.store.sqlite.store import SQLiteStore
from domain.question_events import QuestionAsked
from domain.stream import AUDIT, parse
from tests.support.command_line import CommandLine


async def test_events_are_copied_as_records(authrim: CommandLine, store: SQLiteStore, tmp_path: Path) -> None:
    """A part of the log is printed or written to a file, one record per line in the order of the log, after the
    question was recorded with its reason."""
    for name in ("first", "second", "third"):
        arguments = ("client", "create", "--client-id", name, "--redirect-uri", "https://rp.example/cb")
        await asyncio.to_thread(authrim.run, *arguments)
    printed = await asyncio.to_thread(
        authrim.run, "audit", "ocsf", "--from", "2", "--to", "3", "--reason", "ticket 4711"
    )
    records = [json.loads(line) for line in printed.stdout.splitlines()]
    assert [record["metadata"]["sequence"] for record in records] == [2, 3]
    assert [record["entity"]["uid"] for record in records] == ["first", "second"]
    out = tmp_path / "records.jsonl"
    await asyncio.to_thread(authrim.run, "audit", "ocsf", "--out", str(out))
    written = [json.loads(line) for line in out.read_text("ascii").splitlines()]
    assert [record["metadata"]["sequence"] for record in written] == list(range(1, 9))
    asked = [
        codec.decode(AUDIT, event.type, event.payload)
        for event in await store.read_log(0, 100)
        if parse(event.stream).kind == AUDIT
    ]
    assert [type(one) for one in asked] == [QuestionAsked, QuestionAsked]
    assert (asked[0].question, asked[0].reason, asked[0].exported) == ("ocsf", "ticket 4711", True)  # type: ignore[attr-defined]
    assert asked[0].conditions == {"from": "2", "to": "3"}  # type: ignore[attr-defined]


async def test_it_does_not_wait_for_what_is_to_come(authrim: CommandLine) -> None:
    """Without ``--follow`` it ends at the end of the log, also when ``--to`` names a position that no event has yet."""
    printed = await asyncio.to_thread(authrim.run, "audit", "ocsf", "--to", "100000")
    (asked,) = [json.loads(line) for line in printed.stdout.splitlines()]
    assert asked["metadata"]["event_code"] == "audit.question_asked.v1"


async def test_how_far_the_servers_have_come(
    authrim: CommandLine, store: SQLiteStore, tmp_path: Path
) -> None:
    """Each sink that is configured is shown with the position that was received."""
    await asyncio.to_thread(authrim.run, "keys", "rotate")
    authrim.environment["AUTHRIM_SIEM_FILE"] = str(tmp_path / "siem.jsonl")
    await store.outbox.advance("siem_file", 0, 1)
    (sink,) = (await asyncio.to_thread(authrim.json, "audit", "siem"))["sinks"]
    assert (sink["sink"], sink["position"], sink["behind"]) == ("siem_file", 1, sink["head"] - 1)
