"""The check of the house can fail, which ``make check`` runs, and ``docs/index.md`` leads to the right file in one
step."""

import re
from pathlib import Path

import pytest

from scripts.house import problems

ROOT = Path(__file__).parents[2]

#: The rows of the table in docs/index.md: what is known, an example, where it is.
_ROW = re.compile(r"^\| (?P<known>[^|`]+) \| (?P<example>[^|]+) \| `(?P<file>[^`|]+)`", re.MULTILINE)
ROWS = [match.groups() for match in _ROW.finditer((ROOT / "docs/index.md").read_text("utf-8"))]


def write(root: Path, files: dict[str, str]) -> Path:
    """A small house with these files."""
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return root


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("authrim/stray.py", '"""Stray."""\n', "is in no package"),
        ("authrim/room/__init__.py", "", "does not say what the package contains"),
        ("authrim/other.py", "from authrim.room._inner import x\n", "private to authrim.room"),
        ("tests/new/test_x.py", "from authrim.room import _inner\n", "private to authrim.room"),
        ("tests/new/test_x.py", "", "is not a package"),
    ],
    ids=["loose", "no meaning", "private name", "private module", "test folder"],
)
def test_what_is_in_the_wrong_place_is_named(tmp_path: Path, file: str, text: str, problem: str) -> None:
    """Each rule is broken once, and the sentence names the place."""
    house = {
        "authrim/__init__.py": '"""A house."""\n',
        "authrim/room/__init__.py": '"""A room."""\n',
        "authrim/room/_inner.py": "x = 1\n",
        "authrim/room/user.py": "from authrim.room._inner import x\n",
    }
    assert problems(write(tmp_path, house)) == []
    found = problems(write(tmp_path, {file: text}))
    assert any(problem in one for one in found), found


def test_the_index_answers_ten_questions() -> None:
    """Who knows a URL, an RFC, an event, a setting or a table finds the file in the index."""
    assert len(ROWS) >= 10
    known = " ".join(row[0] for row in ROWS)
    for kind in ("URL", "RFC", "event", "setting", "table"):
        assert kind in known


@pytest.mark.parametrize(("known", "example", "file"), ROWS, ids=[row[0] for row in ROWS])
def test_the_index_leads_there(known: str, example: str, file: str) -> None:
    """The file of each row exists and holds what the example names."""
    text = (ROOT / file).read_text("utf-8")
    for name in re.findall(r"`([^`]+)`", example):
        assert name in text, f"{known}: {name} is not in {file}"
