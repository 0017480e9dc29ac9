"""Tests that have a target of their own, since they need what takes long to install."""

import pytest


def leave_out_unless_named(marker: str, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests with the marker, unless ``-m`` names it."""
    if marker in (config.option.markexpr or ""):
        return
    slow = [item for item in items if item.get_closest_marker(marker)]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]
