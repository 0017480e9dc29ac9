"""RFC 9126 §4: which pushed request may still be gone on with, and by whom. Without I/O."""

import msgspec
import pytest

from domain.authorization.parameters import Parameters
from domain.authorization.pushed_request import PushedRequest, why_unusable
from domain.authorization.request import RequestFacts, ValidRequest, validate
from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.event import Event
from domain.grant.events import AuthorizationRefused, CodeIssued, SubjectAuthenticated
from domain.grant.grant import Grant, fold
from domain.liveness import ACTIVE
from domain.vocabulary.confirmation import Confirmation

NOW, LIFETIME, INTERACTION = 1_700_000_000, 60, 600
BASE = (NOW, "https://as.example", INTERACTION, ("code",), ("query",))
METADATA = ClientMetadata(redirect_uris=("https://shop.example/cb",), scope=("read",))
PARAMETERS = Parameters({"response_type": "code", "scope": "read"})
PUSHED = PushedRequest(
    "the-hash", LIFETIME, "private_key_jwt", "the-key", Confirmation("a-jkt", "a-certificate")
)
SIGNED_IN = SubjectAuthenticated("5e7a", "session", NOW, "acr", ("pwd",), browser_hash="browser-a")


def accepted(metadata: ClientMetadata = METADATA, parameters: Parameters = PARAMETERS) -> ValidRequest:
    facts = RequestFacts(*BASE, pushed=PUSHED)
    valid = validate(Client("shop", metadata, ACTIVE), parameters, facts)
    assert isinstance(valid, ValidRequest), valid
    return valid


def grant(*more: Event) -> Grant:
    return fold((accepted().request, *more))


def why(
    state: Grant, hash_: str = "the-hash", client: str = "shop", browser: str | None = None, now: int = NOW
) -> str:
    refusal = why_unusable(state, client, hash_, browser, now)
    return "" if refusal is None else refusal.reason


def test_the_event_says_how_it_came() -> None:
    """Method, key and proved keys of the push are recorded; the person has an interaction's time beyond the push's."""
    asked = accepted().request
    assert (asked.client_auth_method, asked.client_key_id) == ("private_key_jwt", "the-key")
    assert (asked.dpop_jkt, asked.x5t_s256) == ("a-jkt", "a-certificate")
    assert (asked.request_uri_hash, asked.request_uri_expires_at) == ("the-hash", NOW + LIFETIME)
    assert (asked.browser_hash, asked.expires_at) == (None, NOW + LIFETIME + INTERACTION)


@pytest.mark.parametrize(
    ("state", "asked", "reason"),
    [
        (grant(), {}, ""),
        (grant(), {"browser": "browser-b"}, ""),
        (grant(), {"now": NOW + LIFETIME - 1}, ""),
        (grant(), {"now": NOW + LIFETIME}, "request_uri_expired"),
        (grant(), {"hash_": "another"}, "request_uri_unknown"),
        (grant(), {"client": "another"}, "request_uri_of_another_client"),
        (Grant(), {}, "request_uri_unknown"),
        (grant(SIGNED_IN), {"browser": "browser-a"}, ""),
        (grant(SIGNED_IN), {"browser": "browser-b"}, "request_uri_of_another_browser"),
        (grant(SIGNED_IN), {}, "request_uri_of_another_browser"),
        (grant(CodeIssued("code", NOW, NOW + 60)), {}, "request_uri_used"),
        (grant(AuthorizationRefused("access_denied", "", NOW)), {}, "request_uri_used"),
        (grant(CodeIssued("code", NOW, NOW + 60)), {"client": "another"}, "request_uri_of_another_client"),
    ],
)
def test_who_may_go_on(state: Grant, asked: dict[str, str], reason: str) -> None:
    """A067, A068: by hash, client, use, time and browser, in this order; all refusals look the same outside."""
    assert why(state, **asked) == reason  # type: ignore[arg-type]


def test_a_plain_request_is_none() -> None:
    """What was not pushed cannot be fetched by any reference."""
    facts = RequestFacts(*BASE, browser_hash="browser")
    plain = validate(Client("shop", METADATA, ACTIVE), PARAMETERS, facts)
    assert isinstance(plain, ValidRequest)
    assert why(fold((plain.request,))) == "request_uri_unknown"


@pytest.mark.parametrize("by_server", [True, False])
def test_only_pushed_ones_where_that_is_demanded(by_server: bool) -> None:
    """A071: by the server, by the client's registration, and not when it was pushed."""
    metadata = msgspec.structs.replace(METADATA, require_pushed_authorization_requests=not by_server)
    facts = RequestFacts(*BASE, browser_hash="browser", require_pushed=by_server)
    outcome = validate(Client("shop", metadata, ACTIVE), PARAMETERS, facts)
    assert not isinstance(outcome, ValidRequest)
    assert outcome.refusal.error == "invalid_request"
    pushed = msgspec.structs.replace(facts, pushed=PUSHED)
    assert isinstance(validate(Client("shop", metadata, ACTIVE), PARAMETERS, pushed), ValidRequest)


@pytest.mark.parametrize(
    ("named", "proved", "bound"), [("k" * 43, None, "k" * 43), (None, "k" * 43, "k" * 43)]
)
def test_the_code_is_bound_to_the_key(named: str | None, proved: str | None, bound: str) -> None:
    """RFC 9449 §10.1, ``fapi2-security-profile-final-ensure-dpopproof-at-par-endpoint-binding-success``: by the proof
    that came with the push, or by ``dpop_jkt``."""
    pushed = msgspec.structs.replace(PUSHED, proof=Confirmation(proved))
    facts = RequestFacts(*BASE, dpop=True, pushed=pushed)
    parameters = Parameters({**PARAMETERS.values, **({"dpop_jkt": named} if named else {})})
    valid = validate(Client("shop", METADATA, ACTIVE), parameters, facts)
    assert isinstance(valid, ValidRequest)
    assert valid.request.dpop_jkt == bound


def test_two_keys_are_refused() -> None:
    """``fapi2-security-profile-final-ensure-mismatched-dpop-jkt-fails``: ``invalid_request`` at the push."""
    pushed = msgspec.structs.replace(PUSHED, proof=Confirmation("a" * 43))
    facts = RequestFacts(*BASE, dpop=True, pushed=pushed)
    parameters = Parameters({**PARAMETERS.values, "dpop_jkt": "b" * 43})
    outcome = validate(Client("shop", METADATA, ACTIVE), parameters, facts)
    assert not isinstance(outcome, ValidRequest)
    assert outcome.refusal.error == "invalid_request"
