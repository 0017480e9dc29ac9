"""A server that is asked with client certificates: by its own TLS, and behind a real nginx or HAProxy.

The proxies run with the very configurations that docs/operations/running.md shows.
"""

import os
import re
import secrets
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp

from authrim.store.contract import Store
from tests.support.certificates import Authority, IssuedCertificate, pem
from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.running import KnownClient, RunningServer, running_server

DOCUMENTED = Path(__file__).parents[2] / "docs" / "operations" / "running.md"

ROOT = Authority()
SERVER = ROOT.server()

#: The ways in: how the certificate of a client gets to the server.
WAYS = ("own", "nginx", "nginx-socket", "haproxy", "haproxy-socket")


class MtlsServer(RunningServer):
    """A server with an address where clients show certificates."""

    folder: Path
    mtls_url: str

    async def show(
        self, certificate: IssuedCertificate | None, path: str, form: Any = None, headers: dict[str, str] | None = None,
        method: str = "POST",
    ) -> tuple[int, dict[str, Any], Any]:  # fmt: skip
        """One request on a connection with this certificate: status, JSON, headers."""
        context = client_tls(self.folder, certificate)
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as http,
            http.request(method, self.mtls_url + path, data=form, headers=headers) as answer,
        ):
            body = await answer.read()
            return answer.status, (await answer.json() if body else {}), answer.headers

    async def token(
        self, client: KnownClient, certificate: IssuedCertificate | None, **form: str
    ) -> tuple[int, dict[str, Any]]:
        """A token request of a client that shows ``certificate``; client credentials unless it says otherwise."""
        asked = {"grant_type": "client_credentials", "client_id": client.client_id} | form
        status, answer, _ = await self.show(certificate, "/token", asked)
        return status, answer


def client_tls(folder: Path, certificate: IssuedCertificate | None) -> ssl.SSLContext:
    """TLS of a client that trusts the server, and shows ``certificate`` when it is asked."""
    context = ssl.create_default_context(cadata=pem(ROOT.certificate))
    if certificate is not None:
        context.load_cert_chain(*certificate.write(folder, f"client-{secrets.token_hex(4)}"))
    return context


@asynccontextmanager
async def mtls_server(
    store: Store, folder: Path, way: str = "own", **changes: Any
) -> AsyncIterator[MtlsServer]:
    """Serve over ``store``; certificates come in by ``way``, and those of ``ROOT`` are trusted."""
    port, second = free_port(), free_port()
    anchors = folder / "anchors.pem"
    anchors.write_text(pem(ROOT.certificate))
    certificate, key = SERVER.write(folder, "server")
    mtls_url = f"https://localhost:{second}"
    settings: dict[str, Any] = {"port": port, "mtls_url": mtls_url, "tls_client_anchors": anchors}
    if way == "own":
        settings |= {"issuer": f"https://localhost:{port}", "development": False, "mtls_port": second}
        settings |= {"tls_certificate": certificate, "tls_key": key}
    elif way.endswith("-socket"):
        settings |= {"listen_socket": folder / "authrim.sock", "client_cert_secret": SECRET}
    else:
        settings |= {"client_cert_proxies": ("127.0.0.0/8", "::1/128"), "client_cert_secret": SECRET}
    async with running_server(store, client_tls(folder, None), **(settings | changes)) as server:
        shown = MtlsServer(server.issuer, server.parts, server.http, server.subject)
        shown.folder, shown.mtls_url = folder, mtls_url
        if way == "own":
            yield shown
            return
        with proxy(way, folder, port, second):
            yield shown


SECRET = "an-example-of-a-secret-for-the-proxy"


@contextmanager
def proxy(way: str, folder: Path, port: int, second: int) -> Iterator[None]:
    """A real proxy on ``second`` in front of the server, until the block ends."""
    kind, _, by_socket = way.partition("-")
    (folder / "server.pem").write_text(SERVER.chain_pem() + SERVER.key_pem())
    text = documented(kind)
    backend = {"nginx": "http://127.0.0.1:8080", "haproxy": "127.0.0.1:8080"}[kind]
    socket = {"nginx": "http://unix:{}:", "haproxy": "unix@{}"}[kind].format(folder / "authrim.sock")
    text = text.replace(backend, socket if by_socket else backend.replace("8080", str(port)))
    text = text.replace("8444", f"127.0.0.1:{second}" if kind == "nginx" else str(second))
    text = text.replace("/etc/authrim/", f"{folder}/")
    file = folder / f"{kind}.conf"
    if kind == "nginx":
        user = "user root;" if os.geteuid() == 0 else ""  # its workers have to reach the socket
        file.write_text(_NGINX.format(folder=folder, server=text, user=user))
        command = ["nginx", "-p", str(folder), "-c", str(file), "-e", str(folder / "nginx.log")]
    else:
        file.write_text(_HAPROXY + text)
        command = ["haproxy", "-db", "-f", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        _wait_for(process, second)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def documented(kind: str) -> str:
    """The configuration of a proxy as the documentation has it."""
    blocks: list[str] = re.findall(
        rf"^```{kind}\n(.*?)^```$", DOCUMENTED.read_text(), re.MULTILINE | re.DOTALL
    )
    [block] = blocks
    return block


def _wait_for(process: subprocess.Popen[str], port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(process.communicate()[0])
        try:
            ssl.get_server_certificate(("127.0.0.1", port), timeout=1)
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the proxy does not answer")


#: What a distribution's own nginx.conf would say, for one test.
_NGINX = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/nginx-body;
    proxy_temp_path {folder}/nginx-proxy;
    fastcgi_temp_path {folder}/nginx-fastcgi;
    uwsgi_temp_path {folder}/nginx-uwsgi;
    scgi_temp_path {folder}/nginx-scgi;
{server}
}}
"""
_HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
"""
