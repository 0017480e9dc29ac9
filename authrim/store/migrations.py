"""Migrations: numbered plain SQL files, and which of them a database still lacks.

``NNNN_name.sql`` runs on both engines, ``NNNN_name.postgres.sql`` and ``NNNN_name.sqlite.sql`` on one. The first line
says of which kind a file is (docs/operations/upgrade.md; docs/designs/0035-an-upgrade-has-two-steps.md):

* ``-- expand: why`` adds something. A server of the version before goes on as if it were not there, and can be started
  again. Also what has no such line, which is older than the kinds.
* ``-- expand concurrently: why`` adds indexes to a large table, while servers write to it (PostgreSQL only).
* ``-- rewrite of TABLE: why`` fills what was added before, a page of rows at a time. The file is one UPDATE of the rows
  with ``key > $1 AND key <= $2``.
* ``-- contract: why`` takes away what this version needs no longer. Nothing older can be started then.
"""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib.resources import files
from typing import Final, Literal, NamedTuple

from authrim.store.contract import UnknownSchema

Engine = Literal["postgres", "sqlite"]
Kind = Literal["expand", "expand concurrently", "rewrite", "contract"]

Told = Callable[[int, int], None]
"""Is told how many rows of a rewrite are done, and of how many about."""

NO_HEAD = "the database has lost the head of its log, it was changed by hand: restore the backup"

CREATE_NOTES = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        version BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL
    )
"""

#: All columns, because the kind is one of migration 0029, and a database may be older.
READ_NOTES = "SELECT * FROM schema_migrations"

#: Rows of one page of a rewrite: some milliseconds of work, for which the rows are locked.
PAGE: Final = 500

_KIND: Final = re.compile(r"-- (expand concurrently|expand|rewrite of (\w+)|contract): ")


class Migration(NamedTuple):
    """One file: its number, its name, its text, and the SHA-256 of the text."""

    version: int
    name: str
    sql: str
    checksum: str

    @property
    def kind(self) -> Kind:
        """What the first line says."""
        found = _KIND.match(self.sql)
        if found is None or found[1] == "expand":
            return "expand"
        if found[2]:
            return "rewrite"
        return "contract" if found[1] == "contract" else "expand concurrently"

    @property
    def table(self) -> str:
        """The table of a rewrite."""
        found = _KIND.match(self.sql)
        assert found is not None
        return found[2]


class Note(NamedTuple):
    """What a database says of a migration that was applied."""

    checksum: str
    kind: str


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


def pending(engine: Engine, applied: Mapping[int, Note]) -> list[Migration]:
    """What `migrate` applies. Raises UnknownSchema if a newer version took something away, or a file was changed."""
    return [found for found in _missing(engine, applied) if found.kind.startswith("expand")]


def unfinished(engine: Engine, applied: Mapping[int, Note]) -> list[Migration]:
    """What `migrate --finish` applies, the rewrites first."""
    missing = [found for found in _missing(engine, applied) if not found.kind.startswith("expand")]
    return sorted(missing, key=lambda found: (found.kind == "contract", found.version))


def refuse_pending(engine: Engine, applied: Mapping[int, Note]) -> None:
    """Raise UnknownSchema if a server of this version cannot run on the database."""
    missing = pending(engine, applied)
    if missing:
        raise UnknownSchema(f"the database lacks migration {missing[0].name}: run `authrim migrate`")


def _missing(engine: Engine, applied: Mapping[int, Note]) -> list[Migration]:
    known = migrations(engine)
    newer = applied.keys() - {migration.version for migration in known}
    # What a newer version has only added is no concern of ours (F20).
    taken_away = [version for version in newer if applied[version].kind == "contract"]
    if taken_away:
        raise UnknownSchema(
            f"the database has migration {max(taken_away)}, which this version does not know and which takes away "
            "what it needs: start the newer version, or restore the backup from before `authrim migrate --finish`"
        )
    for migration in known:
        if migration.version in applied and applied[migration.version].checksum != migration.checksum:
            raise UnknownSchema(
                f"migration {migration.name} is not the text that was applied: restore the file"
            )
    return [migration for migration in known if migration.version not in applied]
