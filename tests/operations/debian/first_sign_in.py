"""A person signs in with a browser, and an application gets the tokens: run with the network of the machine.

Reads from standard input, as JSON: issuer, ca, client_id, client_secret, redirect_uri, login, password. Prints what the
application learned.
"""

import base64
import hashlib
import json
import os
import secrets
import socket
import sys
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
from joserfc import jwt
from joserfc.jwk import KeySet
from playwright.sync_api import sync_playwright

from tests.browser.chromium import ARGUMENTS, CHROMIUM
from tests.support.patience import PATIENCE

_resolve = socket.getaddrinfo
#: Milliseconds that a person takes to read the page: a faster answer is not taken (`consent_pause`).
_READING = 5000


def _to_this_machine(_host: Any, *rest: Any, **more: Any) -> Any:
    """The machine's own names are in its own /etc/hosts; here they all mean loopback."""
    return _resolve("127.0.0.1", *rest, **more)


def main() -> None:
    """Sign in, and print the claims as JSON."""
    given: dict[str, str] = json.load(sys.stdin)
    socket.getaddrinfo = _to_this_machine
    session = requests.Session()
    session.verify, session.trust_env = given["ca"], False  # no authority of a variable
    metadata = session.get(f"{given['issuer']}/.well-known/openid-configuration", timeout=PATIENCE).json()
    verifier = secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": given["client_id"], "redirect_uri": given["redirect_uri"], "response_type": "code",
        "scope": "openid email", "state": "x", "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    code = _code(f"{metadata['authorization_endpoint']}?{urlencode(query)}", given)
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": given["redirect_uri"],
        "code_verifier": verifier,
    }  # fmt: skip
    client = (given["client_id"], given["client_secret"])
    tokens = session.post(metadata["token_endpoint"], form, auth=client, timeout=PATIENCE).json()
    keys = KeySet.import_key_set(session.get(metadata["jwks_uri"], timeout=PATIENCE).json())
    claims = jwt.decode(tokens["id_token"], keys, algorithms=["ES256", "RS256"]).claims
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    person = session.get(metadata["userinfo_endpoint"], headers=header, timeout=PATIENCE).json()
    print(json.dumps({"id_token": claims, "userinfo": person}))


def _code(url: str, given: dict[str, str]) -> str:
    """What the browser brings to the application, at whose address nobody is: that it is asked for is enough."""
    host = urlsplit(given["issuer"]).hostname
    arguments = [*ARGUMENTS, f"--host-resolver-rules=MAP {host} 127.0.0.1"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        # The certificate is proved by the requests of the application: a browser has a store of its own.
        page = browser.new_context(ignore_https_errors=True).new_page()
        page.goto(url, timeout=PATIENCE * 1000)
        page.fill("input[name=login]", given["login"])
        page.fill("input[name=password]", given["password"])
        page.click("#login-submit")
        page.wait_for_selector("#consent-submit", timeout=PATIENCE * 1000)
        page.wait_for_timeout(_READING)
        with page.expect_request(f"{given['redirect_uri']}?*", timeout=PATIENCE * 1000) as sent:
            page.click("#consent-submit")
        (code,) = parse_qs(urlsplit(sent.value.url).query)["code"]
        browser.close()
    return code


if __name__ == "__main__":
    os.environ.pop("NODE_OPTIONS", None)
    main()
