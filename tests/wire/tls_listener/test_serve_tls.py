"""``authrim serve`` with TLS, as its operators start it, asked by curl."""

import secrets
import signal
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.support.certificates import Authority, pem, self_signed
from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import COMMAND, ended, started, wait_until

ROOT = Authority()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The server's and a client's files."""
    ROOT.server().write(tmp_path, "server")
    self_signed().write(tmp_path, "client")
    (tmp_path / "root.crt").write_text(pem(ROOT.certificate))
    return tmp_path


def config(folder: Path, port: int, database: str) -> Path:
    file = folder / "authrim.toml"
    file.write_text(
        f'issuer = "https://localhost:{port}"\n'
        f'database = "{database}"\n'
        f'master_keys = ["{secrets.token_urlsafe(32)}"]\n'
        f"port = {port}\n"
    )
    return file


def curl(folder: Path, port: int, path: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["curl", "--silent", "--show-error", "--cacert", str(folder / "root.crt"), *arguments]
    url = f"https://localhost:{port}{path}"
    return subprocess.run([*command, url], capture_output=True, text=True, timeout=PATIENCE, check=False)


def tls_options(folder: Path) -> list[str]:
    return ["--tls-cert", str(folder / "server.crt"), "--tls-key", str(folder / "server.key")]


def is_ready(folder: Path, port: int) -> bool:
    return curl(folder, port, "/health/ready", "--fail").returncode == 0


def test_two_ports_and_a_renewed_certificate(folder: Path) -> None:
    """Both ports answer with TLS, the second asks for a certificate; SIGHUP takes a renewed server certificate."""
    port, second = free_port(), free_port()
    file = config(folder, port, str(folder / "authrim.db"))
    subprocess.run([*COMMAND, "--config", str(file), "migrate"], check=True, capture_output=True)
    with started("--config", str(file), "serve", *tls_options(folder), "--mtls-port", str(second)) as process:
        wait_until(lambda: is_ready(folder, port) and is_ready(folder, second))
        assert "Acceptable client certificate" not in _handshake(port)
        assert "Requested Signature Algorithms" in _handshake(second)
        client = ["--cert", str(folder / "client.crt"), "--key", str(folder / "client.key")]
        assert (
            f'"issuer":"https://localhost:{port}"'
            in curl(folder, second, "/.well-known/openid-configuration", *client).stdout
        )
        renewed = ROOT.server()
        renewed.write(folder, "server")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: _served(port) == renewed.pem and _served(second) == renewed.pem)
        process.send_signal(signal.SIGTERM)
        status, _, stderr = ended(process)
    assert status == 0
    assert "Traceback" not in stderr


def _handshake(port: int) -> str:
    """What ``openssl s_client`` says about a handshake."""
    return subprocess.run(
        ["openssl", "s_client", "-connect", f"localhost:{port}", "-tls1_3"],
        input="", capture_output=True, text=True, timeout=PATIENCE, check=False,
    ).stdout  # fmt: skip


def _served(port: int) -> str:
    return ssl.get_server_certificate(("localhost", port))


def test_workers_share_both_ports(folder: Path, postgres_dsn: str) -> None:
    """With two workers each answers on both ports, over TLS."""
    port, second = free_port(), free_port()
    file = config(folder, port, postgres_dsn)
    options = [*tls_options(folder), "--mtls-port", str(second), "--workers", "2"]
    with started("--config", str(file), "serve", *options) as process:
        wait_until(lambda: is_ready(folder, port) and is_ready(folder, second))
        assert all(is_ready(folder, one) for one in (port, second) for _ in range(5))
        process.send_signal(signal.SIGTERM)
        status, _, stderr = ended(process)
    assert status == 0
    assert "Traceback" not in stderr


def test_workers_share_the_unix_socket(folder: Path, postgres_dsn: str) -> None:
    """``listen_socket`` with two workers: what comes by it is answered, only its owner and group may connect, and one
    that a server of before has left behind is replaced."""
    port, path = free_port(), folder / "authrim.sock"
    file = config(folder, port, postgres_dsn)
    file.write_text(file.read_text() + f'listen_socket = "{path}"\n')
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    with started("--config", str(file), "serve", "--workers", "2") as process:
        command = ["curl", "--silent", "--fail", "--unix-socket", str(path), "http://localhost/health/ready"]
        wait_until(
            lambda: (
                subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE).returncode == 0
            )
        )
        assert path.stat().st_mode & 0o777 == 0o660
        process.send_signal(signal.SIGTERM)
        status, _, stderr = ended(process)
    assert status == 0
    assert "Traceback" not in stderr


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--tls-cert", "server.crt"], "tls_certificate: is set without tls_key: set both, or neither"),
        (
            ["--tls-client-certs", "request"],
            "tls_client_certificates: needs tls_certificate and tls_key: set them",
        ),
        (["--mtls-port", "8444"], "mtls_port: needs tls_certificate and tls_key: set them"),
    ],
)
def test_half_of_the_options_is_one_clear_line(folder: Path, options: list[str], problem: str) -> None:
    """Status 2, and what is missing."""
    file = config(folder, free_port(), str(folder / "authrim.db"))
    with started("--config", str(file), "serve", *options) as process:
        status, _, stderr = ended(process)
    assert (status, stderr) == (2, f"Error: command line: {problem}\n")


def test_an_unusable_certificate_ends_the_start(folder: Path) -> None:
    """Status 1, one line with the file's name, and no port is open."""
    file = config(folder, free_port(), str(folder / "authrim.db"))
    subprocess.run([*COMMAND, "--config", str(file), "migrate"], check=True, capture_output=True)
    (folder / "server.crt").write_text("canary")
    with started("--config", str(file), "serve", *tls_options(folder)) as process:
        status, _, stderr = ended(process)
    assert status == 1
    assert "tls_certificate: " in stderr
    assert "server.crt holds no certificate in PEM form" in stderr
    assert "Traceback" not in stderr
    assert "canary" not in stderr


def test_a_request_for_another_host_is_misdirected(folder: Path) -> None:
    """RFC 9110 §7.4: on our own TLS only our own names are answered, those of ``tls_names`` too; else 421. Health is
    asked by an address, and the port and the case of a name say nothing."""
    port = free_port()
    file = config(folder, port, str(folder / "authrim.db"))
    file.write_text(file.read_text() + 'tls_names = ["login.example"]\n')
    subprocess.run([*COMMAND, "--config", str(file), "migrate"], check=True, capture_output=True)

    def status(path: str, host: str) -> str:
        asked = curl(folder, port, path, "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Host: {host}")
        return asked.stdout

    with started("--config", str(file), "serve", *tls_options(folder)) as process:
        wait_until(lambda: is_ready(folder, port))
        for path in ("/jwks", "/authorize", "/userinfo", "/static/authrim.css", "/nothing"):
            assert status(path, "evil.example") == "421", path
            assert status(path, f"localhost.evil.example:{port}") == "421", path
        assert "invalid_request" in curl(folder, port, "/jwks", "-H", "Host: evil.example").stdout
        for host in ("localhost", f"LOCALHOST:{port}", "localhost.", "login.example"):
            assert status("/jwks", host) == "200", host
        assert status("/health/ready", "192.0.2.1") == "200"
        process.send_signal(signal.SIGTERM)
        ended(process)
