"""Mistakes in the configuration of a real nginx or HAProxy, found by asking the server what it saw."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from authrim.doctor.examined import Options
from authrim.store.contract import Store
from tests.doctor.examinations import at, faults, findings
from tests.support.mtls import mtls_server
from tests.support.ports import free_port
from tests.support.proxies import proxy, wait_for_proxy
from tests.support.running import RunningServer, running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

ASKED = ("database", "discovery", "running", "proxy_headers", "proxy_limits")
TRUSTED = {"trusted_proxies": (ip_network("127.0.0.1/32"),)}
SECRET = "s" * 40
CERTIFICATES = TRUSTED | {
    "client_cert_proxies": (ip_network("127.0.0.1/32"),),
    "client_cert_secret": SecretStr(SECRET),
}

_ADDS = "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"
_PASS = "proxy_pass http://127.0.0.1:{back};"


def nginx(rules: str) -> str:
    """A location with these rules, with braces doubled."""
    return f"location / {{{{ {rules} {_PASS} }}}}"


#: By the settings of the server: the rules of nginx, what is found (notes left out), and a word of the fix.
MISTAKES: dict[str, tuple[dict[str, Any], list[tuple[str, set[str], str]]]] = {
    "a server that trusts its proxy": (
        TRUSTED,
        [
            (nginx(_ADDS), set(), ""),
            (nginx("proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header Host $http_host;"), set(), ""),
            (nginx(""), {"proxy_headers.forged"}, "$proxy_add_x_forwarded_for"),
            (
                nginx('proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For "";'),
                {"proxy_headers.missing"}, "$proxy_add_x_forwarded_for",
            ),
            (nginx(_ADDS.replace("$http_host", "backend")), {"proxy_headers.host"}, "$http_host"),
            (nginx(_ADDS + 'proxy_set_header DPoP "";'), {"proxy_headers.lost"}, "DPoP"),
            (nginx(_ADDS + "client_max_body_size 8k;"), {"proxy_limits.body"}, "client_max_body_size"),
            (
                nginx(_ADDS + "proxy_buffer_size 2k; proxy_buffers 4 2k; proxy_busy_buffers_size 4k;"),
                {"proxy_limits.answer"}, "proxy_buffer_size",
            ),
            (
                "large_client_header_buffers 4 4k; " + nginx(_ADDS),
                {"proxy_limits.line", "proxy_limits.header"}, "large_client_header_buffers",
            ),
            (
                f"location /doctor {{{{ return 403; }}}} {nginx(_ADDS)}",
                {"running.does_not_tell"}, "POST /doctor",
            ),
        ],
    ),
    "a server that trusts nobody": (
        {}, [(nginx(_ADDS), {"proxy_headers.not_trusted"}, 'trusted_proxies = ["127.0.0.1"]')],
    ),
    "a server behind two proxies, by its settings": (
        TRUSTED | {"trusted_proxy_depth": 2},
        [
            (
                nginx("proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header Host $http_host;"),
                {"proxy_headers.depth"}, "trusted_proxy_depth",
            )
        ],
    ),
    "a server that takes certificates": (
        CERTIFICATES,
        [
            (nginx(_ADDS + 'proxy_set_header Client-Cert "";'), set(), ""),
            (nginx(_ADDS), {"proxy_headers.certificate_passed_on"}, "Client-Cert-Secret"),
            (
                nginx(_ADDS + f"proxy_set_header Client-Cert-Secret {SECRET};"),
                {"proxy_headers.certificate"}, "overwrite",
            ),
        ],
    ),
}  # fmt: skip


@asynccontextmanager
async def behind(store: Store, place: Path, **changes: Any) -> AsyncIterator[tuple[RunningServer, int, int]]:
    """A server whose issuer is the address of a proxy; the ports of both."""
    front, back = free_port(), free_port()
    issuer = f"http://localhost:{front}"
    async with running_server(store, port=back, issuer=issuer, **changes, **at(place)) as server:
        yield server, front, back


@pytest.mark.parametrize("kind", MISTAKES)
async def test_a_mistake_in_nginx_is_found(
    store: Store, store_place: Path, tmp_path: Path, kind: str
) -> None:
    """A225, A091: each configuration shows exactly its own mistakes, and the finding has the line that mends it."""
    changes, configurations = MISTAKES[kind]
    async with behind(store, store_place, **changes) as (server, front, back):
        settings = server.core.settings.model_copy(update=at(store_place))
        for number, (rules, wanted, word) in enumerate(configurations):
            folder = tmp_path / str(number)
            folder.mkdir()
            with proxy("nginx", folder, front, back, {"nginx": rules}):
                await wait_for_proxy(server)
                found = await findings(settings, *ASKED)
            kept = {name: one for name, one in found.items() if one.problem.severity != "note"}
            assert set(kept) == wanted, (rules, kept)
            assert all(word in one.fix for one in kept.values()), kept


async def test_haproxy_with_its_defaults(store: Store, store_place: Path, tmp_path: Path) -> None:
    """``option forwardfor`` is enough; without it all people count as one address."""
    async with behind(store, store_place, **TRUSTED) as (server, front, back):
        for number, (rules, wanted) in enumerate(
            [("    option forwardfor", set()), ("", {"proxy_headers.forged"})]
        ):
            folder = tmp_path / str(number)
            folder.mkdir()
            with proxy("haproxy", folder, front, back, {"haproxy": rules}):
                await wait_for_proxy(server)
                assert await faults(server, store_place, *ASKED) == wanted


async def test_a_port_past_the_proxy(store: Store, store_place: Path) -> None:
    """Whoever reaches the server from a trusted network without the proxy chooses an address."""
    async with running_server(store, host=("127.0.0.1",), **TRUSTED, **at(store_place)) as server:
        assert await faults(server, store_place, *ASKED) == {"proxy_headers.direct"}


async def test_an_address_for_certificates_that_is_away(store: Store, store_place: Path) -> None:
    """A225: what was found at the issuer is told all the same, and no header is called lost that has arrived."""
    away = CERTIFICATES | {"mtls_url": f"https://localhost:{free_port()}"}
    async with running_server(store, host=("127.0.0.1",), **away, **at(store_place)) as server:
        found = await faults(server, store_place, *ASKED)
    assert found == {"proxy_headers.direct", "proxy_headers.certificate_passed_on"}


@pytest.mark.parametrize("way", ["own", "nginx", "haproxy"])
async def test_certificates_of_clients_arrive(
    store: Store, store_place: Path, tmp_path: Path, way: str
) -> None:
    """RFC 8705: with the documented configurations, the server sees the certificate that the doctor shows."""
    async with mtls_server(store, tmp_path, way, **at(store_place)) as server:
        ca_file = tmp_path / "anchors.pem"
        asked = ("database", "discovery", "running", "client_certificates")
        found = await faults(server, store_place, *asked, ca_file=ca_file)
        assert found <= {"running.other_settings"}, found


@pytest.mark.parametrize("mistake", ["not_seen", "no_answer"])
async def test_certificates_of_clients_that_do_not_arrive(
    store: Store, store_place: Path, tmp_path: Path, mistake: str
) -> None:
    """The address for clients with certificates is one that asks nobody for one, or nobody is there."""
    async with mtls_server(store, tmp_path, "own", **at(store_place)) as server:
        elsewhere = server.issuer if mistake == "not_seen" else f"https://localhost:{free_port()}"
        settings = server.core.settings.model_copy(update={**at(store_place), "mtls_url": elsewhere})
        asked = ("database", "discovery", "running", "client_certificates")
        options = Options(ca_file=tmp_path / "anchors.pem")
        found = await findings(settings, *asked, options=options)
    assert f"client_certificates.{mistake}" in found, found
