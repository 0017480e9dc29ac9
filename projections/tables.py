"""The tables of inline projections and sealed data, with their columns in order; the first column is the key.

Every key is text that begins with the tenant. A new table is declared here and created by a migration. Both databases
and the append function (``migrations/functions/``) use this declaration, and a test compares the columns with the
database's.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

#: Columns that are not text: versions of streams, times in seconds, sealed bytes.
_TYPES: Final[Mapping[str, str]] = {
    "position": "BIGINT",
    "recorded_at": "BIGINT",
    "version": "BIGINT",
    "expires_at": "BIGINT",
    "revoked_at": "BIGINT",
    "ciphertext": "BYTEA",
    "hashes": "BYTEA",
    "size": "BIGINT",
    "cosignatures": "BIGINT",
}


class Table(NamedTuple):
    """A table beside the log. ``rebuilt`` says whether replaying the log restores its rows."""

    name: str
    columns: tuple[str, ...]
    rebuilt: bool = True

    def column_type(self, column: str) -> str:
        """The SQL type of a column. A column name has the same type in every table."""
        return _TYPES.get(column, "TEXT")


#: ``document`` is the folded state of the stream as JSON text; ``status`` is ``active``, or another status of the
#: stream.
CLIENTS = Table("clients", ("key", "tenant", "client_id", "status", "document", "version"))
ACCOUNTS = Table("accounts", ("key", "tenant", "subject", "status", "document", "version"))
SESSIONS = Table(
    "sessions", ("key", "tenant", "session_id", "subject", "status", "document", "version", "expires_at")
)
KEYS = Table("signing_keys", ("key", "tenant", "kid", "status", "document", "version"))

#: One row per access token, with the key ``<tenant>:<grant id>:<token id>``. ``document`` is the event as JSON. A token
#: that only its resource server can read is found by ``sent_hash``.
TOKENS = Table(
    "tokens",
    (
        "key",
        "tenant",
        "grant_id",
        "client_id",
        "subject",
        "session_id",
        "document",
        "expires_at",
        "revoked_at",
        "sent_hash",
    ),
)

#: The registered resource servers, with the key ``<tenant>:<uri>``.
RESOURCES = Table("resources", ("key", "tenant", "uri", "status", "document", "version"))

#: One row per client that takes part in a session, with the key ``<tenant>:<session id>:<client id>``.
SESSION_CLIENTS = Table("session_clients", ("key", "tenant", "session_id", "client_id", "status"))

#: Personal and secret data. The log does not contain it, so it is not rebuilt. Keys: ``<tenant>:<HMAC of the login>``
#: in ``logins``, ``<tenant>:<owner kind>:<owner id>:<name>`` in ``sealed``.
LOGINS = Table("logins", ("key", "tenant", "subject"), rebuilt=False)
SEALED = Table("sealed", ("key", "tenant", "ciphertext"), rebuilt=False)

INLINE_TABLES = (CLIENTS, ACCOUNTS, SESSIONS, KEYS, RESOURCES, TOKENS, SESSION_CLIENTS)
PRIVATE_TABLES = (LOGINS, SEALED)
#: The tables that are read by person, each with an index for it.
TABLES_OF_SUBJECT = (SESSIONS, TOKENS, LOGINS)


def token_key(tenant: str, grant_id: str, token_id: str) -> str:
    """The key of an access token's row. With ``*`` as ``token_id``, the prefix of all tokens of the grant."""
    return f"{tenant}:{grant_id}:{token_id}"


def sent_token_key(tenant: str, sent_hash: str) -> str:
    """What the row of an encrypted access token is found by."""
    return f"{tenant}:{sent_hash}"


def session_client_key(tenant: str, session_id: str, client_id: str) -> str:
    """The key of a client's row of a session. With an empty ``client_id``, the prefix of all clients of the session."""
    return f"{tenant}:{session_id}:{client_id}"


def row_key(tenant: str, identifier: str) -> str:
    """The key of the row of a client, account, session, key, resource server or login."""
    return f"{tenant}:{identifier}"


def sealed_key(tenant: str, owner_kind: str, owner_id: str, name: str) -> str:
    """The key of a sealed row. With ``*`` as ``name``, the prefix of all sealed rows of an owner."""
    return f"{tenant}:{owner_kind}:{owner_id}:{name}"
