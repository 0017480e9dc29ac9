"""Django with mozilla-django-oidc, as ``docs/connect/django.md`` has it."""

from tests.integrations.applications import Place, running_application
from tests.integrations.browsing import Browser
from tests.integrations.django_site import make_site
from tests.integrations.provider import Provider, assert_is_alice

_PERSON = """{
    "name": user.get_full_name().replace("Alice Example", "Alice Maria Example"),
    "email": user.email,
    "groups": sorted(group.name for group in user.groups.all()),
}"""


def test_people_sign_in_and_out(provider: Provider, browser: Browser, place: Place) -> None:
    """The site has an account with name, email and groups; its logout ends the session of the server, too."""
    command = make_site(place, provider.client("django", place.url), _PERSON)
    with running_application(place, *command):
        assert_is_alice(browser.sign_in(browser.open(place.url)).json)
        leaving = browser.open(f"{place.url}/leave/?at=/oidc/logout/")
        assert browser.is_asked_to_sign_in(browser.send(leaving, leaving.forms[0]))
