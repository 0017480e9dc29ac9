"""The keys that a request proves possession of: by a DPoP proof in its header (RFC 9449), or by the certificate of its
connection (RFC 8705). One function for every endpoint that issues tokens, and for every resource."""

from typing import Final

import msgspec
from aiohttp import web

from authrim.clients.authentication.shown_certificate import presented_certificate
from authrim.core.call import Call
from authrim.protocol import dpop
from authrim.protocol.dpop import Proof, ProofFacts
from authrim.protocol.nonce import Nonces, nonces_at
from authrim.protocol.single_use import SingleUseValue
from authrim.web.request_facts import facts_of
from domain.client.client import Client
from domain.errors import Refusal
from domain.vocabulary.confirmation import UNBOUND, Confirmation
from domain.vocabulary.features import DPOP, MTLS

DPOP_HEADER: Final = "DPoP"
NONCE_HEADER: Final = "DPoP-Nonce"
_NONCE_PURPOSE: Final = "dpop"


#: The error at a resource, where an access token is involved (RFC 8705 §3).
CERTIFICATE_UNREADABLE: Final = Refusal(
    "invalid_token",
    "The client certificate cannot be read.",
    hint="Send one certificate.",
    section="RFC 8705 §3",
    reason="certificate_malformed",
    status=401,
)


class ProvenKeys(msgspec.Struct, frozen=True):
    """The keys, and the values that must be reserved before anything is decided on them."""

    keys: Confirmation = UNBOUND
    once: tuple[SingleUseValue, ...] = ()


async def proved_keys(
    call: Call, request: web.Request, client: Client, bound_token: str | None = None,
    *, by_dpop: bool = True,
) -> ProvenKeys | Refusal:  # fmt: skip
    """The keys that a request of that client proves. ``bound_token`` is the access token that comes with the proof at a
    resource. ``by_dpop`` False: a DPoP proof is ignored, because no token is presented with it."""
    certificate = presented_certificate(request) if MTLS in call.core.features else None
    if isinstance(certificate, Refusal):
        return certificate if bound_token is None else CERTIFICATE_UNREADABLE
    x5t_s256 = None if certificate is None else certificate.x5t_s256
    proof = _dpop_proof(call, request, client, bound_token) if by_dpop else None
    if isinstance(proof, Refusal):
        return proof
    if proof is None:
        return ProvenKeys(Confirmation(x5t_s256=x5t_s256))
    return ProvenKeys(Confirmation(proof.jkt, x5t_s256), (proof.once,))


def _dpop_proof(
    call: Call, request: web.Request, client: Client, access_token: str | None
) -> Proof | Refusal | None:
    """The verified proof in the request's DPoP header; None without one."""
    if DPOP not in call.core.features:
        return None
    proofs = request.headers.getall(DPOP_HEADER, ())
    if not proofs:
        return None
    now = call.core.now()
    nonces = _nonces(call, client, now)
    facts = ProofFacts(
        now=now,
        method=request.method,
        urls=call.core.urls_of_request(request.rel_url.raw_path),
        nonces=None if nonces is None else nonces.accepted,
        access_token=access_token,
    )
    proof = dpop.check(call.tenant, proofs, facts)
    if nonces is not None and (isinstance(proof, Refusal) or proof.nonce != nonces.fresh):
        # The response contains a nonce for the next request (RFC 9449 §8.2).
        facts_of(request).late_headers[NONCE_HEADER] = nonces.fresh
    return proof


def _nonces(call: Call, client: Client, now: int) -> Nonces | None:
    """The accepted nonces, one of which the proof must contain; None when no nonce is required (RFC 9449 §8, §9)."""
    wanted = call.core.settings.dpop_nonce
    if wanted == "required" or (wanted == "profile" and client.profile.dpop_nonce_required):
        return nonces_at(call.core.master, call.tenant, _NONCE_PURPOSE, now)
    return None
