"""Express with express-openid-connect, as ``docs/connect/express-openid-connect.md`` has it."""

import pytest

from tests.integrations.applications import Place
from tests.integrations.browsing import Browser
from tests.integrations.node_application import running_node
from tests.integrations.provider import Provider, assert_is_alice

pytestmark = pytest.mark.node


def test_people_sign_in_and_out(provider: Provider, browser: Browser, place: Place) -> None:
    """The application knows name, email and groups, refreshes, and logs out of the server as well."""
    with running_node(place, provider.client("express-openid-connect", place.url)):
        assert_is_alice(browser.sign_in(browser.open(place.url)).json)
        assert browser.open(f"{place.url}/refresh").json["expires_in"] > 0
        assert browser.is_asked_to_sign_in(browser.open(f"{place.url}/logout"))
