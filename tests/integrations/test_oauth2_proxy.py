"""nginx with oauth2-proxy, as ``docs/connect/oauth2-proxy.md`` has it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integrations.applications import Place, new_place, running_application
from tests.integrations.browsing import Browser
from tests.integrations.installing import go_program
from tests.integrations.provider import GROUPS, Client, Provider

pytestmark = pytest.mark.integrations

#: The texts' server, and an application behind it that says who it was told is there.
_NGINX = """
{user} daemon off; pid {folder}/nginx.pid; events {{}}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
server {{ listen 127.0.0.1:{port}; listen [::1]:{port}; absolute_redirect off;
{locations}
}}
server {{ listen 127.0.0.1:{behind}; default_type application/json;
return 200 '{{"login": "$http_x_user", "email": "$http_x_email", "groups": "$http_x_groups"}}'; }} }}
"""


@contextmanager
def running_proxies(place: Place, client: Client, *changes: tuple[str, str]) -> Iterator[None]:
    """oauth2-proxy and nginx with the texts of the recipe, on ports that are free."""
    proxy, behind = new_place(place.folder), new_place(place.folder)
    config = client.text("oauth2-proxy.cfg").replace(":4180", f":{proxy.port}")
    for old, new in changes:
        assert old in config
        config = config.replace(old, new)
    # Plain HTTP is for the tests alone.
    (place.folder / "oauth2-proxy.cfg").write_text(config + "cookie_secure = false\n")
    locations = (
        client.text("nginx.conf").replace(":4180", f":{proxy.port}").replace(":8000", f":{behind.port}")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    nginx = place.folder / "nginx.conf"
    nginx.write_text(
        _NGINX.format(
            user=user, folder=place.folder, port=place.port, behind=behind.port, locations=locations
        )
    )
    program = go_program("github.com/oauth2-proxy/oauth2-proxy/v7", "v7.15.6")
    command = ("nginx", "-p", place.folder, "-c", nginx, "-e", place.folder / "nginx.log")
    with (
        running_application(proxy, program, "--config", "oauth2-proxy.cfg"),
        running_application(place, *command),
    ):
        yield


def test_people_sign_in_and_out(provider: Provider, browser: Browser, place: Place) -> None:
    """The application behind the proxy is told login, email and groups; logout ends both
    sessions, after a question."""
    with running_proxies(place, provider.client("oauth2-proxy", place.url)):
        person = browser.sign_in(browser.open(f"{place.url}/page")).json
        assert person == {"login": "alice", "email": "alice@example.com", "groups": ",".join(GROUPS)}
        left = browser.log_out(browser.open(f"{place.url}/logout"))
        assert browser.is_asked_to_sign_in(left), left


@pytest.mark.parametrize(("group", "is_let_in"), [("on-call", True), ("finance", False)])
def test_only_members_of_a_group_are_let_in(
    provider: Provider, browser: Browser, place: Place, group: str, is_let_in: bool
) -> None:
    """``allowed_groups`` works with the groups of the account."""
    change = ('# allowed_groups = ["engineering"]', f'allowed_groups = ["{group}"]')
    with running_proxies(place, provider.client("oauth2-proxy", place.url), change):
        shown = browser.sign_in(browser.open(place.url))
        assert shown.status == (200 if is_let_in else 403)


def test_a_session_is_refreshed(provider: Provider, browser: Browser, place: Place) -> None:
    """After ``cookie_refresh`` the proxy uses its refresh token, and the person stays signed in."""
    change = ('cookie_refresh = "5m"', 'cookie_refresh = "1s"')
    with running_proxies(place, provider.client("oauth2-proxy", place.url), change):
        browser.sign_in(browser.open(place.url))
        assert provider.refreshes() == 0
        for number in range(2):
            browser.wait(2.2)  # its clock has whole seconds
            assert browser.open(place.url).json["login"] == "alice"
            assert provider.refreshes() == number + 1
