"""Auth.js, as ``docs/connect/authjs.md`` has it."""

import pytest

from tests.integrations.applications import Place
from tests.integrations.browsing import Browser, Page
from tests.integrations.node_application import running_node
from tests.integrations.provider import Provider, assert_is_alice

pytestmark = pytest.mark.node


def test_people_sign_in_and_out(provider: Provider, browser: Browser, place: Place) -> None:
    """The application knows name, email and groups, and its logout ends its own session."""

    def pressed(page: Page, action: str) -> Page:
        """The form of Auth.js's own pages with this action."""
        (form,) = (form for form in page.forms if form.action.endswith(action))
        return browser.send(page, form)

    with running_node(place, provider.client("authjs", place.url), AUTH_URL=f"{place.url}/auth"):
        chosen = pressed(browser.open(place.url), "/signin/authrim")
        browser.sign_in(chosen)
        assert_is_alice(browser.open(place.url).json)
        pressed(browser.open(f"{place.url}/auth/signout"), "/signout")
        assert browser.open(place.url).url.startswith(f"{place.url}/auth/signin")
