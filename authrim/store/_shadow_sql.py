"""The statements on shadow tables for both engines. All names come from ``projections/``, none from outside."""

from projections.expiry import may_be_gone
from projections.tables import SESSIONS, Table


def shadow_of(table: Table) -> str:
    """The name of a table's shadow."""
    return f"shadow_{table.name}"


def index(table: Table) -> str:
    """The shadow's key, which its upserts need."""
    shadow, key = shadow_of(table), table.columns[0]
    return f"CREATE UNIQUE INDEX {shadow}_key ON {shadow} ({key})"


def differences(table: Table, now: int) -> str:
    """Which rows differ and in which columns, without any value but the key; the limit is to be added. A row that may
    have left its table by ``now`` (seconds) is not missing."""
    key, *columns = table.columns
    gone = may_be_gone(table, "s", shadow_of(SESSIONS), now)
    flags = ", ".join(f"(l.{column} IS DISTINCT FROM s.{column}) AS {column}" for column in columns)
    return (
        f"SELECT coalesce(l.{key}, s.{key}) AS row_key, (l.{key} IS NULL) AS missing, "  # noqa: S608
        f"(s.{key} IS NULL) AS extra, {flags} "
        f"FROM {table.name} l FULL OUTER JOIN {shadow_of(table)} s ON l.{key} = s.{key} "
        f"WHERE (l.{key} IS NULL AND NOT ({gone})) OR s.{key} IS NULL "
        f"OR (l.{key} IS NOT NULL AND ({_differs(columns, 'l', 's')})) ORDER BY 1"
    )


def remove_extra(table: Table) -> str:
    """Delete the live rows that the replay did not produce."""
    key = table.columns[0]
    return (
        f"DELETE FROM {table.name} WHERE NOT EXISTS "  # noqa: S608
        f"(SELECT 1 FROM {shadow_of(table)} s WHERE s.{key} = {table.name}.{key})"
    )


def put_differing(table: Table) -> str:
    """Insert or correct the live rows that are missing or differ."""
    key, *columns = table.columns
    names = ", ".join(table.columns)
    updates = ", ".join(f"{column} = excluded.{column}" for column in columns)
    return (
        f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {shadow_of(table)} WHERE true "  # noqa: S608
        f"ON CONFLICT ({key}) DO UPDATE SET {updates} WHERE {_differs(columns, table.name, 'excluded')}"
    )


def forget_ahead(table: Table) -> str:
    """Delete shadow rows after the position of a follower. The follower's name is bound once."""
    where = "coalesce((SELECT position FROM followers WHERE name = {name}), 0)"
    return f"DELETE FROM {shadow_of(table)} WHERE position > {where}"  # noqa: S608


def put(name: str, table: Table, values: str) -> str:
    """Insert or replace a row of ``name``, which has the columns of ``table``; ``values`` are the placeholders."""
    return put_selected(name, table, f"VALUES ({values})")


def put_selected(name: str, table: Table, selected: str) -> str:
    """Insert or replace the rows of ``name`` that ``selected`` gives, each key once."""
    key, *columns = table.columns
    updates = ", ".join(f"{column} = excluded.{column}" for column in columns)
    return (
        f"INSERT INTO {name} ({', '.join(table.columns)}) {selected} "
        f"ON CONFLICT ({key}) DO UPDATE SET {updates}"
    )


def _differs(columns: list[str], left: str, right: str) -> str:
    return " OR ".join(f"{left}.{column} IS DISTINCT FROM {right}.{column}" for column in columns)
