"""A client of a FAPI profile, as the conformance suite plays one: it pushes or asks, goes through the pages, redeems,
refreshes and calls a resource, in the ways of its variant. What a test changes, it says at the call.
"""

import re
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import aiohttp
import msgspec

from authrim.store.sqlite.schema import migrate_sqlite
from authrim.store.sqlite.store import SQLiteStore
from tests.support.assertion import ASSERTION_TYPE, Key, signed
from tests.support.browser import Browser
from tests.support.certificates import IssuedCertificate
from tests.support.dpop import ath_of, proof_claims, signed_proof
from tests.support.fapi_flow import Flow
from tests.support.fapi_identity import IDENTITIES, Identity
from tests.support.fapi_plans import Variant
from tests.support.mtls import MtlsServer, client_tls, mtls_server
from tests.support.running import KnownClient

#: In place of the changes of an assertion or a proof: a good one. None is none.
GOOD: Mapping[str, Any] = MappingProxyType({})
_REDIRECT_URIS = ("https://rp.example/cb", "https://rp.example/cb?dummy1=lorem&dummy2=ipsum")


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
        assert self.error in errors, (self.status, self.body)
        assert self.status in status, (self.status, self.body)
        return True


class FapiServer:
    """One server for the clients of all variants, with an address where certificates are asked for."""

    def __init__(self, mtls: MtlsServer, stack: AsyncExitStack) -> None:
        self.mtls = mtls
        self._stack = stack
        self._connections: dict[int | None, aiohttp.ClientSession] = {None: mtls.http}
        self._clients: dict[tuple[Variant, int], FapiClient] = {}

    async def connections(self, certificate: IssuedCertificate | None) -> aiohttp.ClientSession:
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
            fields = IDENTITIES[number].registration(variant)
            uri = (_REDIRECT_URIS[number],)
            known = await self.mtls.client(f"{variant} {number}", kind="web", redirect_uris=uri, **fields)
            self._clients[variant, number] = FapiClient(self, variant, known, IDENTITIES[number])
        return self._clients[variant, number]


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
    """A client of one variant, with its keys and a browser. ``assertion`` and ``proof`` of a request change the claims
    of what the client sends anyway."""

    def __init__(self, server: FapiServer, variant: Variant, known: KnownClient, identity: Identity) -> None:
        self.server, self.variant, self.known, self.identity = server, variant, known, identity
        self.issuer = server.mtls.issuer
        by_certificate = "mtls" in (variant.client_auth, variant.sender)
        self.certificate = identity.certificate if by_certificate else None
        #: With mutual TLS the suite takes the aliases for all that it asks without a browser.
        self.base = server.mtls.mtls_url if by_certificate else self.issuer
        #: A browser of somebody who stays signed in.
        self.browser = Browser(server.mtls)

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
        return signed_proof(key or self.identity.dpop, proof_claims(method, self.base + path, **changes))

    async def post(
        self, path: str, form: dict[str, str], *, assertion: Mapping[str, Any] | None = GOOD,
        proof: Mapping[str, Any] | None = GOOD, show: bool = True,
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
        self,
        method: str,
        path: str,
        headers: Any = None,
        form: Any = None,
        certificate: IssuedCertificate | None = None,
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
        self, token: str, *, scheme: str = "", proof: Mapping[str, Any] | None = GOOD
    ) -> dict[str, str]:
        """The headers of a resource request."""
        scheme = scheme or ("DPoP" if self.variant.dpop else "Bearer")
        headers = {"Authorization": f"{scheme} {token}"}
        if self.variant.dpop and proof is not None:
            changed = {"ath": ath_of(token), **proof}
            headers["DPoP"] = self.proof("/userinfo", method="GET", **changed)
        return headers

    async def resource(
        self, headers: Any, certificate: IssuedCertificate | None = None, query: str = ""
    ) -> Answer:
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
