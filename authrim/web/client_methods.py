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
from authrim.protocol.used_once import UsedOnce
from authrim.runtime import Runtime
from authrim.web.credentials import Credentials, Way
from domain.client import Client
from domain.errors import Refusal, invalid_client


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
}


async def prove(asked: Asked) -> Proven | Refusal:
    """What the request proves by the client's registered method."""
    method = METHODS.get(asked.client.metadata.token_endpoint_auth_method)
    if method is None or method.way is not asked.credentials.way:
        dummy_comparison(asked.credentials.secret)
        return invalid_client(
            "Client authentication failed.",
            "method_not_registered",
            "Use the registered authentication method.",
        )
    return await method.prove(asked)
