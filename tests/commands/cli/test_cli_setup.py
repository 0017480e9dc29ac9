"""``authrim setup``: an installation by answers or by questions, and again without any change."""

import json
import os
import pwd
import re
import stat
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from authrim.settings import load
from tests.postgres_cluster import Cluster
from tests.support.command_line import CommandLine
from tests.support.ports import free_port

PAGE = Path(__file__).parents[3] / "docs" / "operations" / "setup.md"
ME = pwd.getpwuid(os.geteuid()).pw_name
PASSWORD = "correct horse battery"


class Place:
    """A machine to set up: the folder that stands for its root, and the command line there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "etc" / "authrim.toml"
        self.key = folder / "etc" / "master.key"
        self.authrim = CommandLine({})

    def answers(self, text: str, mode: int = 0o600) -> Path:
        """A file of answers."""
        file = self.folder / f"answers-{uuid4().hex}.toml"
        file.write_text(text)
        file.chmod(mode)
        return file

    def setup(self, answers: str, **how: Any) -> Any:
        """Run it by answers."""
        return self.authrim.json(*self._command, "--answers", str(self.answers(answers)), **how)

    def refused(self, answers: str, mode: int = 0o600) -> str:
        """What a run says that is refused before anything is done."""
        file = self.answers(answers, mode)
        return self.authrim.run(*self._command, "--answers", str(file), status=2).stderr

    def guided(self, *lines: str) -> str:
        """What is printed when a person answers the questions."""
        nobody_answers = CommandLine({"AUTHRIM_PORT": str(free_port())})
        return nobody_answers.run(*self._command, stdin="".join(f"{line}\n" for line in lines)).output

    @property
    def made(self) -> list[str]:
        """The files that there are beside answers and passwords."""
        files = (file for file in self.folder.rglob("*") if file.is_file())
        return sorted(file.name for file in files if not file.name.startswith(("answers-", "password")))

    @property
    def _command(self) -> tuple[str, ...]:
        return ("--config", str(self.config), "setup", "--user", ME)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n")
    password.chmod(0o600)
    return Place(tmp_path)


@pytest.fixture
def answers(tmp_path: Path) -> str:
    """The example of the page, with the places of this machine."""
    example = re.search(r"^```toml\n(issuer.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert example is not None
    return (
        example[1]
        .replace("/var/lib/authrim", str(tmp_path / "var"))
        .replace("/root/alice.password", str(tmp_path / "password"))
    )


def steps(told: Any) -> dict[str, str]:
    """The state of each step."""
    return {step["step"]: step["state"] for step in told["steps"]}


def test_the_example_of_the_page_and_again(place: Place, answers: str) -> None:
    """All is made, readable by the server's user alone; the second run changes nothing, not a byte, and says so."""
    first = place.setup(answers)
    assert set(steps(first).values()) == {"done"}
    assert stat.S_IMODE(place.key.stat().st_mode) == 0o400
    assert stat.S_IMODE(place.config.stat().st_mode) == 0o600
    settings = load(place.config)
    assert settings.issuer == "https://login.example.com"
    assert [str(network) for network in settings.trusted_proxies] == ["127.0.0.1/32", "::1/128"]
    assert "# The issuer identifier" in place.config.read_text()
    assert "server_name login.example.com;" in first["proxy"]
    secret = first["steps"][-1]["client_secret"]
    assert secret in json.dumps(first["steps"][-1]["recipe"])
    assert PASSWORD not in json.dumps(first)
    before = (place.config.read_text(), _events(place))
    second = place.setup(answers)
    assert (second["changed"], set(steps(second).values())) == (False, {"unchanged"})
    assert (place.config.read_text(), _events(place)) == before
    assert "Nothing was changed." in place.guided()


def test_a_certificate_by_acme(place: Place, tmp_path: Path) -> None:
    """With ``tls = "acme"``, the server is set up to obtain its certificate, at ports that need no privilege."""
    place.setup(
        f'issuer = "https://login.example.com"\ndatabase = "{tmp_path / "authrim.db"}"\ntls = "acme"\n'
    )
    settings = load(place.config)
    assert settings.acme_directory == "https://acme-v02.api.letsencrypt.org/directory"
    assert (settings.port, settings.acme_http_port) == (8443, 8080)
    assert settings.tls_certificate == Path("/var/lib/authrim/tls/server.pem")


def test_acme_without_its_library(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing speaks ACME, as in an installation without optional parts, nothing is made that could not start."""
    monkeypatch.setitem(sys.modules, "acme", None)
    answers = f'issuer = "https://login.example.com"\ndatabase = "{tmp_path / "authrim.db"}"\ntls = "acme"\n'
    assert "authrim[acme]" in place.refused(answers)
    assert place.made == []


def test_what_is_left_to_do_names_this_program(
    place: Place, answers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands that are printed begin with the program that printed them, where it is in no folder of programs."""
    monkeypatch.setattr(sys, "argv", ["/opt/authrim/bin/authrim"])
    monkeypatch.setenv("PATH", "/nowhere")
    left = place.setup(answers)["left_to_do"]
    assert f"/opt/authrim/bin/authrim --config {place.config} doctor" in left[-1]


def test_an_interrupted_run_goes_on(place: Place, answers: str) -> None:
    """What a run that was killed has made is kept, and what it did not come to is made."""
    place.setup(answers)
    key = place.key.read_text()
    place.config.unlink()
    again = steps(place.setup(answers))
    assert again == {
        "database": "unchanged", "master key": "unchanged", "settings": "done", "administrator": "unchanged",
        "client": "unchanged",
    }  # fmt: skip
    assert place.key.read_text() == key


def test_a306_a_sealed_database_gets_no_other_key(place: Place, answers: str) -> None:
    """A306: when the file of the key is gone, the database gets no new one, and the id of the old one is told."""
    place.setup(answers)
    place.config.unlink()
    place.key.unlink()
    said = place.refused(answers)
    assert "sealed under the master key" in said
    assert place.made == ["authrim.db"] or "authrim.db-wal" in place.made
    assert not place.key.exists()


@pytest.mark.parametrize(
    ("key", "mode", "said"),
    [
        ("foo", 0o600, "master.key: master key 1 is not"),
        ("B" * 43, 0o604, "chmod 600"),
        ("", 0o600, "no master key in it"),
    ],
)
def test_a306_a_file_of_a_key_that_is_none(
    place: Place, answers: str, key: str, mode: int, said: str
) -> None:
    """A306: a file that is where the master key is to be, and has none in it or is open to all, is refused before
    anything is made. Before, it was taken for the key."""
    place.key.parent.mkdir()
    place.key.write_text(key)
    place.key.chmod(mode)
    assert said in place.refused(answers)
    assert place.made == ["master.key"]


def test_a306_a_key_of_another_database(place: Place, answers: str) -> None:
    """A306: a key that is not the database's is refused, whether there are settings or not, and none are written."""
    place.setup(answers)
    place.key.unlink()
    place.key.write_text("B" * 43)
    place.key.chmod(0o600)
    without = re.sub(r"^\[administrator\].*", "", answers, flags=re.MULTILINE | re.DOTALL)
    assert f"{place.key}: " in place.refused(without)
    place.config.unlink()
    assert f"{place.key}: " in place.refused(without)
    assert not place.config.exists()


def test_what_is_shown_once_is_shown_when_the_next_step_is_refused(place: Place, tmp_path: Path) -> None:
    """The password that was made for the administrator is told although the client is refused: nobody can read it
    anywhere, and a second run makes no other."""
    answers = f"""
        issuer = "https://login.example.com"
        database = "{tmp_path / "authrim.db"}"
        [administrator]
        login = "alice"
        [client]
        client_id = "shop"
        redirect_uris = ["http://shop.example.com/cb"]
    """
    file = str(place.answers(answers))
    done = place.authrim.run(
        "--config", str(place.config), "setup", "--user", ME, "--answers", file, status=1
    )
    assert "is http" in done.stderr
    assert re.search(r"not shown again:\nadministrator: password \S{24}", done.stderr)


def test_a306_no_file_is_written_over(place: Place, answers: str, tmp_path: Path) -> None:
    """A306: a link in the place of the settings leads to no file that is written."""
    other = tmp_path / "other"
    place.config.parent.mkdir()
    place.config.symlink_to(other)
    assert "cannot be written" in place.refused(answers)
    assert not other.exists()


def test_a306_secrets_that_others_can_read(place: Place, answers: str, tmp_path: Path) -> None:
    """A306: answers and passwords that everybody on the machine can read are refused, and nothing is made."""
    assert "chmod 600" in place.refused(answers, mode=0o644)
    (tmp_path / "password").chmod(0o604)
    assert "chmod 600" in place.refused(answers)
    assert place.made == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"issuer": "http://login.example.com"}, "issuer: must begin with https://"),
        ({"issuer": "https://login.example.com/"}, "remove the slash"),
        ({"colour": "red"}, "colour"),
        ({"database": "mysql://db"}, "database: must be"),
        ({"workers": 4}, "workers: SQLite"),
        ({"tls": "files"}, "tls_certificate, tls_key"),
        ({"tls": "files", "tls_certificate": "/nowhere.pem", "tls_key": "/nowhere.key"}, "/nowhere.pem cannot be read"),
        ({"acme_contact": "admin@example.com"}, "acme_directory, acme_contact"),
        ({"tls": "acme", "acme_directory": "http://ca.example.com"}, "acme_directory: must be an https URL"),
        ({"tls": "acme", "proxies": ["10.0.0.0/8"]}, "proxies, listen_socket"),
        ({"tls": "magic"}, "tls: must be one of proxy, files, acme"),
        ({"proxies": ["10.0.0.1/8"]}, "trusted_proxies"),
        ({"proxies": ["10.0.0.0/8"], "listen_socket": "/run/a.sock"}, "leave one of the two out"),
        ({"client": {"client_id": "a", "for": "abacus"}}, "no recipe for 'abacus'"),
        ({"client": {"client_id": "a", "for": "grafana"}}, "--url"),
        ({"client": {"client_id": "a", "for": "grafana", "url": "grafana"}}, "client.url"),
        ({"client": {"client_id": "a", "type": "toaster"}}, "client.type"),
        ({"administrator": {"login": "a", "password_file": "/nowhere"}}, "/nowhere: cannot be read"),
        ({"administrator": {"email": "a@example.com"}}, "administrator.login: is needed"),
        ({"administrator": "alice"}, "administrator: must be a table"),
        ({"client": {"client_id": 5}}, "client.client_id: must be text in quotes"),
        ({"issuer": 5}, ": issuer: must be text in quotes"),
        ({"workers": "2"}, ": workers: must be a whole number, without quotes"),
        ({"host": "::"}, ": host: must be a list"),
    ],
)  # fmt: skip
def test_wrong_answers(place: Place, answers: str, changes: dict[str, Any], said: str) -> None:
    """Each is refused with what is wrong, before anything is made."""
    wrong = tomllib.loads(answers) | changes
    texts = [f"{name} = {json.dumps(value)}" for name, value in wrong.items() if not isinstance(value, dict)]
    for name, table in wrong.items():
        if isinstance(table, dict):
            texts += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    assert said in place.refused("\n".join(texts))
    assert place.made == []


def test_answers_of_another_installation(place: Place, answers: str) -> None:
    """Settings with another issuer stay, and nothing is done; another difference is told, and all else goes on."""
    place.setup(answers)
    position = _events(place)
    assert "of another installation" in place.refused(answers.replace("//login", "//signin"))
    told = place.setup(f"port = 9000\n{answers}")
    assert told["notes"] == [f"{place.config} stays as it is. The answers have other values for: port"]
    assert _events(place) == position


def test_variables_that_would_override(place: Place, answers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that would count more than the file is named before the file is written."""
    monkeypatch.setenv("AUTHRIM_ISSUER", "https://other.example.com")
    assert "AUTHRIM_ISSUER" in place.refused(answers)
    assert place.made == []


def test_guided(place: Place, tmp_path: Path) -> None:
    """A person answers the questions, a wrong answer is asked for again, and a password that is made is shown."""
    printed = place.guided(
        "http://login.example.com", "https://login.example.com", "sqlite", str(tmp_path / "authrim.db"), "proxy", "",
        "alice", "short", "", "", "flask", "", "nowhere", "https://app.example.com",
    )  # fmt: skip
    assert "must begin with https://" in printed
    assert "8 characters or more" in printed
    assert "Use 8 to 1024 characters." in printed
    assert "app.example.com" in printed
    assert re.search(r"administrator: password \S{24}", printed)
    assert load(place.config).issuer == "https://login.example.com"
    assert place.authrim.json("--config", str(place.config), "client", "show", "flask")["redirect_uris"]


@pytest.fixture
def addresses(cluster: Cluster) -> Iterator[tuple[str, str]]:
    """The addresses of a database and roles that are not there yet: of the owner, of the server."""
    name, role = f"setup_{uuid4().hex[:8]}", f"server_{uuid4().hex[:8]}"
    yield cluster.socket_dsn(name), cluster.socket_dsn(name, role)
    cluster.drop_database(name)
    cluster.execute(f"DROP ROLE {role}")


def test_postgresql(place: Place, addresses: tuple[str, str]) -> None:
    """Database, role and tables are made by the owner; the server's role owns nothing; again without change."""
    owner, server = addresses
    answers = f"""
        issuer = "https://login.example.com"
        database = "{server}"
        database_owner = "{owner}"
        workers = 2
        [administrator]
        login = "alice"
    """
    first = place.setup(answers)
    assert first["steps"][0]["detail"].startswith("database, role, ")
    assert len(first["steps"][3]["password"]) == 24
    assert place.authrim.json("--config", str(place.config), "audit", "verify")["ok"] is True
    assert "as its owner" in place.authrim.run("--config", str(place.config), "migrate", status=1).stderr
    assert place.setup(answers)["changed"] is False
    assert "Nothing was changed." in place.guided("")
    assert owner not in place.config.read_text()


def _events(place: Place) -> int:
    return int(place.authrim.json("--config", str(place.config), "audit", "verify")["events"])
