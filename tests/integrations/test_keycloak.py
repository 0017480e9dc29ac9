"""Keycloak as a broker, as ``docs/connect/keycloak.md`` has it, with an application of its realm."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from tests.integrations.applications import Place, new_place, running_application
from tests.integrations.browsing import Browser
from tests.integrations.installing import maven_archive, system_packages
from tests.integrations.provider import GROUPS, Client, Provider
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until
from tests.support.running import pkce

pytestmark = pytest.mark.integrations

_KEYCLOAK = "org.keycloak:keycloak-quarkus-dist:26.7.3:zip"
_ADMIN = {"KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": "admin"}
#: The mapper for groups that the page's note speaks of, and the application's for the same attribute.
_FROM_AUTHRIM = {
    "name": "groups",
    "identityProviderAlias": "authrim",
    "identityProviderMapper": "oidc-user-attribute-idp-mapper",
    "config": {"claim": "groups", "user.attribute": "groups", "syncMode": "INHERIT"},
}
_TO_THE_APPLICATION = {
    "name": "groups",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-usermodel-attribute-mapper",
    "config": {
        "user.attribute": "groups",
        "claim.name": "groups",
        "multivalued": "true",
        "jsonType.label": "String",
        "userinfo.token.claim": "true",
        "id.token.claim": "true",
    },
}


class Realm:
    """The realm ``example``, with an application whose redirect URI nobody listens at."""

    def __init__(self, place: Place) -> None:
        self.url = f"{place.url}/realms/example"
        self.redirect_uri = new_place(place.folder).url + "/"
        self._place = place

    def furnish(self, client: Client) -> None:
        """What an administrator of Keycloak does."""
        profile = {"unmanagedAttributePolicy": "ENABLED"}
        application = {
            "clientId": "app",
            "publicClient": True,
            "redirectUris": [self.redirect_uri],
            "attributes": {"post.logout.redirect.uris": self.redirect_uri},
            "protocolMappers": [_TO_THE_APPLICATION],
        }
        self._admin("POST", "", {"realm": "example", "enabled": True})
        self._admin("PUT", "/example/users/profile", self._admin("GET", "/example/users/profile") | profile)
        provider = json.loads(client.text("authrim.json"))
        self._admin("POST", "/example/identity-provider/instances", provider)
        self._admin("POST", "/example/identity-provider/instances/authrim/mappers", _FROM_AUTHRIM)
        self._admin("POST", "/example/clients", application)

    def _admin(self, method: str, path: str, body: Any = None) -> Any:
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": "admin"}
        master = f"{self._place.url}/realms/master/protocol/openid-connect/token"
        token = requests.post(master, form, timeout=PATIENCE).json()["access_token"]
        url = f"{self._place.url}/admin/realms{path}"
        bearer = {"Authorization": f"Bearer {token}"}
        answer = requests.request(method, url, json=body, headers=bearer, timeout=PATIENCE)
        assert answer.ok, answer.text
        return answer.json() if method == "GET" else None

    def post(self, form: dict[str, str]) -> requests.Response:
        """A request of the application to Keycloak's token endpoint."""
        return requests.post(
            f"{self.url}/protocol/openid-connect/token", form | {"client_id": "app"}, timeout=PATIENCE
        )

    def start(self, challenge: str) -> str:
        """Where the application sends its people."""
        query = {
            "client_id": "app",
            "response_type": "code",
            "redirect_uri": self.redirect_uri,
            "scope": "openid profile email",
            "kc_idp_hint": "authrim",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self.url}/protocol/openid-connect/auth?{urlencode(query)}"

    def asks_to_sign_in(self, browser: Browser) -> bool:
        """Whether no session is left, so that the way leads to Authrim's sign-in page."""
        try:
            return browser.is_asked_to_sign_in(browser.open(self.start(pkce()[1])))
        except requests.ConnectionError:  # it led back to the application, where nobody listens
            return False

    def sign_in(self, browser: Browser) -> dict[str, Any]:
        """The application's tokens."""
        verifier, challenge = pkce()
        returned = browser.sign_in_for(browser.open(self.start(challenge)), self.redirect_uri)
        code = parse_qs(urlsplit(returned).query)["code"][0]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        answer = self.post(form | {"code_verifier": verifier})
        assert answer.ok, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens


@contextmanager
def running_keycloak(place: Place, provider: Provider) -> Iterator[Realm]:
    """Keycloak with the provider of the recipe, until the block ends."""
    system_packages()
    home = place.folder / "keycloak"
    shutil.copytree(maven_archive(_KEYCLOAK), home)
    realm = Realm(place)
    client = provider.client("keycloak", realm.url)
    command = (home / "bin" / "kc.sh", "start-dev", f"--http-port={place.port}")
    environment = _ADMIN | {"JAVA_OPTS_KC_HEAP": "-Xmx512m"}
    with running_application(place, *command, environment=environment):
        wait_until(lambda: requests.get(f"{place.url}/realms/master", timeout=PATIENCE).ok, 4 * PATIENCE)
        realm.furnish(client)
        yield realm


def test_people_sign_in_and_out(provider: Provider, browser: Browser, place: Place) -> None:
    """An application of the realm knows name, email and groups; a logout at either end reaches the other."""
    with running_keycloak(place, provider) as realm:
        tokens = realm.sign_in(browser)
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        userinfo = f"{realm.url}/protocol/openid-connect/userinfo"
        person = requests.get(userinfo, headers=bearer, timeout=PATIENCE).json()
        assert (person["name"], person["email"]) == ("Alice Example", "alice@example.com")
        assert person["groups"] == GROUPS

        refreshing = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        assert realm.post(refreshing).ok
        provider.end_sessions()
        wait_until(lambda: not realm.post(refreshing).ok)
        wait_until(lambda: realm.asks_to_sign_in(browser))

        tokens = realm.sign_in(browser)
        query = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": realm.redirect_uri}
        with pytest.raises(requests.ConnectionError):
            browser.open(f"{realm.url}/protocol/openid-connect/logout?{urlencode(query)}")
        assert realm.asks_to_sign_in(browser)
