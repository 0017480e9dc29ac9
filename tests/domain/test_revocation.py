"""Revocation by the client (RFC 7009): its own tokens alone, once, and then nothing is active (A129)."""

import pytest

from domain.grant.events import AccessTokenRevoked, GrantRevoked
from domain.grant.grant import NOTHING, Grant, fold
from domain.grant.revocation import decide_revoke_access_token, decide_revoke_grant, revoke
from domain.grant.token import TokenStatus, is_active, why_inactive
from domain.liveness import Liveness
from tests.domain.grant_samples import LIVE, NOW, WITH_REFRESH, kinds, refused

GRANT = fold(WITH_REFRESH)
REVOKED = fold((GrantRevoked("code_replayed", NOW - 5),), GRANT)


def test_an_access_token_is_revoked_alone() -> None:
    """RFC 7009 §2: one token ends, the grant goes on."""
    decision = decide_revoke_access_token(GRANT, "shop", "token", already=False, now=NOW)
    assert decision.events == (AccessTokenRevoked("token", NOW),)
    assert fold(decision.events, GRANT).revoked_at is None


@pytest.mark.parametrize(("grant", "already"), [(GRANT, True), (REVOKED, False), (REVOKED, True)])
def test_revoking_an_access_token_again_says_nothing_new(grant: Grant, already: bool) -> None:
    """RFC 7009 §2.2: the answer is yes, and the log gets no second revocation."""
    decision = decide_revoke_access_token(grant, "shop", "token", already, NOW)
    assert (decision.events, decision.answer) == ((), None)


def test_a_refresh_token_takes_the_whole_grant_with_it() -> None:
    """RFC 7009 §2.1 (MUST): revoking the refresh token revokes every token of the grant."""
    decision = decide_revoke_grant(GRANT, "shop", NOW)
    assert decision.events == (GrantRevoked("revoked_by_client", NOW),)


def test_a_grant_is_revoked_once_and_its_first_reason_stays() -> None:
    """A second revocation appends nothing and does not rewrite why the grant ended."""
    assert decide_revoke_grant(REVOKED, "shop", NOW).events == ()
    assert revoke(REVOKED, "administrator", NOW).events == ()
    assert (REVOKED.revoked_at, REVOKED.revocation_reason) == (NOW - 5, "code_replayed")


def test_another_clients_token_is_not_revoked() -> None:
    """RFC 7009 §2.1: the client a token was issued to is the only one that may revoke it."""
    for decision in (
        decide_revoke_access_token(GRANT, "other", "token", already=False, now=NOW),
        decide_revoke_grant(GRANT, "other", NOW),
    ):
        assert (refused(decision).reason, decision.events) == ("revocation_wrong_client", ())


def test_an_administrator_ends_a_grant_with_a_reason() -> None:
    """The reason is the administrator's own and stands in the event; a grant that never was is refused."""
    assert revoke(GRANT, "stolen_laptop", NOW).events == (GrantRevoked("stolen_laptop", NOW),)
    nothing = revoke(NOTHING, "stolen_laptop", NOW)
    assert (refused(nothing).error, kinds(nothing)) == ("invalid_request", [])


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (TokenStatus(NOW + 1, None, LIVE), ""),
        (TokenStatus(NOW, None, LIVE), "expired"),
        (TokenStatus(NOW + 1, NOW, LIVE), "revoked"),
        (TokenStatus(NOW + 1, 0, LIVE), "revoked"),
        (TokenStatus(NOW, NOW, LIVE), "revoked"),
        (TokenStatus(NOW + 1, None, Liveness("disabled")), "client_not_active"),
        (TokenStatus(NOW + 1, None, Liveness(None)), "client_not_active"),
        (
            TokenStatus(NOW + 1, None, Liveness("active", "erased", needs_account=True)),
            "account_not_active",
        ),
        (TokenStatus(NOW + 1, None, Liveness("active", None, needs_account=True)), "account_not_active"),
        (
            TokenStatus(NOW + 1, None, Liveness("active", session="ended", needs_session=True)),
            "session_ended",
        ),
        (TokenStatus(NOW + 1, None, Liveness("active", session="ended")), ""),
    ],
)
def test_one_answer_to_whether_a_token_is_active(status: TokenStatus, why: str) -> None:
    """A129: expiry, revocation, client, account and session in one function, each able to say no."""
    assert why_inactive(status, NOW) == why
    assert is_active(status, NOW) is (why == "")
