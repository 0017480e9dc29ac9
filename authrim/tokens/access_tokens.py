"""An access token that somebody presents: is it one of ours, and is it active?

One function for introspection, userinfo, revocation and our own resources (A129, A147). A JWT counts only with our
signature, its exact type and issuer; an opaque token only as the whole string that was given out; one that is encrypted
to its resource server as it was sent, or decrypted.
"""

from collections.abc import Mapping
from time import time
from typing import Any, Final

import msgspec

from authrim.core.clients_and_keys import Configuration
from authrim.crypto import strict_json
from authrim.crypto.handles import ACCESS_TOKEN, parse_handle
from authrim.crypto.ids import digest
from authrim.crypto.jws import MAX_TOKEN, JwsRefused, KeySet, verify
from authrim.crypto.key_pair import SIGNING_ALGORITHMS
from authrim.crypto.key_ring import KeyRing
from authrim.crypto.strict_json import JsonRefused
from authrim.crypto.tokens import typ_of
from authrim.memory.lru_cache import LruCache
from authrim.people.endings import endings_of
from authrim.store.contract import Store
from domain.client.client import NO_CLIENT, Client
from domain.grant.events import AccessTokenIssued
from domain.grant.standing import NOBODY, Person, liveness_of_token
from domain.grant.token import TokenStatus, why_inactive
from domain.resource.resource import ACCESS_TOKEN_TYPS, JWT
from domain.units import MICROSECONDS
from projections.expiry import TOKEN_KEPT
from projections.tables import sent_token_key, token_key

#: JWTs whose signature was found good, remembered by digest: a signature that held once holds for as long as
#: its key is published.
_REMEMBERED: Final = 20_000
_ALGORITHMS: Final = frozenset(SIGNING_ALGORITHMS)
_TYPS: Final[frozenset[str | None]] = frozenset(ACCESS_TOKEN_TYPS)
_decode = msgspec.json.Decoder(AccessTokenIssued).decode


class TokenReference(msgspec.Struct, frozen=True):
    """The token that a presented string stands for: its grant, and its id there. Of a JWT, ``kid`` is the key that
    signed it and ``typ`` its type in small letters. Of an encrypted token, all there is is ``sent_hash``."""

    grant_id: str = ""
    token_id: str = ""
    kid: str | None = None
    typ: str | None = None
    sent_hash: str | None = None

    def is_of(self, issued: AccessTokenIssued) -> bool:
        """Whether what was issued has the form of what was presented: nothing else that we sign passes for it under
        another ``typ`` (RFC 9068 §5, A154)."""
        if self.typ is None:
            return True
        return issued.format == JWT and typ_of(issued).lower() == self.typ


class PresentedToken(msgspec.Struct, frozen=True):
    """A token that was issued here, and the client that it was judged with. ``why_inactive`` is empty when it is
    active."""

    grant_id: str
    issued: AccessTokenIssued
    client: Client
    why_inactive: str
    revoked: bool

    @property
    def is_active(self) -> bool:
        return not self.why_inactive


class AccessTokens:
    """Finds presented access tokens."""

    def __init__(self, store: Store, configuration: Configuration, key_ring: KeyRing, issuer: str) -> None:
        self._store = store
        self._configuration = configuration
        self._key_ring = key_ring
        self._issuer = issuer
        self._verified: LruCache[str, TokenReference] = LruCache(_REMEMBERED)

    async def find(self, tenant: str, token: str) -> PresentedToken | None:
        """The token. None if this server never issued it, or if it has expired or was revoked some time ago: its row is
        deleted after that (authrim/core/retention.py), and an answer must not tell when."""
        named = self._named(tenant, token)
        if named is None:
            return None
        return await self._judged(tenant, named)

    async def again(self, tenant: str, presented: PresentedToken) -> PresentedToken | None:
        """A token that was presented before, as it is now. None as of ``find``."""
        issued, keys = presented.issued, self._key_ring.verification_keys(tenant, int(time()))
        if issued.signing_kid is not None and issued.signing_kid not in keys:
            return None
        return await self._judged(tenant, TokenReference(presented.grant_id, issued.token_id))

    async def _judged(self, tenant: str, named: TokenReference) -> PresentedToken | None:
        if named.sent_hash is None:
            found = await self._store.find("token", token_key(tenant, named.grant_id, named.token_id))
        else:
            found = await self._store.find("encrypted_token", sent_token_key(tenant, named.sent_hash))
        if found.row is None or _has_ended(found.row, found.now // MICROSECONDS):
            return None
        row, issued = found.row, _decode(found.row["document"])
        if not named.is_of(issued):
            return None
        client = await self._configuration.client(tenant, issued.client_id)
        person = NOBODY
        if row["subject"] is not None:
            person = Person(row["account_status"], row["session_status"], endings_of(row["account_document"]))
        status = TokenStatus(
            expires_at=row["expires_at"],
            revoked_at=row["revoked_at"],
            liveness=liveness_of_token(issued, client, row["client_status"], person),
        )
        why = why_inactive(status, found.now // MICROSECONDS)
        return PresentedToken(
            row["grant_id"], issued, client or NO_CLIENT, why, row["revoked_at"] is not None
        )

    async def identify(self, tenant: str, token: str) -> TokenReference | None:
        """The token that was issued here as this string, also one that has expired or whose key has retired since; None
        if there is none, or if it cannot be told any more (encrypted tokens are found by their rows)."""
        named = self._named(tenant, token)
        if named is None:
            return self._read_jwt(token, self._key_ring.past_and_present_keys(tenant, int(time())))
        if named.sent_hash is None:
            return named
        found = await self._store.find("encrypted_token", sent_token_key(tenant, named.sent_hash))
        if found.row is None:
            return None
        return TokenReference(found.row["grant_id"], _decode(found.row["document"]).token_id)

    def _named(self, tenant: str, token: str) -> TokenReference | None:
        handle = parse_handle(token)
        if handle is not None:
            return TokenReference(handle.grant_id, digest(token)) if handle.kind == ACCESS_TOKEN else None
        match token.count(".") if token.isascii() else 0:
            case 2:
                return self._named_by_jwt(tenant, token)
            case 4:  # a JWE in the compact serialisation (RFC 7516 §7.1)
                return TokenReference(sent_hash=digest(token)) if len(token) <= MAX_TOKEN else None
            case _:
                return None

    def _named_by_jwt(self, tenant: str, token: str) -> TokenReference | None:
        keys = self._key_ring.verification_keys(tenant, int(time()))
        remembered = self._verified.get(digest(token))
        if remembered is not None and remembered.kid in keys:
            return remembered
        named = self._read_jwt(token, keys)
        if named is not None:
            self._verified.put(digest(token), named)
        return named

    def _read_jwt(self, token: str, keys: KeySet) -> TokenReference | None:
        """The token that a JWT says it is, if one of the keys signed it."""
        try:
            verified = verify(token, keys, algorithms=_ALGORITHMS, typ=_TYPS)
            claims: Any = strict_json.loads(verified.payload)
        except (JwsRefused, JsonRefused):
            return None
        if not isinstance(claims, dict) or claims.get("iss") != self._issuer:
            return None
        grant_id, token_id = claims.get("grant_id"), claims.get("jti")
        if not isinstance(grant_id, str) or not isinstance(token_id, str):
            return None
        typ = str(verified.header["typ"]).lower().removeprefix("application/")
        return TokenReference(grant_id, token_id, verified.kid, typ)


def _has_ended(row: Mapping[str, Any], now: int) -> bool:
    """Whether the token is answered like one that was never issued, with or without its row."""
    revoked_at = row["revoked_at"]
    return bool(now >= row["expires_at"] or (revoked_at is not None and now >= revoked_at + TOKEN_KEPT))
