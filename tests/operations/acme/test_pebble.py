"""The server's certificate by ACME, from Pebble: the authority that Let's Encrypt tests clients of RFC 8555 with."""

import asyncio
import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import requests
from cryptography import x509

from authrim.store.sqlite.schema import migrate_sqlite
from tests.support.command_line import CommandLine
from tests.support.https_site import Authority
from tests.support.patience import LATER, PATIENCE
from tests.support.ports import free_port
from tests.support.processes import started, wait_until
from tests.support.running import MASTER_KEY

pytestmark = pytest.mark.operations

NAME = "login.example.com"
#: Seconds. A third of it before its end, it is renewed.
LIFE = 150


class Pebble(NamedTuple):
    """A running authority: its directory, the file of who certifies that address, its root, and the port that it
    expects answers at."""

    directory: str
    ca_file: Path
    root: Path
    http_port: int


@pytest.fixture
def pebble(tmp_path: Path) -> Iterator[Pebble]:
    assert shutil.which("pebble"), "Pebble is missing: scripts/system-packages.sh --for acme"
    listen, manage, dns, http_port = (free_port() for _ in range(4))
    config = tmp_path / "pebble.json"
    authority = Authority(tmp_path)
    server = tmp_path / "server.pem"  # key and certificate
    config.write_text(
        json.dumps(
            {
                "pebble": {
                    "listenAddress": f"127.0.0.1:{listen}", "managementListenAddress": f"127.0.0.1:{manage}",
                    "certificate": str(server), "privateKey": str(server), "httpPort": http_port, "tlsPort": 1,
                    "certificateValidityPeriod": LIFE,
                }
            }
        )
    )  # fmt: skip
    names = (
        "pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", f"127.0.0.1:{dns}",
        "-http01", "", "-https01", "", "-tlsalpn01", "", "-management", f"127.0.0.1:{free_port()}",
    )  # fmt: skip
    with _running(*names), _running("pebble", "-config", str(config), "-dnsserver", f"127.0.0.1:{dns}"):
        root = tmp_path / "root.pem"

        def has_root() -> bool:
            with suppress(requests.ConnectionError):
                address = f"https://localhost:{manage}/roots/0"
                root.write_text(requests.get(address, verify=str(authority.ca_file), timeout=PATIENCE).text)
                return True
            return False

        wait_until(has_root)
        yield Pebble(f"https://localhost:{listen}/dir", authority.ca_file, root, http_port)


@contextmanager
def _running(*command: str) -> Iterator[None]:
    # A nonce in ten is refused, as RFC 8555 §6.5 allows: the client asks again. Each order is proved for itself.
    environment = os.environ | {
        "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "10", "PEBBLE_AUTHZREUSE": "0",
    }  # fmt: skip
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


async def test_a_certificate_is_obtained_and_renewed_in_place(pebble: Pebble, tmp_path: Path) -> None:
    """A314, A315: a server without a certificate obtains one before it answers, renews it while it runs, and new
    connections get the new one without a restart; keys can be read by nobody else. Where the authority gets no answer,
    the command says why and the certificate stays."""
    port = free_port()
    environment = _environment(pebble, tmp_path, port)
    migrate_sqlite(tmp_path / "authrim.db")
    with started("serve", environment=environment) as server:
        try:
            first = await _served(pebble, port)
        except TimeoutError as failed:
            server.kill()
            raise AssertionError(server.communicate()) from failed
        assert first.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value.get_values_for_type(x509.DNSName) == [NAME]
        for name in ("server.key", "acme-account.pem"):
            assert (tmp_path / "tls" / name).stat().st_mode & 0o777 == 0o600
        _refused(environment)
        assert await _served(pebble, port) == first
        try:
            second = await _another(pebble, port, first)
        except Exception as failed:
            server.kill()
            raise AssertionError(server.communicate()) from failed
        assert second.public_key() == first.public_key()
        assert server.poll() is None
    shown = CommandLine(environment).json("certificate", "show")
    assert shown["names"] == [NAME]


async def _another(pebble: Pebble, port: int, first: x509.Certificate) -> x509.Certificate:
    """The certificate after the first one. Connections are made all the time, and each gets one that is good."""
    while True:
        served = await _served(pebble, port)
        if served != first:
            return served
        await asyncio.sleep(1)


def _refused(environment: dict[str, str]) -> None:
    """The authority finds nobody at its port, because we listen at another one."""
    elsewhere = environment | {"AUTHRIM_ACME_HTTP_PORT": str(free_port())}
    said = CommandLine(elsewhere).run("certificate", "renew", "--now", status=1).stderr
    assert NAME in said
    assert "urn:ietf:params:acme:error:connection" in said
    assert "its port 80 to port" in said


def _environment(pebble: Pebble, folder: Path, port: int) -> dict[str, str]:
    return {
        "AUTHRIM_ISSUER": f"https://{NAME}:{port}", "AUTHRIM_HOST": "127.0.0.1", "AUTHRIM_PORT": str(port),
        "AUTHRIM_DATABASE": str(folder / "authrim.db"), "AUTHRIM_MASTER_KEYS": MASTER_KEY,
        "AUTHRIM_TLS_CERTIFICATE": str(folder / "tls" / "server.pem"),
        "AUTHRIM_TLS_KEY": str(folder / "tls" / "server.key"), "AUTHRIM_ACME_DIRECTORY": pebble.directory,
        "AUTHRIM_ACME_CONTACT": "admin@example.com", "AUTHRIM_ACME_CA_FILE": str(pebble.ca_file),
        "AUTHRIM_ACME_HTTP_PORT": str(pebble.http_port), "AUTHRIM_SIGNING_ALGORITHMS": "ES256",
    }  # fmt: skip


async def _served(pebble: Pebble, port: int) -> x509.Certificate:
    """The certificate that a new connection gets, once the server answers. It must be good."""
    context = ssl.create_default_context(cafile=str(pebble.root))
    async with asyncio.timeout(LATER):
        while True:
            with suppress(ConnectionRefusedError):
                return await asyncio.to_thread(_handshake, context, port)
            await asyncio.sleep(0.2)


def _handshake(context: ssl.SSLContext, port: int) -> x509.Certificate:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=NAME) as tls,
    ):
        shown = tls.getpeercert(binary_form=True)
        assert shown is not None
        return x509.load_der_x509_certificate(shown)
