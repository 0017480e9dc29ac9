"""The public keys of clients, from ``jwks`` or fetched from ``jwks_uri`` (RFC 7591 §2, OIDC Core §10.1.1, §10.2.1).

A fetched set is used for some time and then fetched again before its next use. For an unknown ``kid`` the set is
fetched at once, but with a limited rate per client, so a flood of invented ones causes no flood of requests (A090).
While the address is unavailable the last set is used for a limited time (F30, A089); after that the client has no keys.
"""

import asyncio
from collections.abc import Mapping, Sequence
from time import time
from typing import Any, Final

import msgspec
import structlog

from authrim.crypto import strict_json
from authrim.crypto.jwe import EncryptionKey, fits
from authrim.crypto.jwk import JwkRefused
from authrim.crypto.strict_json import JsonRefused
from authrim.crypto.verification_keys import KeySet, read_jwks
from authrim.memory.lru_cache import SizedLruCache
from authrim.outside.egress import Egress, EgressOverloaded, EgressRefused
from authrim.settings import Settings
from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.registration.encryption import DEFAULT_ENC
from domain.resource.resource import ResourceSettings
from projections.tables import row_key

log = structlog.get_logger(__name__)

#: The most clients and bytes in memory. The keys of the least recently used client are dropped first.
CLIENTS_HELD: Final = 10_000
BYTES_HELD: Final = 64 * 1024 * 1024
#: How much an entry and each of its keys weigh, in addition to the text of the set.
_ENTRY_BYTES: Final = 2048
_KEY_BYTES: Final = 4096
#: The largest key set in bytes: 64 keys of the longest kind.
MAX_BYTES: Final = 131_072
#: The seconds before a set is fetched again when there was no free place for its request.
_CROWDED_PAUSE: Final = 5
_ACCEPT: Final = "application/jwk-set+json, application/json"
_NEVER: Final = float("-inf")
#: The members of a public key that are kept (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
_MEMBERS: Final = (
    "kty", "use", "key_ops", "alg", "kid", "crv", "x", "y", "n", "e", "x5u", "x5c", "x5t", "x5t#S256",
)  # fmt: skip


class _Jwks:
    """A parsed key set."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Raises JwkRefused."""
        self.verifying = read_jwks(document)
        self.jwks: tuple[Mapping[str, Any], ...] = tuple(map(_known_members, document["keys"]))
        self.weight = len(msgspec.json.encode(self.jwks)) + _KEY_BYTES * len(self.jwks)
        self._encrypting: dict[str, EncryptionKey | None] = {}

    def encrypting(self, alg: str) -> EncryptionKey | None:
        """The first key that can be used with ``alg``; a key that names the algorithm comes before others."""
        if alg not in self._encrypting:
            fitting = [jwk for jwk in self.jwks if fits(jwk, alg)]
            fitting.sort(key=lambda jwk: ("alg" not in jwk, "use" not in jwk))
            self._encrypting[alg] = next((key for jwk in fitting if (key := _usable(jwk, alg))), None)
        return self._encrypting[alg]


def _known_members(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """The key without unknown members: one member can contain thousands of lists, which need more memory than bytes."""
    return {name: jwk[name] for name in _MEMBERS if name in jwk and _is_text(jwk[name])}


def _is_text(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _usable(jwk: Mapping[str, Any], alg: str) -> EncryptionKey | None:
    try:
        return EncryptionKey(jwk, alg)
    except JwkRefused:
        return None


class NoUsableKey(Refusal, frozen=True, kw_only=True):
    """There is no key to encrypt or to sign with. A response that must be encrypted is never sent in the clear."""


NO_ENCRYPTION_KEY: Final = NoUsableKey(
    "temporarily_unavailable",
    "The client's encryption key is not available.",
    hint="Try again.",
    section="RFC 6749 §4.1.2.1",
    reason="no_encryption_key",
    status=503,
    retry_after=1,
)

NO_KEY_OF_RESOURCE: Final = msgspec.structs.replace(
    NO_ENCRYPTION_KEY, description="The encryption key of the resource server is not available."
)

NO_KEYS: Final = _Jwks({"keys": []})


class _RegisteredKeys:
    """The keys in the registration itself. They are parsed again when the registration has another set."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        self.source = source
        self.keys = _read(source) or NO_KEYS

    @property
    def weight(self) -> int:
        return _ENTRY_BYTES + self.keys.weight

    def is_of(self, client: Client) -> bool:
        return self.source is client.metadata.jwks


class _FetchedKeys:
    """The keys of a ``jwks_uri``, and when they were last fetched. Times are in seconds since 1970."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.keys: _Jwks | None = None
        self.fetched_at = _NEVER
        self.failed_at = _NEVER
        self.searched_at = _NEVER
        self.fetching = asyncio.Lock()

    @property
    def weight(self) -> int:
        return _ENTRY_BYTES + (0 if self.keys is None else self.keys.weight)

    def is_of(self, client: Client) -> bool:
        return client.metadata.jwks is None and self.uri == client.metadata.jwks_uri


class ClientKeys:
    """The keys of recently used clients. There is at most one fetch at a time per client."""

    def __init__(self, egress: Egress, settings: Settings) -> None:
        self._egress = egress
        self._fresh = min(settings.client_jwks_fresh_seconds, settings.client_jwks_max_age_seconds)
        self._max_age = settings.client_jwks_max_age_seconds
        self._refetch = settings.client_jwks_refetch_seconds
        self._held: SizedLruCache[str, _RegisteredKeys | _FetchedKeys] = SizedLruCache(
            CLIENTS_HELD, BYTES_HELD
        )

    async def verifying(self, tenant: str, client: Client, kid: str | None = None) -> KeySet:
        """The keys that verify the client's signatures. ``kid`` is the key that a header names.

        The set is empty when no keys are available; the log says why.
        """
        return (await self._keys(tenant, client, kid)).verifying

    async def encrypting(self, tenant: str, client: Client, alg: str) -> EncryptionKey | NoUsableKey:
        """The key for encryption with ``alg`` to this client. Without one, nothing is sent in the clear."""
        return (await self._keys(tenant, client)).encrypting(alg) or NO_ENCRYPTION_KEY

    async def of_resource(
        self, tenant: str, uri: str, settings: ResourceSettings
    ) -> EncryptionKey | NoUsableKey:
        """Return the key that access tokens for this resource server are encrypted to. Its keys are held beside the
        clients' keys, under a name that no client has."""
        holder = Client(f"resource {uri}", ClientMetadata(jwks=settings.jwks, jwks_uri=settings.jwks_uri))
        found = await self.encrypting(tenant, holder, settings.access_token_encryption_alg or "")
        return NO_KEY_OF_RESOURCE if isinstance(found, Refusal) else found

    async def encrypted(
        self, tenant: str, client: Client, jws: str, alg: str | None, enc: str | None
    ) -> str | Refusal:
        """Return ``jws`` in the form that the client registered: encrypted if there is an ``alg``, else unchanged."""
        if alg is None:
            return jws
        key = await self.encrypting(tenant, client, alg)
        return key if isinstance(key, Refusal) else key.encrypt(jws, enc or DEFAULT_ENC)

    async def jwks(
        self, tenant: str, client: Client, missing: str | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """The client's keys as they are registered, with members such as ``x5c`` (RFC 8705 §2.2). ``missing`` is what
        was not found, so the set at a ``jwks_uri`` is fetched again if that is allowed now."""
        return (await self._keys(tenant, client, missing)).jwks

    async def _keys(self, tenant: str, client: Client, kid: str | None = None) -> _Jwks:
        held = self._held_for(tenant, client)
        if held is None:
            return NO_KEYS
        if isinstance(held, _RegisteredKeys):
            return held.keys
        if self._has_to_fetch(held, kid):
            async with held.fetching:
                if self._has_to_fetch(held, kid):  # not fetched by another request meanwhile
                    await self._fetch(held, client.client_id)
                    self._held.weigh(row_key(tenant, client.client_id), held, held.weight)
        too_old = time() >= held.fetched_at + self._max_age
        return NO_KEYS if held.keys is None or too_old else held.keys

    def _held_for(self, tenant: str, client: Client) -> _RegisteredKeys | _FetchedKeys | None:
        key = row_key(tenant, client.client_id)
        held = self._held.get(key)
        if held is not None and held.is_of(client):
            return held
        made = _source_of(client)
        if made is not None:
            self._held.put(key, made, made.weight)
        return made

    def _has_to_fetch(self, held: _FetchedKeys, kid: str | None) -> bool:
        now = time()
        if now < held.failed_at + self._refetch:
            return False
        if held.keys is None or now >= held.fetched_at + self._fresh:
            return True
        return kid is not None and kid not in held.keys.verifying and now >= held.searched_at + self._refetch

    async def _fetch(self, held: _FetchedKeys, client_id: str) -> None:
        """Fetch the set. A failure keeps the present set, and there is no further try for some time."""
        searched_before = held.searched_at
        if held.keys is not None and time() < held.fetched_at + self._fresh:
            held.searched_at = time()
        try:
            fetched = await self._egress.fetch(held.uri, accept=_ACCEPT, limit=MAX_BYTES, client=client_id)
            keys = _read(strict_json.loads(fetched.body, max_bytes=MAX_BYTES))
        except EgressOverloaded:
            # Nothing was sent, so the set can be fetched again soon, but not by every request that is waiting for it
            # now.
            held.failed_at, held.searched_at = time() - self._refetch + _CROWDED_PAUSE, searched_before
            return
        except (EgressRefused, JsonRefused):
            keys = None
        if keys is None:
            held.failed_at = time()
            log.warning("client_keys.not_fetched", jwks_uri=held.uri.partition("?")[0])
        else:
            held.keys, held.fetched_at = keys, time()


def _source_of(client: Client) -> _RegisteredKeys | _FetchedKeys | None:
    if client.metadata.jwks is not None:
        return _RegisteredKeys(client.metadata.jwks)
    return None if client.metadata.jwks_uri is None else _FetchedKeys(client.metadata.jwks_uri)


def _read(document: object) -> _Jwks | None:
    """The keys of a document; None when one of them is weak, private or malformed (A174)."""
    try:
        return _Jwks(document) if isinstance(document, Mapping) else None
    except JwkRefused as refused:
        log.warning("client_keys.refused", reason=refused.code)
        return None


def has_key_for(jwks: Mapping[str, Any] | None, alg: str | None) -> bool:
    """Whether a key of the set can be used with ``alg``; True where either is missing."""
    if jwks is None or alg is None:
        return True
    try:
        return _Jwks(jwks).encrypting(alg) is not None
    except JwkRefused:
        return False
