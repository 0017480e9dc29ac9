"""The functions of PostgreSQL are made for the tables there are, and made again when their text changes (F20)."""

import asyncpg
import pytest

from authrim.store.contract import UnknownSchema
from authrim.store.postgres import functions
from authrim.store.postgres import schema as postgres_schema
from authrim.store.postgres.fence import ANY_PRIMARY
from authrim.store.postgres.functions import NAMES, Revision
from authrim.store.postgres.store import PostgresStore
from projections.tables import INLINE_TABLES, PRIVATE_TABLES, Table
from scripts.functions import counted

SIGNATURE = "SELECT p.oid::regprocedure::text FROM pg_proc p WHERE p.proname = $1 ORDER BY p.pronargs"


class NextVersion:
    """The texts of the version after this one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self._text, self._revision = functions.text, functions.revision

    def changes(self, name: str, text: str, *, since: int) -> None:
        """Be the next version, in which the function has another text."""
        revision = Revision(self._revision(name).revision + 1, since)
        self._monkeypatch.setattr(functions, "text", lambda of: text if of == name else self._text(of))
        self._monkeypatch.setattr(
            functions, "revision", lambda of: revision if of == name else self._revision(of)
        )

    def has_not_come(self) -> None:
        """Be this version again."""
        self._monkeypatch.setattr(functions, "text", self._text)
        self._monkeypatch.setattr(functions, "revision", self._revision)


@pytest.fixture
def next_version(monkeypatch: pytest.MonkeyPatch) -> NextVersion:
    return NextVersion(monkeypatch)


def test_every_table_is_in_it() -> None:
    """Each table of ``projections/tables.py`` is written, dropped from and looked for; no placeholder is left."""
    text = functions.text("append_batch")
    for table in INLINE_TABLES + PRIVATE_TABLES:
        assert f"INSERT INTO {table.name} ({', '.join(table.columns)})" in text
        assert f"WHEN '{table.name}' THEN DELETE FROM {table.name}" in text
        assert f"WHEN '{table.name}' THEN EXISTS" in text
    assert "{" not in text.replace("'{}'", "")


def test_every_text_is_counted() -> None:
    """A text that changes gets the next revision, and serves the callers of the one before unless its arguments are
    others."""
    before = counted({}, ("f",), lambda _: "CREATE OR REPLACE FUNCTION f(a INT)\nRETURNS INT 1")
    assert (before["f"]["revision"], before["f"]["since"]) == (1, 1)
    assert counted(before, ("f",), lambda _: "CREATE OR REPLACE FUNCTION f(a INT)\nRETURNS INT 1") == before
    same = counted(before, ("f",), lambda _: "CREATE OR REPLACE FUNCTION f(a INT)\nRETURNS INT 2")
    assert (same["f"]["revision"], same["f"]["since"]) == (2, 1)
    other = counted(same, ("f",), lambda _: "CREATE OR REPLACE FUNCTION f(a TEXT)\nRETURNS INT 2")
    assert (other["f"]["revision"], other["f"]["since"]) == (3, 3)


async def test_a_changed_text_is_installed_anew(own_dsn: str, next_version: NextVersion) -> None:
    """F20: a server refuses the function of the version before, and ``migrate`` makes it again, once. A server of the
    version before starts on the function of the next version, and its ``migrate`` leaves that alone."""
    for name in NAMES:
        next_version.changes(name, functions.text(name) + "-- changed\n", since=1)
        with pytest.raises(UnknownSchema, match=f"function {name}: run `authrim migrate`"):
            await opened(own_dsn)
        assert await postgres_schema.migrate_postgres(own_dsn) == [name]
        assert await postgres_schema.migrate_postgres(own_dsn) == []
        await opened(own_dsn)
        next_version.has_not_come()
        await opened(own_dsn)
        assert await postgres_schema.migrate_postgres(own_dsn) == []


async def test_a_function_that_was_changed_by_hand(own_dsn: str) -> None:
    """A function that no version has made is made again."""
    connection = await asyncpg.connect(own_dsn)
    await connection.execute("SET search_path TO authrim")
    ((signature,),) = await connection.fetch(SIGNATURE, "prune_rows")
    await connection.execute(f"COMMENT ON FUNCTION {signature} IS 'mine'")
    await connection.close()
    with pytest.raises(UnknownSchema, match="function prune_rows"):
        await opened(own_dsn)
    assert await postgres_schema.migrate_postgres(own_dsn) == ["prune_rows"]
    await opened(own_dsn)


async def test_other_arguments_make_another_function(own_dsn: str, next_version: NextVersion) -> None:
    """F20, A313: the function of the version before stays beside one with other arguments, who could call it can call
    the new one and nobody else can, and ``--finish`` drops it; the version before is refused then, and makes none of
    its own."""
    connection = await asyncpg.connect(own_dsn)
    await connection.execute("SET search_path TO authrim; CREATE ROLE caller_of_before")
    try:
        await connection.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA authrim TO caller_of_before")
        # A log that is not empty: somebody may be running.
        await connection.execute("UPDATE head SET position = 1")
        text = functions.text("prune_rows").replace("(of_table TEXT,", "(another INT, of_table TEXT,")
        next_version.changes("prune_rows", text, since=functions.revision("prune_rows").revision + 1)
        assert await postgres_schema.migrate_postgres(own_dsn) == ["prune_rows"]
        callers = await connection.fetch(
            "SELECT p.pronargs FROM pg_proc p WHERE p.proname = 'prune_rows'"
            " AND has_function_privilege('caller_of_before', p.oid, 'EXECUTE')"
            " AND NOT has_function_privilege('public', p.oid, 'EXECUTE') ORDER BY 1"
        )
        assert [arguments for (arguments,) in callers] == [4, 5]
        await opened(own_dsn)
        next_version.has_not_come()
        await opened(own_dsn)
        next_version.changes("prune_rows", text, since=functions.revision("prune_rows").revision + 1)
        (left,) = await postgres_schema.unfinished_postgres(own_dsn)
        assert "prune_rows(text" in left
        (dropped,) = await postgres_schema.finish_postgres(own_dsn, lambda _done, _whole: None)
        assert dropped.startswith("prune_rows(text")
        await opened(own_dsn)
        next_version.has_not_come()
        with pytest.raises(UnknownSchema, match="function prune_rows"):
            await opened(own_dsn)
        with pytest.raises(UnknownSchema, match="of a newer version, which does not serve this one"):
            await postgres_schema.migrate_postgres(own_dsn)
    finally:
        await connection.execute("DROP OWNED BY caller_of_before; DROP ROLE caller_of_before")
        await connection.close()


async def test_a_table_costs_one_declaration(own_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one more table in ``projections/tables.py``, and its migration, the function writes to it."""
    connection = await asyncpg.connect(own_dsn)
    await connection.execute(
        'CREATE TABLE authrim.devices (key TEXT COLLATE "C" PRIMARY KEY, tenant TEXT, expires_at BIGINT)'
    )
    devices = Table("devices", ("key", "tenant", "expires_at"))
    functions.text.cache_clear()
    monkeypatch.setattr(functions, "INLINE_TABLES", (*INLINE_TABLES, devices))
    try:
        await postgres_schema.migrate_postgres(own_dsn)
        nothing: list[list[object]] = [[]] * 24
        rows = '[{"append": 0, "key": "default:1", "tenant": "default", "expires_at": 7}]'
        places = ", ".join(f"${n}" for n in range(1, 30))
        await connection.fetchrow(
            f"SELECT * FROM authrim.append_batch({places})", *nothing, ["devices"], [rows], *ANY_PRIMARY
        )
        assert await connection.fetchval("SELECT expires_at FROM authrim.devices") == 7
    finally:
        functions.text.cache_clear()
        await connection.close()


async def test_nobody_else_may_call_a_function(postgres_dsn: str) -> None:
    """A313: the functions that act with the rights of the owner of the log can be called by no role that was not
    allowed it, and look for tables and operators in its schema alone."""
    connection = await asyncpg.connect(postgres_dsn)
    found = await connection.fetch(
        "SELECT proname, has_function_privilege('public', oid, 'EXECUTE'), proconfig::text FROM pg_proc"
        " WHERE pronamespace = 'authrim'::regnamespace AND prosecdef"
    )
    await connection.close()
    assert {name for name, _, _ in found} == set(NAMES)
    for name, public, settings in found:
        assert not public, name
        assert "search_path=authrim, pg_temp" in settings, name


async def opened(dsn: str) -> None:
    """A server's store on this database. Raises UnknownSchema."""
    store = PostgresStore(dsn)
    await store.open()
    await store.close()
