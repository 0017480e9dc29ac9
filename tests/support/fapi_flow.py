"""One authorization of a FAPI client, from its request to its tokens."""

import re
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from tests.support.assertion import Key
from tests.support.browser import Browser, BrowserPage
from tests.support.jarm import opened
from tests.support.request_object import signed_object
from tests.support.responses import ReceivedResponse
from tests.support.running import pkce
from tests.support.tokens import verified_claims

if TYPE_CHECKING:
    from tests.support.fapi_client import Answer, FapiClient

#: What the query of the second client's redirect URI brings back.
_DUMMIES = {"dummy1": "lorem", "dummy2": "ipsum"}
_ERROR_ON_PAGE = re.compile(r"<dt>error</dt>\s*<dd>([a-z_]+)</dd>")


class Flow:
    """One authorization, step by step. Each step takes those before it when they were not taken yet."""

    def __init__(self, client: "FapiClient", browser: Browser, changes: dict[str, Any]) -> None:
        self.client, self.browser, self.variant = client, browser, client.variant
        self.verifier, challenge = pkce()
        asked: dict[str, Any] = {
            "client_id": client.known.client_id,
            "redirect_uri": client.known.redirect_uri,
            "response_type": "code id_token" if self.variant.hybrid else "code",
            "scope": client.scope,
            "state": secrets.token_urlsafe(8),
            "nonce": secrets.token_urlsafe(8) if self.variant.openid else None,
            # FAPI 1 demands it of pushed requests alone (FAPI 1 Advanced §5.2.2 item 18).
            "code_challenge": challenge if self.variant.pushed else None,
            "code_challenge_method": "S256" if self.variant.pushed else None,
            "response_mode": "jwt" if self.variant.jarm else None,
        }
        if self.variant.signed:
            now = int(time.time())
            asked |= {"iss": asked["client_id"], "aud": client.issuer, "nbf": now, "exp": now + 300}
        self.asked = {name: value for name, value in (asked | changes).items() if value is not None}
        #: The pushed or unpushed form: a signed object, or the parameters themselves.
        self.form = (
            {"request": signed_object(self.asked, client.identity.signing)}
            if self.variant.signed
            else self._plain
        )
        self.request_uri = ""
        self.response: dict[str, Any] = {}
        self.tokens: dict[str, Any] = {}

    @property
    def _plain(self) -> dict[str, str]:
        return {
            name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
            for name, value in self.asked.items()
        }

    def signed_by(self, key: Key, **header: Any) -> "Flow":
        """The object signed by another key."""
        self.form = {"request": signed_object(self.asked, key, **header)}
        return self

    def with_object(self, request: str) -> "Flow":
        """Another object, as it is."""
        self.form = {"request": request}
        return self

    def unsigned(self) -> "Flow":
        """The parameters without an object."""
        self.form = self._plain
        return self

    async def push(self, **how: Any) -> "Answer":
        """RFC 9126 §2."""
        answer = await self.client.post("/par", self.form, **how)
        if answer.status == 201:
            assert answer["expires_in"] >= 5
            self.request_uri = answer["request_uri"]
        return answer

    async def open(self, **beside: str) -> BrowserPage:
        """The authorization endpoint, with the reference or the object. ``beside``: more parameters of the query."""
        if self.variant.pushed and not self.request_uri:
            answer = await self.push()
            assert answer.status == 201, answer.body
        query = {"client_id": self.client.known.client_id} | beside
        if self.variant.pushed:
            query["request_uri"] = self.request_uri
        else:
            # OIDC Core §6.1: beside an object stand the parameters that OAuth 2.0 demands.
            query = {
                name: self.asked[name] for name in ("response_type", "scope") if name in self.asked
            } | query | self.form  # fmt: skip
        return await self.browse(query)

    async def browse(self, query: dict[str, str]) -> BrowserPage:
        """The authorization endpoint with this query."""
        return await self.browser.request("GET", self.client.issuer + "/authorize?" + urlencode(query))

    async def receive(self, shown: BrowserPage) -> dict[str, Any]:
        """The authorization response that the browser brings, as the request wants it, opened and checked."""
        received = ReceivedResponse.of(shown, self.client.known)
        parameters: dict[str, Any] = dict(received.parameters)
        if "dummy1" in self.client.known.redirect_uri and received.encoding == "query":
            assert _DUMMIES.items() <= parameters.items()
            parameters = {name: value for name, value in parameters.items() if name not in _DUMMIES}
        in_fragment = "id_token" in self.asked["response_type"]
        assert received.encoding == ("fragment" if in_fragment else "query")
        if self.asked.get("response_mode") == "jwt":
            only = ReceivedResponse("query", parameters)
            return await opened(self.client.server.mtls, self.client.known, only, "ES256")
        assert parameters.pop("iss") == self.client.issuer
        return parameters

    async def respond(self, shown: BrowserPage | None = None) -> dict[str, Any]:
        """Through the pages that are shown: the parameters of the authorization response."""
        shown = shown or await self.open()
        self.response = await self.receive(await self.browser.through_pages(shown))
        assert self.response.get("state") == self.asked.get("state")
        return self.response

    async def redeem(self, **how: Any) -> "Answer":
        """The code at the token endpoint; ``form`` changes parameters, None leaves one out."""
        if not self.response:
            await self.respond()
        form: dict[str, Any] = {
            "grant_type": "authorization_code",
            "code": self.response["code"],
            "code_verifier": self.verifier if "code_challenge" in self.asked else None,
            "redirect_uri": self.client.known.redirect_uri,
        } | how.pop("form", {})
        given = {name: value for name, value in form.items() if value is not None}
        answer = await how.pop("by", self.client).post("/token", given, **how)
        assert answer.headers["Cache-Control"] == "no-store"
        if answer.status == 200:
            self.tokens = answer.body
            assert answer["token_type"] == ("DPoP" if self.variant.dpop else "Bearer")
            assert ("id_token" in answer.body) == self.variant.openid
        return answer

    async def access_token(self) -> str:
        """The whole flow."""
        if not self.tokens:
            answer = await self.redeem()
            assert answer.status == 200, answer.body
        return str(self.tokens["access_token"])

    async def id_token(self) -> dict[str, Any]:
        """The claims of the token endpoint's ID token."""
        await self.access_token()
        return await verified_claims(self.client.server.mtls, self.tokens["id_token"])

    async def refusal(self, **beside: str) -> str:
        """The error that the request is refused with, wherever that is: when it is pushed, at the client, or on a
        page. Nobody has signed in or agreed for it."""
        if self.variant.pushed and not self.request_uri:
            answer = await self.push()
            if answer.status != 201:
                assert answer.status == 400, answer.body
                return answer.error
        return await self.refusal_of(await self.open(**beside))

    async def refusal_of(self, shown: BrowserPage) -> str:
        """The error that the browser brings or shows."""
        if shown.location is not None:
            response = await self.receive(shown)
            assert response.get("state") == self.asked.get("state")
            assert set(response) <= {"error", "error_description", "error_uri", "state"}, response
            return str(response["error"])
        assert shown.status == 400, (shown.status, shown.url)
        on_page = _ERROR_ON_PAGE.search(shown.body)
        assert on_page, shown.body[:500]
        return on_page[1]
