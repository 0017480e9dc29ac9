"""Clients that register themselves over HTTP, as RFC 7591 and RFC 7592 say."""

from dataclasses import dataclass
from typing import Any

from multidict import CIMultiDictProxy

from authrim.clients.registration_tokens import create_initial_token
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.running import KnownClient, RunningServer

MINIMAL: dict[str, Any] = {"redirect_uris": ["https://rp.example/cb"]}


@dataclass
class Answer:
    """Status, JSON body (empty when there is none) and headers."""

    status: int
    body: dict[str, Any]
    headers: CIMultiDictProxy[str]

    @property
    def error(self) -> tuple[int, str]:
        return self.status, self.body.get("error", "")


async def initial_token(server: RunningServer, uses: int = 1, lifetime: int = 3600, **rules: Any) -> str:
    """An initial access token, as an administrator gives it out."""
    given = await create_initial_token(
        server.core.store, DEFAULT_TENANT, uses=uses, lifetime=lifetime, **rules
    )
    assert not isinstance(given, Refusal), given.error_description
    return given.value


async def call(
    server: RunningServer, method: str, url: str, token: str | None = None, document: Any = None
) -> Answer:
    """One request with a Bearer token and a JSON body."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with server.http.request(method, url, json=document, headers=headers) as answer:
        body = await answer.json() if await answer.read() else {}
        return Answer(answer.status, body, answer.headers)


async def register(server: RunningServer, document: Any = MINIMAL, token: str | None = None) -> Answer:
    """POST /register."""
    return await call(server, "POST", server.url("/register"), token, document)


async def registered(server: RunningServer, **members: Any) -> dict[str, Any]:
    """A new client's information, let in with a token of its own."""
    answer = await register(server, MINIMAL | members, await initial_token(server))
    assert answer.status == 201, answer.body
    return answer.body


async def manage(
    server: RunningServer, client: dict[str, Any], method: str = "GET", document: Any = None
) -> Answer:
    """One request to the client's own registration, with its registration access token."""
    return await call(
        server, method, client["registration_client_uri"], client["registration_access_token"], document
    )


def as_known(client: dict[str, Any]) -> KnownClient:
    """The client as the flows of the tests take it."""
    metadata = ClientMetadata(
        redirect_uris=tuple(client["redirect_uris"]),
        token_endpoint_auth_method=client["token_endpoint_auth_method"],
    )
    return KnownClient(client["client_id"], client.get("client_secret"), metadata)
