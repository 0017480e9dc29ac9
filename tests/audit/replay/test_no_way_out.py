"""A replay cannot send anything."""

import asyncio
import json
import sys
from asyncio import subprocess
from pathlib import Path

from authrim.audit.replay.lines import line_of
from tests.audit.replay.flows import Story, log_of
from tests.support.running import RunningServer

#: Every way to the outside ends the process at once, before whoever takes it can catch the error.
_REPLAY = """
import os, sys

WAYS_OUT = ("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "ftplib.",
            "http.", "smtplib.", "urllib.", "ctypes.")

def guard(event, arguments):
    if event.startswith(WAYS_OUT):
        sys.stderr.write(f"a way out: {event}")
        sys.stderr.flush()
        os._exit(9)

sys.addaudithook(guard)

from authrim.audit.replay.check import Replay
from authrim.audit.replay.lines import pages_of

replay = Replay(sys.argv[2])
with open(sys.argv[1], "rb") as file:
    for page in pages_of(file, 50):
        replay.take(page)
report = replay.report()
assert report.agrees, report
import json
print(json.dumps({"decided": report.decided, "modules": sorted(sys.modules)}))
if "try" in sys.argv:
    import socket
    socket.create_connection(("127.0.0.1", 9))
"""
#: Modules that reach other processes or hosts. What is not imported cannot be called.
REACHING = (
    "socket", "ssl", "_ssl", "asyncio", "selectors", "select", "http.client", "smtplib", "email", "ftplib",
    "urllib.request", "subprocess", "multiprocessing", "ctypes", "aiohttp", "asyncpg", "aiodns", "cryptography",
    "authrim.outside", "authrim.people", "authrim.core", "authrim.web", "authrim.server", "authrim.settings",
    "authrim.store.sqlite", "authrim.store.postgres",
)  # fmt: skip


async def _run(log: Path, issuer: str, *more: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _REPLAY, str(log), issuer, *more, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), errors.decode()


async def test_a_replay_has_no_way_out(server: RunningServer, tmp_path: Path) -> None:
    """A283 and A236: a replay of real flows, in a process that ends at the first socket, name look-up or process that
    it makes, runs to its end, and has not even loaded what could reach anybody. The guard does catch one who tries."""
    await Story(server, 3).tell(25)
    log = tmp_path / "log"
    log.write_bytes(b"".join(line_of(event) for event in await log_of(server)))
    status, out, errors = await _run(log, server.issuer)
    assert (status, errors) == (0, "")
    told = json.loads(out)
    assert told["decided"]["redemption"] > 0
    assert sorted(set(REACHING) & set(told["modules"])) == []
    status, _, errors = await _run(log, server.issuer, "try")
    assert (status, errors.split(":")[0]) == (9, "a way out")
