"""The section on who can do what: given events, its figures."""

from domain.client.events import ClientDeleted, ClientDisabled, ClientEnabled, ClientRegistered, ClientUpdated
from domain.grant.events import SubjectAuthenticated
from domain.log_entry import LogEntry
from domain.person.account_events import AccountCreated, AccountDisabled, PersonErased
from domain.person.role_events import RoleGranted, RoleTaken
from domain.registration.initial_access_token_events import (
    InitialAccessTokenIssued,
    InitialAccessTokenRevoked,
    InitialAccessTokenUsed,
)
from domain.report.sections.access_review import AccessReview
from domain.review_events import AccessReviewed
from domain.setting.events import SettingsChanged
from domain.signal.events import (
    SignalStreamCreated,
    SignalStreamDeleted,
    SignalStreamStatusSet,
    SignalSubjectAdded,
    SignalSubjectRemoved,
)
from domain.units import DAY
from domain.webhook.events import WebhookCreated, WebhookDeleted
from tests.domain.report.folding import BEGIN, entry, told


def _account(position: int, subject: str) -> LogEntry:
    return entry(position, f"account:{subject}", AccountCreated(subject, 1))


def _role(position: int, subject: str) -> LogEntry:
    return entry(position, "role:auditor", RoleGranted("auditor", subject, 1))


def _signed_in(position: int, subject: str) -> LogEntry:
    return entry(position, "grant:g", SubjectAuthenticated(subject, "s", 1, "acr", ("pwd",)))


def test_holders_of_roles() -> None:
    """A role that is not used, and one of an account that is disabled or erased, is an exception."""
    before = [
        *(_account(number, name) for number, name in enumerate(("busy", "idle", "off", "erased", "gone"), 1)),
        *(_role(number, name) for number, name in enumerate(("busy", "off", "erased", "gone"), 6)),
        _signed_in(10, "idle"),
    ]
    during = [
        _signed_in(11, "busy"),
        _role(12, "idle"),
        entry(13, "account:off", AccountDisabled("left", 1)),
        entry(14, "account:erased", PersonErased(1)),
        entry(15, "role:auditor", RoleTaken("auditor", "gone", 1)),
    ]
    said = told(AccessReview, before, during)
    assert said.positions("access_review.holders") == "6-8,12"
    assert said.positions("access_review.holders_unable") == "7-8"
    assert said.positions("access_review.holders_idle") == "12"
    assert said.positions("access_review.roles_given") == "12"
    assert said.positions("access_review.roles_taken") == "15"
    assert said.positions("access_review.accounts") == "1-2,5"
    assert said.positions("access_review.accounts_disabled") == "13"
    assert said.positions("access_review.accounts_erased") == "14"
    assert {row[1]: row[4] for row in said.rows("access_review.roles")} == {
        "busy": "may sign in", "idle": "may sign in", "off": "disabled or erased", "erased": "disabled or erased"
    }  # fmt: skip
    assert {"access_review.holders_unable_found", "access_review.holders_idle_found"} <= {
        one.id for one in said.section.findings
    }


def test_what_clients_may_do() -> None:
    """The table tells what each client may do; what changed of that has old and new values, and nothing else."""
    job = {"grant_types": ["client_credentials"], "scope": ["audit:events"], "may_introspect": True}
    before = [
        entry(1, "client:shop", ClientRegistered("shop", {"scope": ["openid"]}, 1)),
        entry(2, "client:job", ClientRegistered("job", job, 1)),
        entry(3, "client:self", ClientRegistered("self", {}, 1, source="registration")),
        entry(4, "client:off", ClientRegistered("off", {}, 1)),
        entry(5, "client:off", ClientDisabled("x", 1)),
    ]
    during = [
        entry(6, "client:shop", ClientUpdated({"scope": ["openid", "email"], "skip_consent": True}, 1)),
        entry(7, "client:self", ClientUpdated({"client_name": "Another name"}, 1, by_itself=True)),
        entry(8, "client:off", ClientEnabled(1)),
        entry(9, "client:job", ClientDeleted(1)),
        entry(10, "client:job", ClientRegistered("job", {**job, "token_endpoint_auth_method": "none"}, 1)),
    ]
    said = told(AccessReview, before, during)
    values = said.values
    assert values["access_review.clients"] == 4
    assert said.positions("access_review.clients_own") == "10"
    assert said.positions("access_review.clients_public") == "10"
    assert said.positions("access_review.clients_introspect") == "10"
    assert said.positions("access_review.clients_read_log") == "10"
    assert said.positions("access_review.clients_without_consent") == "6"
    assert said.positions("access_review.clients_by_themselves") == "7"
    assert said.positions("access_review.clients_changed") == "6"
    assert said.positions("access_review.clients_removed") == "9"
    assert said.positions("access_review.clients_registered") == "10"
    assert said.positions("access_review.clients_enabled") == "8"
    changes = {row[1]: row[4] for row in said.rows("access_review.changes")}
    assert (
        changes[6]
        == "May use: authorization_code → authorization_code, no consent is asked for; Scope: openid → openid email"
    )
    assert changes[8] == "State: disabled → active"
    assert changes[9] == "gone"
    assert changes[10].startswith(
        "State: active; Registered by: an administrator; Profile and authentication: oidc, none"
    )


def test_changes_since_the_last_review() -> None:
    """A review has seen the log up to a position; what came after it is left, also of before the period."""
    before = [
        _account(1, "a"),
        _account(2, "b"),
        entry(3, "audit:r", AccessReviewed(1, BEGIN - 10 * DAY, "ticket 1")),
    ]
    during = [_role(4, "b")]
    said = told(AccessReview, before, during)
    assert said.positions("access_review.changed_since_review") == "2,4"
    assert said.values["access_review.last_review"] == 41
    missing = said.finding("access_review.no_review")
    assert missing is not None
    assert "41 days" in missing.text
    again = [*during, entry(5, "audit:q", AccessReviewed(4, BEGIN + 30 * DAY, "ticket 2"))]
    said = told(AccessReview, before, again)
    assert said.values["access_review.changed_since_review"] == 0
    assert said.positions("access_review.reviews") == "5"
    assert said.finding("access_review.no_review") is None
    assert told(AccessReview, [], []).values["access_review.last_review"] == "never"


def test_who_is_told_of_events() -> None:
    """An address that is told of events is access, too, as long as it is declared."""
    before = [
        entry(1, "webhook:endpoints", WebhookCreated("w1", "siem.example", ("*",), "hmac", 1)),
        entry(2, "webhook:endpoints", WebhookCreated("w2", "old.example", ("client.*",), "hmac", 1)),
    ]
    during = [
        entry(3, "webhook:endpoints", WebhookDeleted("w2", 1, "ticket")),
        entry(4, "webhook:endpoints", WebhookCreated("w3", "new.example", ("key.*",), "hmac", 1)),
        entry(5, "signal:shop", SignalStreamCreated("shop", "s1", "push", 0, 1)),
        entry(6, "signal:shop", SignalStreamStatusSet("paused", 1)),
        entry(7, "signal:bank", SignalStreamCreated("bank", "s2", "poll", 0, 1)),
        entry(8, "signal:bank", SignalStreamDeleted(1)),
        entry(9, "signal:shop", SignalSubjectRemoved("hash", 1)),
        entry(10, "signal:shop", SignalSubjectAdded("hash", 1)),
    ]
    said = told(AccessReview, before, during)
    assert said.positions("access_review.signal_people_removed") == "9"
    assert said.positions("access_review.signal_people_added") == "10"
    assert said.positions("access_review.webhooks") == "1,4"
    assert said.positions("access_review.signals") == "6"
    assert said.positions("access_review.receivers_added") == "4-5,7"
    assert said.positions("access_review.receivers_changed") == "6"
    assert said.positions("access_review.receivers_removed") == "3,8"
    assert [row[:5] for row in said.rows("access_review.receivers")] == [
        ("shop", "stream of signals", "shop", "all that there are", "paused"),
        ("w1", "webhook", "siem.example", "*", "enabled"),
        ("w3", "webhook", "new.example", "key.*", "enabled"),
    ]
    assert [row[3] for row in said.rows("access_review.changes")] == [
        "w2",
        "w3",
        "shop",
        "shop",
        "bank",
        "bank",
    ]


def test_who_may_register_clients() -> None:
    """Open registration is an exception; tokens that admit nobody any more are not told."""

    def issued(position: int, token_id: str, expires: int) -> LogEntry:
        event = InitialAccessTokenIssued(token_id, "h", 1, 1, BEGIN + expires * DAY)
        return entry(position, f"registration:{token_id}", event)

    during = [
        issued(1, "usable", 90),
        issued(2, "expired", 3),
        issued(3, "revoked", 90),
        issued(4, "used", 90),
        entry(5, "registration:revoked", InitialAccessTokenRevoked(1)),
        entry(6, "registration:used", InitialAccessTokenUsed("c", 1)),
        entry(7, "setting:server", SettingsChanged("d", {"registration": "open"}, 1)),
    ]
    said = told(AccessReview, [], during)
    assert said.positions("access_review.tokens_open") == "1"
    assert said.values["access_review.registration"] == "open"
    assert said.finding("access_review.registration_open") is not None
    assert told(AccessReview, [], []).values["access_review.registration"] == "not recorded"
