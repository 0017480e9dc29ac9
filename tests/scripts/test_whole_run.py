"""A run of every test is ordered, and says what took longest."""

from pathlib import Path

import pytest

from tests.support.whole_run import LONG, SHOWN, slowest_files

ROOT = Path(__file__).parents[2]


def test_what_comes_first_is_there() -> None:
    """Each folder and file that is named as long exists."""
    assert [name for name in LONG if not (ROOT / name).exists()] == []


def reports(tests: int) -> list[pytest.TestReport]:
    return [
        pytest.TestReport(
            f"tests/test_{number % 20}.py::test_{number}", ("", None, ""), {}, "passed", None, when,
            duration=number % 20,
        )
        for number in range(tests)
        for when in ("setup", "call", "teardown")
    ]  # fmt: skip


def test_the_slowest_files_are_named() -> None:
    """Setup and teardown count too, the longest comes first, and a test counts once."""
    shown = slowest_files(reports(2000))
    assert len(shown) == SHOWN
    assert shown[0].split() == ["5700.0", "s", "100", "tests", "tests/test_19.py"]


def test_a_small_run_is_not_commented() -> None:
    """Who runs the tests of one folder gets no list."""
    assert slowest_files(reports(500)) == []
