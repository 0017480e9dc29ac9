"""A small history with every kind of stream, and a way to touch the tables behind the store's back."""

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg2

from authrim.core.execute import Change, append_of
from authrim.core.origin import Origin
from authrim.store.contract import Append, NewEvent, Store, StreamAppend
from domain import stream as streams
from domain.client import events as client
from domain.event import Event
from domain.grant import events as grant
from domain.key.events import KeyCreated
from domain.person import account_events as account
from domain.person import session_events as session
from domain.refusal_events import RequestRefused
from domain.resource.events import ResourceCreated
from projections.inline import STATE_PROJECTIONS

TENANT = "default"
REDIRECT_URI = "https://rp.example/cb"
#: A value that stands in rows and must never stand in a report.
CANARY = "canary-7d3f"
#: A time that no test comes to, in seconds: what expires then is in its table.
LATER = 4_000_000_000


def issued(token: str, client_id: str = "app", subject: str | None = "person") -> grant.AccessTokenIssued:
    """An access token that left the server."""
    return grant.AccessTokenIssued(
        token, "jwt", client_id, ("openid", CANARY), ("https://api.example/",), 100, LATER, subject, "browser"
    )


async def write_grant(store: Store, name: str, *, revoked: bool = False, error_id: str = "") -> None:
    """A signed-in grant with two access tokens; ``revoked`` by a replay of its code."""
    stream = streams.grant_stream(TENANT, name)
    context = Origin(TENANT, trace=f"trace-{name}", client_id="app", subject="person")
    request = grant.AuthorizationRequested("app", REDIRECT_URI, "code", "query", ("openid",), 90, 690)
    first = (
        request,
        grant.SubjectAuthenticated("person", "browser", 95, "1", ("pwd",)),
        grant.ConsentGranted(("openid",)),
        grant.CodeIssued("code-digest", 99, 159, "app", "browser"),
    )
    await store.append(append_of((Change(stream, 0, first),), context.metadata()))
    redeemed = (grant.CodeRedeemed("client_secret_basic", 100), issued(f"{name}-1"), issued(f"{name}-2"))
    await store.append(append_of((Change(stream, 4, redeemed),), context.metadata()))
    ended: tuple[Event, ...] = (grant.AccessTokenRevoked(f"{name}-1", 110),)
    if revoked:
        ended = (grant.CodeReplayed(120), grant.GrantRevoked("code_replayed", 120))
    await store.append(append_of((Change(stream, 7, ended),), context.metadata(error_id)))


async def write_history(store: Store) -> None:
    """Streams of every kind; some are changed in later appends, so that a state is folded over pages."""
    system = Origin(TENANT, actor="admin")
    metadata = {"client_name": CANARY, "redirect_uris": [REDIRECT_URI]}
    await _write(store, streams.CLIENT, "app", system, client.ClientRegistered("app", metadata, 10))
    await _write(store, streams.ACCOUNT, "person", system, account.AccountCreated("person", 11))
    key = KeyCreated("kid-1", "ES256", {"kty": "EC"}, 12, 12)
    await _write(store, streams.KEY, "kid-1", system, key)
    started = session.SessionStarted("person", "cookie-digest", 95, "1", ("pwd",), LATER)
    await _write(store, streams.SESSION, "browser", Origin(TENANT), started)
    await write_grant(store, "grant-1")
    await write_grant(store, "grant-2", revoked=True, error_id="error-in-grant")
    disabled = client.ClientDisabled("test", 200)
    await _write(
        store, streams.CLIENT, "app", system, disabled, before=(client.ClientRegistered("app", metadata, 10),)
    )
    ended = session.SessionEnded("logout", 210)
    await _write(store, streams.SESSION, "browser", Origin(TENANT), ended, before=(started,))
    refused = RequestRefused(
        "error-alone", "token", "invalid_client", "Client authentication failed.", 401, 220,
        section="RFC 6749 §5.2", reason="secret_wrong", client_id="app",
    )  # fmt: skip
    refusing = Origin(TENANT, trace="trace-refused", client_id="app").metadata("error-alone")
    stream = streams.refusal_stream(TENANT, "error-alone")
    await store.append(append_of((Change(stream, 0, (refused,)),), refusing))
    other = StreamAppend(f"{TENANT}:es:an-application", 0, (NewEvent("not.ours", b"\x80\x00"),))
    await store.append(Append((other,), b'{"tenant":"default"}'))
    api = ResourceCreated("https://api.example/", {"scope": [CANARY]}, 13)
    await _write(store, streams.RESOURCE, "https://api.example/", system, api)


async def _write(
    store: Store, kind: str, name: str, context: Origin, *events: Event, before: tuple[Event, ...] = ()
) -> None:
    projection = STATE_PROJECTIONS[kind]
    state = projection.empty
    for event in before:
        state = projection.apply(state, event)
    change = Change(f"{TENANT}:{kind}:{name}", len(before), events, state)
    await store.append(append_of((change,), context.metadata()))


async def write_poison(store: Store, stream: str = "default:grant:poisoned") -> None:
    """Three events of one stream: of an unknown type, of a broken payload, and a sound one."""
    broken = (
        NewEvent("grant.never_heard_of.v9", f'{{"secret":"{CANARY}"}}'.encode()),
        NewEvent("grant.code_voided.v1", f'{{"type":"grant.code_voided.v1","{CANARY}"'.encode()),
        NewEvent("grant.code_replayed.v1", b'{"type":"grant.code_replayed.v1","replayed_at":5}'),
    )
    await store.append(Append((StreamAppend(stream, 0, broken),), b'{"tenant":"default"}'))


def behind_its_back(place: Path | str, statement: str) -> list[tuple[object, ...]]:
    """One statement by somebody with the owner's rights; the rows it gives."""
    if isinstance(place, Path):
        with closing(sqlite3.connect(place)) as file, file:
            return file.execute(statement).fetchall()
    with closing(psycopg2.connect(place, options="-c search_path=authrim")) as database, database:
        cursor = database.cursor()
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []
