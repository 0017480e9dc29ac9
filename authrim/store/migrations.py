"""Migrations: numbered plain SQL files, and which of them a database still lacks.

``NNNN_name.sql`` runs on both engines, ``NNNN_name.postgres.sql`` and ``NNNN_name.sqlite.sql`` on one.
"""

from collections.abc import Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Literal, NamedTuple

from authrim.store.contract import UnknownSchema

Engine = Literal["postgres", "sqlite"]

NO_HEAD = "the database has lost the head of its log, it was changed by hand: restore the backup"

CREATE_NOTES = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL
    )
"""

READ_NOTES = "SELECT version, checksum FROM schema_migrations"


class Migration(NamedTuple):
    """One file: its number, its name, its text, and the SHA-256 of the text."""

    version: int
    name: str
    sql: str
    checksum: str


def migrations(engine: Engine) -> list[Migration]:
    """The migrations of an engine, in order."""
    found: dict[int, Migration] = {}
    for file in files("migrations").iterdir():
        name, _, suffix = file.name.partition(".")
        if suffix not in ("sql", f"{engine}.sql"):
            continue
        sql = file.read_text(encoding="utf-8")
        migration = Migration(int(name[:4]), name, sql, sha256(sql.encode()).hexdigest())
        if migration.version in found:
            raise ValueError(f"two migrations have the number of {file.name}")
        found[migration.version] = migration
    return [found[version] for version in sorted(found)]


def pending(engine: Engine, applied: Mapping[int, str]) -> list[Migration]:
    """The pending migrations. Raises UnknownSchema if the database is newer, or a file was changed."""
    known = migrations(engine)
    unknown = applied.keys() - {migration.version for migration in known}
    if unknown:
        raise UnknownSchema(
            f"the database has migration {max(unknown)}, which this version does not know: update it"
        )
    for migration in known:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise UnknownSchema(
                f"migration {migration.name} is not the text that was applied: restore the file"
            )
    return [migration for migration in known if migration.version not in applied]


def refuse_pending(engine: Engine, applied: Mapping[int, str]) -> None:
    """Raise UnknownSchema if a migration is pending."""
    missing = pending(engine, applied)
    if missing:
        raise UnknownSchema(f"the database lacks migration {missing[0].name}: run `authrim migrate`")
