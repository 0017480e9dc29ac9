"""True histories, written to a store as fast as wanted: what people, clients and a service do at a busy server."""

import asyncio
from itertools import count
from time import monotonic
from typing import Any, Final

from authrim.core.execute import Change, append_of
from authrim.core.origin import Origin
from authrim.crypto.ids import new_id
from authrim.store.contract import Store
from domain.client.events import ClientRegistered
from domain.event import Event
from domain.grant import events as grant
from domain.grant.grant import NOTHING
from domain.person.account_events import AccountCreated
from domain.person.session import NO_SESSION
from domain.person.session_events import SessionEnded, SessionStarted
from domain.stream import DEFAULT_TENANT as TENANT
from domain.stream import account_stream, client_stream, grant_stream, session_stream
from projections.inline import STATE_PROJECTIONS

ISSUER: Final = "https://login.example.com"
API: Final = "https://api.example.com/"
#: Events of one round, on average: a sign-in with a code, a refresh, and a service's token.
EVENTS_PER_ROUND: Final = 14.3
#: Every so many rounds somebody logs out, and a client revokes a grant.
_ENDS: Final = 10
_PEOPLE: Final = 1000
_NOW: Final = 1_800_000_000
_HASH: Final = "q4pXlIxWk0yCJvP1GkZxk0s3Nf1m4mB2Qq1mU5b7t9w"


class Histories:
    """Writes rounds of events that keep every rule of a server with this issuer."""

    def __init__(self, store: Store, issuer: str = ISSUER) -> None:
        self._store = store
        self._issuer = issuer
        self._number = count()
        self.events = 0

    async def begin(self) -> None:
        """The clients and the people."""
        for client_id, audiences in (("shop", []), ("service", [API])):
            metadata = {"redirect_uris": ["https://shop.example/cb"], "audiences": audiences}
            await self._write(
                client_stream(TENANT, client_id), 0, ClientRegistered(client_id, metadata, _NOW)
            )
        for number in range(_PEOPLE):
            await self._write(
                account_stream(TENANT, _person(number)), 0, AccountCreated(_person(number), _NOW)
            )

    async def write(self, events: int) -> None:
        """At least so many events, as fast as they go."""
        until = self.events + events
        while self.events < until:
            await asyncio.gather(*(self.round() for _ in range(128)))

    async def write_at(self, rate: int, seconds: float) -> None:
        """So many events per second, for some seconds."""
        began, first = monotonic(), self.events
        while (passed := monotonic() - began) < seconds:
            due = int((rate * passed - (self.events - first)) / EVENTS_PER_ROUND)
            await asyncio.gather(*(self.round() for _ in range(due)), asyncio.sleep(0.02))

    async def round(self) -> None:
        """One sign-in with its tokens, a refresh, and a service's token; sometimes the end of it."""
        number = next(self._number)
        person, session, stream = _person(number % _PEOPLE), new_id(), grant_stream(TENANT, new_id())
        started = SessionStarted(person, _HASH, _NOW, "urn:authrim:acr:password", ("pwd",), _NOW + 43_200)
        await self._write(stream, 0, _requested())
        await self._write(
            stream, 1,
            grant.SubjectAuthenticated(person, session, _NOW, "urn:authrim:acr:password", ("pwd",)),
            grant.ConsentGranted(("openid", "email", "offline_access")),
            grant.CodeIssued(_HASH, _NOW, _NOW + 60, "shop", session),
            beside=(session_stream(TENANT, session), 0, (started,)),
        )  # fmt: skip
        redeemed = grant.CodeRedeemed("client_secret_basic", _NOW + 1)
        first = grant.RefreshTokenIssued(1, _HASH, "k-1", _NOW, _NOW + 2_592_000)
        await self._write(stream, 4, redeemed, self._token(person, number), _identity(), first)
        rotated = grant.RefreshTokenRotated(
            2, _HASH, "k-1", _NOW + 600, _NOW + 2_592_600, _NOW + 610, "client_secret_basic"
        )
        await self._write(stream, 8, rotated, self._token(person, number), _identity())
        service = grant.ClientCredentialsGranted("service", ("read",), (API,), "client_secret_basic", _NOW)
        await self._write(grant_stream(TENANT, new_id()), 0, service, self._token(None, number))
        if number % _ENDS == 0:
            await self._write(stream, 11, grant.GrantRevoked("revoked_by_client", _NOW + 700))
            ended = SessionEnded("logout", _NOW + 700)
            await self._write(session_stream(TENANT, session), 1, ended, before=_session(started))

    def _token(self, person: str | None, number: int) -> grant.AccessTokenIssued:
        scope, audience = (("read",), (API,)) if person is None else (("openid", "email"), (self._issuer,))
        client_id = "service" if person is None else "shop"
        return grant.AccessTokenIssued(
            f"{new_id()}{number}", "jwt", client_id, scope, audience, _NOW, _NOW + 600, person,
            auth_time=_NOW, acr="urn:authrim:acr:password", signing_kid="yEC3KplnmtSuV71GI_qhBS9sQhd",
        )  # fmt: skip

    async def _write(
        self, stream: str, version: int, *events: Event, beside: Any = None, before: Any = None
    ) -> None:
        kind = stream.split(":")[1]
        if before is None:
            before = STATE_PROJECTIONS[kind].empty if kind in STATE_PROJECTIONS else NOTHING
        changes = [Change(stream, version, events, before)]
        if beside is not None:
            changes.append(Change(*beside, NO_SESSION))
        origin = Origin(TENANT, trace=new_id(), address=_HASH, client_id="shop", subject="")
        await self._store.append(append_of(tuple(changes), origin.metadata()))
        self.events += sum(len(change.events) for change in changes)


def _person(number: int) -> str:
    return f"0192f3a4b5c6d7e8f9{number:014d}"


def _session(started: SessionStarted) -> Any:
    return STATE_PROJECTIONS["session"].apply(NO_SESSION, started)


def _requested() -> grant.AuthorizationRequested:
    return grant.AuthorizationRequested(
        "shop", "https://shop.example/cb", "code", "query", ("openid", "email", "offline_access"),
        _NOW, _NOW + 600, code_challenge=_HASH, nonce="n-0S6_WzA2Mj", browser_hash=_HASH, private_digest=_HASH,
    )  # fmt: skip


def _identity() -> grant.IdTokenIssued:
    return grant.IdTokenIssued("yEC3KplnmtSuV71GI_qhBS9sQhd", _NOW, _NOW + 3600, ("email", "email_verified"))
