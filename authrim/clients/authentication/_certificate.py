"""Clients that authenticate with the certificate of their connection (RFC 8705 §2)."""

from authrim.clients.authentication._proof import Asked, Proven
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


async def tls_client_auth(asked: Asked) -> Proven | Refusal:
    """RFC 8705 §2.1: an authority vouches for the certificate, and it bears the name that the client registered."""
    shown = _shown_certificate(asked)
    if isinstance(shown, Refusal):
        return shown
    certificate, now = parsed(shown.der), asked.call.core.now()
    if certificate is None:
        return MALFORMED
    weak = weakness(certificate, now)
    if weak:
        return _certificate_refused(weak)
    if not is_registered_name(certificate, asked.client.metadata):
        return _certificate_refused("certificate_of_another_name")
    refused = await asked.call.parts[CLIENTS].chains.refusal(shown, now)
    return _certificate_refused(refused) if refused else Proven(shown.x5t_s256)


async def self_signed_tls_client_auth(asked: Asked) -> Proven | Refusal:
    """RFC 8705 §2.2: the certificate is one that the client registered; nobody else vouches for it."""
    shown = _shown_certificate(asked)
    if isinstance(shown, Refusal):
        return shown
    certificate = parsed(shown.der)
    if certificate is None:
        return MALFORMED
    weak = weakness(certificate, asked.call.core.now())
    if weak:
        return _certificate_refused(weak)
    if not await _is_registered(asked, shown):
        return _certificate_refused("certificate_not_registered")
    return Proven(shown.x5t_s256)


async def _is_registered(asked: Asked, shown: ClientCertificate) -> bool:
    """A certificate that the client has just renewed is looked for behind its ``jwks_uri``."""
    client_keys, tenant = asked.call.parts[CLIENTS].keys, asked.call.tenant
    if is_registered_certificate(shown.der, await client_keys.jwks(tenant, asked.client)):
        return True
    return is_registered_certificate(
        shown.der, await client_keys.jwks(tenant, asked.client, missing=shown.x5t_s256)
    )


def _shown_certificate(asked: Asked) -> ClientCertificate | Refusal:
    if MTLS not in asked.call.core.features:
        return invalid_client("Client authentication failed.", reason="method_not_offered")
    shown = presented_certificate(asked.request)
    if shown is None:
        return invalid_client(
            "There is no client certificate.",
            reason="certificate_missing",
            hint="Show it in the TLS handshake.",
        )
    return shown


def _certificate_refused(reason: str) -> Refusal:
    return invalid_client(
        "The client certificate is not acceptable.",
        reason=reason,
        hint="Check its name, issuer, dates and purpose.",
    )
