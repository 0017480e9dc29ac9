"""The methods of client authentication, one row per method: the kind of its credentials, and the function that checks
them.

Only a registered method is accepted, so there is no downgrade (A078). There is one, or both methods that send a secret
if the registration names neither (``Client.authentication_methods``). A method of a feature checks that the
feature is on.
"""

from collections.abc import Awaitable, Callable, Mapping
from time import time
from typing import Final, NamedTuple

import msgspec

from authrim.clients.authentication._assertion import client_secret_jwt, private_key_jwt
from authrim.clients.authentication._certificate import self_signed_tls_client_auth, tls_client_auth
from authrim.clients.authentication._credentials import CredentialsKind
from authrim.clients.authentication._proof import AuthenticationAttempt, ClientProof
from authrim.clients.authentication.attestation import (
    attest_jwt_client_auth,
    attest_jwt_client_auth_dpop,
)
from authrim.clients.authentication.shown_certificate import presented_certificate
from authrim.crypto.secrets import dummy_comparison, secret_matches
from domain.client.client import SIGNED_SECRET
from domain.client.profile import CERTIFICATE_METHODS, SELF_SIGNED, TLS_CLIENT_AUTH
from domain.errors import Refusal, invalid_client, invalid_request
from domain.vocabulary.features import MTLS

Prove = Callable[[AuthenticationAttempt], Awaitable[ClientProof | Refusal]]


class Method(NamedTuple):
    """The kind of a method's credentials, and the function that checks them."""

    way: CredentialsKind
    prove: Prove


async def _nothing(_attempt: AuthenticationAttempt) -> ClientProof | Refusal:
    """A public client only names itself (RFC 6749 §2.1)."""
    return ClientProof()


async def _secret(attempt: AuthenticationAttempt) -> ClientProof | Refusal:
    """RFC 6749 §2.3.1. An expired secret is treated as a wrong one (A081)."""
    for live in attempt.client.live_secrets(int(time())):
        if secret_matches(attempt.credentials.secret, live):
            return ClientProof()
    return invalid_client(
        "Client authentication failed.", reason="secret_wrong", details=(("used", method_used(attempt)),)
    )


METHODS: Final[Mapping[str, Method]] = {
    "none": Method(CredentialsKind.CLIENT_ID, _nothing),
    "client_secret_basic": Method(CredentialsKind.BASIC, _secret),
    "client_secret_post": Method(CredentialsKind.FORM, _secret),
    SIGNED_SECRET: Method(CredentialsKind.ASSERTION, client_secret_jwt),
    "private_key_jwt": Method(CredentialsKind.ASSERTION, private_key_jwt),
    "attest_jwt_client_auth": Method(CredentialsKind.ATTESTATION, attest_jwt_client_auth),
    "attest_jwt_client_auth_dpop": Method(CredentialsKind.ATTESTATION, attest_jwt_client_auth_dpop),
    TLS_CLIENT_AUTH: Method(CredentialsKind.CLIENT_ID, tls_client_auth),
    SELF_SIGNED: Method(CredentialsKind.CLIENT_ID, self_signed_tls_client_auth),
}


async def prove(attempt: AuthenticationAttempt) -> ClientProof | Refusal:
    """Authenticate the client with a registered method."""
    registered = attempt.client.authentication_methods
    used = (name for name in registered if name in METHODS and METHODS[name].way is attempt.credentials.way)
    name = next(used, None)
    if name is None:
        dummy_comparison(attempt.credentials.secret)
        if _has_two_methods(attempt):
            return invalid_request(
                "A certificate and another client authentication method are used.",
                hint="Use one.",
                section="RFC 6749 §2.3",
            )
        return invalid_client(
            "Client authentication failed.",
            reason="method_not_registered",
            hint="Use the registered authentication method.",
            details=(("used", method_used(attempt)), ("registered", " or ".join(registered))),
        )
    proof = await METHODS[name].prove(attempt)
    return proof if isinstance(proof, Refusal) else msgspec.structs.replace(proof, method=name)


def _has_two_methods(attempt: AuthenticationAttempt) -> bool:
    """Whether a client that must authenticate with its certificate sent one, together with a secret or an assertion
    (A077). For other clients a certificate is not authentication: their tokens can be bound to it."""
    return (
        MTLS in attempt.call.core.features
        and attempt.client.metadata.token_endpoint_auth_method in CERTIFICATE_METHODS
        and presented_certificate(attempt.request) is not None
    )


def method_used(attempt: AuthenticationAttempt) -> str:
    """The method that the credentials are for, for the auditor: a name of ours, nothing of the request."""
    credentials = attempt.credentials
    match credentials.way:
        case CredentialsKind.BASIC:
            return "client_secret_basic"
        case CredentialsKind.FORM:
            return "client_secret_post"
        case CredentialsKind.ASSERTION:
            assert credentials.assertion is not None
            by_secret = str(credentials.assertion.jws.header.get("alg")).startswith("HS")
            return SIGNED_SECRET if by_secret else "private_key_jwt"
        case CredentialsKind.ATTESTATION:
            return "attest_jwt_client_auth"
        case CredentialsKind.CLIENT_ID:
            shows_certificate = (
                MTLS in attempt.call.core.features and presented_certificate(attempt.request) is not None
            )
            return TLS_CLIENT_AUTH if shows_certificate else "none"
