"""From an empty Debian to the first person who signs in: package, setup, systemd, PostgreSQL, nginx."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from scripts.deb import make_package
from scripts.dist import ROOT, this_commit
from tests.operations.debian.machine import Machine
from tests.support import certificates
from tests.support.installing import run

pytestmark = pytest.mark.operations

HOST = "login.example.com"
REDIRECT_URI = "https://shop.example.com/callback"
ANSWERS = f"""
issuer = "https://{HOST}"
database = "postgresql://authrim@/authrim"
database_owner = "postgresql://postgres@/authrim"
workers = 2

[administrator]
login = "alice"
email = "alice@example.com"

[client]
client_id = "shop"
redirect_uris = ["{REDIRECT_URI}"]
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Debian package of this commit."""
    return make_package(tmp_path_factory.mktemp("deb"), "3.11", this_commit())


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, package: Path) -> Iterator[Machine]:
    """A machine on which the package is installed."""
    assert os.geteuid() == 0, "a machine of its own needs root: run make operations as root"
    run(str(ROOT / "scripts" / "system-packages.sh"), "--for", "debian")
    made = Machine(tmp_path_factory.mktemp("machine"))
    try:
        made.write("/var/cache/authrim.deb", package.read_bytes())
        made.run("dpkg", "-i", "/var/cache/authrim.deb")
        yield made
    finally:
        made.stop()


def test_from_an_empty_debian_to_a_first_sign_in(machine: Machine, tmp_path: Path) -> None:
    """Setup by answers, the service, nginx as setup prints it, and a person who signs in with a browser; then a second
    run of setup changes nothing, and the doctor that it runs finds no fault."""
    machine.write("/root/answers.toml", ANSWERS, 0o600)
    told = json.loads(machine.run("authrim", "--json", "setup", "--answers", "/root/answers.toml"))
    assert told["changed"] is True
    made = {name: value for step in told["steps"] for name, value in step.items()}
    _check_rights(machine)
    machine.run("systemctl", "enable", "--now", "authrim")
    ca = tmp_path / "ca.pem"
    ca.write_text(_proxy(machine, told["proxy"]))

    learned = _first_sign_in(machine, ca, made["client_secret"], made["password"])
    assert learned["userinfo"]["email"] == "alice@example.com"
    assert learned["id_token"]["iss"] == f"https://{HOST}"
    assert learned["id_token"]["aud"] == "shop"

    before = machine.run("authrim", "--json", "audit", "verify")
    again = machine.run("authrim", "setup", "--answers", "/root/answers.toml")
    assert "Nothing was changed." in again
    assert re.search(r"\d+ checks: 0 faults", again), again
    assert (
        json.loads(machine.run("authrim", "--json", "audit", "verify"))["events"]
        >= json.loads(before)["events"]
    )


def test_what_is_left_after_a_removal(machine: Machine) -> None:
    """The master key and the settings survive a purge; the program and the service do not."""
    machine.run("dpkg", "--purge", "authrim")
    assert machine.has("/etc/authrim/master.key")
    assert not machine.has("/usr/lib/authrim/bin/authrim")
    assert "authrim" not in machine.run("systemctl", "list-units", "--plain", "--no-legend", "authrim*")


def test_lintian(package: Path) -> None:
    """Debian's own checker finds no error in the package."""
    run(str(ROOT / "scripts" / "system-packages.sh"), "--for", "debian")
    checked = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error", "--tag-display-limit", "0", str(package)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout[-3000:]


def _check_rights(machine: Machine) -> None:
    """The files belong to the user of the server alone, and the server's role cannot change the log."""
    rights = machine.run("stat", "-c", "%U %a", "/etc/authrim/authrim.toml", "/etc/authrim/master.key")
    assert rights.split("\n")[:2] == ["authrim 600", "authrim 400"]
    delete = "DELETE FROM authrim.events"
    said = machine.run(
        "runuser", "-u", "authrim", "--", "sh", "-c", f"psql authrim -c '{delete}' 2>&1", check=False
    )
    assert "permission denied" in said


def _proxy(machine: Machine, site: str) -> str:
    """nginx with the text that setup prints, and a certificate that the machine trusts; the authority of that."""
    authority = certificates.Authority()
    issued = authority.issue(HOST, [x509.DNSName(HOST)], usage=certificates.SERVER_AUTH)
    for path, text in ((f"/etc/ssl/{HOST}.pem", issued.pem), (f"/etc/ssl/{HOST}.key", issued.key_pem())):
        machine.write(path, text, 0o600)
    trusted = certificates.pem(authority.certificate)
    machine.write("/usr/local/share/ca-certificates/test.crt", trusted)
    machine.run("update-ca-certificates")
    machine.write("/etc/hosts", f"127.0.0.1 localhost {HOST}\n")
    machine.write("/etc/nginx/sites-enabled/default", site)
    machine.run("systemctl", "restart", "nginx")
    return trusted


def _first_sign_in(machine: Machine, ca: Path, secret: str, password: str) -> Any:
    given = {
        "issuer": f"https://{HOST}", "ca": str(ca), "client_id": "shop", "client_secret": secret,
        "redirect_uri": REDIRECT_URI, "login": "alice", "password": password,
    }  # fmt: skip
    done = subprocess.run(
        machine.command(sys.executable, "-m", "tests.operations.debian.first_sign_in", network_only=True),
        check=False, capture_output=True, text=True, cwd=ROOT, input=json.dumps(given), timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
