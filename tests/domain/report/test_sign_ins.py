"""The section on sign-ins: given events, its figures."""

from domain.grant.events import (
    AnotherAccountRequested,
    AuthorizationAnswered,
    AuthorizationRefused,
    AuthorizationRequested,
    ClientCredentialsGranted,
    CodeIssued,
    CodeRedeemed,
    SignInFailed,
    SubjectAuthenticated,
)
from domain.person.session_events import SessionReauthenticated, SessionStarted
from domain.refusal_events import RefusalsCounted, RequestRefused
from domain.report.sections.sign_ins import SignIns
from domain.units import DAY
from tests.domain.report.folding import entry, told


def _known(position: int, *, by_session: bool = False, after: int = 0) -> object:
    event = SubjectAuthenticated("p1", "s1", 1, "acr", ("pwd", "otp"), by_session)
    return entry(position, "grant:g", event, after=after)


def test_people_by_method_and_cause() -> None:
    """Sign-ins are counted by method, failures by cause, and an answer from a session is no sign-in."""
    during = [
        _known(10),
        _known(11, by_session=True),
        entry(12, "grant:g", SignInFailed("password_wrong", 1, "p1")),
        entry(13, "grant:h", SignInFailed("password_wrong", 1)),
        entry(14, "grant:h", SignInFailed("too_many_attempts", 1)),
        _known(15, after=2 * DAY),
        entry(16, "session:s", SessionStarted("p1", "digest", 1, "acr", ("pwd",), 2)),
        entry(17, "session:s", SessionReauthenticated("digest", 1, "acr", ("pwd",), 2)),
    ]
    said = told(SignIns, [_known(1)], during)
    assert said.values["sign_ins.people"] == 2
    assert said.values["sign_ins.by_method.pwd_otp"] == 2
    assert said.values["sign_ins.by_session"] == 1
    assert said.values["sign_ins.failed"] == 3
    assert said.values["sign_ins.failed_by.password_wrong"] == 2
    assert said.rows("sign_ins.causes") == [("password wrong", 2), ("too many attempts", 1)]
    assert said.positions("sign_ins.failed") == "12-14"
    assert said.positions("sign_ins.people") == "10,15"
    assert (said.positions("sign_ins.sessions"), said.positions("sign_ins.sessions_renewed")) == ("16", "17")
    days = dict(said.section.series[0].points)
    assert (len(days), days["2026-07-01"], days["2026-07-02"], days["2026-07-03"]) == (31, 1, 0, 1)


def test_clients_by_method_and_cause() -> None:
    """Authentications of clients are counted by method; of refusals those of a client that did not prove who it is."""
    refused = RequestRefused("e", "token", "invalid_client", "", 401, 1, reason="secret_wrong")
    during = [
        entry(1, "grant:g", CodeRedeemed("private_key_jwt", 1)),
        entry(2, "grant:h", ClientCredentialsGranted("c", (), (), "tls_client_auth", 1)),
        entry(3, "refusal:e", refused),
        entry(
            4, "refusal:f", RequestRefused("f", "token", "invalid_grant", "", 400, 1, reason="code_unknown")
        ),
        entry(5, "refusal:m", RefusalsCounted("token", "invalid_client", 4000, 7)),
    ]
    said = told(SignIns, [], during)
    assert said.values["sign_ins.clients"] == 2
    assert said.values["sign_ins.clients_by.private_key_jwt"] == 1
    assert said.values["sign_ins.clients_failed"] == 1
    assert said.positions("sign_ins.clients_failed_by.secret_wrong") == "3"
    assert said.values["sign_ins.refusals_counted"] == 4000
    assert said.positions("sign_ins.refusals_counted") == "5"
    assert said.positions("sign_ins.refused") == "3-4"
    assert said.positions("sign_ins.refused_with.invalid_grant") == "4"


def test_how_requests_end() -> None:
    """Each request that was accepted is counted, and each end: with a code, with tokens alone, or with an error."""
    asked = AuthorizationRequested("c", "https://c.example/cb", "code", "query", ("openid",), 1, 601)
    during = [
        *(entry(position, f"grant:{position}", asked) for position in (1, 2, 3)),
        entry(4, "grant:1", AnotherAccountRequested(2)),
        entry(5, "grant:1", CodeIssued("digest", 2, 62)),
        entry(6, "grant:2", AuthorizationAnswered(2)),
        entry(7, "grant:3", AuthorizationRefused("access_denied", "", 2)),
    ]
    said = told(SignIns, [], during)
    assert said.positions("sign_ins.requests") == "1-3"
    assert said.positions("sign_ins.another_account") == "4"
    assert said.positions("sign_ins.answered") == "5-6"
    assert said.rows("sign_ins.errors") == [("access_denied", 1)]
    assert said.positions("sign_ins.ended_with.access_denied") == said.positions("sign_ins.ended") == "7"


def test_words_of_specifications_are_explained() -> None:
    """A figure of an error or of a way to authenticate says what that is, so far as a specification does."""
    during = [
        entry(1, "grant:1", AuthorizationRefused("access_denied", "", 2)),
        entry(
            2, "refusal:e", RequestRefused("e", "token", "invalid_grant", "", 400, 1, reason="code_unknown")
        ),
        entry(3, "grant:g", CodeRedeemed("private_key_jwt", 1)),
        entry(4, "grant:h", CodeRedeemed("", 1)),
        entry(5, "refusal:f", RequestRefused("f", "token", "its_own", "", 400, 1)),
    ]
    meanings = {one.id: one.meaning for one in told(SignIns, [], during).section.figures}
    assert "access_denied: the person declined" in meanings["sign_ins.ended_with.access_denied"]
    assert "invalid_grant: the code or token" in meanings["sign_ins.refused_with.invalid_grant"]
    assert "a key of its own" in meanings["sign_ins.clients_by.private_key_jwt"]
    assert meanings["sign_ins.refused_with.its_own"].endswith("with the error its_own.")
    assert meanings["sign_ins.clients_by.not_recorded"].endswith("with the method not recorded.")
