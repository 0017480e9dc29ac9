"""The methods of client authentication, one row each: where the credentials are, and what proves them.

Only the registered method counts, so nothing is downgraded (A078). A method that a feature offers is in the table of
its feature alone: what is off is not asked.
"""

from collections.abc import Awaitable, Callable, Mapping
from time import time
from typing import Final, NamedTuple

import msgspec
from aiohttp import web

from authrim.crypto.jws import unverified_kid
from authrim.crypto.secrets import dummy_comparison, secret_matches
from authrim.execute import Context
from authrim.protocol import client_assertion
from authrim.protocol.client_assertion import AssertionFacts
from authrim.protocol.mtls import (
    ClientCertificate,
    is_registered_certificate,
    is_registered_name,
    parsed,
    weakness,
)
from authrim.protocol.used_once import UsedOnce
from authrim.runtime import Runtime
from authrim.web.client_certificate import MALFORMED, presented_certificate
from authrim.web.credentials import Credentials, Way
from domain.client import Client
from domain.client_policy_mtls import CERTIFICATE_METHODS, SELF_SIGNED, TLS_CLIENT_AUTH
from domain.errors import Refusal, invalid_client, invalid_request
from domain.profile import MTLS


class Asked(NamedTuple):
    """The request of a client that is known and active, and that says who it is in its registered way."""

    runtime: Runtime
    request: web.Request
    context: Context
    client: Client
    credentials: Credentials


class Proven(msgspec.Struct, frozen=True):
    """That the client is who it says: with which key, and what is still to be used up."""

    key_id: str | None = None
    once: tuple[UsedOnce, ...] = ()


Prove = Callable[[Asked], Awaitable[Proven | Refusal]]


class Method(NamedTuple):
    """Where the credentials of a method are, and the function that checks them."""

    way: Way
    prove: Prove


async def _nothing(_asked: Asked) -> Proven | Refusal:
    """A public client only says who it is (RFC 6749 §2.1)."""
    return Proven()


async def _secret(asked: Asked) -> Proven | Refusal:
    """RFC 6749 §2.3.1; one that has expired is like a wrong one (A081)."""
    live = asked.client.live_secrets(int(time()))
    if any(secret_matches(asked.credentials.secret, one) for one in live):
        return Proven()
    return invalid_client("Client authentication failed.", "secret_wrong")


async def _private_key_jwt(asked: Asked) -> Proven | Refusal:
    """RFC 7523 §2.2 with a key of the client's own."""
    kid = unverified_kid(asked.credentials.secret)
    keys = await asked.runtime.client_keys.verifying(asked.context.tenant, asked.client, kid)
    proved = client_assertion.check(
        asked.context.tenant, asked.client, keys, asked.credentials.secret, assertion_facts(asked)
    )
    return proved if isinstance(proved, Refusal) else Proven(proved.kid, (proved.once,))


async def _tls_client_auth(asked: Asked) -> Proven | Refusal:
    """RFC 8705 §2.1: an authority vouches for the certificate, and it bears the name that the client registered."""
    shown = _shown_certificate(asked)
    if isinstance(shown, Refusal):
        return shown
    certificate, now = parsed(shown.der), asked.runtime.now()
    if certificate is None:
        return MALFORMED
    weak = weakness(certificate, now)
    if weak:
        return _certificate_refused(weak)
    if not is_registered_name(certificate, asked.client.metadata):
        return _certificate_refused("certificate_of_another_name")
    refused = await asked.runtime.client_chains.refusal(shown, now)
    return _certificate_refused(refused) if refused else Proven(shown.x5t_s256)


async def _self_signed_tls_client_auth(asked: Asked) -> Proven | Refusal:
    """RFC 8705 §2.2: the certificate is one that the client registered; nobody else vouches for it."""
    shown = _shown_certificate(asked)
    if isinstance(shown, Refusal):
        return shown
    certificate = parsed(shown.der)
    if certificate is None:
        return MALFORMED
    weak = weakness(certificate, asked.runtime.now())
    if weak:
        return _certificate_refused(weak)
    if not await _is_registered(asked, shown):
        return _certificate_refused("certificate_not_registered")
    return Proven(shown.x5t_s256)


async def _is_registered(asked: Asked, shown: ClientCertificate) -> bool:
    """A certificate that the client has just renewed is looked for behind its ``jwks_uri``."""
    client_keys, tenant = asked.runtime.client_keys, asked.context.tenant
    if is_registered_certificate(shown.der, await client_keys.jwks(tenant, asked.client)):
        return True
    return is_registered_certificate(
        shown.der, await client_keys.jwks(tenant, asked.client, missing=shown.x5t_s256)
    )


def _shown_certificate(asked: Asked) -> ClientCertificate | Refusal:
    if MTLS not in asked.runtime.features:
        return invalid_client("Client authentication failed.", "method_not_offered")
    shown = presented_certificate(asked.request)
    if shown is None:
        return invalid_client(
            "There is no client certificate.", "certificate_missing", "Show it in the TLS handshake."
        )
    return shown


def _certificate_refused(reason: str) -> Refusal:
    return invalid_client(
        "The client certificate is not acceptable.", reason, "Check its name, issuer, dates and purpose."
    )


def assertion_facts(asked: Asked) -> AssertionFacts:
    """What the client's assertion is held against (decisions.md 18)."""
    runtime, path = asked.runtime, asked.request.rel_url.raw_path
    return AssertionFacts(
        now=int(time()),
        issuer=runtime.issuer,
        rule=asked.client.profile.assertion_audience,
        endpoints=frozenset((*runtime.urls("/token"), *runtime.urls_of_request(path))),
        algorithms=asked.client.assertion_algorithms,
    )


METHODS: Final[Mapping[str, Method]] = {
    "none": Method(Way.CLIENT_ID, _nothing),
    "client_secret_basic": Method(Way.BASIC, _secret),
    "client_secret_post": Method(Way.FORM, _secret),
    "private_key_jwt": Method(Way.ASSERTION, _private_key_jwt),
    TLS_CLIENT_AUTH: Method(Way.CLIENT_ID, _tls_client_auth),
    SELF_SIGNED: Method(Way.CLIENT_ID, _self_signed_tls_client_auth),
}


async def prove(asked: Asked) -> Proven | Refusal:
    """What the request proves by the client's registered method."""
    method = METHODS.get(asked.client.metadata.token_endpoint_auth_method)
    if method is None or method.way is not asked.credentials.way:
        dummy_comparison(asked.credentials.secret)
        if _has_two_methods(asked):
            return invalid_request(
                "A certificate and another client authentication method are used.",
                "Use one.",
                "RFC 6749 §2.3",
            )
        return invalid_client(
            "Client authentication failed.",
            "method_not_registered",
            "Use the registered authentication method.",
        )
    return await method.prove(asked)


def _has_two_methods(asked: Asked) -> bool:
    """Whether a client that is to authenticate with its certificate shows one, and a secret or an assertion as well
    (A077). For others a certificate is no authentication: their tokens may be bound to it."""
    return (
        MTLS in asked.runtime.features
        and asked.client.metadata.token_endpoint_auth_method in CERTIFICATE_METHODS
        and presented_certificate(asked.request) is not None
    )
