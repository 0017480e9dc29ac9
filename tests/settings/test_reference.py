"""The settings page says everything that can be set."""

from authrim.settings import Settings
from scripts.reference import settings as reference


def test_every_setting_is_described_once() -> None:
    """Each setting has a row, in the section of its group, with a meaning."""
    text = reference.page()
    for key, field in Settings.model_fields.items():
        assert text.count(f"| `{key}` |") == 1, key
        assert field.description, key
