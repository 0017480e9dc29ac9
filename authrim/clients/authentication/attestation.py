"""Clients with instances that an attester vouches for (draft-ietf-oauth-attestation-based-client-auth-10). An instance
proves its key with a JWT for this purpose, or with the DPoP proof of the request (§5.2)."""

from typing import Final

from aiohttp import web

from authrim.clients.authentication._proof import AuthenticationAttempt, ClientProof
from authrim.clients.authentication.sender_constraint import proved_keys
from authrim.clients.part import CLIENTS
from authrim.core.parts import Core
from authrim.protocol import attestation
from authrim.protocol.attestation import InstanceKey
from authrim.protocol.nonce import Nonces, nonces_at
from authrim.web.request_facts import facts_of
from domain.errors import Refusal, invalid_client
from domain.vocabulary.features import CLIENT_ATTESTATION

POP_HEADER: Final = "OAuth-Client-Attestation-PoP"
CHALLENGE_HEADER: Final = "OAuth-Client-Attestation-Challenge"
_PURPOSE: Final = "attestation"


def challenges(core: Core, tenant: str) -> Nonces:
    """The current challenges: those that are accepted, and the one to offer."""
    return nonces_at(core.master, tenant, _PURPOSE, core.now())


async def attest_jwt_client_auth(attempt: AuthenticationAttempt) -> ClientProof | Refusal:
    """§5.1: the instance proves its key with its own JWT."""
    instance = _instance(attempt)
    if isinstance(instance, Refusal):
        return instance
    core, tenant, now = attempt.call.core, attempt.call.tenant, attempt.call.core.now()
    accepted, fresh = challenges(core, tenant)
    proof = attestation.check_proof(
        tenant,
        attempt.request.headers.getall(POP_HEADER, ()),
        instance,
        core.issuer,
        accepted,
        now,
    )
    if isinstance(proof, Refusal):
        _offer(attempt.request, fresh)
        return proof
    if proof.challenge != fresh:
        _offer(attempt.request, fresh)
    return ClientProof(instance.jkt, (proof.once,))


async def attest_jwt_client_auth_dpop(attempt: AuthenticationAttempt) -> ClientProof | Refusal:
    """§5.2: the DPoP proof uses the key that the attester vouches for."""
    instance = _instance(attempt)
    if isinstance(instance, Refusal):
        return instance
    if POP_HEADER in attempt.request.headers:
        return invalid_client(
            "There are two proofs.", reason="attestation_pop_twice", hint="Send only the DPoP proof."
        )
    proved = await proved_keys(attempt.call, attempt.request, attempt.client)
    if isinstance(proved, Refusal):
        return proved
    if proved.keys.jkt != instance.jkt:
        return invalid_client(
            "The DPoP proof does not use the attested key.",
            reason="attestation_dpop_key",
            hint="Use one key for both.",
        )
    return ClientProof(instance.jkt, proved.once)


def _instance(attempt: AuthenticationAttempt) -> InstanceKey | Refusal:
    """The key of the instance, from the attestation of the request."""
    core = attempt.call.core
    if CLIENT_ATTESTATION not in core.features:
        return invalid_client("Client authentication failed.", reason="method_not_offered")
    return attestation.instance_key(
        attempt.credentials.secret,
        attempt.call.parts[CLIENTS].attesters.of(attempt.client),
        attempt.client.client_id,
        core.now(),
    )


def _offer(request: web.Request, challenge: str) -> None:
    """Add the challenge for the next request to the response (§6.2)."""
    facts_of(request).late_headers[CHALLENGE_HEADER] = challenge
