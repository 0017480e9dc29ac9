"""Shared by every grant type: prepare the facts for the decision, and sign what was decided.

Signing comes after the decision and before the append (architecture.md rule 7): when the append loses, the
unsent tokens are thrown away.
"""

from typing import Any, Final

import msgspec

from authrim.clients.authentication.back_channel import ClientRequest
from authrim.clients.keys import NoUsableKey
from authrim.clients.part import CLIENTS
from authrim.core.call import Call
from authrim.crypto import handles
from authrim.crypto.ids import digest, new_token_id
from authrim.crypto.jwe import EncryptionKey
from authrim.crypto.tokens import HashInputs, sign_access_token, sign_id_token
from authrim.people.claims import told_claims
from authrim.people.grant_status import GrantStatus, read_grant_status
from authrim.people.pseudonyms import public_session, public_subject, subject_of_token
from domain.client.claim_mapping import ACCESS_TOKEN, ID_TOKEN
from domain.client.client import NO_CLIENT, Client, grant_refusal
from domain.client.told_claims import as_decided
from domain.errors import Refusal
from domain.event import Event
from domain.grant.events import AccessTokenIssued, token_type_of
from domain.grant.grant import Grant
from domain.grant.issue import IdToken, IssuedTokens, IssueFacts, lifetimes_for
from domain.liveness import Liveness
from domain.registration.encryption import DEFAULT_ENC
from domain.resource.resource import OPAQUE


async def current_client(asked: ClientRequest, grant_type: str) -> Client | Refusal:
    """The authenticated client as it is now: it may have been changed since the last try of this request."""
    core = asked.call.core
    client = await core.configuration.client(asked.call.tenant, asked.client.client_id) or NO_CLIENT
    if client is asked.client:  # the very one that the endpoint has judged
        return client
    return grant_refusal(client, grant_type, core.features) or client


async def grant_status(call: Call, client: Client, grant: Grant, now: int) -> GrantStatus:
    """Read what the grant depends on, in one look-up; without a session ``now`` is the time."""
    return await read_grant_status(call.core.store, call.tenant, client, grant, now)


KEY_REVOKED: Final = NoUsableKey(
    "temporarily_unavailable",
    "The key that signs the token was revoked meanwhile.",
    hint="Try again.",
    section="RFC 6749 §4.1.2.1",
    reason="signing_key_revoked",
    status=503,
    retry_after=1,
)


class Signed(msgspec.Struct, frozen=True):
    """The members of a response. ``sent_hash``: the digest of an access token that only its resource server can read;
    None for one that we read ourselves when it comes back."""

    members: dict[str, Any]
    sent_hash: str | None = None

    def __repr__(self) -> str:
        return "Signed()"


def with_sent_hash(events: tuple[Event, ...], sent_hash: str | None) -> tuple[Event, ...]:
    """The events of a decision, with the digest by which an encrypted access token is found again: what was sent is
    known only after the decision."""
    if sent_hash is None:
        return events
    return tuple(
        msgspec.structs.replace(event, sent_hash=sent_hash) if isinstance(event, AccessTokenIssued) else event
        for event in events
    )


class Issuance(msgspec.Struct, frozen=True):
    """Tokens that are about to be issued to a client from a grant: made before the decision, which gets to see the
    digests in ``facts`` only, and asked after it to sign what was decided.

    ``id_token_key`` is what ID tokens are encrypted to, when the client wants them so.
    """

    call: Call
    grant_id: str
    facts: IssueFacts
    opaque_access_token: str
    id_token_key: EncryptionKey | None

    def __repr__(self) -> str:
        return f"Issuance({self.grant_id})"

    @classmethod
    async def of_person(
        cls, call: Call, client: Client, grant_id: str, status: GrantStatus, next_generation: int | None = 1
    ) -> "Issuance | Refusal":
        """Tokens of a person's grant. ``next_generation`` is that of the refresh token; None: there is none."""
        alg = client.metadata.id_token_encrypted_response_alg
        key = await call.parts[CLIENTS].keys.encrypting(call.tenant, client, alg) if alg else None
        if isinstance(key, Refusal):
            return key
        return cls._prepared(call, client, grant_id, status, next_generation, key)

    @classmethod
    def of_client(cls, call: Call, client: Client, grant_id: str, now: int) -> "Issuance":
        """A token of the client itself (RFC 6749 §4.4): there is no person, and no refresh token."""
        status = GrantStatus(Liveness(client.status), now)
        return cls._prepared(call, client, grant_id, status, None, None)

    @classmethod
    def _prepared(
        cls, call: Call, client: Client, grant_id: str, status: GrantStatus,
        next_generation: int | None, id_token_key: EncryptionKey | None,
    ) -> "Issuance":  # fmt: skip
        metadata, now = client.metadata, status.now
        lifetimes = lifetimes_for(client, call.core.token_lifetimes)
        resources = call.core.configuration.resources(call.tenant)
        # A resource server may want another format than the client.
        may_be_opaque = metadata.access_token_format == OPAQUE or bool(resources)
        may_be_jwt = metadata.access_token_format != OPAQUE or bool(resources)
        opaque = handles.new_handle("at", grant_id) if may_be_opaque else ""
        refresh_hash = ""
        if next_generation is not None:
            refresh = handles.refresh_token(call.core.master, call.tenant, grant_id, next_generation)
            refresh_hash = digest(refresh)
        facts = IssueFacts(
            now=now,
            issuer=call.core.issuer,
            client=client,
            liveness=status.liveness,
            token_id=new_token_id() if may_be_jwt else "",
            opaque_token_id=digest(opaque) if may_be_opaque else "",
            refresh_hash=refresh_hash,
            hmac_key_id=call.core.master.current_id,
            access_token_lifetime=lifetimes.access_token,
            id_token_lifetime=lifetimes.id_token,
            refresh_token_lifetime=lifetimes.refresh_token,
            id_token_kid=call.core.key_ring.signer(
                call.tenant, metadata.id_token_signed_response_alg, now
            ).kid,
            signing_kids=call.core.key_ring.signing_kids(call.tenant, now),
            resources=resources,
            catalogue=call.core.configuration.catalogue(call.tenant),
        )
        return cls(call, grant_id, facts, opaque, id_token_key)

    async def response(self, issued: IssuedTokens, refresh_key_id: str | None = None) -> Signed | Refusal:
        """Sign what was decided: the members of the token response (RFC 6749 §5.1, OIDC Core §3.1.3.3)."""
        signed = await self.access_token(issued.access_token)
        if isinstance(signed, Refusal):
            return signed
        response = signed.members
        if issued.refresh_generation is not None:
            response["refresh_token"] = handles.refresh_token(
                self.call.core.master,
                self.call.tenant,
                self.grant_id,
                issued.refresh_generation,
                refresh_key_id,
            )
        if issued.id_token is not None:
            sent_with = HashInputs(access_token=response["access_token"])
            id_token = await self.id_token(issued.id_token, sent_with)
            if isinstance(id_token, Refusal):
                return id_token
            response["id_token"] = id_token
        return signed

    async def access_token(self, issued: AccessTokenIssued) -> Signed | Refusal:
        """The access token and what is said of it, alike at both endpoints (RFC 6749 §5.1, OIDC Core §3.2.2.5)."""
        sent = await self._as_signed(issued)
        if isinstance(sent, Refusal):
            return sent
        if issued.encrypted_to is not None:
            encrypted = await self._encrypted(issued.encrypted_to, sent)
            if isinstance(encrypted, Refusal):
                return encrypted
            sent = encrypted
        members = {
            "access_token": sent,
            "token_type": token_type_of(issued),
            "expires_in": issued.expires_at - issued.issued_at,
            "scope": " ".join(issued.scope),
        }
        return Signed(members, None if issued.encrypted_to is None else digest(sent))

    async def _as_signed(self, issued: AccessTokenIssued) -> str | Refusal:
        call, facts = self.call, self.facts
        if issued.signing_kid is None:
            return self.opaque_access_token
        signer = call.core.key_ring.signer_of(call.tenant, issued.signing_kid)
        if signer is None:
            return KEY_REVOKED
        subject = subject_of_token(call.core, call.tenant, facts.client, issued)
        more: dict[str, Any] = {}
        if issued.subject is not None:
            told = as_decided(issued.claims, ACCESS_TOKEN, facts.mappings_for(issued.audience))
            more = await told_claims(call.core, call.tenant, issued.subject, told)
        return await sign_access_token(signer, call.core.issuer, self.grant_id, issued, subject, more)

    async def _encrypted(self, uri: str, token: str) -> str | Refusal:
        """The token, encrypted to the resource server (RFC 9068 §6): signed first, and not sent without it."""
        settings = self.facts.resources[uri].settings
        keys = self.call.parts[CLIENTS].keys
        key = await keys.of_resource(self.call.tenant, uri, settings)
        if isinstance(key, Refusal):
            return key
        return key.encrypt(token, settings.access_token_encryption_enc or DEFAULT_ENC)

    async def id_token(self, token: IdToken, sent_with: HashInputs) -> str | Refusal:
        """The ID token, with those of the wanted claims that the person has; encrypted when the client wants it so
        (OIDC Core §16.14: signed first)."""
        call, facts = self.call, self.facts
        signer = call.core.key_ring.signer_of(call.tenant, token.issued.signing_kid)
        if signer is None:
            return KEY_REVOKED
        told = as_decided(token.issued.claims, ID_TOKEN, facts.client.metadata.claim_mapping)
        more = await told_claims(call.core, call.tenant, token.subject, told)
        subject = public_subject(call.core, call.tenant, facts.client, token.subject)
        session_id = public_session(call.core, call.tenant, facts.client, token.session_id)
        signed = await sign_id_token(signer, call.core.issuer, token, subject, session_id, sent_with, more)
        if self.id_token_key is None:
            return signed
        enc = facts.client.metadata.id_token_encrypted_response_enc or DEFAULT_ENC
        return self.id_token_key.encrypt(signed, enc)
