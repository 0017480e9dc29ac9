"""``compose.yaml``: from nothing to a person who signs in, and what goes on when a part is missing."""

import threading
import time
import tomllib
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from tests.integrations.browsing import Browser
from tests.operations.containers.engine import Engine
from tests.operations.containers.stack import Stack, running_stack
from tests.support.patience import PATIENCE
from tests.support.person import LOGIN, PASSWORD
from tests.support.processes import wait_until
from tests.support.running import pkce

pytestmark = pytest.mark.operations

#: Seconds, as the page says.
_UNTIL_THE_PROXY_KNOWS = 10
_SERVICE = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def stack(engine: Engine, image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The services, started once."""
    with running_stack(engine, image, tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="module")
def robot(stack: Stack) -> tuple[str, str]:
    """The id and secret of a client that gets tokens for itself."""
    options = ("--type", "service", "--client-id", "robot", "--scope", "reports.read")
    return "robot", stack.authrim("client", "create", *options)["client_secret"]


def test_a_person_signs_in(stack: Stack) -> None:
    """The first account and client are made in a container; a sign-in through the proxy ends with tokens."""
    redirect_uri = "https://127.0.0.1:1/callback"
    stack.authrim("account", "create", LOGIN, "--password-stdin", stdin=PASSWORD)
    stack.authrim("client", "create", "--type", "spa", "--client-id", "shop", "--redirect-uri", redirect_uri)
    verifier, challenge = pkce()
    asked = {"client_id": "shop", "response_type": "code", "redirect_uri": redirect_uri, "scope": "openid"}
    query = urlencode(asked | {"code_challenge": challenge, "code_challenge_method": "S256"})
    browser = Browser(stack.issuer, stack.authority)
    begun = browser.open(f"{stack.issuer}/authorize?{query}")
    code = parse_qs(urlsplit(browser.sign_in_for(begun, redirect_uri)).query)["code"][0]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "client_id": "shop",
    }
    answer = stack.ask("POST", "/token", data=form | {"code_verifier": verifier})
    assert answer is not None
    assert answer.ok, answer.text
    assert "id_token" in answer.json()


def test_no_request_fails_while_servers_are_replaced(stack: Stack, robot: tuple[str, str]) -> None:
    """One server after the other is stopped and started, and every request in the meantime gets its token (F33)."""
    over, statuses = threading.Event(), list[int]()

    def ask() -> None:
        while not over.is_set():
            statuses.append(stack.status("POST", "/token", data=_SERVICE, auth=robot))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for service, other in (("authrim-1", "authrim-2"), ("authrim-2", "authrim-1")):
            stack.stop(service)
            stack.start(service)
            wait_until(lambda one=service: stack.is_ready(one))
            assert stack.is_ready(other)
            time.sleep(_UNTIL_THE_PROXY_KNOWS)
    finally:
        over.set()
        asking.join()
    assert set(statuses) == {200}
    assert len(statuses) > 10


def test_without_the_database_what_needs_none_is_answered(stack: Stack, robot: tuple[str, str]) -> None:
    """F04: the key set goes on behind the proxy, tokens are refused for now with the reason, and come again."""
    stack.stop("database")
    try:
        wait_until(lambda: stack.status("POST", "/token", data=_SERVICE, auth=robot) == 503)
        wait_until(lambda: stack.status("GET", "/jwks") == 200)
        refused = stack.ask("POST", "/token", data=_SERVICE, auth=robot)
        assert refused is not None
        assert refused.json()["error"] == "temporarily_unavailable"
        assert int(refused.headers["Retry-After"]) > 0
    finally:
        stack.start("database")
    wait_until(lambda: stack.status("POST", "/token", data=_SERVICE, auth=robot) == 200)


def test_strangers_are_told_nothing_of_how_the_servers_are(stack: Stack) -> None:
    """A312: health and metrics are for the networks inside."""
    assert stack.status("GET", "/health/ready") == 404
    assert stack.status("GET", "/metrics") == 404


def test_the_proxy_alone_is_believed(stack: Stack) -> None:
    """The address in the servers' settings is the proxy's, and the others get theirs from elsewhere."""
    settings = tomllib.loads(stack.settings.read_text())
    (trusted,) = (ip_network(one) for one in settings["trusted_proxies"])
    assert trusted == ip_network(stack.address("proxy", "edge"))
    assert ip_address(stack.address("authrim-1", "edge")) < ip_address("172.28.64.128")


def test_prometheus_reads_both_servers(stack: Stack) -> None:
    """Both are found and answer, and the rules and alerts are loaded."""
    api = f"http://127.0.0.1:{stack.prometheus}/api/v1"

    def healths() -> list[str]:
        targets = requests.get(f"{api}/targets", timeout=PATIENCE).json()["data"]["activeTargets"]
        return [target["health"] for target in targets]

    wait_until(lambda: healths() == ["up", "up"])
    groups = requests.get(f"{api}/rules", timeout=PATIENCE).json()["data"]["groups"]
    assert {rule["type"] for group in groups for rule in group["rules"]} == {"recording", "alerting"}
    assert all(rule["health"] != "err" for group in groups for rule in group["rules"])


def test_secrets_are_files_alone(stack: Stack, engine: Engine) -> None:
    """A312: no secret is in the environment of a container, nor in its command line."""
    folder = Path(stack.authority).parent / "deploy" / "compose" / "secrets"
    secrets = [
        (folder / name).read_text() for name in ("master_key", "application_password", "owner_password")
    ]
    for service in ("authrim-1", "authrim-2", "database"):
        config = engine.inspect(stack.container(service))["Config"]
        told = " ".join([*config["Env"], *config["Cmd"]])
        assert not [secret for secret in secrets if secret in told]
