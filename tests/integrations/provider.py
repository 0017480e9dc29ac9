"""Authrim as an operator runs it: ``authrim serve`` on a file, administered by the command line."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from cryptography import x509

from tests.support import certificates
from tests.support.command_line import CommandLine
from tests.support.patience import PATIENCE
from tests.support.person import LOGIN, PASSWORD, PERSON
from tests.support.ports import free_port
from tests.support.processes import wait_until
from tests.support.ready_authrim import started

GROUPS = ["engineering", "on-call"]


def assert_is_alice(person: dict[str, Any]) -> None:
    """The application knows her by name, email address and groups."""
    assert person["name"] == PERSON["name"], person
    assert person["email"] == PERSON["email"], person
    assert person["groups"] == GROUPS, person


ROTATED = "grant.refresh_token_rotated.v1"


class Client:
    """A client that ``client create --for`` made, with what it printed."""

    def __init__(self, created: dict[str, Any]) -> None:
        self.client_id: str = created["client_id"]
        self.secret: str = created.get("client_secret", "")
        self.fields = created
        self._snippets: list[dict[str, str]] = created["recipe"]["snippets"]

    def text(self, file: str) -> str:
        """The text to paste into a file of the product."""
        (text,) = (one["text"] for one in self._snippets if one["file"] == file)
        return text

    @property
    def files(self) -> list[str]:
        """The files of the product that it has a text for."""
        return [one["file"] for one in self._snippets if one["file"]]

    def write(self, folder: Path, *files: str) -> None:
        """Paste the texts into the files of a product."""
        for file in files:
            place = folder / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(self.text(file))


class Provider:
    """The running server, with one account in two groups."""

    def __init__(self, issuer: str, config: Path, authority: Path | None = None) -> None:
        self.issuer = issuer
        #: The file that its certificate is verified with, when it has TLS.
        self.authority = authority
        self._config = config

    def command(self, *arguments: str, stdin: str | None = None) -> Any:
        """What ``authrim --json`` answers."""
        return CommandLine({}).json("--config", str(self._config), *arguments, stdin=stdin)

    def refreshes(self) -> int:
        """How often a client has used a refresh token so far."""
        search = ("--json", "--config", str(self._config), "audit", "search", "--type", ROTATED)
        return len(CommandLine({}).run(*search).stdout.splitlines())

    def client(self, product: str, url: str | None = None, *options: str) -> Client:
        """A client by its recipe."""
        address = ("--url", url) if url else ()
        return Client(self.command("client", "create", "--for", product, *address, *options))

    def answers(self) -> bool:
        """Whether it is ready."""
        verify = str(self.authority) if self.authority else True
        try:
            return requests.get(f"{self.issuer}/health/ready", timeout=PATIENCE, verify=verify).ok
        except requests.ConnectionError:
            return False

    def end_sessions(self) -> None:
        """Log the person out everywhere, as an administrator does."""
        self.command("account", "end-sessions", LOGIN)


@contextmanager
def running_provider(folder: Path, *, tls: bool = False) -> Iterator[Provider]:
    """A server on loopback that may reach loopback, until the block ends."""
    port = free_port()
    issuer = f"{'https' if tls else 'http'}://localhost:{port}"
    config = folder / "authrim.toml"
    settings = {
        "issuer": issuer,
        "development": True,
        "host": "localhost",
        "port": port,
        "database": str(folder / "authrim.db"),
        "master_keys": [secrets.token_urlsafe(32)],
        "signing_algorithms": ["ES256", "RS256"],
        "egress_allow": ["localhost", "127.0.0.1"],
        "registration": "open",
        "registration_scope": ["mcp.use", "offline_access"],
        "consent_pause": 0,
        "argon2_memory": 8192,
        "argon2_time_cost": 1,
    }
    authority = _certificates(folder, settings) if tls else None
    config.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
    provider = Provider(issuer, config, authority)
    provider.command("migrate")
    provider.command("account", "create", LOGIN, "--password-stdin", stdin=PASSWORD)
    provider.command("account", "set-claims", LOGIN, "-", stdin=json.dumps(PERSON))
    provider.command("account", "set-groups", LOGIN, *GROUPS)
    with started("serve", "--config", str(config)):
        wait_until(provider.answers)
        yield provider


def _certificates(folder: Path, settings: dict[str, Any]) -> Path:
    """Give the server a certificate; the file of the authority that issued it."""
    authority = certificates.Authority(path_length=0)
    names = [x509.DNSName("localhost")]
    issued = authority.issue("localhost", names, usage=certificates.SERVER_AUTH)
    certificate, key = issued.write(folder, "server")
    settings |= {"tls_certificate": str(certificate), "tls_key": str(key)}
    file = folder / "authority.pem"
    file.write_text(certificates.pem(authority.certificate))
    return file
