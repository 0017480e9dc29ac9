"""The tables that inline projections and sealed data live in: their columns, in order, the first being the key.

Every key is text that begins with the tenant. A new table is declared here and made by a migration; both engines and
the append function (``migrations/functions/``) take it from here. A test compares the columns with the database's.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

#: Columns that are not text: times in seconds, stream versions, sealed bytes.
_TYPES: Final[Mapping[str, str]] = {
    "version": "BIGINT",
    "expires_at": "BIGINT",
    "revoked_at": "BIGINT",
    "ciphertext": "BYTEA",
}


class Table(NamedTuple):
    """A table of rows beside the log. ``rebuilt`` says whether replaying the log makes it again."""

    name: str
    columns: tuple[str, ...]
    rebuilt: bool = True

    def column_type(self, column: str) -> str:
        """The SQL type of a column; one name has one type in every table."""
        return _TYPES.get(column, "TEXT")


#: ``document`` is the folded state of the stream as JSON text; ``status`` is ``active`` or says why not.
CLIENTS = Table("clients", ("key", "tenant", "client_id", "status", "document", "version"))
ACCOUNTS = Table("accounts", ("key", "tenant", "subject", "status", "document", "version"))
SESSIONS = Table(
    "sessions", ("key", "tenant", "session_id", "subject", "status", "document", "version", "expires_at")
)
KEYS = Table("signing_keys", ("key", "tenant", "kid", "status", "document", "version"))

#: One row an access token; key ``<tenant>:<grant id>:<token id>``. ``document`` is the event's JSON.
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
    ),
)

#: One row per client that knows of a session; key ``<tenant>:<session id>:<client id>``.
SESSION_CLIENTS = Table("session_clients", ("key", "tenant", "session_id", "client_id", "status"))

#: Personal and secret data: not rebuilt, because the log does not hold it.
#: ``logins``: key ``<tenant>:<HMAC of the login>``; ``sealed``: key ``<tenant>:<owner kind>:<owner id>:<name>``.
LOGINS = Table("logins", ("key", "tenant", "subject"), rebuilt=False)
SEALED = Table("sealed", ("key", "tenant", "ciphertext"), rebuilt=False)

INLINE_TABLES = (CLIENTS, ACCOUNTS, SESSIONS, KEYS, TOKENS, SESSION_CLIENTS)
PRIVATE_TABLES = (LOGINS, SEALED)


def token_key(tenant: str, grant_id: str, token_id: str) -> str:
    """Key of one access token's row; ``token_id`` ``*`` is the prefix of all tokens of the grant."""
    return f"{tenant}:{grant_id}:{token_id}"


def session_client_key(tenant: str, session_id: str, client_id: str) -> str:
    """Key of what a client knows of a session; with an empty ``client_id`` the prefix of the session's clients."""
    return f"{tenant}:{session_id}:{client_id}"


def row_key(tenant: str, identifier: str) -> str:
    """Key of a client's, account's, session's, key's or login's row."""
    return f"{tenant}:{identifier}"


def sealed_key(tenant: str, owner_kind: str, owner_id: str, name: str) -> str:
    """Key of a sealed row; ``name`` ``*`` is the prefix of all that an owner has."""
    return f"{tenant}:{owner_kind}:{owner_id}:{name}"
