"""The clients, signing keys, resource servers and claim definitions that every process keeps in memory, and updates
from the log.

``applied`` is the position of the newest configuration change that this process knows. Each append that depends on
the configuration carries it, and conflicts when the log has a newer change (decisions.md 9). So a client that is
disabled on one node is disabled on all of them from the next append on, without one query per request.
"""

import asyncio
from typing import Final, TypeVar

import msgspec
import structlog

from authrim.core.stream_state import read_state
from authrim.crypto.key_ring import KeyRing
from authrim.crypto.master import UnknownMasterKey
from authrim.crypto.sealing import SealBroken
from authrim.memory.lru_cache import LruCache
from authrim.store import codec
from authrim.store.contract import Store, StoreError
from domain import stream as streams
from domain.claim import definitions as claim_definitions
from domain.claim.catalogue import BUILT_IN, Catalogue, catalogue_of
from domain.client import client_id_url
from domain.client.client import Client
from domain.event import Fold
from domain.key import key as keys
from domain.key.key import Key
from domain.resource import resource as resources
from domain.resource.resource import NO_RESOURCES, Resource, Resources
from domain.scope_text import scope_text
from domain.scope_text.scope_text import NO_TEXTS, ScopeTexts
from domain.stream import CLAIM, CLIENT, DEFAULT_TENANT, KEY, RESOURCE, SCOPE, claims_stream, scope_stream
from projections.tables import KEYS, RESOURCES, row_key

log = structlog.get_logger(__name__)

S = TypeVar("S")

#: The most clients in memory; the least recently used one is dropped.
CLIENTS_HELD = 10_000
_PAGE = 500
#: Seconds between two reads of the log. Appends carry a guard, so this delays only what reads and does not append.
PAUSE: Final = 0.25


class Configuration:
    """Clients, keys, resource servers and claim definitions in memory. A client is loaded when it is first needed;
    nothing loads all of them.

    ``documents`` is False when this server does not read client ID metadata documents. Then clients that have one do
    not exist: nobody vouches for them, because the document may have been withdrawn long ago.
    """

    def __init__(self, store: Store, key_ring: KeyRing, *, documents: bool = True) -> None:
        self._store = store
        self._documents = documents
        self._clients: LruCache[str, Client] = LruCache(CLIENTS_HELD)
        self._catalogues: dict[str, Catalogue] = {}
        self._catching_up = asyncio.Lock()
        self._resources: dict[str, dict[str, Resource]] = {}
        self._scope_texts: dict[str, ScopeTexts] = {}
        self.key_ring = key_ring
        self.applied = 0

    async def open(self) -> None:
        """Load all keys, resource servers and claim definitions (there are few) as of the head of the log."""
        head = await self._store.head()
        self.applied = head.changed_at
        await self._load_keys()
        await self._load_resources()
        await self._read_claims(DEFAULT_TENANT)
        await self._read_scope_texts(DEFAULT_TENANT)
        await self.catch_up()

    def scope_texts(self, tenant: str) -> ScopeTexts:
        """What people read about the scope values of a tenant."""
        return self._scope_texts.get(tenant, NO_TEXTS)

    async def _load_resources(self) -> None:
        after = ""
        while rows := await self._store.read_rows(RESOURCES.name, after, _PAGE):
            for row in rows:
                after = row["key"]
                self._keep(row["tenant"], msgspec.json.decode(row["document"], type=Resource))

    def _keep(self, tenant: str, resource: Resource) -> None:
        self._resources[tenant] = {**self._resources.get(tenant, {}), resource.uri: resource}

    def resources(self, tenant: str) -> Resources:
        """The registered resource servers of a tenant by their URI, retired ones too."""
        return self._resources.get(tenant, NO_RESOURCES)

    async def _load_keys(self) -> None:
        after = ""
        while rows := await self._store.read_rows(KEYS.name, after, _PAGE):
            for row in rows:
                after = row["key"]
                await self._adopt(row["tenant"], msgspec.json.decode(row["document"], type=Key))

    async def _adopt(self, tenant: str, key: Key) -> None:
        """Add or replace a key. When its private half cannot be opened here, it neither signs nor verifies (F29)."""
        try:
            await self.key_ring.adopt(tenant, key)
        except (SealBroken, UnknownMasterKey) as error:
            log.error("configuration.key_sealed", kid=key.kid, kind=type(error).__name__)
            await self.key_ring.adopt(tenant, Key(kid=key.kid, status=keys.REVOKED))

    def catalogue(self, tenant: str) -> Catalogue:
        """Which claims about people there are now."""
        return self._catalogues.get(tenant, BUILT_IN)

    async def client(self, tenant: str, client_id: str) -> Client | None:
        """Return the client with that id, or None. Disabled clients are returned too: check ``status``."""
        if not client_id_url.has_client(client_id, documents=self._documents):
            return None
        key = row_key(tenant, client_id)
        held = self._clients.get(key)
        if held is not None:
            return held
        while True:
            applied = self.applied
            found = await self._store.find("client", key)
            if applied == self.applied:
                break  # nothing changed while the row was read, so it may be cached
        client = None if found.row is None else msgspec.json.decode(found.row["document"], type=Client)
        if client is not None:
            self._clients.put(key, client)
        return client

    async def catch_up(self) -> None:
        """Apply the newer configuration changes, one caller at a time."""
        async with self._catching_up:
            while events := await self._store.read_log(self.applied, _PAGE, configuration_only=True):
                for event in events:
                    await self._apply(event.stream)
                    # Set after each event: a client read meanwhile must not be cached as of an older position.
                    self.applied = event.position

    async def _apply(self, stream: str) -> None:
        tenant, kind, identifier = streams.parse(stream)
        if kind == CLIENT:
            self._clients.take(row_key(tenant, identifier))
        elif kind == KEY:
            await self._adopt(tenant, await self._read_key(stream, identifier))
        elif kind == CLAIM:
            await self._read_claims(tenant)
        elif kind == RESOURCE:
            self._keep(tenant, await self._read_resource(stream, identifier))
        elif kind == SCOPE:
            await self._read_scope_texts(tenant)

    # What cannot be read is as good as gone, and everything else goes on (A232): an unknown key neither signs nor
    # verifies, an unknown resource server has no tokens, no defined claim is told, people read the names of scopes.

    async def _read_key(self, stream: str, kid: str) -> Key:
        return await self._readable(stream, keys.fold) or Key(kid=kid, status=keys.REVOKED)

    async def _read_resource(self, stream: str, uri: str) -> Resource:
        return await self._readable(stream, resources.fold) or Resource(uri=uri, status=resources.RETIRED)

    async def _read_claims(self, tenant: str) -> None:
        definitions = await self._readable(claims_stream(tenant), claim_definitions.fold)
        self._catalogues[tenant] = BUILT_IN if definitions is None else catalogue_of(definitions)

    async def _read_scope_texts(self, tenant: str) -> None:
        self._scope_texts[tenant] = await self._readable(scope_stream(tenant), scope_text.fold) or NO_TEXTS

    async def _readable(self, stream: str, fold: Fold[S]) -> S | None:
        """The state of a stream, or None when it holds an event that cannot be read."""
        try:
            return (await read_state(self._store, stream, fold)).state
        except codec.UnreadableEvent:
            log.error("configuration.unreadable", stream=stream)
            return None

    async def follow(self) -> None:
        """Follow the log until cancelled. Wait while the store is unavailable."""
        while True:
            try:
                async for _position in self._store.changes():
                    await self.catch_up()
                    await asyncio.sleep(PAUSE)
            except StoreError:
                log.warning("configuration.store_unavailable")
                await asyncio.sleep(1)
