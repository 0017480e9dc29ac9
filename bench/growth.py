"""How much the database grows per kind of request: ``python -m bench.growth DATABASE`` (a new file, or an empty
PostgreSQL).

Each kind of request is sent many times over HTTP, and then the sizes of the tables and their indexes are read.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import structlog

from authrim.core.retention import Retention
from authrim.store.migrate import is_postgres
from authrim.store.postgres.schema import connect, migrate_postgres
from authrim.store.postgres.store import PostgresStore
from authrim.store.sqlite.lane import connect as connect_sqlite
from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from tests.support.browser import Browser, authenticated_post
from tests.support.running import RunningServer, running_server

TIMES: Final = 400
#: A time when everything has expired, in seconds from now.
MUCH_LATER: Final = 400 * 86400

_OF_SQLITE: Final = """
    SELECT coalesce(m.tbl_name, s.name), sum(s.pgsize) FROM dbstat s LEFT JOIN sqlite_master m ON m.name = s.name
    GROUP BY 1
"""
_OF_POSTGRES: Final = """
    SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'authrim' AND c.relkind = 'r'
"""


async def sizes(database: str) -> dict[str, int]:
    """The size of each table with its indexes, in bytes."""
    if not is_postgres(database):
        connection = connect_sqlite(Path(database))
        found = dict(connection.execute(_OF_SQLITE).fetchall())
        connection.close()
        return found
    postgres = await connect(database)
    try:
        return dict(await postgres.fetch(_OF_POSTGRES))
    finally:
        await postgres.close()


async def main(database: str) -> None:
    """Measure and print."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    if is_postgres(database):
        await migrate_postgres(database)
        store: Any = PostgresStore(database)
    else:
        migrate_sqlite(Path(database))
        store = SQLiteStore(Path(database))
    await store.open()
    async with running_server(store) as server:
        for kind, once in (await _kinds(server)).items():
            before = await sizes(database)
            for _ in range(TIMES):
                await once()
            _print(kind, before, await sizes(database))
        now = server.core.now() + MUCH_LATER
        print("deleted rows:", await Retention(store, server.core.settings).all_due(now))
    await store.close()


async def _kinds(server: RunningServer) -> dict[str, Callable[[], Awaitable[object]]]:
    web, service = await server.client("web"), await server.client("service")
    tokens = await Browser(server).code_flow(web, scope="openid offline_access", prompt="consent")

    async def refresh() -> None:
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        status, answer = await authenticated_post(server, web, "/token", form)
        assert status == 200, answer
        tokens.update(answer)

    async def service_token() -> None:
        await authenticated_post(server, service, "/token", {"grant_type": "client_credentials"})

    return {
        "sign-in in a new browser, with a code and tokens": lambda: Browser(server).code_flow(web),
        "refresh": refresh,
        "token of a service": service_token,
        "request that nobody finishes": lambda: Browser(server).authorize(web),
    }


def _print(kind: str, before: dict[str, int], after: dict[str, int]) -> None:
    grown = {name: (after[name] - before.get(name, 0)) / TIMES for name in after}
    parts = {name: round(size) for name, size in sorted(grown.items(), key=lambda one: -one[1]) if size >= 1}
    print(f"{kind}: {round(sum(grown.values()))} bytes", parts, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
