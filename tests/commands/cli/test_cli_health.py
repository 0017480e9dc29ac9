"""``authrim health`` asks the server of the settings, or one at an address, how it is."""

import asyncio
import resource
from pathlib import Path

import pytest
from cryptography import x509

from authrim.core import readiness
from authrim.store.sqlite.store import SQLiteStore
from tests.support import certificates
from tests.support.command_line import CommandLine
from tests.support.https_site import serving_site
from tests.support.ports import free_port
from tests.support.running import RunningServer, running_server


async def asked(settings: dict[str, str], *options: str, status: int = 0) -> str:
    """The last line that the command prints, run beside the server, whose log lines come before it."""
    needed = {"AUTHRIM_ISSUER": "https://login.example.com", "AUTHRIM_MASTER_KEYS": "A" * 43}
    command_line = CommandLine(needed | settings)
    result = await asyncio.to_thread(command_line.run, "health", *options, status=status)
    return (result.stdout if status == 0 else result.stderr).splitlines()[-1]


async def test_a_server_of_this_machine_is_asked(server: RunningServer, tmp_path: Path) -> None:
    """The port comes from the settings, also from the file that AUTHRIM_CONFIG_FILE names."""
    port = server.issuer.rpartition(":")[2]
    assert await asked({"AUTHRIM_PORT": port}) == "ready"
    assert await asked({"AUTHRIM_PORT": port, "AUTHRIM_HOST": "::"}, "--live") == "live"
    file = tmp_path / "authrim.toml"
    file.write_text(f"port = {port}\n")
    assert '"status": "ready"' in await asked({"AUTHRIM_CONFIG_FILE": str(file)}, "--json")


async def test_a_server_elsewhere_is_asked(server: RunningServer) -> None:
    """With --url no setting is read."""
    assert await asked({"AUTHRIM_PORT": "nonsense"}, "--url", server.issuer) == "ready"
    assert "begins with http" in await asked({}, "--url", "localhost:8080", status=2)


async def test_an_issuer_with_a_path(store: SQLiteStore) -> None:
    """Everything is below the path of the issuer, and so is its health; --url names the issuer as well."""
    port = free_port()
    issuer = f"http://localhost:{port}/tenant"
    async with running_server(store, port=port, issuer=issuer):
        settings = {"AUTHRIM_ISSUER": issuer, "AUTHRIM_DEVELOPMENT": "true", "AUTHRIM_PORT": str(port)}
        assert await asked(settings) == "ready"
        assert await asked(settings, "--live") == "live"
        assert await asked({}, "--url", f"{issuer}/") == "ready"


async def test_another_program_that_answers() -> None:
    """What is no answer of the server is told in words, also JSON that is no object."""
    async with serving_site(None) as site:
        site.serve("/health/ready", b"[]")
        assert "no JSON object" in await asked({}, "--url", site.url(""), status=1)


async def test_a_server_that_is_not_ready_is_a_failure(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F11: with the reason that the server gives; that it lives is another question."""
    monkeypatch.setattr(readiness, "WRITE_SECONDS", 0.0)
    port = {"AUTHRIM_PORT": server.issuer.rpartition(":")[2]}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # Python ignores the signal that comes with it
    try:
        assert "the server is not ready: store_cannot_write" in await asked(port, status=1)
        assert await asked(port, "--live") == "live"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_no_server_is_a_failure() -> None:
    """The place that gave no answer is named."""
    port = str(free_port())
    assert f"no answer from 127.0.0.1, port {port}" in await asked({"AUTHRIM_PORT": port}, status=1)


async def test_a_server_with_tls_of_its_own_is_asked(store: SQLiteStore, tmp_path: Path) -> None:
    """Its certificate is for its public name and not verified on this machine, but with --url it is."""
    port = free_port()
    names = [x509.DNSName("login.example.com")]
    issued = certificates.Authority(path_length=0).issue("login", names, usage=certificates.SERVER_AUTH)
    certificate, key = issued.write(tmp_path, "server")
    settings = {"issuer": f"https://localhost:{port}", "tls_certificate": certificate, "tls_key": key}
    async with running_server(store, port=port, **settings):
        spelled = {f"AUTHRIM_{name.upper()}": str(value) for name, value in settings.items()}
        assert await asked({**spelled, "AUTHRIM_PORT": str(port)}) == "ready"
        assert "no answer" in await asked({}, "--url", f"https://localhost:{port}", status=1)
