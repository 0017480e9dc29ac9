"""Mistakes in the settings: what they say together, and whom and what they name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import SecretStr

from authrim.crypto.signed_note import COSIGNATURE, NoteKey
from authrim.doctor.examined import Options
from tests.doctor.examinations import findings, settings_at
from tests.support.certificates import Authority, self_signed
from tests.support.ports import free_port
from tests.support.running import MASTER_KEY


def secret_file(folder: Path, mode: int) -> Path:
    """A file with a master key."""
    file = folder / "master.key"
    file.write_text(MASTER_KEY)
    file.chmod(mode)
    return file


def keyed(folder: Path, mode: int) -> dict[str, Any]:
    """The same as settings."""
    return {"master_keys": (SecretStr(MASTER_KEY),), "master_key_file": secret_file(folder, mode)}


def text_file(folder: Path) -> Path:
    """A file with something else in it."""
    file = folder / "something.else"
    file.write_text("hello")
    return file


def strange_key(folder: Path) -> dict[str, Any]:
    """A certificate, and the key of another one."""
    certificate, _ = Authority().server().write(folder, "one")
    _, key = self_signed().write(folder, "two")
    key.chmod(0o600)
    return {"tls_certificate": certificate, "tls_key": key}


#: A mistake in the settings, the check that looks, what it finds, and a word of the fix.
MISTAKES: dict[str, tuple[Callable[[Path], dict[str, Any]], str, str, str]] = {
    "a feature that is none": (
        lambda _: {"features_on": ("telepathy",)}, "settings", "settings.unknown_feature", "features_on",
    ),
    "plain HTTP for everybody": (lambda _: {"host": ("0.0.0.0",)}, "settings", "settings.plain_http", "host"),
    "a key that everybody reads": (lambda f: keyed(f, 0o644), "files", "files.open_to_all", "chmod 600"),
    "authorities that are none": (
        lambda f: {"tls_client_anchors": text_file(f)}, "files", "files.content", "Correct the file",
    ),
    "attesters that are none": (
        lambda f: {"client_attesters": text_file(f)}, "files", "files.content", "Correct the file",
    ),
    "a server that does not run": (lambda _: {"port": free_port()}, "listener", "listener.port", "journalctl"),
    "a socket where nobody is": (
        lambda f: {"listen_socket": f / "authrim.sock"}, "listener", "listener.socket", "user of the proxy",
    ),
    "metrics for everybody": (
        lambda _: {"metrics_listen": "0.0.0.0:9464"}, "settings", "settings.metrics_open", "Prometheus",
    ),
    "a collector that is away": (
        lambda _: {"trace_export": f"http://127.0.0.1:{free_port()}/v1/traces"},
        "outgoing", "outgoing.collector", "trace_export",
    ),
    "a file that is not there": (
        lambda f: {"tls_client_anchors": f / "none.pem"}, "files", "files.unreadable", "as that user",
    ),
    "the key of another certificate": (strange_key, "files", "files.tls_unusable", "tls_key"),
    "a folder that is not there": (
        lambda f: {"report_directory": f / "reports"}, "files", "files.cannot_write", "Make the folder",
    ),
    "a syslog receiver that is away": (
        lambda _: {"siem_syslog": f"127.0.0.1:{free_port()}"}, "outgoing", "outgoing.syslog", "siem_syslog",
    ),
    "a witness with a broken key": (
        lambda _: {"witnesses": ("w+1+x https://witness.example",)}, "outgoing", "outgoing.witness_key", "Copy",
    ),
    "a witness that is away": (
        lambda _: {
            "witnesses": (f"{WITNESS} https://127.0.0.1:{free_port()}",), "egress_allow": ("127.0.0.1",),
        },
        "outgoing", "outgoing.witness", "firewall",
    ),
    "a host without an address": (
        lambda _: {"issuer": "https://nobody.invalid"}, "dns", "dns.no_address", "AAAA",
    ),
    "a port where nobody listens": (
        lambda _: {"issuer": f"https://localhost:{free_port()}"}, "dns", "dns.silent", "firewall",
    ),
    "a host that is this machine": (
        lambda _: {"issuer": "https://localhost"}, "dns", "dns.loopback", "/etc/hosts",
    ),
    "an issuer without TLS": (
        lambda _: {"issuer": f"https://localhost:{free_port()}"}, "certificate", "certificate.no_tls", "TLS",
    ),
    "nobody at the issuer": (
        lambda _: {"issuer": f"https://localhost:{free_port()}"}, "discovery", "discovery.no_answer", "Start",
    ),
}  # fmt: skip
WITNESS = NoteKey(
    "witness.example", COSIGNATURE, Ed25519PrivateKey.generate().public_key().public_bytes_raw()
).encoded()


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_mistake_in_the_settings_is_found(tmp_path: Path, mistake: str) -> None:
    """Each is found, and the finding says how it is mended."""
    make, check, wanted, word = MISTAKES[mistake]
    found = await findings(settings_at(tmp_path / "none.db", **make(tmp_path)), check)
    assert wanted in found, found
    assert word in found[wanted].fix


async def test_an_address_that_dns_does_not_have(tmp_path: Path) -> None:
    """Before the records are changed, ``--address`` asks the new machine, and the doctor says that DNS has another."""
    settings = settings_at(tmp_path / "none.db", issuer=f"https://localhost:{free_port()}")
    found = await findings(settings, "dns", options=Options(address="127.0.0.9"))
    assert "127.0.0.1" in found["dns.elsewhere"].detail
    assert found["dns.silent"].detail.startswith("127.0.0.9 port ")


async def test_secrets_are_not_told(tmp_path: Path) -> None:
    """No finding quotes a secret of the settings."""
    secret = {"client_cert_secret": SecretStr("s" * 32), "listen_socket": tmp_path / "s"}
    settings = settings_at(tmp_path / "none.db", **keyed(tmp_path, 0o644), **secret)
    found = await findings(settings, "settings", "files", "disk", "database")
    assert MASTER_KEY not in str(found)
    assert "s" * 32 not in str(found)
