"""Where the event log is stored, and how much may wait for it."""

from pathlib import Path

from pydantic import Field, SecretStr

from authrim.settings.kinds import Count, Database, Group, PostgresAddress, Seconds
from domain.units import DAY


class Log(Group):
    """Where the event log is stored, and how much may wait for it."""

    database: Database = Field(
        default=SecretStr("authrim.db"),
        description="A file name for the embedded SQLite store, or `postgresql://user:password@host/name`.",
    )
    database_file: Path | None = Field(
        default=None,
        description="A file with the address of the database, instead of `database`: it has the password.",
    )
    database_pooled: bool = Field(
        default=False,
        description="Set this if a transaction pooler (PgBouncer) is in front of PostgreSQL: no statement is "
        "kept prepared.",
    )
    database_listen: PostgresAddress | None = Field(
        default=None,
        description="A direct `postgresql://` address for LISTEN, past a pooler. Without it the log is polled.",
    )
    database_listen_file: Path | None = Field(
        default=None, description="A file with that address, instead of `database_listen`."
    )
    database_replica: PostgresAddress | None = Field(
        default=None,
        description="The `postgresql://` address of a hot standby of `database`. The auditor's questions, reports and "
        "bundles are read there.",
    )
    database_replica_file: Path | None = Field(
        default=None, description="A file with that address, instead of `database_replica`."
    )
    database_replica_lag: Seconds = Field(
        default=60,
        ge=1,
        le=DAY,
        description="How far behind the replica may be. When it is further behind, its primary is read.",
    )
    database_failover: bool = Field(
        default=False,
        description="Set this if a standby can be promoted. Nothing is recorded then unless PostgreSQL waits for a "
        "synchronous standby.",
    )
    append_queue_limit: Count = Field(
        default=4096,
        ge=64,
        le=65536,
        description="How many appends may wait in one process. Further requests get 503 with `Retry-After`.",
    )
    append_wait_seconds: Seconds = Field(
        default=1,
        ge=1,
        le=30,
        description="How long an append may wait before it is sent. After that the request gets 503.",
    )
