"""Apache with mod_auth_openidc, as ``docs/connect/apache.md`` has it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integrations.applications import Place, running_application
from tests.integrations.browsing import Browser
from tests.integrations.installing import system_packages
from tests.integrations.provider import Client, Provider, assert_is_alice
from tests.support.processes import wait_until

pytestmark = pytest.mark.integrations

_MODULES = (
    "mpm_event",
    "authn_core",
    "authz_core",
    "authz_user",
    "alias",
    "env",
    "headers",
    "cgid",
    "auth_openidc",
)
_HTTPD = """
ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
Listen [::1]:{port}
PidFile {folder}/httpd.pid
ErrorLog {folder}/error.log
{modules}
ScriptSock {folder}/cgid.sock
DefaultRuntimeDir {folder}
User {user}
Group {user}
<Directory />
    Require all granted
</Directory>
ScriptAlias /person {folder}/person.cgi
Include {folder}/authrim.conf
"""
_PERSON = """#!/usr/bin/env python3
import json, os
claims = {name: os.environ.get("OIDC_CLAIM_" + name) for name in ("name", "email", "groups")}
claims["groups"] = (claims["groups"] or "").split(",")
print("Content-Type: application/json\\n")
print(json.dumps(claims))
"""


@contextmanager
def running_apache(place: Place, client: Client) -> Iterator[None]:
    """Apache with the text of the recipe, and a program behind it that says who is there."""
    system_packages()
    client.write(place.folder, "authrim.conf")
    modules = "\n".join(
        f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in _MODULES
    )
    program = place.folder / "person.cgi"
    program.write_text(_PERSON)
    place.folder.chmod(0o777)
    for folder in place.folder.parents[:3]:
        folder.chmod(folder.stat().st_mode | 0o055)
    program.chmod(0o755)
    (place.folder / "httpd.conf").write_text(
        _HTTPD.format(folder=place.folder, port=place.port, modules=modules, user="www-data")
    )
    with running_application(
        place, "/usr/sbin/apache2", "-f", place.folder / "httpd.conf", "-D", "FOREGROUND"
    ):
        yield


def test_people_sign_in_and_out(provider: Provider, browser: Browser, place: Place) -> None:
    """The application behind Apache is told name, email and groups; its logout ends the session of the server."""
    with running_apache(place, provider.client("apache", place.url)):
        assert_is_alice(browser.sign_in(browser.open(f"{place.url}/person")).json)
        left = browser.open(f"{place.url}/oidc/callback?logout={place.url}/")
        assert browser.is_asked_to_sign_in(left), left


def test_a_logout_elsewhere_is_noticed(provider: Provider, browser: Browser, place: Place) -> None:
    """The back channel ends the session at Apache when the one at the server ends."""
    with running_apache(place, provider.client("apache", place.url)):
        browser.sign_in(browser.open(f"{place.url}/person"))
        provider.end_sessions()
        wait_until(lambda: browser.is_asked_to_sign_in(browser.open(f"{place.url}/person")))
