"""A client of a FAPI profile, as the conformance suite plays one: it pushes or asks, goes through the pages, redeems,
refreshes and calls a resource, in the ways of its variant. What a test changes, it says at the call.
"""

import re
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import msgspec
from joserfc.jwk import RSAKey

from authrim.protocol.mtls import jwk_of
from authrim.store.migrate import migrate_sqlite
from authrim.store.sqlite import SQLiteStore
from tests.support.assertion import ASSERTION_TYPE, Key, new_key, public_jwks, signed
from tests.support.browser import Browser, Shown
from tests.support.certificates import Issued, self_signed
from tests.support.dpop import ath_of, proof_claims, proof_key, signed_proof
from tests.support.fapi_plans import Variant
from tests.support.jarm import opened
from tests.support.mtls import ROOT, MtlsServer, client_tls, mtls_server
from tests.support.request_object import signed_object
from tests.support.responses import Received
from tests.support.running import KnownClient, pkce
from tests.support.tokens import verified_claims

UNREGISTERED = "https://evil.example/cb"
_REDIRECT_URIS = ("https://rp.example/cb", "https://rp.example/cb?dummy1=lorem&dummy2=ipsum")
#: What the query of the second redirect URI brings back.
_DUMMIES = {"dummy1": "lorem", "dummy2": "ipsum"}
_ERROR_ON_PAGE = re.compile(r"<dd><code>([a-z_]+)</code></dd>")


class Identity(msgspec.Struct, frozen=True):
    """What one client has and no other: its keys and its certificate."""

    signing: Key
    dpop: Key
    certificate: Issued
    method: str
    more: tuple[Key, ...] = ()

    def registration(self, variant: Variant) -> dict[str, Any]:
        """How it authenticates, and the keys it registers."""
        keys = public_jwks(self.signing, *self.more)["keys"]
        if variant.by_jwt:
            return {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": keys}}
        fields: dict[str, Any] = {"token_endpoint_auth_method": self.method}
        if self.method == "tls_client_auth":
            fields["tls_client_auth_subject_dn"] = self.certificate.certificate.subject.rfc4514_string()
        else:
            keys = [*keys, jwk_of(self.certificate.pem.encode())]
        return fields | {"jwks": {"keys": keys}}


#: A registered key, and the same with the algorithm that FAPI does not allow.
RSA_KEY = new_key("PS256", "rsa")
RS256_KEY = RSAKey.import_key(RSA_KEY.as_dict(private=True) | {"alg": "RS256"})
#: The first client has its certificate from an authority, the second one has made its own.
IDENTITIES = (
    Identity(new_key("ES256", "first"), proof_key(), ROOT.issue("first"), "tls_client_auth", (RSA_KEY,)),
    Identity(new_key("ES256", "second"), proof_key(), self_signed("second"), "self_signed_tls_client_auth"),
)


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer in JSON."""

    status: int
    body: dict[str, Any]
    headers: Any

    @property
    def error(self) -> str:
        return str(self.body.get("error", ""))

    def __getitem__(self, name: str) -> Any:
        assert name in self.body, (self.status, self.body)
        return self.body[name]

    def refuses(self, *errors: str, status: tuple[int, ...] = (400,)) -> bool:
        """Whether it is an error answer of RFC 6749 §5.2 with one of these errors, and nothing else in it."""
        described = str(self.body.get("error_description", ""))
        assert re.fullmatch(r"[ !#-\[\]-~]*", described), described
        assert set(self.body) <= {"error", "error_description", "error_uri"}, self.body
        assert self.error in errors and self.status in status, (self.status, self.body)
        return True


class FapiServer:
    """One server for the clients of all variants, with an address where certificates are asked for."""

    def __init__(self, mtls: MtlsServer, stack: AsyncExitStack) -> None:
        self.mtls = mtls
        self._stack = stack
        self._connections: dict[int | None, aiohttp.ClientSession] = {None: mtls.http}
        self._clients: dict[tuple[Variant, int], FapiClient] = {}

    async def connections(self, certificate: Issued | None) -> aiohttp.ClientSession:
        """Connections that show this certificate, kept open."""
        key = None if certificate is None else id(certificate)
        if key not in self._connections:
            tls = aiohttp.TCPConnector(ssl=client_tls(self.mtls.folder, certificate))
            session = aiohttp.ClientSession(connector=tls, cookie_jar=aiohttp.DummyCookieJar())
            self._connections[key] = await self._stack.enter_async_context(session)
        return self._connections[key]

    async def client(self, variant: Variant, number: int = 0) -> "FapiClient":
        """The first or the second client of a variant, registered when it is first asked for."""
        if (variant, number) not in self._clients:
            fields = IDENTITIES[number].registration(variant) | _registration(variant)
            uri = (_REDIRECT_URIS[number],)
            known = await self.mtls.client(f"{variant} {number}", kind="web", redirect_uris=uri, **fields)
            self._clients[variant, number] = FapiClient(self, variant, known, IDENTITIES[number])
        return self._clients[variant, number]


def _registration(variant: Variant) -> dict[str, Any]:
    """What ``authrim client create --profile`` would register for the variant."""
    fields: dict[str, Any] = {
        "profile": variant.profile,
        "scope": ("openid", "profile", "email", "address", "phone", "offline_access", "accounts"),
        "dpop_bound_access_tokens": variant.dpop,
        "tls_client_certificate_bound_access_tokens": not variant.dpop,
        "require_signed_request_object": variant.signed,
        "response_modes": ("jwt",) if variant.jarm else (),
        "authorization_signed_response_alg": "ES256",
    }
    if variant.hybrid:
        grant_types = ("authorization_code", "implicit", "refresh_token")
        fields |= {"response_types": ("code id_token",), "grant_types": grant_types}
    return fields


@asynccontextmanager
async def fapi_server(folder: Path) -> AsyncIterator[FapiServer]:
    """Serve over a new SQLite file. That both stores do the same is shown elsewhere."""
    migrate_sqlite(folder / "authrim.db")
    store = SQLiteStore(folder / "authrim.db", exclusive=True)
    await store.open()
    try:
        async with mtls_server(store, folder) as mtls, AsyncExitStack() as stack:
            yield FapiServer(mtls, stack)
    finally:
        await store.close()


class FapiClient:
    """A client of one variant. ``{}`` in place of an assertion or a proof is a good one; its members change claims, and
    None leaves it out."""

    def __init__(
        self, server: FapiServer, variant: Variant, known: KnownClient, identity: Identity
    ) -> None:
        self.server, self.variant, self.known, self.identity = server, variant, known, identity
        self.issuer = server.mtls.issuer
        by_certificate = "mtls" in (variant.client_auth, variant.sender)
        self.certificate = identity.certificate if by_certificate else None
        #: With mutual TLS the suite takes the aliases for all that it asks without a browser.
        self.base = server.mtls.mtls_url if by_certificate else self.issuer
        #: A browser of somebody who stays signed in.
        self.browser = Browser(server.mtls)

    async def other(self) -> "FapiClient":
        """The second client of the variant."""
        return await self.server.client(self.variant, 1)

    @property
    def scope(self) -> str:
        return "openid email" if self.variant.openid else "accounts"

    @property
    def offline(self) -> dict[str, str]:
        """What a request has in it to get a refresh token: plain OAuth has no scope for that."""
        if not self.variant.openid:
            return {}
        return {"scope": "openid email offline_access", "prompt": "consent"}

    def stranger(self) -> Browser:
        """A browser in which nobody is signed in."""
        return Browser(self.server.mtls)

    def flow(self, browser: Browser | None = None, **changes: Any) -> "Flow":
        """A flow whose request is changed as wanted; None leaves a parameter out."""
        return Flow(self, browser or self.browser, changes)

    # What it sends without a browser.

    def assertion(self, signed_by: Key | None = None, **changes: Any) -> str:
        """Its client assertion as the suite makes it."""
        now = int(time.time())
        name = self.known.client_id
        aud = self.base + "/token" if self.variant.profile == "fapi1-advanced" else self.issuer
        claims = {"iss": name, "sub": name, "aud": aud, "jti": uuid.uuid4().hex, "iat": now, "nbf": now}
        claims = claims | {"exp": now + 60} | changes
        given = {key: value for key, value in claims.items() if value is not None}
        return signed(signed_by or self.identity.signing, given)

    def proof(self, path: str, key: Key | None = None, method: str = "POST", **changes: Any) -> str:
        """A DPoP proof for one of the endpoints."""
        return signed_proof(
            key or self.identity.dpop, proof_claims(method, self.base + path, **changes)
        )

    async def post(
        self, path: str, form: dict[str, str], *, assertion: dict[str, Any] | None = {},  # noqa: B006 - not changed
        proof: dict[str, Any] | None = {}, show: bool = True,  # noqa: B006
    ) -> Answer:  # fmt: skip
        """A request that the client authenticates and proves its key in. ``show``: its certificate."""
        form = {"client_id": self.known.client_id} | form
        if self.variant.by_jwt and assertion is not None:
            form = {
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": self.assertion(**assertion),
            } | form
        headers = {}
        if self.variant.dpop and proof is not None:
            headers["DPoP"] = self.proof(path, **proof)
        return await self.send("POST", path, headers, form, self.certificate if show else None)

    async def send(
        self, method: str, path: str, headers: Any = None, form: Any = None, certificate: Issued | None = None
    ) -> Answer:
        """One request as it is."""
        http = await self.server.connections(certificate)
        async with http.request(method, self.base + path, data=form, headers=headers) as answer:
            text = await answer.text()
            is_json = answer.content_type == "application/json"
            return Answer(answer.status, msgspec.json.decode(text) if is_json else {}, answer.headers)

    async def refresh(self, refresh_token: str, **how: Any) -> Answer:
        return await self.post(
            "/token", {"grant_type": "refresh_token", "refresh_token": refresh_token}, **how
        )

    # What it does with an access token.

    def with_token(
        self, token: str, *, scheme: str = "", proof: dict[str, Any] | None = {}, query: str = ""  # noqa: B006
    ) -> dict[str, str]:  # fmt: skip
        """The headers of a resource request."""
        scheme = scheme or ("DPoP" if self.variant.dpop else "Bearer")
        headers = {"Authorization": f"{scheme} {token}"}
        if self.variant.dpop and proof is not None:
            changed = {"ath": ath_of(token)} | proof
            headers["DPoP"] = self.proof("/userinfo" + query, method="GET", **changed)
        return headers

    async def resource(self, headers: Any, certificate: Issued | None = None, query: str = "") -> Answer:
        return await self.send(
            "GET", "/userinfo" + query, headers, certificate=certificate or self.certificate
        )

    async def takes(self, token: str, **how: Any) -> bool:
        """Whether our resource takes the token as it is sent."""
        return self.is_taken(await self.resource(self.with_token(token, **how)))

    def is_taken(self, answer: Answer) -> bool:
        """Our resource is userinfo: a good token without ``openid`` is told that it lacks that, a bad one that it is
        bad (RFC 6750 §3.1)."""
        if answer.status == 200:
            return self.variant.openid
        if not self.variant.openid and answer.status == 403:
            return "insufficient_scope" in answer.headers["WWW-Authenticate"]
        assert answer.status in (400, 401), answer.status
        return False


class Flow:
    """One authorization, step by step. Each step takes those before it when they were not taken yet."""

    def __init__(self, client: FapiClient, browser: Browser, changes: dict[str, Any]) -> None:
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
        self.form = {"request": signed_object(self.asked, client.identity.signing)} if self.variant.signed else self._plain
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

    async def push(self, **how: Any) -> Answer:
        """RFC 9126 §2."""
        answer = await self.client.post("/par", self.form, **how)
        if answer.status == 201:
            assert answer["expires_in"] >= 5
            self.request_uri = answer["request_uri"]
        return answer

    async def open(self, **beside: str) -> Shown:
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

    async def browse(self, query: dict[str, str]) -> Shown:
        """The authorization endpoint with this query."""
        return await self.browser.request("GET", self.client.issuer + "/authorize?" + urlencode(query))

    async def receive(self, shown: Shown) -> dict[str, Any]:
        """The authorization response that the browser brings, as the request wants it, opened and checked."""
        received = Received.of(shown, self.client.known)
        parameters: dict[str, Any] = dict(received.parameters)
        if "dummy1" in self.client.known.redirect_uri and received.encoding == "query":
            assert _DUMMIES.items() <= parameters.items()
            parameters = {name: value for name, value in parameters.items() if name not in _DUMMIES}
        in_fragment = "id_token" in self.asked["response_type"]
        assert received.encoding == ("fragment" if in_fragment else "query")
        if self.asked.get("response_mode") == "jwt":
            only = Received("query", parameters)
            return await opened(self.client.server.mtls, self.client.known, only, "ES256")
        assert parameters.pop("iss") == self.client.issuer
        return parameters

    async def respond(self, shown: Shown | None = None) -> dict[str, Any]:
        """Through the pages that are shown: the parameters of the authorization response."""
        shown = shown or await self.open()
        self.response = await self.receive(await self.browser.through_pages(shown))
        assert self.response.get("state") == self.asked.get("state")
        return self.response

    async def redeem(self, **how: Any) -> Answer:
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

    async def refusal_of(self, shown: Shown) -> str:
        """The error that the browser brings or shows."""
        if shown.location is not None:
            response = await self.receive(shown)
            assert response.get("state") == self.asked.get("state")
            assert set(response) <= {"error", "error_description", "error_uri", "state"}, response
            return str(response["error"])
        assert shown.status == 400 and shown.headers["Authrim-Error-Id"], (shown.status, shown.url)
        on_page = _ERROR_ON_PAGE.search(shown.body)
        assert on_page, shown.body[:500]
        return on_page[1]
