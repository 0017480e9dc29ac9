"""``authrim certificate``: the certificate that comes by ACME, as an operator sees it."""

from pathlib import Path

import pytest
from cryptography import x509

from tests.support import certificates
from tests.support.command_line import CommandLine
from tests.support.running import MASTER_KEY

NAME = "login.example.com"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings with an authority that nobody is."""
    file = tmp_path / "authrim.toml"
    file.write_text(
        f'issuer = "https://{NAME}"\nmaster_keys = ["{MASTER_KEY}"]\ndatabase = "{tmp_path / "authrim.db"}"\n'
        f'tls_certificate = "{tmp_path / "server.pem"}"\ntls_key = "{tmp_path / "server.key"}"\n'
        'acme_directory = "https://localhost:1/directory"\n'
    )
    return file


def _issue(folder: Path, names: list[x509.GeneralName]) -> None:
    valid = (-certificates.DAY, 89 * certificates.DAY)
    issued = certificates.Authority("Some authority", path_length=0).issue(
        NAME, names, usage=certificates.SERVER_AUTH, valid=valid
    )
    (folder / "server.pem").write_text(issued.chain_pem())
    (folder / "server.key").write_text(issued.key_pem())


def test_show_and_renew(config: Path, tmp_path: Path) -> None:
    """What there is is shown, and one that is not due is not ordered; ``--now`` asks the authority, and says why it got
    nothing."""
    authrim = CommandLine({})
    assert (
        "authrim certificate renew"
        in authrim.run("certificate", "show", "--config", str(config), status=1).stderr
    )
    _issue(tmp_path, [x509.DNSName(NAME)])
    shown = authrim.json("certificate", "show", "--config", str(config))
    assert (shown["names"], shown["issuer"]) == ([NAME], "CN=Some authority")
    assert authrim.json("certificate", "renew", "--config", str(config)) == {"renewed": False, **shown}
    said = authrim.run("certificate", "renew", "--now", "--config", str(config), status=1).stderr
    assert "No certificate was obtained: acme_directory" in said


def test_a_certificate_without_names(config: Path, tmp_path: Path) -> None:
    """One that was put there by hand, and is for no host, is shown too."""
    _issue(tmp_path, [])
    assert CommandLine({}).json("certificate", "show", "--config", str(config))["names"] == []


def test_without_acme(tmp_path: Path) -> None:
    """Where certificates come in another way, the command says so."""
    file = tmp_path / "authrim.toml"
    file.write_text(f'issuer = "https://{NAME}"\nmaster_keys = ["{MASTER_KEY}"]\n')
    assert (
        "acme_directory" in CommandLine({}).run("certificate", "show", "--config", str(file), status=2).stderr
    )
