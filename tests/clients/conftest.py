"""The server and the browser of the feature tests, for clients that nobody here wrote."""

from tests.features.conftest import browser, server

__all__ = ["browser", "server"]
