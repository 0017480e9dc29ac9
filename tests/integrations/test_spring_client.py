"""A Spring Boot application, as ``docs/connect/spring-client.md`` has it."""

import pytest

from tests.integrations.applications import Place
from tests.integrations.browsing import Browser
from tests.integrations.provider import Provider, assert_is_alice
from tests.integrations.spring_application import SPRING_BOOT, running_spring
from tests.support.processes import wait_until

pytestmark = [pytest.mark.integrations, pytest.mark.parametrize("version", SPRING_BOOT)]


def test_people_sign_in_and_out(provider: Provider, browser: Browser, place: Place, version: str) -> None:
    """The application knows name, email and groups; a logout here ends the session there, and the other way round."""
    client = provider.client("spring-client", place.url)
    with running_spring(place, client, version, "src/main/resources/application.yml"):
        assert_is_alice(browser.sign_in(browser.open(place.url)).json)
        provider.end_sessions()
        wait_until(lambda: browser.is_asked_to_sign_in(browser.open(place.url)))
        assert_is_alice(browser.sign_in(browser.open(place.url)).json)
        leaving = browser.open(f"{place.url}/logout")
        assert browser.is_asked_to_sign_in(browser.send(leaving, leaving.forms[0]))
