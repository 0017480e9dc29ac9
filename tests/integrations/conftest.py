"""What the tests of real applications share. The slow ones run when they are asked for: ``make integrations``."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integrations.applications import Place, new_place
from tests.integrations.browsing import Browser
from tests.integrations.provider import Provider, running_provider
from tests.support.slow_tests import leave_out_unless_named


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what has to be built or downloaded at length, unless the marker is named."""
    leave_out_unless_named("integrations", config, items)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """The server, for all tests of an application."""
    with running_provider(tmp_path_factory.mktemp("provider")) as running:
        yield running


@pytest.fixture
def browser(provider: Provider) -> Browser:
    """A browser that has never been here."""
    return Browser(provider.issuer)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Where the application will be."""
    return new_place(tmp_path)
