"""Client authentication: one function for every endpoint of the back channel (RFC 6749 §2.3, RFC 7523 §2.2).

Exactly one method may be used, and it must be a registered one, so there is no downgrade (A077, A078).
"""

from collections import OrderedDict
from time import monotonic, time
from typing import Final

import msgspec
from aiohttp import hdrs, web

from authrim.clients.authentication._credentials import (
    BESIDE_HEADER,
    Credentials,
    CredentialsKind,
    presented,
)
from authrim.clients.authentication._methods import prove
from authrim.clients.authentication._proof import AuthenticationAttempt
from authrim.clients.authentication.remembered_headers import RememberedHeaders
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

#: The most failed attempts per minute of one client from one address; after that it has to wait.
FAILURES_A_MINUTE: Final = 30
_WINDOW: Final = 60
#: The most sources that have to wait at the same time. This limits the memory that an attacker can fill.
MOST_WAITING: Final = 10_000


class AuthenticatedClient(msgspec.Struct, frozen=True):
    """An authenticated client, the method and the key that it used. ``method`` ``none``: it only named itself.
    ``proof`` are the other keys that its request proved possession of, to which tokens are bound."""

    client: Client
    method: str
    key_id: str | None = None
    proof: Confirmation = UNBOUND

    @property
    def is_confidential(self) -> bool:
        return self.method != "none"


#: Errors that ask the client to repeat the request with a fresh value. They are not failed guesses.
_NO_FAILURE: Final = frozenset({"use_attestation_challenge", "use_dpop_nonce"})
#: Clients that failed too often, and until when they wait (monotonic seconds), ordered by that time. The failures are
#: counted in the store, for all nodes together.
_waiting: OrderedDict[str, float] = OrderedDict()
_headers: Final = RememberedHeaders()


async def authenticate(
    call: Call, request: web.Request, form: Params
) -> tuple[Call, tuple[AuthenticatedClient, tuple[SingleUseValue, ...]] | Refusal]:
    """The authenticated client and the values that have to be reserved; or ``invalid_client`` / ``invalid_request``."""
    somebody_waits = _somebody_waits(monotonic())
    known = None if somebody_waits else await _known_by_header(call, request, form)
    if known is not None:
        return call.of_client(known.client.client_id), (known, ())
    credentials = presented(request, form, attestations=CLIENT_ATTESTATION in call.core.features)
    if isinstance(credentials, Refusal):
        return call, credentials
    if somebody_waits and _waiting.get(_source(call, credentials), 0.0) > monotonic():
        return call, _too_many()
    call, checked = await _authenticate(call, request, credentials)
    if isinstance(checked, Refusal) and checked.error not in _NO_FAILURE:
        await _count_failure(call.core, _source(call, credentials))
    return call, checked


def _source(call: Call, credentials: Credentials) -> str:
    """What failures are counted by: the client and the address. The name is a digest, because what an unknown client
    calls itself may be too long for a key of the store."""
    return f"client-auth:{call.tenant}:{digest(credentials.client_id)}:{call.address}"


async def _authenticate(
    call: Call, request: web.Request, credentials: Credentials
) -> tuple[Call, tuple[AuthenticatedClient, tuple[SingleUseValue, ...]] | Refusal]:
    client = await call.parts[CLIENTS].documents.known(call, credentials.client_id)
    if client is None:
        dummy_comparison(credentials.secret)
        return call, invalid_client("Client authentication failed.", reason="client_unknown")
    # Set the client only now: an id that is not registered can be anything, and is not recorded.
    call = call.of_client(client.client_id)
    if client.status != ACTIVE:
        dummy_comparison(credentials.secret)
        return call, invalid_client("Client authentication failed.", reason="client_not_active")
    proof = await prove(AuthenticationAttempt(call, request, client, credentials))
    if isinstance(proof, Refusal):
        return call, proof
    if credentials.way is CredentialsKind.BASIC:
        _headers.keep(request.headers[hdrs.AUTHORIZATION], client, proof.method, int(time()))
    return call, (AuthenticatedClient(client, proof.method, proof.key_id), proof.once)


async def _known_by_header(call: Call, request: web.Request, form: Params) -> AuthenticatedClient | None:
    """The client whose very header was found right before, if there is nothing else to look at."""
    sent = request.headers.getall(hdrs.AUTHORIZATION, ())
    if len(sent) != 1 or not BESIDE_HEADER.isdisjoint(form.values):
        return None
    proved = _headers.find(sent[0], int(time()))
    if proved is None:
        return None
    client = await call.core.configuration.client(call.tenant, proved.client.client_id)
    if client is not proved.client or form.get("client_id") not in (None, client.client_id):
        return None
    return AuthenticatedClient(client, proved.method)


async def _count_failure(core: Core, source: str) -> None:
    """Count a failure for all nodes together. The node that sees too many of them lets the source wait."""
    if await core.store.count(source, _WINDOW) > FAILURES_A_MINUTE:
        _keep_waiting(source, monotonic())


def _keep_waiting(source: str, now: float) -> None:
    """Let the source wait for one window. Entries whose time is over are dropped, and the oldest ones when there are
    too many."""
    _drop_those_over(now)
    _waiting[source] = now + _WINDOW
    _waiting.move_to_end(source)
    if len(_waiting) > MOST_WAITING:
        _waiting.popitem(last=False)


def _somebody_waits(now: float) -> bool:
    """Whether anybody waits still. One who failed too often must not keep the known headers of all others from being
    used when that is over."""
    _drop_those_over(now)
    return bool(_waiting)


def _drop_those_over(now: float) -> None:
    while _waiting and next(iter(_waiting.values())) <= now:
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
