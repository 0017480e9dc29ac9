"""What the log says up to a position: the state of everything that a decision may depend on."""

from collections.abc import Mapping
from typing import Any, Final

from authrim.audit.replay.spool import KEPT, Spool
from domain.claim import definitions as claim_definitions
from domain.claim.catalogue import BUILT_IN, Catalogue, catalogue_of
from domain.claim.definitions import Definitions
from domain.client import client as clients
from domain.client.client import Client
from domain.event import Event
from domain.grant import grant as grants
from domain.grant.grant import Grant
from domain.key import key as keys
from domain.key.key import Key, KeyTimes, life, successor_of
from domain.person import account as accounts
from domain.person import session as sessions
from domain.person.account import Account
from domain.person.session import Session
from domain.resource import resource as resources
from domain.resource.resource import NO_RESOURCES, Resource, Resources
from domain.scope_text import scope_text
from domain.scope_text.scope_text import NO_TEXTS, ScopeTexts
from domain.stream import ACCOUNT, CLIENT, SESSION, StreamId

#: A key signs from its time on until its successor does, whatever these are.
_ANY_TIMES: Final = KeyTimes()


class States:
    """The states after the events so far. ``kept``: how many of each kind stay in memory."""

    def __init__(self, kept: int = KEPT) -> None:
        self.grants: Spool[Grant] = Spool(Grant, kept)
        self.accounts: Spool[Account] = Spool(Account, kept)
        self.sessions: Spool[Session] = Spool(Session, kept)
        self.clients: Spool[Client] = Spool(Client, kept)
        self._keys: dict[str, dict[str, Key]] = {}
        self._resources: dict[str, dict[str, Resource]] = {}
        self._definitions: dict[str, Definitions] = {}
        self._catalogues: dict[str, Catalogue] = {}
        self._texts: dict[str, ScopeTexts] = {}

    def grant(self, stream: StreamId) -> Grant:
        """A grant, empty when there is none yet."""
        return self.grants.get(str(stream)) or grants.NOTHING

    def client(self, tenant: str, client_id: str) -> Client:
        """A client; ``NO_CLIENT`` when there is none."""
        return self.clients.get(f"{tenant}:{CLIENT}:{client_id}") or clients.NO_CLIENT

    def account(self, tenant: str, subject: str) -> Account | None:
        """An account, None when there is none."""
        return self.accounts.get(f"{tenant}:{ACCOUNT}:{subject}")

    def session(self, tenant: str, session_id: str) -> Session | None:
        """A session, None when there is none."""
        return self.sessions.get(f"{tenant}:{SESSION}:{session_id}")

    def keys(self, tenant: str) -> Mapping[str, Key]:
        """All keys of a tenant."""
        return self._keys.get(tenant, {})

    def signing_kids(self, tenant: str, now: int) -> dict[str, str]:
        """The id of the key that signs with each algorithm at a time (seconds)."""
        known = tuple(self.keys(tenant).values())
        return {
            key.alg: key.kid
            for key in known
            if not key.is_for_encryption
            and life(key, successor_of(key, known), now, _ANY_TIMES) == "active"
        }  # fmt: skip

    def resources(self, tenant: str) -> Resources:
        """The registered resource servers of a tenant, retired ones too."""
        return self._resources.get(tenant, NO_RESOURCES)

    def resource(self, tenant: str, uri: str) -> Resource | None:
        """A resource server, None when there is none."""
        return self._resources.get(tenant, {}).get(uri)

    def definitions(self, tenant: str) -> Definitions:
        """The claim definitions of a tenant."""
        return self._definitions.get(tenant, claim_definitions.NOTHING_DEFINED)

    def catalogue(self, tenant: str) -> Catalogue:
        """Which claims about people there are."""
        return self._catalogues.get(tenant, BUILT_IN)

    def texts(self, tenant: str) -> ScopeTexts:
        """What people read about scope values."""
        return self._texts.get(tenant, NO_TEXTS)

    def apply(self, stream: StreamId, event: Event) -> None:
        """Take in one more event."""
        tenant, kind, name = stream
        match kind:
            case "grant":
                _fold(self.grants, stream, grants.apply, grants.NOTHING, event)
            case "session":
                _fold(self.sessions, stream, sessions.apply, sessions.NO_SESSION, event)
            case "account":
                _fold(self.accounts, stream, accounts.apply, accounts.NO_ACCOUNT, event)
            case "client":
                _fold(self.clients, stream, clients.apply, clients.NO_CLIENT, event)
            case "key":
                of_tenant = self._keys.setdefault(tenant, {})
                of_tenant[name] = keys.apply(of_tenant.get(name, keys.NO_KEY), event)
            case "resource":
                registered = self._resources.setdefault(tenant, {})
                registered[name] = resources.apply(registered.get(name, resources.NO_RESOURCE), event)
            case "claim":
                defined = claim_definitions.apply(self.definitions(tenant), event)
                self._definitions[tenant], self._catalogues[tenant] = defined, catalogue_of(defined)
            case "scope":
                self._texts[tenant] = scope_text.apply(self.texts(tenant), event)


def _fold(states: Spool[Any], stream: StreamId, apply: Any, nothing: Any, event: Event) -> None:
    name = str(stream)
    states.put(name, apply(states.get(name) or nothing, event))
