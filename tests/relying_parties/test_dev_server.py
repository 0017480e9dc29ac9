"""``authrim dev``: what it prints, what it keeps, where it listens, how it ends."""

import socket
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.patience import PATIENCE
from tests.support.ports import free_port
from tests.support.processes import (
    COMMAND,
    answers,
    development_server,
    ended,
    listening,
    terminated,
    wait_until,
)
from tests.support.ready_authrim import started

#: 127.0.0.1 and ::1 as /proc/net/tcp and tcp6 write them.
LOOPBACK = {"0100007F", "00000000000000000000000001000000"}


def basic(announced: dict[str, Any], name: str) -> tuple[str, str]:
    client = announced["clients"][name]
    return client["client_id"], client["client_secret"]


def service_token(announced: dict[str, Any]) -> str:
    """A token for the service client, at the server that announced itself."""
    form = {"grant_type": "client_credentials", "scope": "reports.read"}
    answer = requests.post(
        announced["issuer"] + "/token", data=form, auth=basic(announced, "service"), timeout=PATIENCE
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def introspected(announced: dict[str, Any], token: str) -> dict[str, Any]:
    answer = requests.post(
        announced["issuer"] + "/introspect",
        data={"token": token},
        auth=basic(announced, "service"),
        timeout=PATIENCE,
    )
    said: dict[str, Any] = answer.json()
    return said


def published_kids(announced: dict[str, Any]) -> set[str]:
    keys = requests.get(announced["issuer"] + "/jwks", timeout=PATIENCE).json()["keys"]
    return {key["kid"] for key in keys}


def test_the_first_line_has_all_that_a_client_needs(tmp_path: Path) -> None:
    """One JSON object, printed when the server answers, with exactly the members that are promised."""
    port = free_port()
    with development_server(tmp_path / "data", port) as (_, announced):
        assert requests.get(f"http://localhost:{port}/health/ready", timeout=PATIENCE).status_code == 200
    assert set(announced) == {"issuer", "clients", "account"}
    assert announced["issuer"] == f"http://localhost:{port}"
    clients = announced["clients"]
    assert set(clients) == {"web", "spa", "service"}
    assert set(clients["web"]) == {"client_id", "client_secret", "redirect_uris"}
    assert set(clients["spa"]) == {"client_id", "redirect_uris"}
    assert set(clients["service"]) == {"client_id", "client_secret", "redirect_uris"}
    assert all(uri.startswith("http") for name in ("web", "spa") for uri in clients[name]["redirect_uris"])
    assert clients["web"]["redirect_uris"]
    assert clients["spa"]["redirect_uris"]
    assert set(announced["account"]) == {"login", "password"}


def test_a_narrow_terminal_shows_secrets_whole(tmp_path: Path) -> None:
    """On 80 columns ``authrim dev`` cuts off no id, no secret and no password."""
    port, data = free_port(), tmp_path / "data"
    with development_server(data, port) as (process, announced):
        assert terminated(process)[0] == 0
    arguments = ("dev", "--port", str(port), "--data", str(data))
    with started(*arguments, environment={"COLUMNS": "80"}) as process:
        wait_until(lambda: answers(f"http://localhost:{port}/health/ready"))
        _, printed, _ = terminated(process)
    shown = [line.strip() for line in printed.splitlines()]
    for name in ("web", "service"):
        client_id, secret = basic(announced, name)
        assert f"secret {secret}" in shown
        assert any(line.split()[-1:] == [client_id] for line in shown)
    assert any(line.endswith(announced["account"]["password"]) for line in shown)


def test_the_same_folder_keeps_everything(tmp_path: Path) -> None:
    """Clients, secrets, keys, account and tokens: what the first run gave out is good in the second."""
    port, data = free_port(), tmp_path / "data"
    with development_server(data, port) as (process, first):
        token = service_token(first)
        kids = published_kids(first)
        assert terminated(process)[0] == 0
    with development_server(data, port) as (_, second):
        assert second == first
        assert published_kids(second) == kids
        assert introspected(second, token)["active"] is True
        service_token(second)


def test_the_secrets_are_for_the_owner_only(tmp_path: Path) -> None:
    """The folder holds a master key and secrets: nobody else may read it."""
    data = tmp_path / "data"
    with development_server(data, free_port()):
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        assert stat.S_IMODE((data / "development.json").stat().st_mode) == 0o600


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    """No other machine reaches it: its only addresses are 127.0.0.1 and ::1."""
    port = free_port()
    with development_server(tmp_path / "data", port):
        addresses = set(listening(port).values())
    assert addresses
    assert addresses <= LOOPBACK


def test_sigterm_ends_it_cleanly(tmp_path: Path) -> None:
    """Exit status 0, nothing more on standard output, no traceback, and the port is free again."""
    port = free_port()
    with development_server(tmp_path / "data", port) as (process, announced):
        service_token(announced)
        status, stdout, stderr = terminated(process)
    assert (status, stdout) == (0, "")
    assert "Traceback" not in stderr
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_no_secret_is_in_its_log(tmp_path: Path) -> None:
    """Neither a client secret nor the password nor a token is in a log line (architecture.md rule 4)."""
    with development_server(tmp_path / "data", free_port()) as (process, announced):
        token = service_token(announced)
        introspected(announced, token)
        stderr = terminated(process)[2]
    assert "server.ready" in stderr
    clients = announced["clients"]
    for secret in (token, clients["web"]["client_secret"], clients["service"]["client_secret"]):
        assert secret not in stderr
    assert announced["account"]["password"] not in stderr


def test_a_port_in_use_is_one_clear_line(tmp_path: Path) -> None:
    """Status 1, and one line that names the port and says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started("dev", "--port", str(port), "--data", str(tmp_path / "data"), "--json") as process:
            status, stdout, stderr = ended(process)
    assert (status, stdout) == (1, "")
    said = f"cannot listen on localhost, port {port}: Address already in use: stop what listens there"
    assert stderr == f"Error: {said}, or choose another port\n"


@pytest.mark.parametrize("content", ["{}", "not JSON"])
def test_a_folder_that_is_none_of_ours_is_one_clear_line(tmp_path: Path, content: str) -> None:
    """A ``development.json`` of something else is named and left alone."""
    file = tmp_path / "development.json"
    file.write_text(content)
    command = [*COMMAND, "dev", "--data", str(tmp_path), "--port", str(free_port()), "--json"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert process.returncode == 1
    assert process.stderr == f"Error: {file} is not what a development server has written\n"
    assert file.read_text() == content


def test_people_get_a_first_command_that_works(tmp_path: Path) -> None:
    """Without ``--json`` the server prints a curl command, and it gets a token as it stands."""
    with started("dev", "--port", str(free_port()), "--data", str(tmp_path / "data")) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        command = next(line for line in lines if line.strip().startswith("curl "))
        answer = subprocess.run(
            ["sh", "-c", command.strip() + " -s"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
    assert '"access_token"' in answer.stdout
