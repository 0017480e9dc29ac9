"""Each secret can come from a file, from a credential of systemd, or from the environment."""

import secrets
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from authrim.core.signing_keys import token_of
from authrim.crypto.pkcs11_access import NoPkcs11
from authrim.settings import BadSettings, Settings, load
from authrim.settings.secret_files import CREDENTIALS, SECRET_FILES

KEY = secrets.token_urlsafe(32)
VALUES = {
    "master_keys": KEY,
    "next_master_key": secrets.token_urlsafe(32),
    "database": "postgresql://authrim:canary@db/authrim",
    "database_listen": "postgresql://authrim:canary@db/authrim",
    "database_replica": "postgresql://authrim:canary@standby/authrim",
    "client_cert_secret": "canary" * 8,
    "pkcs11_pin": "canary-5678",
    "trace_export_authorization": "Bearer canary",
}


def value_of(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    (secret,) = value if isinstance(value, tuple) else (value,)
    assert isinstance(secret, SecretStr)
    return secret.get_secret_value()


def test_every_secret_has_a_file_setting() -> None:
    """A setting that holds a secret is one of those that can come from a file."""
    secret = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field)}
    assert secret == SECRET_FILES.keys() == VALUES.keys()
    assert set(SECRET_FILES.values()) <= Settings.model_fields.keys()


@pytest.fixture
def others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHRIM_ISSUER", "https://login.example.com")
    monkeypatch.setenv("AUTHRIM_PKCS11_MODULE", "/usr/lib/hsm.so")
    monkeypatch.setenv("AUTHRIM_PKCS11_TOKEN", "hsm")
    monkeypatch.setenv("AUTHRIM_PKCS11_PIN", "1234")
    monkeypatch.setenv("AUTHRIM_TRACE_EXPORT", "https://collector.example/v1/traces")
    monkeypatch.setenv("AUTHRIM_CLIENT_CERT_PROXIES", "10.0.0.0/8")
    monkeypatch.setenv("AUTHRIM_CLIENT_CERT_SECRET", "x" * 32)
    monkeypatch.setenv("AUTHRIM_MASTER_KEYS", secrets.token_urlsafe(32))


@pytest.mark.usefixtures("others")
@pytest.mark.parametrize("name", VALUES)
def test_three_ways(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A227: the environment, a file that a setting names, and a credential give the same; two at once are refused, and
    no message repeats the value."""
    if name == "database_replica":  # SQLite has none
        monkeypatch.setenv("AUTHRIM_DATABASE", VALUES["database"])
    variable, file = f"AUTHRIM_{name.upper()}", tmp_path / f"authrim.{name}"
    monkeypatch.setenv(variable, VALUES[name])
    assert value_of(load(), name) == VALUES[name]
    file.write_text(VALUES[name] + "\n")
    monkeypatch.setenv(f"AUTHRIM_{SECRET_FILES[name].upper()}", str(file))
    refused(f"{SECRET_FILES[name]}: is set beside {variable}: {name}: remove one of the two", VALUES[name])
    monkeypatch.delenv(variable)
    assert value_of(load(), name) == VALUES[name]
    monkeypatch.setenv(CREDENTIALS, str(tmp_path))
    refused(f"{SECRET_FILES[name]}: is set beside the credential authrim.{name}: remove", VALUES[name])
    monkeypatch.delenv(f"AUTHRIM_{SECRET_FILES[name].upper()}")
    assert value_of(load(), name) == VALUES[name]
    file.write_bytes(b"\xff\xfe")
    refused(f"the credential authrim.{name}: the file must hold", VALUES[name])
    monkeypatch.delenv(CREDENTIALS)
    monkeypatch.setenv(f"AUTHRIM_{SECRET_FILES[name].upper()}", str(tmp_path / "absent"))
    refused("the file cannot be read: No such file or directory", VALUES[name])


def refused(expected: str, never: str) -> None:
    with pytest.raises(BadSettings) as bad:
        load()
    assert expected in str(bad.value)
    assert never not in str(bad.value)


@pytest.mark.usefixtures("others")
def test_the_command_line_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that a command names is used, whatever file there is for another one."""
    file = tmp_path / "database"
    file.write_text("other.db")
    monkeypatch.setenv("AUTHRIM_DATABASE_FILE", str(file))
    assert value_of(load(overrides={"database": "this.db"}), "database") == "this.db"
    assert value_of(load(), "database") == "other.db"


@pytest.mark.usefixtures("others")
def test_a_token_needs_all_three(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server with half of a token's settings does not start, and make keys elsewhere."""
    monkeypatch.delenv("AUTHRIM_PKCS11_PIN")
    refused("pkcs11_module: is set without pkcs11_pin: set all three, or none", "1234")


@pytest.mark.usefixtures("others")
def test_a_token_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the optional package the message says how to install it."""
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    monkeypatch.delitem(sys.modules, "authrim.crypto._pkcs11_sessions", raising=False)
    with pytest.raises(NoPkcs11, match=r"pip install 'authrim\[pkcs11\]'"):
        token_of(load())
