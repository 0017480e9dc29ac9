"""The section on dormant accounts and clients: given events, its figures."""

from domain.client.events import ClientDeleted, ClientDisabled, ClientRegistered
from domain.grant.events import AccessTokenIssued, AuthorizationAnswered, SubjectAuthenticated
from domain.log_entry import LogEntry, Metadata
from domain.person.account_events import AccountCreated, AccountDisabled, AccountEnabled, PersonErased
from domain.person.session_events import SessionReauthenticated, SessionStarted
from domain.report.sections.dormant import Dormant
from domain.units import DAY
from tests.domain.report.folding import entry, told


def _created(position: int, subject: str, days: int) -> LogEntry:
    return entry(position, f"account:{subject}", AccountCreated(subject, 1), after=days * DAY)


def _known(position: int, subject: str, days: int, *, by_session: bool = False) -> LogEntry:
    event = SubjectAuthenticated(subject, "s", 1, "acr", ("pwd",), by_session)
    return entry(position, "grant:g", event, after=days * DAY)


def _registered(position: int, client_id: str, days: int, **metadata: object) -> LogEntry:
    return entry(position, f"client:{client_id}", ClientRegistered(client_id, metadata, 1), after=days * DAY)


def _token(position: int, client_id: str, days: int) -> LogEntry:
    event = AccessTokenIssued("t", "jwt", client_id, (), (), 1, 601)
    return entry(position, "grant:h", event, after=days * DAY)


def test_accounts_are_dormant_after_ninety_days() -> None:
    """An account counts by its last use, or by its begin; disabled and erased ones are none that may sign in."""
    before = [
        _created(1, "old", -400),
        _created(2, "never", -62),
        _created(3, "busy", -400),
        _created(4, "off", -400),
        _created(5, "erased", -400),
        _known(6, "old", -60),
        entry(7, "account:off", AccountDisabled("left", 1), after=-3 * DAY),
    ]
    during = [
        _known(8, "busy", 3, by_session=True),
        entry(9, "account:erased", PersonErased(1), after=4 * DAY),
        _known(10, "erased", 5),
        _created(11, "young", 30),
    ]
    said = told(Dormant, before, during)
    assert said.values["dormant.accounts_active"] == 4
    assert said.values["dormant.accounts_used"] == 1
    assert said.positions("dormant.accounts_used") == "8"
    assert said.values["dormant.accounts_dormant"] == 2
    assert said.positions("dormant.accounts_dormant") == "2,6"
    assert said.positions("dormant.accounts_never") == "2,11"
    assert dict(said.rows("dormant.account_ages")) == {
        "less than 30 days": 1, "30 to 89 days": 0, "90 to 179 days": 1, "180 to 364 days": 0,
        "365 days or more": 0, "never used": 2,
    }  # fmt: skip
    listed = said.rows("dormant.accounts_longest")
    assert listed[0][:1] == ("never",)
    assert all(row[2] == "never used" or int(row[3]) >= 30 for row in listed)
    assert len(listed) < said.values["dormant.accounts_active"]  # type: ignore[operator]
    finding = said.finding("dormant.accounts_dormant_found")
    assert finding is not None
    assert finding.positions.count == 2


def test_a_sign_in_to_our_own_pages_is_a_use() -> None:
    """A session that begins or is renewed without a client counts, too; being enabled again is no use."""
    before = [_created(1, "a", -200), _created(2, "b", -200), _created(3, "c", -200)]
    during = [
        entry(4, "session:x", SessionStarted("a", "h", 1, "acr", ("pwd",), 9), after=DAY),
        entry(
            5,
            "session:y",
            SessionReauthenticated("h", 1, "acr", ("pwd",), 9),
            after=DAY,
            metadata=Metadata(subject="b"),
        ),
        entry(6, "account:c", AccountDisabled("x", 1)),
        entry(7, "account:c", AccountEnabled(1)),
    ]
    said = told(Dormant, before, during)
    assert said.positions("dormant.accounts_used") == "4-5"
    assert said.values["dormant.accounts_dormant"] == 1
    assert said.positions("dormant.accounts_disabled") == "6"


def test_clients_are_used_by_what_they_are_given() -> None:
    """A token or an answer is a use. A client that was made again is a new one, and one that introspects is apart."""
    before = [
        _registered(1, "shop", -300),
        _registered(2, "idle", -300),
        _registered(3, "again", -300),
        _token(4, "again", -200),
        entry(5, "client:again", ClientDeleted(1), after=-150 * DAY),
        _registered(6, "api", -300, may_introspect=True),
        _registered(7, "off", -300),
        _token(8, "again", -149),
    ]
    during = [
        entry(9, "grant:i", AuthorizationAnswered(1, "shop"), after=DAY),
        _registered(10, "again", 2),
        entry(11, "client:off", ClientDisabled("x", 1), after=2 * DAY),
        _token(12, "unknown", 3),
    ]
    said = told(Dormant, before, during)
    assert said.values["dormant.clients_active"] == 4
    assert said.positions("dormant.clients_used") == "9"
    assert said.positions("dormant.clients_dormant") == "2"
    assert said.positions("dormant.clients_never") == "2,10"
    assert said.positions("dormant.clients_disabled") == "11"
    remarks = {row[0]: row[4] for row in said.rows("dormant.clients_longest")}
    assert remarks["api"]
    assert not remarks["idle"]


def test_nothing_is_nothing() -> None:
    """Of a period without accounts and clients every figure is 0, and nothing is found."""
    said = told(Dormant, [], [])
    assert set(said.values.values()) == {0}
    assert not said.section.findings
