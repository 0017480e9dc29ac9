"""Commands that take long show how far they are, on a terminal, and take no more memory for a longer log."""

import asyncio
import json
import os
import pty
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from authrim.audit.rebuild import rebuild
from authrim.store.read_back import ReadBack
from bench.histories import Histories
from tests.support.running import MASTER_KEY

COMMANDS = {
    "rebuild": (("projections", "rebuild"), b"Replaying the log"),
    "verify": (("audit", "verify"), b"Proving the log"),
}


def run_on_a_terminal(*words: str, environment: dict[str, str]) -> tuple[str, bytes]:
    """``authrim`` with a terminal for its standard error: its standard output, and what the terminal showed."""
    ours, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "authrim", *words], stdout=subprocess.PIPE, stderr=terminal, text=True,
        env=os.environ | environment | {"TERM": "xterm", "COLUMNS": "100"},
    ) as process:  # fmt: skip
        os.close(terminal)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            shown += part
        printed, _ = process.communicate()
        os.close(ours)
        assert process.returncode == 0, printed
    return printed, shown


@pytest.mark.parametrize("name", COMMANDS)
async def test_a_bar_on_a_terminal(store: ReadBack, store_place: Path | str, name: str) -> None:
    """Who waits sees what is done, of how much, and how long it may still take; standard output has only the result."""
    histories = Histories(store)
    await histories.begin()
    await histories.write(1000)
    words, title = COMMANDS[name]
    head = (await store.head()).position
    environment = {
        "AUTHRIM_ISSUER": "https://login.example.com", "AUTHRIM_DATABASE": str(store_place),
        "AUTHRIM_MASTER_KEYS": MASTER_KEY,
    }  # fmt: skip
    printed, shown = await asyncio.to_thread(run_on_a_terminal, "--json", *words, environment=environment)
    assert json.loads(printed)["ok"] is True
    assert title in shown
    assert b"%d/%d" % (head, head) in shown


async def test_memory_does_not_grow_with_the_log(store: ReadBack) -> None:
    """A rebuild holds a page of the log at a time, however long the log is."""
    histories = Histories(store)
    await histories.begin()
    peaks = []
    for _ in range(2):
        await histories.write(1000)
        tracemalloc.start()
        assert (await rebuild(store, page=100)).repaired
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0], peaks
