"""What a bundle of a large log costs: ``python -m bench.bundle [EVENTS] [FOLDER]``.

Writes a log of its own to a new SQLite file, exports all of it, and verifies the bundle with the verifier inside it,
each in a process of its own.
"""

import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import msgspec

from authrim.audit.bundle.export import VERIFIER, Wanted, export_range
from authrim.store import group_commit
from authrim.store.codec import encode
from authrim.store.contract import Append, StreamAppend
from authrim.store.group_commit import QueueLimits
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from domain.grant import events as grant
from domain.stream import grant_stream

EVENTS: Final = 1_000_000
_TOGETHER: Final = 64
_MODULE: Final = "bench.bundle"


def _grant(number: int) -> Append:
    """A grant of eight events: a code flow with two tokens, a refresh and a revocation."""
    scope = ("openid", "profile", "email", "offline_access")
    audience = ("https://api.example.com/",)
    name = f"{number:032x}"

    def token(which: int) -> grant.AccessTokenIssued:
        digest = f"{number:040x}{which}"
        return grant.AccessTokenIssued(
            digest, "jwt", "web", scope, audience, 1_760_000_100, 1_760_000_400, name, name
        )

    events = (
        grant.AuthorizationRequested(
            "web", "https://rp.example.com/callback", "code", "query", scope, 1_760_000_000, 1_760_000_600
        ),
        grant.SubjectAuthenticated(name, name, 1_760_000_050, "1", ("pwd",)),
        grant.ConsentGranted(scope),
        grant.CodeIssued(f"{number:043x}", 1_760_000_090, 1_760_000_150, "web", name),
        grant.CodeRedeemed("private_key_jwt", 1_760_000_100, "key-1"),
        token(1),
        token(2),
        grant.GrantRevoked("client_revoked", 1_760_000_200),
    )
    metadata = msgspec.json.encode({
        "tenant": "default", "actor": "client", "client_id": "web", "subject": name, "trace": name,
        "address": f"{number:043x}", "server": "0.1.0",
    })  # fmt: skip
    stream = StreamAppend(grant_stream("default", name), 0, tuple(encode(event) for event in events))
    return Append((stream,), metadata)


async def _write_log(path: Path, events: int) -> None:
    group_commit.QUEUE_LIMITS = QueueLimits(seconds=300)
    migrate_sqlite(path)
    store = SQLiteStore(path)
    await store.open()
    grants = events // 8
    for first in range(0, grants, _TOGETHER):
        appends = (store.append(_grant(number)) for number in range(first, min(first + _TOGETHER, grants)))
        await asyncio.gather(*appends)
    await store.close()


async def _export(path: Path, out: Path) -> None:
    store = SQLiteStore(path)
    await store.open()
    head = (await store.head()).position
    with out.open("wb") as file:
        await export_range(
            store, file, 1, head, Wanted("bench.example.com/transparency"), lambda _done, _all: None
        )
    await store.close()


def _measured(what: str, *command: str | Path) -> None:
    """Run a command, and print its time and the largest memory of all that ran so far."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    seconds, memory = time.monotonic() - started, after.ru_maxrss // 1024
    print(f"{what}: {seconds:.1f} s, {cpu:.1f} s of processor time, at most {memory} MiB", flush=True)


def main(events: int, folder: Path) -> None:
    """Measure and print. The verifier runs first, on a small bundle, so that its memory is seen alone."""
    log, out = folder / "log.db", folder / "log.tar"
    asyncio.run(_write_log(log, events))
    asyncio.run(_export(log, out))
    print(
        f"{events} events, log {log.stat().st_size >> 20} MiB, bundle {out.stat().st_size >> 20} MiB",
        flush=True,
    )
    _measured("verify", sys.executable, "-I", VERIFIER, out)
    _measured("export", sys.executable, "-m", _MODULE, "--export", log, folder / "again.tar")
    same = subprocess.run(["cmp", out, folder / "again.tar"], check=False).returncode == 0
    print("the same bytes again" if same else "OTHER BYTES")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--export"]:
        asyncio.run(_export(Path(sys.argv[2]), Path(sys.argv[3])))
    else:
        count = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
        with tempfile.TemporaryDirectory() as temporary:
            main(count, Path(sys.argv[2]) if len(sys.argv) > 2 else Path(temporary))
