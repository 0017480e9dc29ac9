"""What an API does with those who call it: one test for each way to verify access tokens."""

from typing import Any

import requests

from tests.integrations.provider import Client, Provider
from tests.support.patience import PATIENCE


def call(url: str, token: str | None = None) -> tuple[int, Any]:
    """The answer of the API to a token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.get(f"{url}/items", headers=headers, timeout=PATIENCE)
    return answer.status_code, answer.json() if answer.ok else None


def access_token(provider: Provider, client: Client) -> str:
    """A token for the client itself."""
    form = {"grant_type": "client_credentials"}
    answer = requests.post(
        f"{provider.issuer}/token", form, auth=(client.client_id, client.secret), timeout=PATIENCE
    )
    assert answer.ok, answer.text
    return str(answer.json()["access_token"])


def assert_only_its_callers_are_let_in(provider: Provider, product: str, client: Client, url: str) -> None:
    """A token for the API is good; none, a changed one, one for another API and one without the scope are not."""
    token = access_token(provider, client)
    status, answer = call(url, token)
    assert (status, answer) == (200, {"caller": client.client_id, "person": client.client_id}), answer
    elsewhere = provider.client(product, "https://other.example.com")
    unprivileged = provider.client(product, url, "--scope", "items.write")
    assert call(url)[0] == 401
    assert call(url, token[:-8] + "AAAAAAAA")[0] == 401
    assert call(url, access_token(provider, elsewhere))[0] == 401
    assert call(url, access_token(provider, unprivileged))[0] == 403
