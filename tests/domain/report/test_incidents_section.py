"""The section on incidents: given events, its figures and findings."""

from domain.grant.events import CodeReplayed, CodeVoided, RefreshTokenReused
from domain.incident import IncidentClosed, IncidentEnded, IncidentOpened
from domain.report.sections.incidents import Incidents
from tests.domain.report.folding import BEGIN, entry, told

OPENED = IncidentOpened("ticket", {"client_id": "web"}, 1, 20, {"grants": 3}, BEGIN)


def test_an_incident_that_was_closed_and_one_that_is_open() -> None:
    """One that began before the period and one of it are counted; the open one is a finding."""
    before = [
        entry(1, "incident:old", OPENED),
        entry(2, "incident:old", IncidentClosed({}, BEGIN)),
        entry(3, "incident:a", OPENED, after=-100),
    ]
    during = [
        entry(4, "incident:a", IncidentEnded("grants", ("x", "y"), BEGIN)),
        entry(5, "incident:a", IncidentClosed({"grants": 2}, BEGIN), after=60),
        entry(6, "incident:b", OPENED),
        entry(7, "incident:b", IncidentEnded("grants", (), BEGIN, {"z": "busy"})),
    ]
    said = told(Incidents, before, during)
    assert said.values["incidents.opened"] == said.values["incidents.closed"] == 1
    assert said.values["incidents.ended"] == 2
    assert said.values["incidents.longest_open"] == 160
    assert said.positions("incidents.open") == "6"
    finding = said.finding("incidents.open")
    assert finding is not None
    assert finding.severity == "critical"
    rows = said.rows("incidents.all")
    assert [(row[0], row[4], row[5], row[6]) for row in rows] == [
        ("a", "3 grants", "2 grants", 0),
        ("b", "3 grants", "0 grants", 1),
    ]


def test_signs_of_theft_are_findings() -> None:
    """A code or a refresh token that came a second time, or a code without proof, is an exception to look at."""
    during = [
        entry(1, "grant:a", CodeReplayed(1)),
        entry(2, "grant:b", RefreshTokenReused(3, 1)),
        entry(3, "grant:d", CodeVoided("wrong_verifier", 1)),
        entry(4, "grant:e", CodeVoided("client_changed", 1)),
    ]
    said = told(Incidents, [entry(0, "grant:c", CodeReplayed(1))], during)
    assert said.values["incidents.code_replayed"] == said.values["incidents.refresh_reused"] == 1
    assert said.finding("incidents.code_replayed") is not None
    assert said.positions("incidents.code_voided") == "3"
    assert told(Incidents, [], []).section.findings == ()
