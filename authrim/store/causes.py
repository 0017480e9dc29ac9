"""Explains a failure of the database and how to fix it, for the person who runs a command.

The text names the setting and never holds a value, an address or the database's own words, which may quote them.
"""

import socket
import sqlite3
import ssl
from collections.abc import Mapping
from typing import Final

import asyncpg
import msgspec
from asyncpg import exceptions as postgres

from authrim.store.codec import UnreadableEvent

_SCHEMA_CHANGED: Final = (
    "the tables are not those of this version: they were changed by hand or are another application's: correct "
    "`database`, or restore the backup"
)
_ADDRESS: Final = "write `database` as postgresql://user:password@host:port/name"

#: The first that fits counts, so a class stands before its base.
_POSTGRES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (socket.gaierror, "the host in `database` has no address: correct its name"),
    (
        ConnectionRefusedError,
        "nobody listens at the address in `database`: start PostgreSQL there, or correct it",
    ),
    (
        FileNotFoundError,
        "there is no socket at the address in `database`: start PostgreSQL there, or correct it",
    ),
    (ssl.SSLError, "no TLS that both sides trust: look at `sslmode` and `sslrootcert` in `database`"),
    (TimeoutError, "no answer in time: is the address in `database` right, and is anything in between?"),
    (ConnectionError, "whoever is at the address in `database` hung up: is it PostgreSQL?"),
    (OSError, "the address in `database` cannot be reached: correct it, or look at the network"),
    (
        postgres.InvalidCatalogNameError,
        "there is no such database: create it (createdb), or correct `database`",
    ),
    (postgres.InvalidPasswordError, "the role's password is wrong: correct it in `database`"),
    (
        postgres.InvalidAuthorizationSpecificationError,
        "this role is not let in: it must exist with LOGIN, and pg_hba.conf must have a line for it",
    ),
    (
        postgres.InsufficientPrivilegeError,
        "the role in `database` may not do this: as the owner of the schema run `authrim migrate --grant-to ROLE`, or "
        "grant CONNECT and LOGIN",
    ),
    (
        postgres.TooManyConnectionsError,
        "all connections are taken: raise max_connections or the CONNECTION LIMIT of role and database",
    ),
    (postgres.DiskFullError, "its disk is full: make room"),
    (postgres.InsufficientResourcesError, "the server lacks memory or another resource: look at its log"),
    (
        postgres.ReadOnlySQLTransactionError,
        "it takes no writes: name the primary in `database`, not a standby, and set default_transaction_read_only off",
    ),
    (
        postgres.LockNotAvailableError,
        "somebody else holds a lock for too long: end the other session, or try again",
    ),
    (postgres.CantChangeRuntimeParamError, f"it does not take a parameter of the address: {_ADDRESS}"),
    (
        postgres.ObjectNotInPrerequisiteStateError,
        "it takes no connections now: ALTER DATABASE … ALLOW_CONNECTIONS true",
    ),
    (postgres.CannotConnectNowError, "the server is starting or stopping: try again"),
    (postgres.QueryCanceledError, "it ended the statement: look at statement_timeout, or try again"),
    (postgres.OperatorInterventionError, "an administrator ended the session: try again"),
    (postgres.TransactionRollbackError, "the transaction met another one: try again"),
    (
        postgres.UndefinedObjectError,
        "it does not know a role or a parameter that was named: correct `database`",
    ),
    (postgres.InvalidParameterValueError, f"it does not take a parameter of the address: {_ADDRESS}"),
    (postgres.SyntaxOrAccessError, _SCHEMA_CHANGED),
    (postgres.InvalidSchemaNameError, _SCHEMA_CHANGED),
    (postgres.DataError, _SCHEMA_CHANGED),
    (postgres.IntegrityConstraintViolationError, _SCHEMA_CHANGED),
    (postgres.PLPGSQLError, _SCHEMA_CHANGED),
    (
        postgres.ProtocolViolationError,
        "whoever is at the address in `database` does not speak PostgreSQL: correct it",
    ),
    (
        postgres.PostgresConnectionError,
        "the connection was lost: is it PostgreSQL at the address in `database`?",
    ),
    (postgres.ClientConfigurationError, f"the address cannot be read: {_ADDRESS}"),
    (postgres.InternalClientError, "the connection was lost: try again"),
    (postgres.InterfaceError, "the connection was lost: try again"),
    (postgres.PostgresError, "it refused: look at the server's log"),
    (ValueError, f"the address cannot be read: {_ADDRESS}"),
)

#: By the first part of SQLite's own name of an error.
_SQLITE: Final[Mapping[str, str]] = {
    "NOTADB": "the file is not an SQLite database, or is encrypted: correct `database`",
    "CORRUPT": "the file is damaged: restore the backup, and prove it with `authrim audit verify`",
    "CANTOPEN": "the file cannot be opened: correct `database`, or its owner and rights and those of its folder",
    "BUSY": "another process holds the file for too long: end that one, or try again",
    "LOCKED": "another process holds the file for too long: end that one, or try again",
    "READONLY": "the file cannot be written: correct its owner and rights, and those of its folder",
    "PERM": "the file cannot be used: correct its owner and rights",
    "FULL": "the disk is full: make room",
    "IOERR": "the disk failed: look at the system's log",
    "NOMEM": "memory is short",
    "ERROR": _SCHEMA_CHANGED,
    "CONSTRAINT": _SCHEMA_CHANGED,
    "MISMATCH": _SCHEMA_CHANGED,
}

#: What a database can do to a command, beside what the stores have put into words themselves.
FAILURES: Final = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    sqlite3.Error,
    UnreadableEvent,
    msgspec.MsgspecError,
)


def cause_of(failed: Exception) -> str:
    """An explanation of the failure, with its fix and its technical name."""
    match failed:
        case UnreadableEvent():
            return f"{failed}: run `authrim audit verify`, and restore the backup when the log does not fit"
        case msgspec.MsgspecError():
            return (
                "a row beside the log is not what was written there: `authrim projections verify` names it, and "
                "`authrim projections rebuild` corrects it"
            )
        case sqlite3.Error():
            return sqlite_cause(failed)
    words = next(
        (words for kind, words in _POSTGRES if isinstance(failed, kind)), "it failed: look at its log"
    )
    return f"PostgreSQL: {words} ({type(failed).__name__})"


def sqlite_cause(failed: sqlite3.Error) -> str:
    """The same for a failure of the embedded store."""
    name = getattr(failed, "sqlite_errorname", "") or type(failed).__name__
    kind = name.removeprefix("SQLITE_").partition("_")[0]
    return f"SQLite: {_SQLITE.get(kind, _SCHEMA_CHANGED)} ({name})"
