"""The section on administrative actions: given events, its figures."""

from domain.client.events import ClientDisabled, ClientRegistered, ClientUpdated
from domain.incident import IncidentOpened
from domain.log_entry import LogEntry, Metadata
from domain.person.account_events import AccountDisabled, ClaimsChanged, PersonErased
from domain.person.role_events import RoleGranted
from domain.person.session_events import SessionEnded
from domain.question_events import QuestionAsked
from domain.report.event_names import NAMES
from domain.report.sections.administration import Administration
from domain.report.what_changed import CHANGES
from tests.domain.report.folding import entry, told

ADMIN = Metadata(actor="admin", operator="uid 1000", authority="command_line")
ROOT = Metadata(actor="admin", operator="uid 0")
OLD = Metadata(actor="admin")


def _during() -> list[LogEntry]:
    updated = ClientUpdated({"scope": ["openid", "email"], "client_name": "Shop\x1b"}, 2)
    return [
        entry(5, "client:shop", updated, metadata=ADMIN),
        entry(6, "client:shop", ClientDisabled("ticket 1", 3), metadata=ROOT),
        entry(7, "account:p1", AccountDisabled("", 3), metadata=OLD),
        entry(8, "account:p1", ClaimsChanged(("email", "name"), 3), metadata=ADMIN),
        entry(9, "role:auditor", RoleGranted("auditor", "p2", 3), metadata=ADMIN),
        entry(10, "session:s", SessionEnded("ended_by_administrator", 3), metadata=ADMIN),
        entry(11, "session:t", SessionEnded("logout", 3), metadata=Metadata(actor="subject")),
        entry(12, "incident:i", IncidentOpened("theft", {}, 1, 9, {"grants": 3}, 3, "uid 1000"), metadata=ADMIN),
        entry(13, "audit:q", QuestionAsked("account_history", 3, {}, "p1", "ticket 2", "uid 1000")),
        entry(14, "audit:r", QuestionAsked("search", 3, {}, None, "", "subject p2", exported=True)),
    ]  # fmt: skip


def test_what_administrators_did() -> None:
    """Each act of an administrator is counted with who did it and what it changed; what people do is not one."""
    registered = ClientRegistered("shop", {"scope": ["openid"]}, 1)
    said = told(Administration, [entry(1, "client:shop", registered, metadata=ADMIN)], _during())
    assert said.positions("administration.all") == "5-10,12"
    assert said.positions("administration.superuser") == "6"
    assert said.positions("administration.unknown") == "7"
    assert said.positions("administration.no_reason") == "7"
    assert said.positions("administration.by_kind.client_disabled_v1") == "6"
    assert dict(said.rows("administration.operators")) == {"uid 1000": 5, "uid 0": 1, "not recorded": 1}
    rows = {row[1]: row for row in said.rows("administration.actions")}
    assert rows[5][3:] == (
        "client changed", "shop", "client_name: nothing → Shop\\u001b; scope: openid → openid email", ""
    )  # fmt: skip
    assert rows[6][5:] == ("status: active → disabled", "ticket 1")
    assert rows[8][5] == "claims: email name"
    assert rows[9][5] == "holder: p2"
    assert rows[12][5] == "found: 3 grants"


def test_who_read_about_people() -> None:
    """Questions are counted by who asked, and whether about a person, with a copy, and without a reason."""
    said = told(Administration, [], _during())
    assert said.positions("administration.questions") == "13-14"
    assert said.positions("administration.questions_on_person") == "13"
    assert said.positions("administration.exports") == "14"
    assert said.positions("administration.questions_no_reason") == "14"
    assert said.rows("administration.questions") == [
        ("subject p2", "search", 1),
        ("uid 1000", "account_history", 1),
    ]


def test_what_happened_before_is_known_but_not_counted() -> None:
    """Acts before the period give old values and no figures."""
    before = [
        entry(1, "client:shop", ClientRegistered("shop", {}, 1), metadata=ADMIN),
        entry(2, "account:p", PersonErased(1), metadata=ADMIN),
        entry(3, "audit:q", QuestionAsked("search", 3)),
    ]
    said = told(Administration, before, [])
    assert set(said.values.values()) == {0}


def test_the_table_is_bounded() -> None:
    """Of more actions than a table has room for, the rest is counted; the figure has all."""
    during = [entry(number, "account:p", ClaimsChanged((), 1), metadata=ADMIN) for number in range(1, 701)]
    said = told(Administration, [], during)
    (table,) = (one for one in said.section.tables if one.id == "administration.actions")
    assert (len(table.rows), table.truncated) == (500, 200)
    assert said.values["administration.all"] == 700


def test_every_change_has_a_name() -> None:
    """No tag stands in a report where plain words belong."""
    assert CHANGES.keys() <= NAMES.keys()
