"""Streams of security event tokens: what a receiver may do with its stream, and how far it has got."""

from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refusal
from domain.signal import stream as signals
from domain.signal.events import SignalsDelivered, SignalStreamStatusSet
from domain.signal.progress import Progress, delivered, progress_of
from domain.signal.stream import DISABLED, ENABLED, MOST_REMOVED, NO_STREAM, PAUSED, Delivery, SignalStream

MINE = signals.decide_create(NO_STREAM, ("web", "s1"), Delivery("poll"), 10, 1).answer
assert isinstance(MINE, SignalStream)


def test_a_client_has_one_stream() -> None:
    """SSF §8.1.1.1: a second one is a conflict; a new one after a deletion begins at the end of the log."""
    assert isinstance(MINE, SignalStream)
    again = signals.decide_create(MINE, ("web", "s2"), Delivery("poll"), 11, 2).answer
    assert isinstance(again, Refusal)
    assert again.status == 409
    gone = signals.decide_delete(MINE, 3).answer
    assert gone == NO_STREAM
    new = signals.decide_create(NO_STREAM, ("web", "s2"), Delivery("poll"), 50, 4).answer
    assert isinstance(new, SignalStream)
    assert (new.stream_id, new.begins_after) == ("s2", 50)


def test_what_happens_while_it_is_disabled_is_dropped() -> None:
    """SSF §8.1.2: a paused stream goes on where it was, a disabled one at the end of the log; setting it to what it is
    appends nothing."""
    assert isinstance(MINE, SignalStream)
    paused = signals.decide_set_status(MINE, PAUSED, "", 20, 2)
    assert isinstance(paused.answer, SignalStream)
    on = signals.decide_set_status(paused.answer, ENABLED, "", 30, 3).answer
    assert isinstance(on, SignalStream)
    assert on.begins_after == 10
    off = signals.decide_set_status(on, DISABLED, "", 40, 4).answer
    assert isinstance(off, SignalStream)
    back = signals.decide_set_status(off, ENABLED, "", 50, 5)
    assert back.events == (SignalStreamStatusSet(ENABLED, 5, "", 50),)
    assert signals.decide_set_status(MINE, ENABLED, "", 50, 5).events == ()


def test_subjects_have_a_limit() -> None:
    """A stream leaves out so many people and no more; leaving out twice, or adding who was not left out, is nothing."""
    stream = SignalStream("web", removed=frozenset(map(str, range(MOST_REMOVED))))
    assert isinstance(signals.decide_remove_subject(stream, "x", 1).answer, Refusal)
    assert signals.decide_remove_subject(stream, "7", 1).events == ()
    assert signals.decide_add_subject(stream, "x", 1).events == ()
    added = signals.decide_add_subject(stream, "7", 1).answer
    assert isinstance(added, SignalStream)
    assert "7" not in added.removed


@given(
    tokens=st.sets(st.integers(1, 40), max_size=20),
    rounds=st.lists(st.tuples(st.integers(0, 41), st.sets(st.integers(1, 41), max_size=6)), max_size=12),
)
def test_nothing_is_lost_or_comes_again(tokens: set[int], rounds: list[tuple[int, set[int]]]) -> None:
    """Whatever is acknowledged, in any order, and however far the log was read: what waits is what was never
    acknowledged."""
    progress, got = Progress(), set[int]()
    for read_to, acknowledged in rounds:
        waiting = sorted(
            one for one in tokens if progress.through < one <= read_to and one not in progress.beyond
        )
        assert waiting == sorted(one for one in tokens - got if one <= read_to)
        event = delivered(progress, waiting, max(read_to, progress.through), acknowledged, {}, 1)
        got |= acknowledged & set(waiting)
        if event is None:
            assert not acknowledged & set(waiting)
            continue
        progress = progress_of(event, 0)
    left = sorted(one for one in tokens if one > progress.through and one not in progress.beyond)
    assert left == sorted(tokens - got)


def test_a_later_beginning_wins() -> None:
    """A stream that begins later has nothing to give of before, whatever was delivered of an earlier one."""
    newest = SignalsDelivered(5, 1, 2, (7, 20))
    assert progress_of(newest, 10) == Progress(10, frozenset({20}))
    assert progress_of(None, 3) == Progress(3)
