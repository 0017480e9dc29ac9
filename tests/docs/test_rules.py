"""The rules of ``docs/rules/`` and the tests that prove them: what the check of them sees that ``make check`` runs."""

from pathlib import Path

import pytest

from scripts.rules.__main__ import main
from scripts.rules.numbers import cited, ends_of_ranges

# Numbers that no rule has, put together so that this file does not name them.
ONE, TWO, OTHER = (f"A{number}" for number in (901, 902, 909))

PAGE = f"""# Some rules

### {ONE}

**A token is stolen.** Refused.

Why: RFC 6750 §5.

## Another section

### {TWO}

**A wallet is stolen.** Refused.

Why: OpenID4VP §14.

Not built yet.
"""
TEST = f'"""A file."""\n\n\ndef test_it():\n    """{ONE}: refused."""\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small repository: one page of two rules, of which one is built and proved."""
    write(tmp_path / "docs/rules/some.md", PAGE)
    write(tmp_path / "tests/test_some.py", TEST)
    assert main([], tmp_path) == 0
    return tmp_path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_the_tests_are_written_into_the_page(root: Path) -> None:
    """The rule names its test, what is written by hand stays, and writing again changes nothing."""
    page = (root / "docs/rules/some.md").read_text()
    tests = "Why: RFC 6750 §5.\n\nTests:\n\n- [tests/test_some.py](../../tests/test_some.py): `test_it`\n\n## Another"
    assert tests in page
    assert page.replace(page[page.index("\nTests:") : page.index("\n## Another")], "") == PAGE
    assert main([], root) == 0
    assert (root / "docs/rules/some.md").read_text() == page
    assert main(["--check"], root) == 0


@pytest.mark.parametrize(
    ("file", "before", "after", "told"),
    [
        (
            "tests/test_some.py",
            ONE,
            OTHER,
            f"tests/test_some.py cites {OTHER}, which is not a rule in docs/rules",
        ),
        ("tests/test_some.py", ONE, OTHER, f"{ONE} is built, but no test cites it"),
        ("tests/test_some.py", "test_it", "test_that", "docs/rules/some.md is out of date: run make docs"),
        ("tests/test_some.py", ONE, TWO, f'{TWO} has tests, but says "Not built yet."'),
        ("docs/rules/some.md", "Not built yet.", "", f"{TWO} is built, but no test cites it"),
        ("docs/rules/some.md", f"### {TWO}", f"### {ONE}", f"docs/rules has two rules {ONE}"),
        (
            "domain/some.py",
            "",
            f"# {OTHER}",
            f"domain/some.py cites {OTHER}, which is not a rule in docs/rules",
        ),
    ],
)
def test_what_is_wrong_is_told(
    root: Path, file: str, before: str, after: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rule without a test, a number without a rule and a page that fell behind each fail the check."""
    text = (root / file).read_text() if before else ""
    write(root / file, text.replace(before, after) if before else after)
    assert main(["--check"], root) == 1
    assert told in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("~045, ^14", {"~045", "^14"}),
        ("~054 to ~056 and ~083", {"~054", "~055", "~056", "~083"}),
        ("^01 to ^03", {"^01", "^02", "^03"}),
        ("D@ 4: and d@.md 16", {"4", "16"}),
        ("d@.md 4 to 6", {"4", "5", "6"}),
        ("d@ 9 and 14, and d@.md 2, 3", {"9", "14", "2", "3"}),
        ("~128GCM, ~256KW, \\x^08, x~045, d@ are 3", set()),
    ],
)
def test_how_numbers_are_cited(text: str, numbers: set[str]) -> None:
    """One by one or as a range, which counts in full; names of algorithms are no numbers."""
    assert cited(_spelled(text)) == {_spelled(number) for number in numbers}


def _spelled(text: str) -> str:
    """The letters put in, so that this file cites nothing."""
    return text.replace("~", "A").replace("^", "F").replace("@", "ecisions")


def test_a_range_about_a_file_proves_nothing(root: Path) -> None:
    """Only its two ends are looked at, to see that they are rules."""
    text = f"{ONE} to {OTHER}"
    assert cited(text, ranges=False) == frozenset()
    assert ends_of_ranges(text) == {ONE, OTHER}
    write(root / "tests/test_some.py", TEST.replace("A file", f"{ONE} to {TWO}"))
    assert main(["--check"], root) == 0


def test_a_table_of_cases_is_its_tests(root: Path) -> None:
    """A number in a table or a helper counts for the tests that use it, and for the file when none does."""
    table = f'CASES = {{"{ONE} stolen": 1}}\n\n\ndef test_cases():\n    assert CASES\n'
    write(root / "tests/test_some.py", f'"""Cases."""\n\n{table}')
    main([], root)
    assert "(../../tests/test_some.py): `test_cases`\n" in (root / "docs/rules/some.md").read_text()
    write(root / "tests/test_some.py", f'"""Cases of {ONE}."""\n')
    main([], root)
    assert "- [tests/test_some.py](../../tests/test_some.py)\n" in (root / "docs/rules/some.md").read_text()
