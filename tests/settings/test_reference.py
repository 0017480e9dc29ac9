"""The settings page says everything that can be set, and is checked to be current."""

from pathlib import Path

import pytest

from authrim.settings import Settings, reference


def test_every_setting_is_described_once() -> None:
    """Each setting has a row, in the section of its group, with a meaning."""
    text = reference.page()
    for key, field in Settings.model_fields.items():
        assert text.count(f"| `{key}` |") == 1, key
        assert field.description, key


def test_page_behind_the_settings_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--check`` writes nothing, accepts the page as generated, and refuses any other."""
    path = tmp_path / "settings.md"
    assert reference.main(["--check", str(path)]) == 1
    assert not path.exists()
    assert reference.main([str(path)]) == 0
    assert reference.main(["--check", str(path)]) == 0
    path.write_text(path.read_text("utf-8") + "more", "utf-8")
    assert reference.main(["--check", str(path)]) == 1
    assert "make docs" in capsys.readouterr().err
