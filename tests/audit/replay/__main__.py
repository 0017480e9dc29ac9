"""Writes the log that later versions decide again: ``python -m tests.audit.replay``.

Run it when a version is released, with the code of that version, and keep what it writes: the file of a released
version never changes. The flows are those of ``flows.py`` in an order that a seed decides.
"""

import asyncio
import gzip
import tempfile
from pathlib import Path

import structlog

from authrim import __version__
from authrim.audit.replay.lines import line_of
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from tests.audit.replay.flows import Story, log_of
from tests.support.running import running_server

LOGS = Path(__file__).parent / "logs"
#: The issuer of every log in the folder.
PORT = 47123
SEED, STEPS = 2, 90


async def main() -> None:
    """Write the log of this version."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "authrim.db"
        migrate_sqlite(path)
        store = SQLiteStore(path)
        await store.open()
        async with running_server(store, port=PORT) as server:
            await Story(server, SEED).tell(STEPS)
            lines = b"".join(line_of(event) for event in await log_of(server))
        await store.close()
    LOGS.mkdir(exist_ok=True)
    written = LOGS / f"{__version__}.log.gz"
    written.write_bytes(gzip.compress(lines, mtime=0))
    print(f"{written}: {len(lines.splitlines())} events")


if __name__ == "__main__":
    asyncio.run(main())
