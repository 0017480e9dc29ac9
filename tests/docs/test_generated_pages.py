"""The generated pages: current in the repository, and ``--check`` says so when one is not."""

from pathlib import Path

import pytest

from scripts.reference.__main__ import PAGES, main


def test_every_generated_page_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    """What ``make docs`` would write is what is there."""
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_a_page_that_fell_behind_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--check`` says so and writes nothing; without it the page is written anew."""
    assert main(["--check"], tmp_path) == 1
    assert not list(tmp_path.iterdir())
    assert main([], tmp_path) == 0
    assert {file.name for file in tmp_path.iterdir()} == set(PAGES)
    page = tmp_path / "events.md"
    page.write_text(page.read_text("utf-8").replace("required", "optional", 1), "utf-8")
    assert main(["--check"], tmp_path) == 1
    assert "events.md has fallen behind: run make docs" in capsys.readouterr().err
