"""The section on FAPI and open banking: given events, its figures."""

from collections import Counter
from typing import Any

from domain.client.events import ClientDeleted, ClientRegistered, ClientUpdated
from domain.grant.events import (
    AccessTokenIssued,
    AuthorizationRefused,
    AuthorizationRequested,
    CodeIssued,
    CodeRedeemed,
    CodeReplayed,
    ConsentGranted,
    RefreshTokenReused,
    RefreshTokenRotated,
    SubjectAuthenticated,
)
from domain.key.events import KeyCreated
from domain.log_entry import LogEntry, Metadata
from domain.refusal_events import RequestRefused
from domain.report.derived import median
from domain.report.fapi_flows import Flows
from domain.report.sections.fapi import Fapi
from domain.units import DAY
from tests.domain.report.folding import BEGIN, entry, told

BANK = Metadata(client_id="bank")
PUSHED = {"request_uri_hash": "h", "code_challenge": "c", "client_auth_method": "private_key_jwt"}


def _client(position: int, client_id: str, profile: str) -> LogEntry:
    return entry(position, f"client:{client_id}", ClientRegistered(client_id, {"profile": profile}, 1))


def _requested(position: int, grant: str, client_id: str, at: int = BEGIN, **fields: Any) -> LogEntry:
    if "request_uri_hash" in fields:
        fields.setdefault("request_uri_expires_at", at + 90)
    mode = fields.pop("response_mode", "query")
    event = AuthorizationRequested(
        client_id, "https://rp.example/cb", "code", mode, ("openid",), at, at + 600, **fields
    )
    return entry(position, f"grant:{grant}", event)


BEFORE = [
    _client(1, "bank", "fapi2-security"),
    _client(2, "signing", "fapi2-message-signing"),
    _client(3, "shop", "oidc"),
    entry(4, "key:k", KeyCreated("k", "PS256", {}, 1, 1)),
]


def test_a_flow_from_the_request_to_the_tokens() -> None:
    """Each step of an authorization of a FAPI client is counted; those of other clients are none of it."""
    during = [
        _requested(5, "g", "bank", **PUSHED),
        _requested(6, "h", "shop"),
        entry(7, "grant:g", SubjectAuthenticated("p", "s", 1, "acr", ("pwd", "otp"))),
        entry(8, "grant:h", SubjectAuthenticated("p", "s", 1, "acr", ("pwd",))),
        entry(9, "grant:g", ConsentGranted(("openid",))),
        entry(10, "grant:g", CodeIssued("c", BEGIN + 20, BEGIN + 80)),
        entry(11, "grant:g", CodeRedeemed("private_key_jwt", BEGIN + 21), metadata=BANK),
        entry(12, "grant:g", AccessTokenIssued("t", "jwt", "bank", (), (), 1, 61, signing_kid="k", jkt="j")),
        entry(13, "grant:h", CodeIssued("c", 1, 61)),
        entry(14, "grant:h", CodeRedeemed("client_secret_basic", 1), metadata=Metadata(client_id="shop")),
        entry(15, "grant:h", AccessTokenIssued("t", "jwt", "shop", (), (), 1, 61)),
    ]
    said = told(Fapi, BEFORE, during)
    ones = (
        "requests", "pushed", "pkce", "sign_ins", "several_methods", "consents", "codes", "answered", "redeemed",
        "tokens", "bound",
    )  # fmt: skip
    assert {name: said.values[f"fapi.{name}"] for name in ones} == dict.fromkeys(ones, 1)
    assert said.values["fapi.clients"] == 2
    assert said.values["fapi.coverage"] == 100.0
    assert (said.values["fapi.median"], said.values["fapi.longest_code"]) == (20, 60)
    assert said.values["fapi.longest_request_uri"] == 90
    assert said.rows("fapi.methods_table") == [("private_key_jwt", 2)]
    assert said.rows("fapi.authentications_table") == [("pwd+otp", 1)]
    assert said.rows("fapi.signatures_table") == [("PS256", 1)]
    assert said.rows("fapi.by_client") == [("bank", "fapi2-security", 1, 1, 0, 0, 1, 100.0)]
    assert not said.section.findings


def test_what_breaks_a_profile_is_found() -> None:
    """Whatever a profile forbids is an exception: unpushed, unsigned, unbound, with a secret, or presented again."""
    during = [
        _requested(5, "g", "bank"),
        _requested(6, "h", "signing", **PUSHED),
        _requested(7, "i", "signing", **PUSHED, request_object_hash="o", response_mode="jwt"),
        entry(8, "grant:g", AccessTokenIssued("t", "jwt", "bank", (), (), 1, 61)),
        entry(9, "grant:g", CodeRedeemed("client_secret_basic", 1), metadata=BANK),
        entry(10, "grant:x", CodeReplayed(1), metadata=BANK),
        entry(11, "grant:x", RefreshTokenReused(1, 1), metadata=BANK),
        entry(12, "grant:x", RefreshTokenRotated(2, "h", "k", 1, 2, 3, "private_key_jwt"), metadata=BANK),
        entry(13, "refusal:e", RequestRefused("e", "par", "invalid_request", "", 400, 1, client_id="bank")),
        entry(14, "client:bank", ClientUpdated({"profile": "oidc"}, 1)),
        entry(15, "client:signing", ClientDeleted(1)),
    ]
    said = told(Fapi, BEFORE, during)
    places = {
        "not_pushed": "5", "not_signed": "6", "signed": "7", "jarm": "7", "unbound": "8", "secret_used": "9",
        "code_replays": "10", "refresh_replays": "11", "rotated": "12", "rejected": "13", "left_profile": "14",
    }  # fmt: skip
    assert {name: said.positions(f"fapi.{name}") for name in places} == places
    assert said.values["fapi.clients"] == 0
    assert {one.id.removeprefix("fapi.").removesuffix("_found") for one in said.section.findings} == {
        "not_pushed", "not_signed", "unbound", "secret_used", "code_replays", "refresh_replays", "left_profile"
    }  # fmt: skip


def test_how_authorizations_end() -> None:
    """One that nobody goes on with is abandoned when its time is over, and one whose time is not over still waits."""
    before = [*BEFORE, _requested(5, "before", "bank", BEGIN - DAY)]
    end = BEGIN + 31 * DAY
    during = [
        _requested(6, "refused", "bank", **PUSHED),
        entry(7, "grant:refused", AuthorizationRefused("access_denied", "", BEGIN)),
        _requested(8, "left", "bank", **PUSHED),
        entry(10, "grant:left", SubjectAuthenticated("p", "s", 1, "acr", ("pwd",), by_session=True)),
        _requested(11, "last", "bank", end - 10, **PUSHED),
    ]
    said = told(Fapi, before, during)
    assert said.positions("fapi.refused") == "7"
    assert said.positions("fapi.abandoned") == "8"
    assert said.positions("fapi.waiting") == "11"
    assert said.positions("fapi.one_method") == said.positions("fapi.by_session") == "10"
    assert said.rows("fapi.errors_table") == [("access_denied", 1)]


def test_only_open_authorizations_are_kept() -> None:
    """However many there ever were, those whose time is over are forgotten."""
    flows = Flows()
    for number in range(20_000):
        event = AuthorizationRequested(
            "bank", "https://rp.example/cb", "code", "query", (), number, number + 600
        )
        flows.begin(str(number), event, number + 1, in_period=True)
    assert len(flows.waiting()) < 6000
    assert len(list(flows.abandoned(1_000_000))) == 20_000


def test_the_median_is_a_value_that_there_was() -> None:
    """Of an even number it is the lower of the two in the middle; of none it is 0."""
    assert median(Counter({3: 1, 5: 1, 60: 2})) == 5
    assert median(Counter()) == 0
