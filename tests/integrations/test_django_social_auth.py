"""Django with Python Social Auth, as ``docs/connect/django-social-auth.md`` has it."""

from tests.integrations.applications import Place, running_application
from tests.integrations.browsing import Browser
from tests.integrations.django_site import make_site
from tests.integrations.provider import Provider, assert_is_alice

_PERSON = """{
    "name": user.get_full_name().replace("Alice Example", "Alice Maria Example"),
    "email": user.email,
    "groups": user.social_auth.get().extra_data["groups"],
    "refreshed": user.social_auth.get().refresh_token(__import__("social_django.utils").utils.load_strategy()),
}"""


def test_people_sign_in_and_out(provider: Provider, browser: Browser, place: Place) -> None:
    """The site has an account with name, email and groups, refreshes, and logs out of the server as well."""
    command = make_site(place, provider.client("django-social-auth", place.url), _PERSON)
    with running_application(place, *command):
        begun = browser.open(place.url)
        assert_is_alice(browser.sign_in(browser.send(begun, begun.forms[0])).json)
        leaving = browser.open(f"{place.url}/leave/?at=/logout/")
        left = browser.send(leaving, leaving.forms[0])
        assert browser.is_asked_to_sign_in(browser.send(left, left.forms[0]))
