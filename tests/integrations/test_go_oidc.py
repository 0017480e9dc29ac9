"""Go with go-oidc, as ``docs/connect/go-oidc.md`` has it."""

import shutil

import pytest

from tests.integrations.applications import Place, running_application
from tests.integrations.browsing import Browser
from tests.integrations.installing import SOFTWARE, run, system_packages
from tests.integrations.provider import Provider, assert_is_alice

pytestmark = pytest.mark.integrations


def test_people_sign_in_and_out(provider: Provider, browser: Browser, place: Place) -> None:
    """The application knows name, email and groups, and its logout ends the session of the server."""
    system_packages()
    for file in (SOFTWARE / "go-oidc").iterdir():
        shutil.copy(file, place.folder)
    provider.client("go-oidc", place.url).write(place.folder, "main.go")
    run("go", "build", "-mod=readonly", "-o", "app", ".", folder=place.folder)
    with running_application(place, place.folder / "app", environment={"PORT": str(place.port)}):
        assert_is_alice(browser.sign_in(browser.open(place.url)).json)
        assert browser.open(place.url).json["name"], "a second sign-in asks for nothing"
        left = browser.log_out(browser.open(f"{place.url}/logout"))
        assert browser.is_asked_to_sign_in(left), left
