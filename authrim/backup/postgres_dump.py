"""The copy of a PostgreSQL database: a dump of our schema at one moment, and how it gets into an empty database."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import asyncpg

from authrim.backup.manifest import BackupUnusable, Snapshot
from authrim.backup.postgres_tools import address_of, run_tool
from authrim.store.contract import Unavailable
from authrim.store.postgres.connections import LOST, REFUSED, quoted, unavailable
from authrim.store.postgres.restored import mark
from authrim.store.postgres.schema import SCHEMA, connect
from authrim.store.restored import Restored

_OF: Final = quoted(SCHEMA)
_HEAD: Final = f"""
    SELECT position, chain_hash, (SELECT max(version) FROM {_OF}.schema_migrations),
           current_setting('server_version')
    FROM {_OF}.head
"""  # noqa: S608 - quoted
#: Owner and rights are those of the place where it is restored, not of the one where it was taken.
_PLAIN: Final = ("--no-owner", "--no-privileges")


async def copy_postgres(dsn: str, target: Path) -> Snapshot:
    """Dump our schema, as it is at one moment, while servers write. Raises BackupUnusable, Unavailable.

    The dump reads in the snapshot of our own transaction, so the head that is told of it is the head in it.
    """
    await asyncio.to_thread(target.touch, 0o600)
    connection = await connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            head = await connection.fetchrow(_HEAD)
            await run_tool(
                "pg_dump", address_of(dsn), *_PLAIN, "--format=custom", f"--schema={SCHEMA}",
                f"--exclude-table-data={SCHEMA}.restored", f"--snapshot={snapshot}",
                "--lock-wait-timeout=10s", f"--file={target}",
            )  # fmt: skip
    except (*LOST, *REFUSED) as failed:
        raise unavailable(failed) from None
    finally:
        await connection.close()
    return Snapshot(*head)


async def load_postgres(dsn: str, file: Path, restored: Restored) -> None:
    """Load a dump into a database that has no schema of ours. Raises BackupUnusable, Unavailable.

    The mark is there before the first row is, and the rows come together with the indexes and the triggers that protect
    the log. So whatever interrupts us, no server starts on what is there then (F35).
    """
    await refuse_full(dsn)
    await _pg_restore(dsn, file, "pre-data")
    # By default everybody may call a function (decisions.md 11).
    await _execute(dsn, restored, (f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {_OF} FROM PUBLIC",))
    await _pg_restore(dsn, file, "data", "post-data")
    await _execute(dsn, None, ("ANALYZE",))


async def refuse_full(dsn: str) -> None:
    """Raise BackupUnusable when the database has a schema of ours."""
    connection = await connect(dsn)
    try:
        if await connection.fetchval("SELECT to_regnamespace($1) IS NOT NULL", _OF):
            raise BackupUnusable(
                f"the database has a schema {SCHEMA}: a backup never replaces anything. Name an empty database; what "
                f"an interrupted restore left goes with DROP SCHEMA {SCHEMA} CASCADE"
            )
    finally:
        await connection.close()


async def _pg_restore(dsn: str, file: Path, *sections: str) -> None:
    chosen = (f"--section={section}" for section in sections)
    await run_tool("pg_restore", address_of(dsn), *_PLAIN, "--single-transaction", *chosen, str(file))


async def _execute(dsn: str, restored: Restored | None, statements: Sequence[str]) -> None:
    connection = await connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL search_path TO {_OF}, pg_temp")
            for statement in statements:
                await connection.execute(statement)
            if restored is not None:
                await mark(connection, restored)
    except asyncpg.InsufficientPrivilegeError:
        raise Unavailable("this role may not restore: name the owner of the schema in `database`") from None
    except (*LOST, *REFUSED) as failed:
        raise unavailable(failed) from None
    finally:
        await connection.close()
