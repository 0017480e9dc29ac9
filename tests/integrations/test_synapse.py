"""The Matrix homeserver Synapse, as ``docs/connect/synapse.md`` has it."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.integrations.applications import Place, running_application
from tests.integrations.browsing import Browser
from tests.integrations.installing import python_environment, run
from tests.integrations.provider import Provider
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until

pytestmark = pytest.mark.integrations

_OURS = """
server_name: localhost
public_baseurl: "{url}/"
pid_file: homeserver.pid
listeners:
  - port: {port}
    type: http
    bind_addresses: ["127.0.0.1", "::1"]
    resources: [{{names: [client]}}]
database: {{name: sqlite3, args: {{database: homeserver.db}}}}
media_store_path: media
report_stats: false
registration_shared_secret: a-homeserver-of-the-tests
macaroon_secret_key: a-homeserver-of-the-tests
form_secret: a-homeserver-of-the-tests
signing_key_path: signing.key
trusted_key_servers: []
suppress_key_server_warning: true
"""
#: Who else may come in, as the page's last note says.
_MEMBERS = """    attribute_requirements:
      - {{attribute: groups, value: {group}}}
"""


class Homeserver:
    """Synapse's client API."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.start = (
            f"{url}/_matrix/client/v3/login/sso/redirect/oidc-authrim?redirectUrl=http://localhost/app"
        )

    def get(self, path: str, token: str) -> requests.Response:
        bearer = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{self._url}/_matrix/client/v3/{path}", headers=bearer, timeout=PATIENCE)

    def log_in(self, login_token: str) -> dict[str, Any]:
        form = {"type": "m.login.token", "token": login_token}
        answer = requests.post(f"{self._url}/_matrix/client/v3/login", json=form, timeout=PATIENCE)
        assert answer.ok, answer.text
        session: dict[str, Any] = answer.json()
        return session


def command(provider: Provider, place: Place, group: str) -> tuple[Any, ...]:
    """Synapse with the text of the recipe, for the members of a group."""
    python = python_environment("synapse") / "python"
    text = provider.client("synapse", place.url).text("homeserver.yaml")
    # Synapse takes an issuer on plain HTTP for the tests alone.
    text = text.replace("    issuer: ", "    skip_verification: true\n    issuer: ")
    ours = _OURS.format(url=place.url, port=place.port)
    (place.folder / "homeserver.yaml").write_text(ours + text + _MEMBERS.format(group=group))
    homeserver = (python, "-m", "synapse.app.homeserver", "-c", "homeserver.yaml")
    run(*map(str, homeserver), "--generate-keys", folder=place.folder)
    return homeserver


def test_people_sign_in_and_are_logged_out(provider: Provider, browser: Browser, place: Place) -> None:
    """The homeserver knows login, name, email and group; the back channel ends its session with the server's."""
    homeserver = Homeserver(place.url)
    with running_application(place, *command(provider, place, "engineering")):
        confirmed = browser.sign_in(browser.open(homeserver.start))
        (back,) = (link for link in confirmed.links if "loginToken" in link)
        session = homeserver.log_in(parse_qs(urlsplit(back).query)["loginToken"][0])
        user, token = session["user_id"], session["access_token"]
        assert user == "@alice:localhost"
        assert (
            homeserver.get(f"profile/{user}/displayname", token).json()["displayname"]
            == "Alice Maria Example"
        )
        (address,) = homeserver.get("account/3pid", token).json()["threepids"]
        assert address["address"] == "alice@example.com"
        provider.end_sessions()
        wait_until(lambda: homeserver.get("account/whoami", token).status_code == 401)


def test_only_members_of_a_group_are_let_in(provider: Provider, browser: Browser, place: Place) -> None:
    """``attribute_requirements`` works with the groups of the account."""
    with running_application(place, *command(provider, place, "finance")):
        shown = browser.sign_in(browser.open(Homeserver(place.url).start))
        assert shown.status == 400
        assert not any("loginToken" in link for link in shown.links)
