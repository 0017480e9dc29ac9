"""The generated pages: current in the repository, and ``--check`` says so when one is not."""

from pathlib import Path

import pytest

from scripts.reference.__main__ import PAGES, main


def test_every_generated_page_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    """What ``make docs`` would write is what is there."""
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_a_page_that_fell_behind_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--check`` says so and writes nothing; without it the page is written again."""
    assert main(["--check"], tmp_path) == 1
    assert not list(tmp_path.iterdir())
    assert main([], tmp_path) == 0
    assert {str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.md")} == set(PAGES)
    page = tmp_path / "events.md"
    page.write_text(page.read_text("utf-8").replace("required", "optional", 1), "utf-8")
    assert main(["--check"], tmp_path) == 1
    assert "events.md is out of date: run make docs" in capsys.readouterr().err


def test_a_page_without_a_recipe_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--check`` names a page of a product that is gone; without it the page is removed."""
    main([], tmp_path)
    stray = tmp_path / "connect" / "abacus.md"
    stray.write_text("# Abacus\n")
    assert main(["--check"], tmp_path) == 1
    assert "abacus.md no longer has a recipe" in capsys.readouterr().err
    assert main([], tmp_path) == 0
    assert not stray.exists()
