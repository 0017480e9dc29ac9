"""What every grant type shares: preparing facts for the decision, and signing what was decided.

Signing comes after the decision and before the append (architecture.md rule 7): when the append loses, the
unsent tokens are thrown away.
"""

from typing import Any

import msgspec

from authrim.clients.authentication.authenticate import AuthenticatedClient
from authrim.clients.keys import NO_ENCRYPTION_KEY
from authrim.clients.part import CLIENTS
from authrim.core.call import Call
from authrim.crypto import handles
from authrim.crypto.ids import digest, new_token_id
from authrim.crypto.jwe import EncryptionKey
from authrim.crypto.tokens import SentWith, sign_access_token, sign_id_token
from authrim.people.claims import claims_of
from authrim.people.endings import endings_of
from authrim.people.pseudonyms import public_session, public_subject, subject_of_token
from domain.client.client import NO_CLIENT, Client, grant_refusal
from domain.errors import Refusal
from domain.grant.events import AccessTokenIssued, token_type_of
from domain.grant.grant import Grant
from domain.grant.issue import IdToken, IssueFacts, TokensIssued, session_bound_to
from domain.grant.sender_constraint import is_kept_bound
from domain.liveness import Liveness
from domain.registration.encryption import DEFAULT_ENC
from domain.stream import account_stream, session_stream
from domain.units import MICROSECONDS
from projections.tables import row_key


class Prepared(msgspec.Struct, frozen=True):
    """Facts for ``decide``, the secrets they are digests of, which only the answer gets to see, and the key that ID
    tokens are encrypted to, when the client wants them so."""

    facts: IssueFacts
    opaque_access_token: str | None
    id_token_key: EncryptionKey | None = None


class Standing(msgspec.Struct, frozen=True):
    """Whether a grant's client, account and session are still allowed, the versions that this was read at, and
    the database's clock then, in seconds."""

    liveness: Liveness
    now: int
    expects: tuple[tuple[str, int], ...] = ()


async def current_client(call: Call, authenticated: AuthenticatedClient, grant_type: str) -> Client | Refusal:
    """The authenticated client as it is now: it may have been changed since the last try of this request."""
    client = await call.core.configuration.client(call.tenant, authenticated.client.client_id)
    return grant_refusal(client or NO_CLIENT, grant_type, call.core.features) or client or NO_CLIENT


async def standing_of(call: Call, client: Client, grant: Grant, now: int) -> Standing:
    """Read what the grant hangs on, in one look-up; ``now`` holds when there is nothing to read."""
    if grant.session_id is None or grant.request is None:
        return Standing(Liveness(client=client.status), now)
    found = await call.core.store.find("session", row_key(call.tenant, grant.session_id))
    row = found.row or {}
    bound = session_bound_to(grant) is not None
    if found.row is None and not bound and grant.subject is not None:
        # The session is long over, and its row has left (authrim/core/expired.py); the account alone counts.
        found = await call.core.store.find("account", row_key(call.tenant, grant.subject))
        account = found.row or {}
        row = {f"account_{name}": account.get(name) for name in ("status", "version", "document")}
    liveness = Liveness(
        client=client.standing(grant.request.client_generation),
        account=row.get("account_status"),
        session=row.get("status"),
        needs_account=True,
        needs_session=bound,
        ended=endings_of(row.get("account_document")).why_over(
            grant.client_id,
            grant.account_epoch,
            bound=is_kept_bound(client, bool(grant.request.sender_constraints)),
        ),
    )
    expects = []
    if row and grant.subject is not None:
        expects.append((account_stream(call.tenant, grant.subject), row["account_version"] or 0))
    if row and bound:
        expects.append((session_stream(call.tenant, grant.session_id), row["version"]))
    return Standing(liveness, found.now // MICROSECONDS, tuple(expects))


async def id_token_key_of(call: Call, client: Client) -> EncryptionKey | Refusal | None:
    """The key that the client's ID tokens are encrypted to; None when they are not. Asked for before anything is
    decided: without it nothing is used up and nobody is told an ID token."""
    alg = client.metadata.id_token_encrypted_response_alg
    if alg is None:
        return None
    return await call.parts[CLIENTS].keys.encrypting(call.tenant, client, alg) or NO_ENCRYPTION_KEY


def prepare(
    call: Call, client: Client, grant_id: str, now: int, liveness: Liveness,
    next_generation: int | None = 1, id_token_key: EncryptionKey | None = None,
) -> Prepared:  # fmt: skip
    """Make the ids and secrets that a decision to issue tokens would use; ``next_generation`` None: no refresh."""
    metadata, settings = client.metadata, call.core.settings
    access = None if metadata.access_token_format == "jwt" else handles.new_handle("at", grant_id)  # noqa: S105
    token_id = new_token_id() if access is None else digest(access)
    refresh_hash = ""
    if next_generation is not None:
        refresh = handles.refresh_token(call.core.master, call.tenant, grant_id, next_generation)
        refresh_hash = digest(refresh)
    kid = None
    if access is None:
        kid = call.core.key_ring.signer(call.tenant, metadata.access_token_signing_alg, now).kid
    facts = IssueFacts(
        now=now,
        issuer=call.core.issuer,
        client=client,
        liveness=liveness,
        token_id=token_id,
        refresh_hash=refresh_hash,
        hmac_key_id=call.core.master.current_id,
        access_token_lifetime=metadata.access_token_lifetime or settings.access_token_lifetime,
        id_token_lifetime=settings.id_token_lifetime,
        refresh_token_lifetime=metadata.refresh_token_lifetime or settings.refresh_token_lifetime,
        access_token_kid=kid,
        id_token_kid=call.core.key_ring.signer(call.tenant, metadata.id_token_signed_response_alg, now).kid,
    )
    return Prepared(facts, access, id_token_key)


async def token_response(
    call: Call, grant_id: str, prepared: Prepared, issued: TokensIssued,
    refresh_key_id: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Sign what was decided: the members of the token response (RFC 6749 §5.1, OIDC Core §3.1.3.3)."""
    response = access_token_members(call, grant_id, prepared, issued.access_token)
    if issued.refresh_generation is not None:
        response["refresh_token"] = handles.refresh_token(
            call.core.master, call.tenant, grant_id, issued.refresh_generation, refresh_key_id
        )
    if issued.id_token is not None:
        sent_with = SentWith(access_token=response["access_token"])
        response["id_token"] = await signed_id_token(call, prepared, issued.id_token, sent_with)
    return response


def access_token_members(
    call: Call, grant_id: str, prepared: Prepared, issued: AccessTokenIssued
) -> dict[str, Any]:
    """The access token and what is said of it, alike at both endpoints (RFC 6749 §5.1, OIDC Core §3.2.2.5)."""
    access_token = prepared.opaque_access_token
    if access_token is None:
        facts = prepared.facts
        algorithm = facts.client.metadata.access_token_signing_alg
        signer = call.core.key_ring.signer(call.tenant, algorithm, facts.now)
        subject = subject_of_token(call.core, call.tenant, facts.client, issued)
        access_token = sign_access_token(signer, call.core.issuer, grant_id, issued, subject)
    return {
        "access_token": access_token,
        "token_type": token_type_of(issued),
        "expires_in": issued.expires_at - issued.issued_at,
        "scope": " ".join(issued.scope),
    }


async def signed_id_token(call: Call, prepared: Prepared, token: IdToken, sent_with: SentWith) -> str:
    """The ID token, with those of the wanted claims that the person has; encrypted when the client wants it so (OIDC
    Core §16.14: signed first)."""
    wanted, facts = token.issued.claims, prepared.facts
    more = await claims_of(call.core, call.tenant, token.subject, names=wanted) if wanted else {}
    algorithm = facts.client.metadata.id_token_signed_response_alg
    signer = call.core.key_ring.signer(call.tenant, algorithm, facts.now)
    subject = public_subject(call.core, call.tenant, facts.client, token.subject)
    session_id = public_session(call.core, call.tenant, facts.client, token.session_id)
    signed = sign_id_token(signer, call.core.issuer, token, subject, session_id, sent_with, more)
    if prepared.id_token_key is None:
        return signed
    enc = facts.client.metadata.id_token_encrypted_response_enc or DEFAULT_ENC
    return prepared.id_token_key.encrypt(signed, enc)
