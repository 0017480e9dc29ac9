"""An incident: what is an event, and what the state is afterwards."""

from time import process_time

from domain.incident import (
    Incident,
    IncidentClosed,
    IncidentContinued,
    IncidentEnded,
    IncidentOpened,
    fold,
    incident_of,
    reason_of,
)

OPENED = IncidentOpened("ticket 4711", {"client_id": "web"}, 1, 20, {"grants": 3}, 7)
OPEN = fold((OPENED,))


def after(*events: IncidentEnded | IncidentContinued | IncidentClosed) -> Incident:
    return fold(events, OPEN)


def test_each_thing_was_ended_once() -> None:
    """A272: what two processes noted is one thing; the order is that in which things ended."""
    known = after(
        IncidentEnded("sessions", ("s",), 8),
        IncidentEnded("grants", ("b", "a"), 9),
        IncidentEnded("grants", ("a", "c"), 9),
    )
    assert known.ended == {"sessions": ("s",), "grants": ("b", "a", "c")}
    assert known.counts == {"sessions": 1, "grants": 3}


def test_what_is_left_is_tried_again() -> None:
    """A272: what could not be ended is left until it is ended, or until the command runs again."""
    left = after(IncidentEnded("grants", ("a",), 8, {"b": "busy", "c": "busy"}))
    assert left.left == {"grants b": "busy", "grants c": "busy"}
    assert fold((IncidentEnded("grants", ("b",), 9),), left).left == {"grants c": "busy"}
    again = fold((IncidentContinued(30, {"grants": 3}, 9),), left)
    assert (again.left, again.last_position) == ({}, 30)


def test_an_incident_is_about_one_question_until_it_is_closed() -> None:
    """A272: only an open incident goes on, and only with the same conditions, person and first position."""
    assert OPEN.is_about({"client_id": "web"}, None, 1)
    assert not OPEN.is_about({"client_id": "web"}, None, 2)
    assert not OPEN.is_about({"client_id": "web"}, "somebody", 1)
    assert not after(IncidentClosed({}, 9)).is_about({"client_id": "web"}, None, 1)


def test_its_id_is_the_reason_of_what_it_ended() -> None:
    """A271: the reason leads back to the incident; another reason to none."""
    assert incident_of(reason_of("x")) == "x"
    assert incident_of("logout") is None


def test_a_long_incident_is_read_at_once() -> None:
    """A272: the work to read an incident grows with what it ended, and not with the square of it."""
    many = 400
    noted = [IncidentEnded("grants", tuple(f"{one}-{of}" for of in range(50)), 8) for one in range(many)]
    began = process_time()
    assert after(*noted).counts == {"grants": 50 * many}
    assert process_time() - began < 1
