"""Trails: the positions behind a figure."""

from hashlib import sha256

import pytest

from domain.report.trails import Trails, slug


def test_positions_become_ranges() -> None:
    """Neighbours are one range; the digest is that of the file; the same position twice is one event."""
    parts: list[bytes] = []
    trail = Trails(lambda _, part: parts.append(part)).of("some.figure")
    for position in (1, 2, 3, 3, 7, 9, 10):
        trail.add(position)
    figure = trail.figure("Some", "What it is.")
    text = b"".join(parts)
    assert text == b"1-3,7,9-10\n"
    assert figure.positions.digest == sha256(text).hexdigest()
    assert (figure.positions.count, figure.positions.first, figure.positions.last) == (6, 1, 10)
    assert figure.positions.file == "positions/some.figure.txt"
    assert (figure.value, figure.counts) == (6, True)


def test_many_ranges_are_written_in_parts() -> None:
    """However many there are, few are held back, and the parts are one list."""
    parts: list[bytes] = []
    trail = Trails(lambda _, part: parts.append(part)).of("odd")
    trail.add_all(range(1, 4001, 2))
    positions = trail.positions()
    assert b"".join(parts).decode() == ",".join(str(number) for number in range(1, 4001, 2)) + "\n"
    assert len(parts) > 4
    assert positions.digest == sha256(b"".join(parts)).hexdigest()
    for count in (255, 256, 257, 511, 512):
        parts.clear()
        Trails(lambda _, part: parts.append(part)).of("odd").add_all(range(1, 2 * count, 2)).positions()
        assert b"".join(parts).decode() == ",".join(str(one) for one in range(1, 2 * count, 2)) + "\n"


def test_no_position_is_a_file_too() -> None:
    """A figure of zero says that there is nothing behind it."""
    parts: list[bytes] = []
    positions = Trails(lambda _, part: parts.append(part)).of("nothing").positions()
    assert (b"".join(parts), positions.count, positions.first, positions.last) == (b"\n", 0, 0, 0)


def test_positions_have_the_order_of_the_log() -> None:
    """A fold that notes an earlier event late is wrong; what is known at the end only may come in any order."""
    trail = Trails(lambda *_: None).of("late")
    trail.add(5)
    with pytest.raises(ValueError, match="late"):
        trail.add(4)
    assert Trails(lambda *_: None).of("end").add_all([9, 4, 5]).positions().first == 4


@pytest.mark.parametrize("name", ["", "../x", "A", "a..b", "a b", "a/b"])
def test_an_id_is_no_path(name: str) -> None:
    """The id of a figure becomes the name of a file, so it is a word; words of the log are made one."""
    with pytest.raises(ValueError, match="no id"):
        Trails(lambda *_: None).of(name)
    assert Trails(lambda *_: None).of(slug(name))
