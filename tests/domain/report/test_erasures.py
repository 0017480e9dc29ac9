"""The section on erasures and legal holds: given events, its figures."""

from domain.log_entry import LogEntry
from domain.person.account_events import (
    ErasureRequested,
    ErasureWithdrawn,
    HoldPlaced,
    HoldReleased,
    PersonErased,
)
from domain.report.sections.erasures import Erasures
from domain.units import DAY
from tests.domain.report.folding import BEGIN, entry, told


def _requested(position: int, subject: str, day: int, waits: int = 0) -> LogEntry:
    at = BEGIN + day * DAY
    return entry(position, f"account:{subject}", ErasureRequested("case", at, at + waits * DAY, "uid 1"))


def _erased(position: int, subject: str, day: int, **fields: object) -> LogEntry:
    return entry(position, f"account:{subject}", PersonErased(BEGIN + day * DAY, **fields))


def _hold(position: int, subject: str, day: int, until: int | None = None) -> LogEntry:
    event = HoldPlaced(
        "h1", "case 7", BEGIN + day * DAY, None if until is None else BEGIN + until * DAY, "uid 1"
    )
    return entry(position, f"account:{subject}", event)


def test_erasures_and_requests() -> None:
    """What was asked for and done is counted, with who and how long; an old event has no ids of keys."""
    before = [_requested(1, "late", -35), _erased(2, "before", -5)]
    during = [
        _requested(3, "soon", 0),
        _requested(4, "taken_back", 0),
        _requested(5, "held", 0),
        _requested(6, "overdue", 0, waits=3),
        _requested(7, "waits", 30, waits=10),
        _erased(8, "soon", 2, keys=("k1", "k2"), operator="uid 2", requested_by="uid 1", reason="letter"),
        _erased(9, "late", 3, keys=("k3",), operator="uid 1", requested_by="uid 1"),
        _erased(10, "old", 3),
        entry(11, "account:taken_back", ErasureWithdrawn("mistake", BEGIN, "uid 1")),
        _hold(12, "held", 4),
    ]
    said = told(Erasures, before, during)
    places = {
        "erased": "8-10", "requested": "3-7", "withdrawn": "11", "voided": "12", "waiting": "6-7", "overdue": "6",
        "late": "9", "two_persons": "8", "keys_destroyed": "8-9", "keys_not_recorded": "10", "longest": "9",
        "during_hold": "",
    }  # fmt: skip
    assert {name: said.positions(f"erasures.{name}") for name in places} == places
    assert (said.values["erasures.keys_destroyed"], said.values["erasures.longest"]) == (3, 38)
    assert said.rows("erasures.people")[0] == (
        "soon", "2026-07-01 00:00:00", "2026-07-03 00:00:00", 2, "uid 1", "uid 2", 2, "letter"
    )  # fmt: skip
    assert {one.id for one in said.section.findings} == {"erasures.late_found", "erasures.overdue_found"}


def test_holds() -> None:
    """A hold is in force until it is released or its end has come; none of an erased person is left."""
    before = [_hold(1, "old", -400), _hold(2, "ended", -10, until=5), _hold(3, "released", -10)]
    during = [
        entry(4, "account:released", HoldReleased("h1", "closed", BEGIN, "uid 1")),
        _hold(5, "dated", 1, until=60),
        _hold(6, "erased", 1),
        _erased(7, "erased", 2),
        _erased(8, "ended", 6),
    ]
    said = told(Erasures, before, during)
    assert said.positions("erasures.holds") == "1,5"
    assert said.positions("erasures.holds_without_end") == "1"
    assert said.positions("erasures.holds_old") == "1"
    assert said.positions("erasures.holds_placed") == "5-6"
    assert said.positions("erasures.holds_released") == "4"
    assert said.positions("erasures.during_hold") == "7"
    assert [row[0] for row in said.rows("erasures.holds_table")] == ["old", "dated"]
    broken = said.finding("erasures.during_hold_found")
    assert broken is not None
    assert broken.severity == "critical"
