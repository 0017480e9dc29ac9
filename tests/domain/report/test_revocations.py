"""The section on revocations: given events, its figures and latencies."""

from domain.grant.events import AccessTokenIssued, AccessTokenRevoked, GrantRevoked
from domain.incident import reason_of
from domain.log_entry import LogEntry
from domain.person.account_events import PasswordSet
from domain.person.session_events import BackChannelLogoutDelivered, BackChannelLogoutFailed, SessionEnded
from domain.report.sections.revocations import Revocations
from domain.report.spread import Spread
from domain.signal.events import SignalsDelivered, SignalVerificationRequested
from domain.units import DAY, HOUR
from tests.domain.report.folding import BEGIN, entry, told


def _jwt(position: int, grant: str, *, after: int = 0, lives: int = HOUR) -> LogEntry:
    issued = AccessTokenIssued("t", "jwt", "c", (), (), BEGIN + after, BEGIN + after + lives)
    return entry(position, f"grant:{grant}", issued, after=after)


def test_causes_and_latencies() -> None:
    """A grant is counted by its cause, incidents as one. How long its last JWT outlived it is measured, and how long
    the record took after the decision."""
    before = [_jwt(1, "a", lives=2 * HOUR), _jwt(2, "a"), _jwt(3, "b")]
    during = [
        entry(4, "grant:a", GrantRevoked("code_replayed", BEGIN + HOUR - 3), after=HOUR),
        entry(5, "grant:b", GrantRevoked(reason_of("x"), BEGIN + 2 * HOUR), after=2 * HOUR),
        entry(6, "grant:c", GrantRevoked("as Ann asked", BEGIN + 2 * HOUR), after=2 * HOUR),
        entry(7, "grant:d", AccessTokenRevoked("t", BEGIN + 2 * HOUR), after=2 * HOUR),
        entry(8, "account:p", PasswordSet(1, "all")),
        entry(9, "account:p", PasswordSet(1)),
    ]
    said = told(Revocations, before, during)
    assert said.rows("revocations.causes") == [("code replayed", 1), ("given in words", 1), ("incident", 1)]
    assert said.values["revocations.longest_outlived"] == HOUR
    assert said.positions("revocations.longest_outlived") == "4"
    assert said.values["revocations.longest_recorded"] == 3
    assert said.values["revocations.tokens"] == 1
    assert said.positions("revocations.at_once_by.new_password") == "8"


def test_clients_are_told_of_the_end_of_a_session() -> None:
    """The time from the end of a session to a client's confirmation is measured, also when it ended before the period.
    A notice that was given up is a finding."""
    before = [entry(1, "session:s", SessionEnded("logout", BEGIN), after=-5)]
    during = [
        entry(2, "session:s", BackChannelLogoutDelivered("c", "t", BEGIN + 7), after=7),
        entry(3, "session:u", SessionEnded("password_changed", BEGIN + 8), after=8),
        entry(4, "session:u", BackChannelLogoutFailed("c", "t", "unreachable", BEGIN + 9, 5), after=9),
    ]
    said = told(Revocations, before, during)
    assert said.values["revocations.longest_notice"] == 12
    assert said.values["revocations.notices_failed"] == 1
    finding = said.finding("revocations.notices_failed")
    assert finding is not None
    assert finding.positions.first == 4
    assert said.values["revocations.sessions_by.password_changed"] == 1


def test_signals_that_clients_got() -> None:
    """One event tells of several signals; those that the client could not use are a finding. A check of the stream is
    counted by itself."""
    during = [
        entry(1, "signal:shop", SignalVerificationRequested("v", 1)),
        entry(2, "signal:shop", SignalsDelivered(9, 1, 3)),
        entry(3, "signal:shop", SignalsDelivered(12, 1, 1, refused={"11": "jwtIss", "12": "jwtIss"})),
    ]
    said = told(Revocations, [entry(0, "signal:shop", SignalsDelivered(1, 1, 7))], during)
    assert (said.values["revocations.signals"], said.positions("revocations.signals")) == (4, "2-3")
    assert said.values["revocations.signals_refused"] == 2
    assert said.positions("revocations.signals_checked") == "1"
    finding = said.finding("revocations.signals_refused")
    assert finding is not None
    assert (finding.positions.count, finding.positions.first) == (1, 3)


def test_the_state_is_what_lives() -> None:
    """However many tokens there were, those that have expired take no memory, and sessions of long ago neither."""
    section: list[Revocations] = []

    def make(trails: object) -> Revocations:
        section.append(Revocations(trails))  # type: ignore[arg-type]
        return section[0]

    before = [_jwt(number, f"g{number}", after=number * 60) for number in range(1, 20_000)]
    before += [
        entry(number, f"session:s{number}", SessionEnded("logout", 0), after=number * 600)
        for number in range(20_000, 25_000)
    ]
    told(make, before, [])
    assert len(section[0]._expiries) <= 2001
    assert len(section[0]._ended) <= 2 * DAY // 600 + 1


def test_a_spread_keeps_two_digits() -> None:
    """Bounds of half and most of some times hold, and are no more than a tenth above."""
    spread = Spread()
    for micros in range(1, 1001):
        spread.add(micros * 1000)
    name, count, half, most, longest = spread.row("x")
    assert (name, count, longest) == ("x", 1000, 1.0)
    assert 0.5 <= half <= 0.55
    assert 0.95 <= most <= 1.0
    assert Spread().row("y") == ("y", 0, 0.0, 0.0, 0.0)
