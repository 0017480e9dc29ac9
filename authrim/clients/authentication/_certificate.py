"""Clients that authenticate with the certificate of their connection (RFC 8705 §2)."""

from authrim.clients.authentication._proof import AuthenticationAttempt, ClientProof
from authrim.clients.authentication.shown_certificate import MALFORMED, presented_certificate
from authrim.clients.part import CLIENTS
from authrim.protocol.mtls import (
    ClientCertificate,
    is_registered_certificate,
    is_registered_name,
    parsed,
    weakness,
)
from domain.errors import Refusal, invalid_client
from domain.vocabulary.features import MTLS


async def tls_client_auth(attempt: AuthenticationAttempt) -> ClientProof | Refusal:
    """RFC 8705 §2.1: an authority vouches for the certificate, which has the name that the client registered."""
    shown = _shown_certificate(attempt)
    if isinstance(shown, Refusal):
        return shown
    certificate, now = parsed(shown.der), attempt.call.core.now()
    if certificate is None:
        return MALFORMED
    weak = weakness(certificate, now)
    if weak:
        return _certificate_refused(weak)
    if not is_registered_name(certificate, attempt.client.metadata):
        return _certificate_refused("certificate_of_another_name")
    refused = await attempt.call.parts[CLIENTS].chains.refusal(shown, now)
    return _certificate_refused(refused) if refused else ClientProof(shown.x5t_s256)


async def self_signed_tls_client_auth(attempt: AuthenticationAttempt) -> ClientProof | Refusal:
    """RFC 8705 §2.2: the certificate is one that the client registered; no authority vouches for it."""
    shown = _shown_certificate(attempt)
    if isinstance(shown, Refusal):
        return shown
    certificate = parsed(shown.der)
    if certificate is None:
        return MALFORMED
    weak = weakness(certificate, attempt.call.core.now())
    if weak:
        return _certificate_refused(weak)
    if not await _is_registered(attempt, shown):
        return _certificate_refused("certificate_not_registered")
    return ClientProof(shown.x5t_s256)


async def _is_registered(attempt: AuthenticationAttempt, shown: ClientCertificate) -> bool:
    """Whether the client registered the certificate. If it is unknown, the client's ``jwks_uri`` is fetched again,
    because the certificate may have been renewed."""
    client_keys, tenant = attempt.call.parts[CLIENTS].keys, attempt.call.tenant
    if is_registered_certificate(shown.der, await client_keys.jwks(tenant, attempt.client)):
        return True
    return is_registered_certificate(
        shown.der, await client_keys.jwks(tenant, attempt.client, missing=shown.x5t_s256)
    )


def _shown_certificate(attempt: AuthenticationAttempt) -> ClientCertificate | Refusal:
    if MTLS not in attempt.call.core.features:
        return invalid_client("Client authentication failed.", reason="method_not_offered")
    shown = presented_certificate(attempt.request)
    if shown is None:
        return invalid_client(
            "There is no client certificate.",
            reason="certificate_missing",
            hint="Send it in the TLS handshake.",
        )
    return shown


def _certificate_refused(reason: str) -> Refusal:
    return invalid_client(
        "The client certificate is not valid.",
        reason=reason,
        hint="Check its name, issuer, dates and purpose.",
    )
