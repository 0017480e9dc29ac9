"""Who is the client? One function that every endpoint of the back channel asks (RFC 6749 §2.3, RFC 7523 §2.2).

Exactly one method may be used, and it must be the registered one: nothing is downgraded (A077, A078).
"""

from collections import OrderedDict
from time import monotonic
from typing import Final

import msgspec
from aiohttp import web

from authrim.clients.authentication._credentials import Credentials, presented
from authrim.clients.authentication._methods import prove
from authrim.clients.authentication._proof import AuthenticationAttempt
from authrim.clients.part import CLIENTS
from authrim.core.call import Call
from authrim.core.parts import Core
from authrim.crypto.ids import digest
from authrim.crypto.secrets import dummy_comparison
from authrim.protocol.single_use import SingleUseValue
from authrim.web.params import Params
from domain.client.client import Client
from domain.errors import Refusal, invalid_client
from domain.liveness import ACTIVE
from domain.vocabulary.confirmation import UNBOUND, Confirmation
from domain.vocabulary.features import CLIENT_ATTESTATION

#: Failed attempts of one client from one address in a minute, before it has to wait.
FAILURES_A_MINUTE: Final = 30
_WINDOW: Final = 60
#: Sources that are kept waiting at once: memory that an attacker can fill.
MOST_WAITING: Final = 10_000


class AuthenticatedClient(msgspec.Struct, frozen=True):
    """A client that proved who it is, how, and with which key. ``method`` ``none``: it only said so. ``proof`` are the
    keys that its request proved to hold beside that, for tokens to be bound to."""

    client: Client
    method: str
    key_id: str | None = None
    proof: Confirmation = UNBOUND

    @property
    def is_confidential(self) -> bool:
        return self.method != "none"


#: Answers that ask the client to come again with something fresh: nobody guessed anything.
_NO_FAILURE: Final = frozenset({"use_attestation_challenge", "use_dpop_nonce"})
#: Clients that failed too often, and until when (monotonic seconds) they wait, the first to be free in front.
#: Counted in the store, for all nodes. Not a cache: it is in the order of the time that each waits until.
_waiting: OrderedDict[str, float] = OrderedDict()


async def authenticate(
    call: Call, request: web.Request, form: Params
) -> tuple[Call, tuple[AuthenticatedClient, tuple[SingleUseValue, ...]] | Refusal]:
    """The client that the request proves, with what is to be used up; or ``invalid_client`` / ``invalid_request``."""
    credentials = presented(request, form, attestations=CLIENT_ATTESTATION in call.core.features)
    if isinstance(credentials, Refusal):
        return call, credentials
    # A digest, because what an unknown client calls itself may be too long for a key of the store.
    source = f"client-auth:{call.tenant}:{digest(credentials.client_id)}:{call.address}"
    if _waiting.get(source, 0.0) > monotonic():
        return call, _too_many()
    call, checked = await _authenticate(call, request, credentials)
    if isinstance(checked, Refusal) and checked.error not in _NO_FAILURE:
        await _count_failure(call.core, source)
    return call, checked


async def _authenticate(
    call: Call, request: web.Request, credentials: Credentials
) -> tuple[Call, tuple[AuthenticatedClient, tuple[SingleUseValue, ...]] | Refusal]:
    client = await call.parts[CLIENTS].documents.known(call, credentials.client_id)
    if client is None:
        dummy_comparison(credentials.secret)
        return call, invalid_client("Client authentication failed.", reason="client_unknown")
    # Only now: what nobody registered may be anything, and is not kept.
    call = call.of_client(client.client_id)
    if client.status != ACTIVE:
        dummy_comparison(credentials.secret)
        return call, invalid_client("Client authentication failed.", reason="client_not_active")
    proof = await prove(AuthenticationAttempt(call, request, client, credentials))
    if isinstance(proof, Refusal):
        return call, proof
    method = client.metadata.token_endpoint_auth_method
    return call, (AuthenticatedClient(client, method, proof.key_id), proof.once)


async def _count_failure(core: Core, source: str) -> None:
    """Failures are counted for all nodes together; the one that sees too many makes its own callers wait."""
    if await core.store.count(source, _WINDOW) > FAILURES_A_MINUTE:
        _keep_waiting(source, monotonic())


def _keep_waiting(source: str, now: float) -> None:
    """A source waits for a window. Those whose time is over are forgotten, and the oldest of too many."""
    _waiting[source] = now + _WINDOW
    _waiting.move_to_end(source)
    while len(_waiting) > MOST_WAITING or next(iter(_waiting.values())) <= now:
        _waiting.popitem(last=False)


def _too_many() -> Refusal:
    return Refusal(
        "invalid_client",
        "Too many failed attempts.",
        hint="Wait a minute.",
        section="RFC 6749 §2.3.1",
        reason="too_many_failures",
        status=429,
        retry_after=_WINDOW,
    )
