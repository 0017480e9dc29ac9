"""What operators do, with the tools that they have. The tests that need such tools run when they are asked for:
``make operations``."""

import pytest

from tests.support.slow_tests import leave_out_unless_named


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs tools that are not installed for ``make test``, unless the marker is named."""
    leave_out_unless_named("operations", config, items)
