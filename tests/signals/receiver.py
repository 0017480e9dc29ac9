"""A receiver of security event tokens as a stranger would write it: it knows the specifications, and no code of the
server's. Tokens are verified by another library."""

from typing import Any

import aiohttp
from joserfc import jws
from joserfc.jwk import KeySet

from tests.support.running import KnownClient, RunningServer

POLL = "urn:ietf:rfc:8936"
PUSH = "urn:ietf:rfc:8935"
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"


async def receiving_client(server: RunningServer, name: str = "receiver", **changes: Any) -> KnownClient:
    """A client for people, that may receive signals about them too."""
    usual = {
        "kind": "web",
        "grant_types": ("authorization_code", "refresh_token", "client_credentials"),
        "scope": ("openid", "profile", "email", "offline_access", "ssf.read", "ssf.manage"),
    }
    return await server.client(name, **usual | changes)


class Receiver:
    """Talks to one transmitter, found by its metadata."""

    def __init__(self, server: RunningServer, client: KnownClient) -> None:
        self.server = server
        self.client = client
        self.token = ""
        self.metadata: dict[str, Any] = {}
        self.stream: dict[str, Any] = {}
        self.keys: KeySet | None = None
        self.seen: dict[str, dict[str, Any]] = {}

    async def begin(self, scope: str = "ssf.read ssf.manage", **stream: Any) -> "Receiver":
        """Get a token, read the metadata, create a stream."""
        self.token = await self.new_token(scope)
        async with self.server.http.get(self.server.url("/.well-known/ssf-configuration")) as answer:
            self.metadata = await answer.json()
        async with self.server.http.get(self.metadata["jwks_uri"]) as answer:
            self.keys = KeySet.import_key_set(await answer.json())
        status, self.stream = await self.ask(
            "POST", "configuration_endpoint", {"delivery": {"method": POLL}} | stream
        )
        assert status == 201, self.stream
        return self

    async def new_token(self, scope: str) -> str:
        form = {"grant_type": "client_credentials", "scope": scope}
        status, answer = await self.server.post("/token", form, self.client.basic)
        assert status == 200, answer
        return str(answer["access_token"])

    @property
    def stream_id(self) -> str:
        return str(self.stream["stream_id"])

    async def ask(
        self, method: str, endpoint: str, body: dict[str, Any] | None = None, **query: str
    ) -> tuple[int, Any]:
        """A request to an endpoint of the metadata, or to a URL."""
        url = self.metadata.get(endpoint, endpoint)
        headers = {"Authorization": f"Bearer {self.token}"}
        request = self.server.http.request(method, url, json=body, headers=headers, params=query)
        async with request as answer:
            return answer.status, (await answer.json() if await answer.read() else {})

    async def poll(self, **members: Any) -> list[dict[str, Any]]:
        """One poll (RFC 8936): the claims of its tokens, verified. Members: ``ack``, ``maxEvents``, …"""
        status, answer = await self.ask(
            "POST", self.stream["delivery"]["endpoint_url"], {"returnImmediately": True} | members
        )
        assert status == 200, answer
        return [self.verified(token, token_id) for token_id, token in answer["sets"].items()]

    async def drain(self) -> list[dict[str, Any]]:
        """Everything that waits, acknowledged."""
        tokens: list[dict[str, Any]] = []
        while new := await self.poll(ack=[token["jti"] for token in tokens]):
            tokens += [token for token in new if token not in tokens]
        return tokens

    def verified(self, token: str, token_id: str | None = None) -> dict[str, Any]:
        """The claims of a token, checked as RFC 8417 and SSF §4 want it."""
        assert self.keys is not None
        checked = jws.deserialize_compact(token, self.keys, algorithms=["RS256", "ES256"])
        assert checked.headers()["typ"] == "secevent+jwt"
        import json

        claims: dict[str, Any] = json.loads(checked.payload)
        assert claims["iss"] == self.server.issuer
        assert claims["aud"] == self.client.client_id
        assert token_id in (None, claims["jti"])
        assert set(claims) == {"iss", "jti", "iat", "aud", "sub_id", "events"}
        assert len(claims["events"]) == 1
        return claims


def kind_of(claims: dict[str, Any]) -> str:
    """The short name of a token's event."""
    return str(next(iter(claims["events"]))).rpartition("/")[2]


def event_of(claims: dict[str, Any]) -> dict[str, Any]:
    """The members of a token's event."""
    members: dict[str, Any] = next(iter(claims["events"].values()))
    return members


def no_keep_alive() -> aiohttp.TCPConnector:
    return aiohttp.TCPConnector(force_close=True)
