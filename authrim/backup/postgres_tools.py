"""``pg_dump`` and ``pg_restore``: PostgreSQL's own tools, which know its catalog better than we could.

A password never stands on a command line, where every process of the machine can read it. What the tools say may quote
values, so only its meaning is told.
"""

import asyncio
import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from authrim.backup.manifest import BackupUnusable
from authrim.settings import Settings
from authrim.store.postgres.schema import connect

#: A part of what a tool says, and what it means.
_MEANINGS: Final = (
    ("server version mismatch", "it is older than the server: install the client programs of the server's version"),
    ("unsupported version", "it is older than the one that wrote the backup: install the newer one"),
    ("permission denied", "the role in `database` may not do this: a backup takes the role of the server or the owner "
     "of the schema, a restore a role that may create a schema"),
    ("invalid URI query parameter", "`database` has a parameter that libpq does not know: take it out"),
    ("No space left", "the disk is full: make room"),
    ("lock timeout", "somebody changes the schema: try again afterwards"),
    ("connection to server", "it cannot connect: correct `database`, or give the password there"),
)  # fmt: skip


class Address(NamedTuple):
    """An address for libpq, without the password, and the environment that has it."""

    dsn: str
    environment: Mapping[str, str]


async def direct_dsn(settings: Settings) -> str | None:
    """The address of PostgreSQL itself; None where the database is a file. A pooler in transaction mode is no place for
    what lasts as long as a dump. Raises BackupUnusable when it leads to another database, and Unavailable."""
    listen = settings.database_listen
    dsn = settings.postgres_dsn
    if dsn is None or listen is None:
        return dsn
    direct = listen.get_secret_value()
    await _refuse_another(dsn, direct)
    return direct


async def _refuse_another(dsn: str, direct: str) -> None:
    """A lock that is taken in one database is free in every other one."""
    number = secrets.randbits(63)
    async with AsyncExitStack() as stack:
        free = False
        for address in (dsn, direct):
            session = await connect(address)
            stack.push_async_callback(session.close)
            await stack.enter_async_context(session.transaction())
            free = await session.fetchval("SELECT pg_try_advisory_xact_lock($1)", number)
        if free:
            raise BackupUnusable(
                "`database_listen` is the address of another database than `database`: correct it"
            )


def address_of(dsn: str) -> Address:
    """The address of a database as the tools take it. Raises BackupUnusable."""
    url = urlsplit(dsn)
    userinfo, at, place = url.netloc.rpartition("@")
    user, _, password = userinfo.partition(":")
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    if "sslpassword" in query:
        raise BackupUnusable(
            "`database` has the parameter sslpassword, which the tools take on a command line alone: "
            "use a key without a password, in a file that only its owner may read"
        )
    password = query.pop("password", unquote(password))
    kept = urlencode(query, quote_via=quote)
    cleaned = f"{url.scheme}://{user}{at}{place}{url.path}{'?' if kept else ''}{kept}"
    return Address(cleaned, {"PGPASSWORD": password} if password else {})


async def run_tool(name: str, address: Address, *arguments: str) -> None:
    """Run one of the tools to its end. Raises BackupUnusable."""
    path = shutil.which(name)
    if path is None:
        raise BackupUnusable(f"{name} is not there: install PostgreSQL's client programs (postgresql-client)")
    process = await asyncio.create_subprocess_exec(
        path,
        *arguments,
        "--no-password",
        f"--dbname={address.dsn}",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C", **address.environment},
    )
    try:
        _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise BackupUnusable(f"{name} ended with status {process.returncode}: {_meaning(said)}")


def _meaning(said: bytes) -> str:
    text = said.decode("utf-8", "replace")
    words = (meaning for part, meaning in _MEANINGS if part in text)
    return next(words, "look at the log of PostgreSQL")
