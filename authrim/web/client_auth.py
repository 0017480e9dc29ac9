"""Who is the client? One function that every endpoint of the back channel asks (RFC 6749 §2.3, RFC 7523 §2.2).

Exactly one method may be used, and it must be the registered one: nothing is downgraded (A077, A078).
"""

import binascii
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Collection
from time import monotonic, time
from typing import Final

import msgspec
from aiohttp import web

from authrim.crypto.ids import digest
from authrim.crypto.secrets import dummy_comparison, secret_matches
from authrim.execute import Context
from authrim.protocol import client_assertion
from authrim.protocol.client_assertion import ASSERTION_TYPE, AssertionFacts
from authrim.runtime import Runtime
from authrim.web.params import MAY_REPEAT, Params, decode_component, read_form
from domain.client import Client
from domain.errors import Refusal, invalid_client, invalid_request
from domain.liveness import ACTIVE

#: Failed attempts of one client from one address in a minute, before it has to wait.
FAILURES_A_MINUTE: Final = 30
_WINDOW: Final = 60
#: Sources that are kept waiting at once: memory that an attacker can fill.
MOST_WAITING: Final = 10_000


class AuthenticatedClient(msgspec.Struct, frozen=True):
    """A client that proved who it is, how, and with which key. ``method`` ``none``: it only said so."""

    client: Client
    method: str
    key_id: str | None = None

    @property
    def is_confidential(self) -> bool:
        return self.method != "none"


class Credentials(msgspec.Struct, frozen=True):
    """What the request presents, before it is checked."""

    client_id: str
    method: str
    secret: str = ""
    assertion: str = ""


#: Clients that failed too often, and until when (monotonic seconds) they wait, the first to be free in front.
#: Counted in the store, for all nodes.
_waiting: OrderedDict[str, float] = OrderedDict()


async def authenticated_form(
    runtime: Runtime, request: web.Request, context: Context, may_repeat: Collection[str] = MAY_REPEAT
) -> tuple[Params, AuthenticatedClient] | Refusal:
    """How every back-channel endpoint begins: the form, nothing in it twice, and whose it is."""
    form = await read_form(request)
    if isinstance(form, Refusal):
        return form
    repeated = form.refuse_duplicates(may_repeat)
    if repeated is not None:
        return repeated
    authenticated = await authenticate_client(runtime, request, form, context)
    return authenticated if isinstance(authenticated, Refusal) else (form, authenticated)


async def authenticate_client(
    runtime: Runtime, request: web.Request, form: Params, context: Context
) -> AuthenticatedClient | Refusal:
    """The authenticated client of a request, or ``invalid_client`` / ``invalid_request``."""
    presented = _presented(request, form)
    if isinstance(presented, Refusal):
        return presented
    # A digest, because what an unknown client calls itself may be too long for a key of the store.
    source = f"client-auth:{context.tenant}:{digest(presented.client_id)}:{context.address}"
    if _waiting.get(source, 0.0) > monotonic():
        return _too_many()
    authenticated = await _authenticate(runtime, context, presented, request.path)
    if isinstance(authenticated, Refusal):
        await _count_failure(runtime, source)
    return authenticated


def _presented(request: web.Request, form: Params) -> Credentials | Refusal:
    """The one method that the request uses (RFC 6749 §2.3: at most one)."""
    header = request.headers.getall("Authorization", [])
    assertion = form.get("client_assertion")
    assertion_type = form.get("client_assertion_type")
    secret = form.get("client_secret")
    used = [bool(header), assertion is not None or assertion_type is not None, secret is not None]
    if sum(used) > 1 or len(header) > 1:
        return invalid_request(
            "More than one client authentication method is used.", "Use one.", "RFC 6749 §2.3"
        )
    client_id = form.get("client_id")
    if header:
        return _basic(header[0], client_id)
    if used[1]:
        return _assertion(assertion, assertion_type, client_id)
    if client_id is None:
        return invalid_client("There is no client authentication.", "credentials_missing", "Send client_id.")
    if secret is not None:
        return Credentials(client_id, "client_secret_post", secret=secret)
    return Credentials(client_id, "none")


def _basic(header: str, client_id: str | None) -> Credentials | Refusal:
    """HTTP Basic, both parts form-encoded inside (RFC 6749 §2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return invalid_client("The Authorization header is not Basic.", "scheme_not_basic")
    try:
        name, colon, secret = b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return invalid_client("The Basic credentials are malformed.", "basic_malformed")
    user, password = decode_component(name), decode_component(secret)
    if not colon or not user or password is None:
        return invalid_client("The Basic credentials are malformed.", "basic_malformed")
    if client_id is not None and client_id != user:
        return invalid_client("The client_id is not the one that authenticates.", "client_id_mismatch")
    return Credentials(user, "client_secret_basic", secret=password)


def _assertion(
    assertion: str | None, assertion_type: str | None, client_id: str | None
) -> Credentials | Refusal:
    """The assertion names its client in ``sub``; it is believed only after the signature is checked with the keys
    of that very client (RFC 7521 §4.2)."""
    if assertion_type != ASSERTION_TYPE or assertion is None:
        return invalid_client(
            "The client_assertion_type is missing or unknown.", "assertion_type", f"Send {ASSERTION_TYPE}."
        )
    subject = client_assertion.unverified_subject(assertion)
    if subject is None or (client_id is not None and client_id != subject):
        return invalid_client("The client assertion is not of this client.", "assertion_iss_sub_not_client")
    return Credentials(subject, "private_key_jwt", assertion=assertion)


async def _authenticate(
    runtime: Runtime, context: Context, presented: Credentials, request_path: str
) -> AuthenticatedClient | Refusal:
    client = await runtime.configuration.client(context.tenant, presented.client_id)
    if client is None:
        dummy_comparison(presented.secret)
        return invalid_client("Client authentication failed.", "client_unknown")
    context.client_id = client.client_id  # only now: what nobody registered may be anything, and is not kept
    if client.status != ACTIVE:
        dummy_comparison(presented.secret)
        return invalid_client("Client authentication failed.", "client_not_active")
    if presented.method != client.metadata.token_endpoint_auth_method:
        dummy_comparison(presented.secret)
        return invalid_client(
            "Client authentication failed.",
            "method_not_registered",
            "Use the registered authentication method.",
        )
    if presented.method == "none":
        return AuthenticatedClient(client, "none")
    if presented.method == "private_key_jwt":
        return await _by_assertion(runtime, context, client, presented.assertion, request_path)
    if not any(secret_matches(presented.secret, live) for live in client.live_secrets(int(time()))):
        return invalid_client("Client authentication failed.", "secret_wrong")
    return AuthenticatedClient(client, presented.method)


async def _by_assertion(
    runtime: Runtime, context: Context, client: Client, assertion: str, request_path: str
) -> AuthenticatedClient | Refusal:
    facts = AssertionFacts(
        now=int(time()),
        issuer=runtime.issuer,
        rule=client.profile.assertion_audience,
        endpoints=frozenset({runtime.url("/token"), runtime.url(request_path)}),
        algorithms=client.assertion_algorithms,
    )
    keys = runtime.configuration.client_keys(context.tenant, client)
    kid = await client_assertion.authenticate(runtime.store, context.tenant, client, keys, assertion, facts)
    if isinstance(kid, Refusal):
        return kid
    return AuthenticatedClient(client, "private_key_jwt", kid)


async def _count_failure(runtime: Runtime, source: str) -> None:
    """Failures are counted for all nodes together; the one that sees too many makes its own callers wait."""
    if await runtime.store.count(source, _WINDOW) > FAILURES_A_MINUTE:
        _keep_waiting(source, monotonic())


def _keep_waiting(source: str, now: float) -> None:
    """A source waits for a window. Those whose time is over are forgotten, and the oldest of too many."""
    _waiting[source] = now + _WINDOW
    _waiting.move_to_end(source)
    while len(_waiting) > MOST_WAITING or next(iter(_waiting.values())) <= now:
        _waiting.popitem(last=False)


def _too_many() -> Refusal:
    return Refusal(
        "invalid_client", "Too many failed attempts.", "Wait a minute.", "RFC 6749 §2.3.1", "too_many_failures",
        status=429, retry_after=_WINDOW,
    )  # fmt: skip
