"""Tables with rows and statistics, for tests that look at plans.

A database of the tests is emptied and used again, and PostgreSQL may have analyzed its tables when they were empty:
each plan is as good as another one then. A test that looks at plans fills the tables first.
"""

from collections.abc import Iterable
from typing import Final

import asyncpg

ROWS: Final = 1000
PEOPLE: Final = 50

_COLUMNS: Final = """
    SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
    WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = ''
"""
#: The n-th value of a column, by its name or else its type.
_VALUES: Final = {
    "tenant": "'default'",
    "subject": f"'person-' || n % {PEOPLE}",
    "text": "'value-' || n",
    "bigint": "n",
    "integer": "n",
    "boolean": "n % 2 = 0",
    "bytea": "'\\x00'::bytea",
}


async def fill(connection: asyncpg.Connection, tables: Iterable[str]) -> None:
    """Add ``ROWS`` rows to each table, with another value in each but for the tenant and the people, and analyze it."""
    for table in tables:
        columns = [tuple(row) for row in await connection.fetch(_COLUMNS, table)]
        names = ", ".join(name for name, _ in columns)
        values = ", ".join(_VALUES.get(name) or _VALUES[kind] for name, kind in columns)
        await connection.execute(
            f"INSERT INTO {table} ({names}) SELECT {values} FROM generate_series(1, {ROWS}) AS n"
        )
        await connection.execute(f"ANALYZE {table}")
