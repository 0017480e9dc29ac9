"""Kubernetes, as ``docs/connect/kubernetes.md`` has it: the API server's own code reads the ID token."""

import json
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from tests.integrations.browsing import Browser
from tests.integrations.installing import SOFTWARE, run, system_packages
from tests.integrations.provider import Client, Provider, running_provider
from tests.support.patience import PATIENCE
from tests.support.running import pkce

pytestmark = pytest.mark.integrations


def tokens_of(provider: Provider, client: Client) -> dict[str, Any]:
    """What kubectl's plugin gets for a person: by the browser, with PKCE and a redirect URI on this machine."""
    verifier, challenge = pkce()
    redirect_uri = client.fields["redirect_uris"][0]
    query = {
        "client_id": client.client_id,
        "response_type": "code",
        "redirect_uri": redirect_uri,
        "scope": client.fields["scope"],
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    browser = Browser(provider.issuer, provider.authority)
    begun = browser.open(f"{provider.issuer}/authorize?{urlencode(query)}")
    code = parse_qs(urlsplit(browser.sign_in_for(begun, redirect_uri)).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    return token_response(provider, client, form | {"code_verifier": verifier})


def token_response(provider: Provider, client: Client, form: dict[str, str]) -> dict[str, Any]:
    url, authority = f"{provider.issuer}/token", str(provider.authority)
    answer = requests.post(url, form | {"client_id": client.client_id}, verify=authority, timeout=PATIENCE)
    assert answer.ok, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


def test_the_api_server_knows_person_and_groups(tmp_path: Path) -> None:
    """With the flags of the page, the email address is the name and the groups have their prefix, refreshed or not."""
    system_packages()
    shutil.copytree(SOFTWARE / "kubernetes", tmp_path / "source")
    run("go", "build", "-mod=readonly", "-o", "verify", ".", folder=tmp_path / "source")
    with running_provider(tmp_path, tls=True) as provider:
        client = provider.client("kubernetes")
        flags = dict(re.findall(r"--oidc-([a-z-]+)=([^\s\"]+)", client.text("kube-apiserver.yaml")))
        assert flags["username-claim"] == "email"
        assert flags["groups-claim"] == "groups"
        settings = (flags["issuer-url"], flags["client-id"], flags["groups-prefix"], str(provider.authority))
        first = tokens_of(provider, client)
        refreshing = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        for tokens in (first, token_response(provider, client, refreshing)):
            user = json.loads(run(str(tmp_path / "source" / "verify"), *settings, tokens["id_token"]))
            assert user == {"name": "alice@example.com", "groups": ["oidc:engineering", "oidc:on-call"]}
