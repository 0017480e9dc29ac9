"""The authorization code: redeemed once, in the order of checks of decisions.md 1 to 3 (A043 to A052)."""

from typing import Any

import pytest

from domain.errors import Refusal
from domain.grant.code import decide_redeem
from domain.grant.events import CodeVoided, GrantRevoked
from domain.grant.grant import NOTHING, Grant, fold
from domain.grant.issue import IssuedTokens
from domain.grant.token import TokenStatus, why_inactive
from domain.liveness import Liveness
from tests.domain.grant_samples import (
    API,
    CALLBACK,
    CODE_LIFETIME,
    FILES,
    ISSUER,
    LIVE,
    NOW,
    REDEEMED,
    VERIFIER,
    WITH_CODE,
    client,
    facts,
    kinds,
    redemption,
    refused,
    requested,
    with_code,
)

LATER = NOW + 10 * CODE_LIFETIME
REPLAY = ["CodeReplayed", "GrantRevoked"]
VOIDED = fold((*WITH_CODE, CodeVoided("wrong_verifier", NOW)))
REDEEMED_GRANT = fold((*WITH_CODE, REDEEMED))
REVOKED = fold((*WITH_CODE, GrantRevoked("revoked_by_client", NOW)))
ENDED = Liveness("active", "disabled", "active", needs_account=True)


def test_the_right_redemption_gives_tokens_and_records_each() -> None:
    """The code becomes an access token, an ID token and a refresh token, each with its event, in one append."""
    decision = decide_redeem(with_code(), redemption(client_key_id="key"), facts())
    assert kinds(decision) == ["CodeRedeemed", "AccessTokenIssued", "IdTokenIssued", "RefreshTokenIssued"]
    answer = decision.answer
    assert isinstance(answer, IssuedTokens)
    assert (answer.access_token.subject, answer.access_token.audience) == ("person", (ISSUER,))
    assert answer.access_token.expires_at == NOW + 600
    assert answer.refresh_generation == 1
    assert answer.id_token is not None
    assert (answer.id_token.nonce, answer.id_token.acr) == ("n", "pwd-acr")
    after = fold(decision.events, with_code())
    assert after.code is not None
    assert after.code.redeemed_at == NOW


@pytest.mark.parametrize(
    ("asked", "metadata", "tokens"),
    [
        (("openid", "offline_access"), {}, ["IdTokenIssued", "RefreshTokenIssued"]),
        (("openid",), {}, ["IdTokenIssued"]),
        (("read",), {}, ["RefreshTokenIssued"]),
        (("read",), {"grant_types": ("authorization_code",)}, []),
        (("openid", "offline_access"), {"grant_types": ("authorization_code",)}, ["IdTokenIssued"]),
    ],
    ids=["offline", "online", "plain OAuth", "may not refresh", "offline but may not refresh"],
)
def test_which_tokens_a_code_yields(
    asked: tuple[str, ...], metadata: dict[str, Any], tokens: list[str]
) -> None:
    """An ID token needs ``openid``; a refresh token the registration, and with ``openid`` offline access (§11)."""
    grant = with_code(requested(scope=asked))
    decision = decide_redeem(grant, redemption(), facts(client=client(**metadata)))
    assert kinds(decision) == ["CodeRedeemed", "AccessTokenIssued", *tokens]


@pytest.mark.parametrize(
    ("asked", "session"), [(("openid",), "session"), (("openid", "offline_access"), None)]
)
def test_only_offline_tokens_outlive_the_session(asked: tuple[str, ...], session: str | None) -> None:
    """A token hangs on the session it came from, unless the person agreed to offline access (Core §11)."""
    answer = decide_redeem(with_code(requested(scope=asked)), redemption(), facts()).answer
    assert isinstance(answer, IssuedTokens)
    assert answer.access_token.session_id == session


#: Each row is wrong in its own way *and* in all ways that are checked after it, so that the order shows.
ORDER: dict[str, tuple[Grant, dict[str, Any], str, list[str]]] = {
    "A048 unknown before all": (VOIDED, {"code_hash": "x", "client_id": "other"}, "code_unknown", []),
    "A047 client before replay": (REDEEMED_GRANT, {"client_id": "other"}, "code_unknown", []),
    "A047 client before voided": (VOIDED, {"client_id": "other"}, "code_unknown", []),
    "A047 client before expiry": (with_code(), {"client_id": "other"}, "code_unknown", ["CodeVoided"]),
    "A045 replay before expiry": (REDEEMED_GRANT, {"redirect_uri": "x"}, "code_replayed", REPLAY),
    "voided before expiry": (VOIDED, {"redirect_uri": "x"}, "code_voided", []),
    "A050 expiry before redirect URI": (with_code(), {"redirect_uri": "x"}, "code_expired", []),
}


@pytest.mark.parametrize("row", ORDER)
def test_order_of_checks_long_after_expiry(row: str) -> None:
    """decisions.md 1: of several things wrong, the first in the order is what is answered and recorded."""
    grant, fields, reason, events = ORDER[row]
    wrong = {"code_verifier": "w" * 43, "resource": ("bad",), **fields}
    decision = decide_redeem(grant, redemption(**wrong), facts(LATER, liveness=ENDED))
    assert refused(decision).error == "invalid_grant"
    assert refused(decision).reason == reason
    assert kinds(decision) == events


def test_redirect_uri_before_pkce_before_liveness_before_resource() -> None:
    """decisions.md 1, the checks of a live code: each answers before the ones behind it are asked."""
    wrong: dict[str, Any] = {"redirect_uri": "x", "code_verifier": "w" * 43, "resource": ("bad",)}
    answers = []
    for mended in ({}, {"redirect_uri": CALLBACK}, {"code_verifier": VERIFIER}):
        wrong |= mended
        answers.append(refused(decide_redeem(with_code(), redemption(**wrong), facts(liveness=ENDED))).reason)
    last = refused(decide_redeem(with_code(), redemption(**wrong), facts()))
    assert answers == ["redirect_uri_mismatch", "wrong_verifier", "grant_not_live"]
    assert last.error == "invalid_target"


def test_replay_revokes_once() -> None:
    """A045 and decisions.md 2: the first replay revokes the grant, however late; later ones append nothing."""
    first = decide_redeem(REDEEMED_GRANT, redemption(), facts(LATER))
    assert kinds(first) == REPLAY
    revoked = fold(first.events, REDEEMED_GRANT)
    assert (revoked.revoked_at, revoked.revocation_reason) == (LATER, "code_replayed")
    again = decide_redeem(revoked, redemption(), facts(LATER + 1))
    assert (refused(again).reason, again.events) == ("code_replayed", ())


def test_replay_makes_the_tokens_inactive() -> None:
    """A045: what the first redemption gave is inactive once the code came twice."""
    revoked_at = fold(decide_redeem(REDEEMED_GRANT, redemption(), facts()).events, REDEEMED_GRANT).revoked_at
    assert why_inactive(TokenStatus(NOW + 600, revoked_at, LIVE), NOW) == "revoked"


def test_confidential_replay_needs_no_verifier() -> None:
    """decisions.md 2: a confidential client has proved itself by authenticating."""
    assert kinds(decide_redeem(REDEEMED_GRANT, redemption(code_verifier=None), facts())) == REPLAY


@pytest.mark.parametrize(
    ("verifier", "events"),
    [(VERIFIER, REPLAY), ("w" * 43, []), (None, []), ("short", [])],
    ids=["right", "wrong", "missing", "malformed"],
)
def test_public_replay_needs_the_verifier(verifier: str | None, events: list[str]) -> None:
    """decisions.md 2: a leaked old code of a public client is no kill switch."""
    command = redemption(client_auth_method="none", code_verifier=verifier)
    decision = decide_redeem(REDEEMED_GRANT, command, facts())
    assert refused(decision).reason == "code_replayed"
    assert kinds(decision) == events


def test_public_replay_of_a_grant_without_challenge_revokes_nothing() -> None:
    """decisions.md 2: without a challenge no verifier can prove possession."""
    grant = fold((REDEEMED,), with_code(requested(code_challenge=None)))
    assert decide_redeem(grant, redemption(client_auth_method="none"), facts()).events == ()


def test_wrong_client_voids_the_code() -> None:
    """A047 and decisions.md 3: another client's attempt burns the code, for its own client too."""
    decision = decide_redeem(with_code(), redemption(client_id="other"), facts())
    assert decision.events == (CodeVoided("code_wrong_client", NOW),)
    assert refused(decision).error_description == refused(unknown()).error_description
    after = fold(decision.events, with_code())
    assert refused(decide_redeem(after, redemption(), facts())).reason == "code_voided"


def unknown() -> Any:
    return decide_redeem(with_code(), redemption(code_hash="x"), facts())


@pytest.mark.parametrize("grant", [NOTHING, with_code(), REDEEMED_GRANT], ids=["none", "code", "redeemed"])
def test_unknown_code_touches_nothing(grant: Grant) -> None:
    """A048 and decisions.md 4: a value never issued appends nothing to the grant that it names."""
    decision = decide_redeem(grant, redemption(code_hash="x"), facts())
    assert (refused(decision).reason, decision.events) == ("code_unknown", ())


@pytest.mark.parametrize(
    ("verifier", "reason", "voids"),
    [
        ("w" * 43, "wrong_verifier", True),
        ("v" * 42, "wrong_verifier", True),
        ("v" * 129, "wrong_verifier", True),
        ("v" * 42 + "é", "wrong_verifier", True),
        ("v" * 43 + "\n", "wrong_verifier", True),
        (None, "verifier_missing", False),
    ],
    ids=["wrong", "short", "long", "charset", "newline", "missing"],
)
def test_verifier(verifier: str | None, reason: str, voids: bool) -> None:
    """A044, A052 and decisions.md 3: always ``invalid_grant``; a wrong one voids the code, a missing one does not."""
    decision = decide_redeem(with_code(), redemption(code_verifier=verifier), facts())
    assert (refused(decision).error, refused(decision).reason) == ("invalid_grant", reason)
    assert decision.events == ((CodeVoided("wrong_verifier", NOW),) if voids else ())
    right = decide_redeem(fold(decision.events, with_code()), redemption(), facts())
    assert isinstance(right.answer, Refusal) is voids


def test_verifier_without_challenge() -> None:
    """A043: a challenge stripped from the request is noticed by its verifier; the code stays (RFC 9700 §4.8.2)."""
    grant = with_code(requested(code_challenge=None))
    decision = decide_redeem(grant, redemption(), facts())
    assert (refused(decision).reason, decision.events) == ("verifier_without_challenge", ())
    assert isinstance(decide_redeem(grant, redemption(code_verifier=None), facts()).answer, IssuedTokens)


@pytest.mark.parametrize(
    ("after", "reason"), [(CODE_LIFETIME - 1, None), (CODE_LIFETIME, "code_expired"), (LATER, "code_expired")]
)
def test_expiry_to_the_second(after: int, reason: str | None) -> None:
    """A050: the code ends at its ``expires_at``, and nothing is appended for a late one."""
    decision = decide_redeem(with_code(), redemption(), facts(NOW + after))
    assert (decision.answer.reason if isinstance(decision.answer, Refusal) else None) == reason
    assert bool(decision.events) is (reason is None)


@pytest.mark.parametrize(
    ("given_in_request", "presented", "accepted"),
    [
        (True, CALLBACK, True),
        (True, None, False),
        (True, CALLBACK + "/", False),
        (True, CALLBACK.upper(), False),
        (True, "", False),
        (False, None, True),
        (False, CALLBACK, True),
        (False, "https://evil.example/cb", False),
    ],
)
def test_redirect_uri(given_in_request: bool, presented: str | None, accepted: bool) -> None:
    """RFC 6749 §4.1.3: byte for byte the request's own, and there when it was there; the code stays."""
    grant = with_code(requested(redirect_uri_given=given_in_request))
    decision = decide_redeem(grant, redemption(redirect_uri=presented), facts())
    assert isinstance(decision.answer, IssuedTokens) is accepted
    assert accepted or decision.events == ()


@pytest.mark.parametrize(
    "liveness",
    [
        Liveness("disabled", "active", "active", needs_account=True, needs_session=True),
        Liveness(None, "active", "active", needs_account=True, needs_session=True),
        Liveness("active", "disabled", "active", needs_account=True, needs_session=True),
        Liveness("active", "erased", "active", needs_account=True, needs_session=True),
        Liveness("active", None, "active", needs_account=True, needs_session=True),
        Liveness("active", "active", "ended", needs_account=True, needs_session=True),
        Liveness("active", "active", None, needs_account=True, needs_session=True),
    ],
    ids=["client off", "no client", "account off", "erased", "no account", "logged out", "no session"],
)
def test_nothing_comes_of_what_is_not_allowed_any_more(liveness: Liveness) -> None:
    """A051: account, client and session are asked at redemption."""
    decision = decide_redeem(with_code(), redemption(), facts(liveness=liveness))
    assert (refused(decision).reason, decision.events) == ("grant_not_live", ())


def test_code_of_a_revoked_grant() -> None:
    """A051: a grant revoked before its code was used gives nothing."""
    decision = decide_redeem(REVOKED, redemption(), facts())
    assert (refused(decision).reason, decision.events) == ("grant_not_live", ())


@pytest.mark.parametrize(
    ("granted", "asked", "audience"),
    [
        ((), (), (ISSUER,)),
        ((), (API,), (API, ISSUER)),
        ((API, FILES), (), (API, FILES, ISSUER)),
        ((API, FILES), (FILES,), (FILES, ISSUER)),
        ((API,), (FILES,), None),
        ((API,), (API, FILES), None),
        ((), ("https://unknown.example",), None),
    ],
)
def test_audience_within_the_grant(
    granted: tuple[str, ...], asked: tuple[str, ...], audience: tuple[str, ...] | None
) -> None:
    """RFC 8707 §2.2: the token request picks among the resources of the grant, else ``invalid_target``."""
    decision = decide_redeem(with_code(requested(resource=granted)), redemption(resource=asked), facts())
    if audience is None:
        assert (refused(decision).error, decision.events) == ("invalid_target", ())
    else:
        assert isinstance(decision.answer, IssuedTokens)
        assert decision.answer.access_token.audience == audience


def test_auth_time_is_of_the_sign_in() -> None:
    """OIDC Core §2: an ID token tells when the person signed in, whether or not that was asked for."""
    answer = decide_redeem(with_code(requested()), redemption(), facts()).answer
    assert isinstance(answer, IssuedTokens)
    assert answer.id_token is not None
    assert answer.id_token.auth_time == NOW - 20
