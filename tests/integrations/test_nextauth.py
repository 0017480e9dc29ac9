"""Next.js with NextAuth.js 4, as ``docs/connect/nextauth.md`` has it."""

import pytest

from tests.integrations.applications import Place, running_application
from tests.integrations.browsing import Browser, Page
from tests.integrations.installing import node_packages, run
from tests.integrations.provider import Provider, assert_is_alice

pytestmark = [pytest.mark.integrations, pytest.mark.node]

_QUIET = {"NEXT_TELEMETRY_DISABLED": "1"}


def test_people_sign_in_and_out(provider: Provider, browser: Browser, place: Place) -> None:
    """The session has name, email and groups, and signing out ends it. Next.js builds the application first, which
    takes most of a minute."""
    client = provider.client("nextauth", place.url)
    client.write(place.folder, *client.files)
    (place.folder / "package.json").write_text("{}")
    (place.folder / "node_modules").symlink_to(node_packages("next") / "node_modules")
    run("npx", "next", "build", folder=place.folder, environment=_QUIET)

    def pressed(page: Page, action: str) -> Page:
        """The form of NextAuth's own pages with this action."""
        (form,) = (form for form in page.forms if form.action.endswith(action))
        return browser.send(page, form)

    with running_application(place, "npx", "next", "start", "-p", str(place.port), environment=_QUIET):
        api = f"{place.url}/api/auth"
        browser.sign_in(pressed(browser.open(f"{api}/signin"), "/signin/authrim"))
        assert_is_alice(browser.open(f"{api}/session").json["user"])
        pressed(browser.open(f"{api}/signout"), "/signout")
        assert browser.open(f"{api}/session").json == {}
