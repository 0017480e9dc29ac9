"""``authrim retention`` on a real store."""

import asyncio
from time import time

from authrim.store.sqlite.store import SQLiteStore
from tests.store.log_samples import behind_its_back
from tests.support.command_line import CommandLine


async def test_what_is_due_is_shown_and_leaves(authrim: CommandLine, store: SQLiteStore) -> None:
    """The status names each table with its rows, what is due and for how long; the run deletes that, and the status
    counts it."""
    for number in range(3):
        await store.reserve(f"jti:{number}", int(time()) + 500)
    behind_its_back(store._path, "UPDATE guard SET expires_at = expires_at - 1000")
    before = await asyncio.to_thread(authrim.json, "retention", "status")
    guard = next(one for one in before["tables"] if one["table"] == "guard")
    assert guard["behind_seconds"] >= 500
    assert (guard["rows"], guard["due"], guard["pruned"], guard["last_pruned"]) == (3, 3, 0, None)
    done = await asyncio.to_thread(authrim.json, "retention", "run")
    assert {one["table"]: one["deleted"] for one in done["tables"]}["guard"] == 3
    text = (await asyncio.to_thread(authrim.run, "retention", "status")).stdout
    (line,) = (line for line in text.splitlines() if line.startswith("guard"))
    assert line.split()[1:5] == ["0", "0", "–", "3"]
    assert max(map(len, text.splitlines())) <= 80
