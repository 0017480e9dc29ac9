"""A real server on loopback, in this event loop, over a fresh store, with clients and an account."""

import base64
import hashlib
import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
from pydantic import SecretStr

from authrim.clients.fetched_documents import FetchContext
from authrim.clients.part import CLIENTS
from authrim.clients.records import RegistrationContext, create_client
from authrim.core.parts import Core, Parts
from authrim.crypto.passwords import Passwords
from authrim.people.accounts import create_account
from authrim.people.new_account import AccountRequest, AccountStore
from authrim.server.app import background_work, make_app
from authrim.server.serve import tls_of
from authrim.server.wiring import make_parts
from authrim.settings import Settings
from authrim.store.contract import Store
from authrim.web.call import CORE
from authrim.wire.limits import Limits
from authrim.wire.listener import start_site, unix_socket
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.person import LOGIN, PASSWORD, PERSON
from tests.support.ports import free_port
from tests.support.ready_made import CHEAP, LEAST_MEMORY

MASTER_KEY = base64.urlsafe_b64encode(b"test" * 8).rstrip(b"=").decode()


@dataclass
class KnownClient:
    """A registered client, with the secret that only its owner has."""

    client_id: str
    secret: str | None
    metadata: ClientMetadata

    @property
    def basic(self) -> dict[str, str]:
        """Its Authorization header."""
        pair = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    @property
    def redirect_uri(self) -> str:
        return self.metadata.redirect_uris[0]


@dataclass
class RunningServer:
    """The server as its clients see it, and its inside for what only an auditor may see."""

    issuer: str
    parts: Parts
    http: aiohttp.ClientSession
    subject: str
    login: str = LOGIN
    password: str = PASSWORD
    clients: dict[str, KnownClient] = field(default_factory=dict)

    @property
    def core(self) -> Core:
        """What every room of the server stands on."""
        return self.parts[CORE]

    def url(self, path: str) -> str:
        return self.issuer + path

    @property
    def fetching(self) -> FetchContext:
        """What registrations are fetched with."""
        return FetchContext(self.core.egress, self.core.private)

    async def client(self, name: str = "web", **changes: Any) -> KnownClient:
        """A client of one of the usual kinds, changed as wanted; made once for each name."""
        if name not in self.clients:
            metadata = msgspec.structs.replace(USUAL[changes.pop("kind", name)], **changes)
            created = await create_client(
                self.core.store,
                DEFAULT_TENANT,
                metadata,
                means=RegistrationContext(
                    development=True, keeper=self.parts[CLIENTS].secrets, fetching=self.fetching
                ),
            )
            assert not isinstance(created, Refusal), created.error_description
            await self.core.configuration.catch_up()
            self.clients[name] = KnownClient(created.client.client_id, created.secret, metadata)
        return self.clients[name]

    async def post(
        self, path: str, form: Any, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """A back-channel POST: status and parsed JSON (an empty object when there is no body)."""
        async with self.http.post(self.url(path), data=form, headers=headers) as response:
            return response.status, (await response.json() if await response.read() else {})


_PERSON_SCOPES = ("openid", "profile", "email", "address", "phone", "offline_access")
_ES256: dict[str, Any] = {"id_token_signed_response_alg": "ES256", "access_token_signing_alg": "ES256"}
_CODE: dict[str, Any] = {
    "redirect_uris": ("https://rp.example/cb",),
    "grant_types": ("authorization_code", "refresh_token"),
    "scope": _PERSON_SCOPES,
    **_ES256,
}
_SERVICE: dict[str, Any] = {"grant_types": ("client_credentials",), "response_types": (), **_ES256}

USUAL: dict[str, ClientMetadata] = {
    "web": ClientMetadata(
        client_name="Web", post_logout_redirect_uris=("https://rp.example/logged-out",), **_CODE
    ),
    "post": ClientMetadata(client_name="Post", token_endpoint_auth_method="client_secret_post", **_CODE),
    "spa": ClientMetadata(client_name="Single page", token_endpoint_auth_method="none", **_CODE),
    "service": ClientMetadata(
        client_name="Service",
        scope=("reports.read", "reports.write"),
        audiences=("https://api.example/",),
        default_audience="https://api.example/",
        **_SERVICE,
    ),
    "api": ClientMetadata(
        client_name="Resource server",
        protected_resources=("https://api.example/",),
        may_introspect=True,
        **_SERVICE,
    ),
}


def development_settings(port: int, **changes: Any) -> Settings:
    """Settings of a server on loopback."""
    values: dict[str, Any] = {
        "issuer": f"http://localhost:{port}",
        "development": True,
        "host": "localhost",
        "port": port,
        "master_keys": (SecretStr(MASTER_KEY),),
        "signing_algorithms": ("ES256", "RS256"),
        "encryption_algorithms": ("ECDH-ES",),
        "argon2_memory": LEAST_MEMORY,
        "argon2_time_cost": 1,
        "authorize_requests_per_minute": 100_000,
        "consent_pause": 0,
        # A test shares the event loop with its server, and may hold it for as long as it likes.
        "overload_milliseconds": 0,
    }
    return Settings(**(values | changes))


@asynccontextmanager
async def running_server(
    store: Store, trusting: ssl.SSLContext | None = None, **changes: Any
) -> AsyncIterator[RunningServer]:
    """Serve over ``store``, which is open and empty. ``trusting``: the TLS of the server's clients, when it has TLS.
    ``subject``: somebody who is there already, when the store is not empty."""
    subject = changes.pop("subject", None)
    settings = development_settings(changes.pop("port", None) or free_port(), **changes)
    parts = await make_parts(settings, store)
    core = parts[CORE]
    if subject is None:
        subject = await _first_account(store, core)
    limits = Limits()
    clients = aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(ssl=trusting or True)
    )
    tls, mtls = tls_of(settings)
    async with background_work(parts), clients as http:
        app = make_app(parts, limits)
        running = await start_site(app, "localhost", settings.port, limits=limits, tls=tls)
        if mtls is not None:
            await running.listen("localhost", settings.mtls_port, tls=mtls)
        if settings.listen_socket is not None:
            await running.listen(None, None, sock=unix_socket(settings.listen_socket))
        try:
            yield RunningServer(settings.issuer, parts, http, subject)
        finally:
            await running.stop(1)


async def _first_account(store: Store, core: Core) -> str:
    passwords = Passwords(cost=CHEAP)
    created = await create_account(
        AccountStore(store, core.private, core.master, passwords, DEFAULT_TENANT),
        AccountRequest(LOGIN, PASSWORD, PERSON),
    )
    passwords.close()
    assert not isinstance(created, Refusal), created.error_description
    return created.subject


def pkce() -> tuple[str, str]:
    """A verifier and its S256 challenge (RFC 7636 §4.2)."""
    verifier = secrets.token_urlsafe(32)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return verifier, challenge
