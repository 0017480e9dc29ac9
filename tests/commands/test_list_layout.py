"""Lists fit 80 columns, and nothing is lost."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from authrim.commands.list_layout import WIDTH, list_text

ID = "0192f3a4b5c6d7e8f900112233445566"
TEXTS = st.text("abcdef ghi-漢字", max_size=120).map(lambda text: " ".join(text.split()))
CELLS = st.lists(TEXTS, min_size=4, max_size=4)


def fits(text: str) -> bool:
    """Whether each line fits; a line that is nothing but one word may be longer."""
    return all(cell_len(line) <= WIDTH or len(line.split()) == 1 for line in text.splitlines())


def test_a_short_list_is_a_table() -> None:
    """Each thing has one line under the names of the columns."""
    text = list_text(("session_id", "status", "at"), [(ID, "active", "2026-11-29T14:00:00Z")]).plain
    assert text == f"session_id                        status  at\n{ID}  active  2026-11-29T14:00:00Z\n"


def test_long_words_make_blocks_and_stay_whole() -> None:
    """A thing whose id does not fit beside its other columns has lines of its own; the id can be copied."""
    text = list_text(
        ("client_id", "name", "uri"), [("c" * 100, "A name " * 30, f"https://{'x' * 90}/")]
    ).plain
    assert fits(text)
    assert text.splitlines()[0] == "c" * 100
    assert f"https://{'x' * 90}/" in text.splitlines()


@given(st.lists(CELLS, max_size=4))
def test_every_list_fits_and_is_whole(lines: list[list[str]]) -> None:
    """Whatever the cells are, no line is too long, and every word of every cell is there."""
    text = list_text(("client_id", "token_endpoint_auth_method", "name", "grant_types"), lines).plain
    assert fits(text)
    words = text.split()
    for line in lines:
        for cell in line:
            assert all(word in words for word in cell.split())
