"""A history as it is written: the state of each stream, the rows, and the names of what was made."""

from collections.abc import Callable
from hashlib import sha256
from random import Random
from typing import Any, Protocol

from authrim.core.execute import Change, append_of
from authrim.crypto import base64url
from authrim.store.contract import Append, AppendResult, LookupResult
from domain.client import client as clients
from domain.client.client import Client
from domain.decision import Decision
from domain.event import Event, Fold
from domain.grant import grant as grants
from domain.grant.grant import Grant
from domain.person import account as accounts
from domain.person import session as sessions
from domain.person.account import Account
from domain.person.session import Session
from domain.stream import (
    DEFAULT_TENANT,
    account_stream,
    client_stream,
    grant_stream,
    session_stream,
)

_METADATA = b'{"tenant":"default","actor":"system"}'


class Log(Protocol):
    """The part of a store that a history is written to."""

    async def append(self, append: Append) -> AppendResult: ...

    async def find(self, lookup: str, key: str) -> LookupResult: ...


class Writing:
    """One history, as it is written. ``handles``: the opaque access tokens, by grant and token id."""

    def __init__(self, log: Log, seed: int, now: int, *, time_passes: bool = True) -> None:
        self.log = log
        self.random = Random(seed)
        self.now = now
        self.time_passes = time_passes
        self.people = ("ada", "bob")
        self.clients: list[str] = []
        self.sessions: list[str] = []
        self.grants: list[str] = []
        self.keys: list[str] = []
        self.handles: dict[tuple[str, str], str] = {}
        self._states: dict[str, tuple[Any, int]] = {}
        self._made = 0

    def has_begun(self, stream: str) -> bool:
        """Whether the stream has an event."""
        return stream in self._states

    def state(self, stream: str, fold: Fold[Any]) -> Any:
        """The state of a stream as it is kept while it grows."""
        return self._states[stream][0] if stream in self._states else fold(())

    async def write(self, *changes: tuple[str, Fold[Any], tuple[Event, ...]]) -> None:
        """One append of events to some streams, with the rows that the server writes."""
        parts = []
        for stream, fold, events in changes:
            if events:
                state, version = self._states.get(stream, (fold(()), 0))
                parts.append(Change(stream, version, events, state))
                self._states[stream] = (fold(events, state), version + len(events))
        if parts:
            await self.log.append(append_of(tuple(parts), _METADATA))

    async def _decide(
        self, stream: str, fold: Fold[Any], decide: Callable[..., Decision[Any]], *facts: Any
    ) -> Any:
        decision = decide(self.state(stream, fold), *facts)
        await self.write((stream, fold, decision.events))
        return decision.answer

    def _new(self, kind: str) -> str:
        self._made += 1
        return sha256(f"{kind} {self._made}".encode()).hexdigest()[:32]

    def _secret(self) -> str:
        return base64url.encode(self.random.randbytes(32))

    def client(self, client_id: str) -> Client:
        client: Client = self.state(client_stream(DEFAULT_TENANT, client_id), clients.fold)
        return client

    def account(self, subject: str) -> Account:
        account: Account = self.state(account_stream(DEFAULT_TENANT, subject), accounts.fold)
        return account

    def session(self, session_id: str) -> Session:
        session: Session = self.state(session_stream(DEFAULT_TENANT, session_id), sessions.fold)
        return session

    def grant(self, grant_id: str) -> Grant:
        grant: Grant = self.state(grant_stream(DEFAULT_TENANT, grant_id), grants.fold)
        return grant

    def _any_client(self) -> str:
        return self.random.choice(self.clients)

    def _any_grant(self) -> str | None:
        return self.random.choice(self.grants) if self.grants else None
