"""Clients that sign: ``private_key_jwt`` with their own key, ``client_secret_jwt`` with their secret (RFC 7523 §2.2,
OIDC Core §9)."""

from time import time

from authrim.clients.authentication._proof import AuthenticationAttempt, ClientProof
from authrim.clients.part import CLIENTS
from authrim.crypto.jws import KeyFinder, VerificationKey
from authrim.protocol import client_assertion
from authrim.protocol.client_assertion import Assertion, AssertionFacts
from domain.errors import Refusal, invalid_client


async def private_key_jwt(attempt: AuthenticationAttempt) -> ClientProof | Refusal:
    """RFC 7523 §2.2 with a key of the client."""
    assertion = _assertion(attempt)
    keys = await attempt.call.parts[CLIENTS].keys.verifying(
        attempt.call.tenant, attempt.client, assertion.jws.kid
    )
    proved = client_assertion.check(attempt.call.tenant, attempt.client, keys, assertion, _facts(attempt))
    return proved if isinstance(proved, Refusal) else ClientProof(proved.kid, (proved.once,))


async def client_secret_jwt(attempt: AuthenticationAttempt) -> ClientProof | Refusal:
    """OIDC Core §9: RFC 7523 with an HMAC of the client's secret, or of the previous secret while that is accepted."""
    refusal = invalid_client("Client authentication failed.", reason="secret_expired")
    for secret_hash in attempt.client.live_secrets(int(time())):
        key = await attempt.call.parts[CLIENTS].secrets.verifying(
            attempt.call.tenant, attempt.client.client_id, secret_hash
        )
        if key is None:
            continue
        proved = client_assertion.check(
            attempt.call.tenant,
            attempt.client,
            _always(key),
            _assertion(attempt),
            _facts(attempt),
        )
        if not isinstance(proved, Refusal):
            return ClientProof(once=(proved.once,))
        refusal = proved
    return refusal


def _assertion(attempt: AuthenticationAttempt) -> Assertion:
    """The assertion of the request. These methods are called only when there is one (``_methods``)."""
    assertion = attempt.credentials.assertion
    assert assertion is not None
    return assertion


def _always(key: VerificationKey) -> KeyFinder:
    """A finder that always returns the secret, whatever key the header names."""
    return lambda _header: key


def _facts(attempt: AuthenticationAttempt) -> AssertionFacts:
    """What the client's assertion is checked against, with the server's names that its audience may contain
    (decisions.md 18)."""
    core, path = attempt.call.core, attempt.request.rel_url.raw_path
    return AssertionFacts(
        now=int(time()),
        issuer=core.issuer,
        rule=attempt.client.profile.assertion_audience,
        endpoints=frozenset((*core.urls("/token"), *core.urls_of_request(path))),
        algorithms=attempt.client.assertion_algorithms,
    )
