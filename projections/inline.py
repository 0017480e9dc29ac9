"""Inline projections: the rows that are written in the append's own transaction.

Any node sees them in its next read after the append: an introspection after a revocation returns ``active: false``.
Clients, accounts, sessions, keys and resource servers are stored as their folded state, tokens as one row per token.
"""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from domain.client import client
from domain.event import Event
from domain.grant.events import AccessTokenIssued, AccessTokenRevoked, GrantRevoked
from domain.key import key
from domain.person import account, session
from domain.resource import resource
from domain.stream import ACCOUNT, CLIENT, GRANT, KEY, RESOURCE, SESSION, StreamId
from projections.rows import Row
from projections.tables import ACCOUNTS, CLIENTS, KEYS, RESOURCES, SESSIONS, TOKENS, Table, row_key, token_key

_encode = msgspec.json.Encoder().encode


class StateProjection(msgspec.Struct, frozen=True):
    """One row per stream: the folded state as ``document``, and the columns that look-ups need."""

    table: Table
    id_column: str
    empty: Any
    apply: Callable[[Any, Event], Any]
    columns: Callable[[Any], dict[str, Any]]

    def row(self, stream: StreamId, state: Any, version: int) -> Row:
        """The row of a stream whose state is ``state`` at ``version``."""
        return Row(
            self.table.name,
            "put",
            {
                "key": row_key(stream.tenant, stream.id),
                "tenant": stream.tenant,
                self.id_column: stream.id,
                "status": state.status,
                "document": _encode(state).decode(),
                "version": version,
                **self.columns(state),
            },
        )

    def state_of(self, document: str | None) -> Any:
        """The state that a row contains; without a row, the state before the first event."""
        return self.empty if document is None else msgspec.json.decode(document, type=type(self.empty))


def _no_columns(_state: Any) -> dict[str, Any]:
    return {}


STATE_PROJECTIONS: dict[str, StateProjection] = {
    CLIENT: StateProjection(CLIENTS, "client_id", client.NO_CLIENT, client.apply, _no_columns),
    ACCOUNT: StateProjection(ACCOUNTS, "subject", account.NO_ACCOUNT, account.apply, _no_columns),
    KEY: StateProjection(KEYS, "kid", key.NO_KEY, key.apply, _no_columns),
    RESOURCE: StateProjection(RESOURCES, "uri", resource.NO_RESOURCE, resource.apply, _no_columns),
    SESSION: StateProjection(
        SESSIONS,
        "session_id",
        session.NO_SESSION,
        session.apply,
        lambda state: {"subject": state.subject, "expires_at": state.expires_at},
    ),
}


def state_rows(stream: StreamId, state: Any, version: int) -> tuple[Row, ...]:
    """The row of a client, account, session, key or resource server after its newest event; no row for other kinds."""
    projection = STATE_PROJECTIONS.get(stream.kind)
    return () if projection is None else (projection.row(stream, state, version),)


def token_rows(stream: StreamId, events: Iterable[Event]) -> tuple[Row, ...]:
    """The rows of a grant's access tokens."""
    if stream.kind != GRANT:
        return ()
    return tuple(row for event in events if (row := _token_row(stream, event)) is not None)


def _token_row(stream: StreamId, event: Event) -> Row | None:
    if isinstance(event, AccessTokenIssued):
        return Row(
            TOKENS.name,
            "put",
            {
                "key": token_key(stream.tenant, stream.id, event.token_id),
                "tenant": stream.tenant,
                "grant_id": stream.id,
                "client_id": event.client_id,
                "subject": event.subject,
                "session_id": event.session_id,
                "document": _encode(event).decode(),
                "expires_at": event.expires_at,
                "revoked_at": None,
                "sent_hash": event.sent_hash,
            },
        )
    if isinstance(event, AccessTokenRevoked):
        key = token_key(stream.tenant, stream.id, event.token_id)
        return Row(TOKENS.name, "revoke", {"key": key, "revoked_at": event.revoked_at})
    if isinstance(event, GrantRevoked):
        key = token_key(stream.tenant, stream.id, "*")
        return Row(TOKENS.name, "revoke", {"key": key, "revoked_at": event.revoked_at})
    return None
