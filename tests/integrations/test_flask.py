"""Flask with Authlib, as ``docs/connect/flask.md`` has it."""

from tests.integrations.applications import Place, running_application
from tests.integrations.browsing import Browser
from tests.integrations.installing import python_environment
from tests.integrations.provider import Provider, assert_is_alice


def test_people_sign_in_and_out(provider: Provider, browser: Browser, place: Place) -> None:
    """The application knows name, email and groups; its logout ends the session of the server, too."""
    provider.client("flask", place.url).write(place.folder, "app.py")
    flask = python_environment("python") / "flask"
    command = (flask, "--app", "app", "run", "--host", "localhost", "--port", str(place.port))
    with running_application(place, *command, environment={"AUTHLIB_INSECURE_TRANSPORT": "1"}):
        assert_is_alice(browser.sign_in(browser.open(place.url)).json)
        assert browser.is_asked_to_sign_in(browser.open(f"{place.url}/logout"))
