"""JupyterHub with oauthenticator, as ``docs/connect/jupyterhub.md`` has it."""

import json
import os
import secrets

import pytest

from tests.integrations.applications import Place, new_place, running_application
from tests.integrations.browsing import Browser
from tests.integrations.installing import node_packages, python_environment
from tests.integrations.provider import Provider, assert_is_alice
from tests.support.processes import wait_until

pytestmark = pytest.mark.integrations

#: Ports of this machine, no notebooks, and a file with what the hub knows of the person.
_OURS = """
import json
c.JupyterHub.bind_url = "{url}"
c.JupyterHub.hub_bind_url = "{hub}"
c.ConfigurableHTTPProxy.api_url = "{proxy}"
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
c.JupyterHub.spawner_class = "simple"
c.Authenticator.auth_refresh_age = 1

def write_down(authenticator, handler, model):
    with open("person.json", "w") as file:
        json.dump(model, file)
    return model

c.Authenticator.post_auth_hook = write_down
"""


def test_people_sign_in_and_out(provider: Provider, browser: Browser, place: Place) -> None:
    """The hub knows login, name, email and groups, refreshes when its access token has expired, and its logout ends the
    session of the server, too."""
    client = provider.client("jupyterhub", place.url, "--access-token-lifetime", "1")
    hub, proxy = new_place(place.folder), new_place(place.folder)
    config = place.folder / "jupyterhub_config.py"
    ours = _OURS.format(url=place.url, hub=hub.url, proxy=proxy.url)
    config.write_text(client.text("jupyterhub_config.py") + ours)
    commands = python_environment("jupyterhub")
    path = f"{commands}:{node_packages('jupyterhub-proxy') / 'node_modules' / '.bin'}:{os.environ['PATH']}"
    environment = {"PATH": path, "JUPYTERHUB_CRYPT_KEY": secrets.token_hex(32)}
    with running_application(place, commands / "jupyterhub", environment=environment):
        wait_until(lambda: browser.open(f"{place.url}/hub/health").status == 200)
        browser.sign_in(browser.open(f"{place.url}/hub/oauth_login?next=/hub/home"))
        model = json.loads((place.folder / "person.json").read_text())
        assert model["name"] == "alice"
        assert_is_alice(model["auth_state"]["oauth_user"])
        browser.wait(1.2)
        shown = browser.open(f"{place.url}/hub/home")
        assert (shown.url, shown.status) == (f"{place.url}/hub/home", 200), shown
        assert provider.refreshes() > 0
        browser.log_out(browser.open(f"{place.url}/hub/logout"))
        assert browser.is_asked_to_sign_in(browser.open(f"{place.url}/hub/oauth_login"))
