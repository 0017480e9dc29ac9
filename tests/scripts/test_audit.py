"""``scripts/audit.sh`` fails whenever it could not look for known weaknesses, and not otherwise."""

import json
import os
import re
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.support import certificates

SCRIPT = Path(__file__).parents[2] / "scripts" / "audit.sh"
_WEAKNESS = {"id": "PYSEC-2000-1", "aliases": [], "fixed_in": ["999"], "summary": "Weak."}
_ASKED = re.compile(rb"GET /pypi/([^/]+)/([^/]+)/json ")

#: What the package index says of a release, by ``name==version``; None: it knows no such release.
Index = Callable[[str], dict[str, Any] | None]


def says(*weak: str) -> Index:
    """An index with advisories for these."""
    return lambda release: {"vulnerabilities": [_WEAKNESS] if release.startswith(weak) else []}


@contextmanager
def package_index(index: Index, folder: Path) -> Iterator[dict[str, str]]:
    """Stand in for pypi.org behind a proxy; the environment that leads there."""
    authority = certificates.Authority("Test authority", path_length=0)
    server = authority.issue("pypi.org", [x509.DNSName("pypi.org")], usage=certificates.SERVER_AUTH)
    (folder / "server.pem").write_text(server.key_pem() + server.pem)
    (folder / "authority.pem").write_text(certificates.pem(authority.certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "server.pem")
    with socket.create_server(("127.0.0.1", 0)) as proxy:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    call, _ = proxy.accept()
                    threading.Thread(target=_answer, args=(call, tls, index), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield {
            "HTTPS_PROXY": f"http://127.0.0.1:{proxy.getsockname()[1]}",
            "REQUESTS_CA_BUNDLE": str(folder / "authority.pem"),
        }
        proxy.shutdown(socket.SHUT_RDWR)


def _answer(call: socket.socket, tls: ssl.SSLContext, index: Index) -> None:
    """One connection through the proxy, one request."""
    with suppress(OSError), call:
        _read_head(call)
        call.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with tls.wrap_socket(call, server_side=True) as inside:
            asked = _ASKED.match(_read_head(inside))
            known = index("==".join(part.decode() for part in asked.groups())) if asked else None
            body, status = (
                (b"{}", b"404 Not Found") if known is None else (json.dumps(known).encode(), b"200 OK")
            )
            head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            inside.sendall(head % (status, len(body)) + body)


def _read_head(call: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        received = call.recv(4096)
        if not received:
            break
        head += received
    return head


def audit(folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    own = {"XDG_CACHE_HOME": str(folder / "cache"), "PIP_NO_CACHE_DIR": "1", "NO_PROXY": "", "no_proxy": ""}
    return subprocess.run(
        [SCRIPT],
        env={**os.environ, **own, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (lambda _release: None, "The advisories are not available"),
        (lambda _release: {}, "The advisories are not available"),
        (says(), "The advisories are not available"),
        (lambda release: None if release.startswith("yarl==") else says("jinja2==2.4.1")(release), "yarl"),
        (says("jinja2==2.4.1", "yarl=="), "PYSEC-2000-1"),
    ],
    ids=[
        "knows nothing",
        "a mirror without advisories",
        "empty advisories",
        "one is not known",
        "one is weak",
    ],
)
def test_it_fails_when_it_could_not_look_or_found_something(tmp_path: Path, index: Index, words: str) -> None:
    """An index that knows no advisories, or not of one requirement, is no clean bill."""
    with package_index(index, tmp_path) as environment:
        result = audit(tmp_path, environment)
    assert result.returncode != 0
    assert words in result.stdout + result.stderr


def test_it_fails_without_a_network(tmp_path: Path) -> None:
    """Nor is a network that leads nowhere."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        result = audit(tmp_path, {"HTTPS_PROXY": f"http://127.0.0.1:{nobody.getsockname()[1]}"})
    assert result.returncode != 0
    assert "The advisories are not available" in result.stderr


def test_it_succeeds_when_it_looked_and_found_nothing(tmp_path: Path) -> None:
    """When the advisories are available and none is about us, the audit passes."""
    with package_index(says("jinja2==2.4.1"), tmp_path) as environment:
        result = audit(tmp_path, environment)
    assert result.returncode == 0, result.stderr
    assert "No known vulnerabilities found" in result.stderr
