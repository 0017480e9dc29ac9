"""A091, A225: what comes by the Unix socket is believed for nothing but what a setting says."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from authrim.store.contract import Store
from tests.attacks.test_mtls import HEADER, PKI, PROVED
from tests.support.certificates import pem
from tests.support.mtls import ROOT, SECRET
from tests.support.running import RunningServer, pkce, running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


@asynccontextmanager
async def by_socket(
    store: Store, folder: Path, **changes: Any
) -> AsyncIterator[tuple[RunningServer, aiohttp.ClientSession]]:
    """A server with a Unix socket, and a client that comes by it, as through a proxy that passes all on."""
    anchors, path = folder / "anchors.pem", folder / "authrim.sock"
    anchors.write_text(pem(ROOT.certificate))
    async with running_server(store, listen_socket=path, tls_client_anchors=anchors, **changes) as server:
        connector = aiohttp.UnixConnector(path=str(path))
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:
            yield server, http


async def token_status(server: RunningServer, http: aiohttp.ClientSession, headers: dict[str, str]) -> int:
    """What a certificate client gets by the socket with these headers."""
    client = await server.client("pki", kind="service", **PKI)
    form = {"grant_type": "client_credentials", "client_id": client.client_id}
    async with http.post(server.url("/token"), data=form, headers=headers) as answer:
        return answer.status


async def test_the_socket_alone_offers_no_certificates(store: Store, tmp_path: Path) -> None:
    """A091: ``listen_socket`` without a secret opens no way for certificates, so the metadata offers none."""
    async with (
        by_socket(store, tmp_path) as (server, http),
        http.get(server.url("/.well-known/openid-configuration")) as answer,
    ):
        document = await answer.json()
    assert "tls_client_auth" not in document["token_endpoint_auth_methods_supported"]
    assert "tls_client_certificate_bound_access_tokens" not in document


async def test_the_socket_asks_for_the_secret(store: Store, tmp_path: Path) -> None:
    """A091: ``Client-Cert`` by the socket counts with the secret alone; a socket is no network, nor a network a
    socket."""
    async with by_socket(store, tmp_path, client_cert_secret=SECRET) as (server, http):
        assert await token_status(server, http, HEADER) == 401
        assert await token_status(server, http, HEADER | {"Client-Cert-Secret": SECRET[:-1] + "x"}) == 401
        assert await token_status(server, http, HEADER | PROVED) == 200
        assert (
            await token_status(server, server.http, HEADER | PROVED) == 401
        )  # by the port, from no known network


@pytest.mark.parametrize(("trusted", "expected"), [(False, 429), (True, 303)])
async def test_forwarded_addresses_by_the_socket(
    store: Store, tmp_path: Path, trusted: bool, expected: int
) -> None:
    """A225: a new ``X-Forwarded-For`` in each request gets around no limit, unless a setting trusts it."""
    changes: dict[str, Any] = {"authorize_requests_per_minute": 2}
    changes |= {"trusted_proxy_socket": True} if trusted else {}
    async with by_socket(store, tmp_path, **changes) as (server, http):
        web = await server.client("web")
        statuses = []
        for n in range(3):
            url = server.url("/authorize")
            query = {"client_id": web.client_id, "response_type": "code", "redirect_uri": web.redirect_uri}
            query |= {"scope": "openid", "code_challenge": pkce()[1], "code_challenge_method": "S256"}
            headers = {"X-Forwarded-For": f"198.51.100.{n}"}
            async with http.get(url, params=query, headers=headers, allow_redirects=False) as answer:
                statuses.append(answer.status)
        assert statuses[-1] == expected, statuses
