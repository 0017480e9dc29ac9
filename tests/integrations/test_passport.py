"""Express with passport-openidconnect, as ``docs/connect/passport.md`` has it."""

import pytest

from tests.integrations.applications import Place
from tests.integrations.browsing import Browser
from tests.integrations.node_application import running_node
from tests.integrations.provider import Provider, assert_is_alice

pytestmark = pytest.mark.node


def test_people_sign_in_and_out(provider: Provider, browser: Browser, place: Place) -> None:
    """The application knows name, email and groups; its logout ends the session of the server, too."""
    with running_node(place, provider.client("passport", place.url)):
        assert_is_alice(browser.sign_in(browser.open(place.url)).json)
        assert browser.is_asked_to_sign_in(browser.open(f"{place.url}/logout"))
