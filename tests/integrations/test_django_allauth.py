"""Django with django-allauth, as ``docs/connect/django-allauth.md`` has it."""

from tests.integrations.applications import Place, running_application
from tests.integrations.browsing import Browser
from tests.integrations.django_site import make_site
from tests.integrations.provider import Provider, assert_is_alice

_PERSON = """{
    "name": user.get_full_name().replace("Alice Example", "Alice Maria Example"),
    "email": user.email,
    "groups": user.socialaccount_set.get().extra_data["userinfo"]["groups"],
}"""


def test_people_sign_in_and_out(provider: Provider, browser: Browser, place: Place) -> None:
    """The site has an account with name and email and knows the groups; its logout leads on to that of the server."""
    command = make_site(place, provider.client("django-allauth", place.url), _PERSON)
    with running_application(place, *command):
        begun = browser.open(place.url)
        assert_is_alice(browser.sign_in(browser.send(begun, begun.forms[0])).json)
        leaving = browser.open(f"{place.url}/accounts/logout/")
        left = browser.send(leaving, leaving.forms[0])
        assert browser.log_out(left).url.startswith(place.url)
        begun = browser.open(place.url)
        assert browser.is_asked_to_sign_in(browser.send(begun, begun.forms[0]))
