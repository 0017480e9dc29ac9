"""Every command on the pages for operators is run by a test: here where it needs nothing but a database, by another
test where it needs a machine, a cluster or a container, and what no test runs is listed with the reason."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click
import pytest

from tests.postgres_cluster import Cluster
from tests.support.command_line import CommandLine
from tests.support.command_tree import every_command
from tests.support.ports import free_port
from tests.support.processes import answers, wait_until
from tests.support.ready_made import new_sqlite_file
from tests.support.running import MASTER_KEY

ROOT: Final = Path(__file__).parents[2]
OPERATIONS: Final = ROOT / "docs" / "operations"
#: Written by `make docs` from the commands themselves, or figures of a run and how to have them again.
_NOT_READ: Final = re.compile(r"benchmarks.*|command-line\.md|doctor\.md")
#: A line of code that is no command: settings, headers, a formula, SQL, what a program prints.
_NO_COMMAND: Final = re.compile(
    r"[\w.]+ = |RateLimit|cores = |UPDATE |the database was restored|\[|--\w|postgresql://|\}|#|WHERE|AND |SELECT"
)
_ASSIGNMENT: Final = re.compile(r"^(?:\w+=\S+ )+")

#: Commands that another test runs: a beginning, and the file of that test.
ELSEWHERE: Final[Mapping[str, str]] = {
    "apt-get install ./authrim_VERSION": "tests/operations/debian/test_from_empty.py",
    "authrim background --config": "tests/server/test_background_process.py",
    "authrim certificate": "tests/operations/acme/test_pebble.py",
    "authrim keys rotate-master": "tests/commands/cli/test_cli_rotate_master.py",
    "authrim restore": "tests/backup/test_point_in_time.py",
    "authrim serve --config app.toml": "tests/server/test_background_process.py",
    "authrim serve --config authrim.toml --tls-cert": "tests/operations/acme/test_pebble.py",
    "authrim setup": "tests/operations/debian/test_from_empty.py",
    "buildah build": "tests/operations/containers/test_image.py",
    "deploy/compose/make-secrets": "tests/operations/containers/stack.py",
    "docker build": "tests/operations/containers/test_image.py",
    "docker compose": "tests/operations/containers/test_compose.py",
    "docker exec": "tests/operations/containers/test_image.py",
    "docker run": "tests/operations/containers/test_image.py",
    "export AUTHRIM_IMAGE": "tests/operations/containers/test_compose.py",
    "export AUTHRIM_ISSUER": "tests/operations/containers/stack.py",
    "make dist": "tests/scripts/test_dist.py",
    "pg_basebackup": "tests/backup/test_point_in_time.py",
    "pg_ctlcluster": "tests/backup/test_point_in_time.py",
    "podman healthcheck": "tests/operations/containers/stack.py",
    "podman-compose": "tests/operations/containers/stack.py",
    "promtool check": "tests/operations/prometheus/test_rules.py",
    "python -m bench.failover": "tests/operations/ha/test_cluster.py",
    "softhsm2-util": "tests/operations/pkcs11/soft_token.py",
    "systemctl enable --now authrim": "tests/operations/debian/test_from_empty.py",
    "touch /var/lib/postgresql": "tests/backup/test_point_in_time.py",
}
#: Commands that no test runs, and why.
NOT_RUN: Final[Mapping[str, str]] = {
    "cat chain.pem": "a certificate of a public name",
    "cp deploy/prometheus": "copies two files; promtool reads them in tests/operations/prometheus",
    "git checkout": "needs the commit of a release",
    "helm": "needs a cluster; the chart is rendered, and its objects are judged by Kubernetes' code",
    "install -m 644 deploy/systemd": "the package of Debian, which a test installs, has these files",
    "kubectl": "needs a cluster",
    "ls /proc/$(systemctl": "asks a running service",
    "nft": "changes the packet filter of the machine",
    "openssl s_client": "asks a running server; tests/operations/acme reads its certificate",
    "patronictl": "asks a cluster; tests/operations/ha asks the same of Patroni's REST interface",
    "pip install 'authrim[": "the package is not on PyPI yet; tests/scripts/test_dist.py installs the wheel",
    "/opt/authrim/bin": "tests/scripts/test_dist.py installs the wheel into another folder",
    "pipx install": "tests/scripts/test_dist.py installs the wheel with pip",
    "psql -h PRIMARY": "asks a standby's primary",
    'psql authrim -c "CREATE ROLE': "as createdb above it, which is run",
    "python -m argon2": "a measurement of the machine",
    "python -m bench": "a measurement; tests/bench runs what makes it",
    "python3 -m venv /opt/authrim": "tests/scripts/test_dist.py installs the wheel into another folder",
    "runuser -u authrim": "tests/operations/debian runs the command as that user, by the package's own",
    "sed -i": "changes an address in a file",
    "sha256sum": "compares two builds; tests/scripts/test_dist.py does",
    "ss -tn": "asks the kernel of the machine",
    "systemctl": "asks or restarts a service; tests/operations/debian does for the ones that setup names",
    "timedatectl": "asks the machine's clock",
    "top ": "asks the machine",
    ".venv/bin/python -m bench": "a measurement; tests/bench runs what makes it",
    "journalctl -k": "asks the kernel's journal",
    "journalctl -u authrim -n": "prints the last lines",
    "curl -s http://127.0.0.1:8080/health": "every test of a server asks its health",
}


def pages() -> list[Path]:
    """The pages for operators that have a command."""
    found = [page for page in sorted(OPERATIONS.rglob("*.md")) if not _NOT_READ.fullmatch(page.name)]
    return [page for page in found if any(written(page))]


def written(page: Path) -> Iterator[str]:
    """The commands of a page: lines of code with four spaces, and lines after a prompt, whole."""
    fence, text = "", page.read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip().startswith("```"):
            fence = "" if fence else line.strip()
        elif fence:
            if line.startswith("$ "):
                yield _tidy(line[2:])
        elif re.match(r" {4,7}\S", line) and not re.match(r" {4,}(-|\*|\d+\.|\|) ?", line):
            command = _tidy(line)
            if re.match(r"(?:\w+=\S+ )*[\w./][\w./-]* ?", command) and not _NO_COMMAND.match(command):
                yield command


def _tidy(line: str) -> str:
    return re.sub(r"\s+# .*$|\s{2,}", " ", line.strip()).strip()


def matching(command: str, table: Mapping[str, str]) -> str | None:
    """The longest beginning in a table that a command has."""
    bare = _ASSIGNMENT.sub("", command)
    found = [start for start in table if bare.startswith(start)]
    return max(found, key=len, default=None)


def runs_here(command: str) -> bool:
    """Whether this file runs it: commands of ours, and searches of the journal."""
    return command.startswith(("authrim ", "createdb ")) or "journalctl -u authrim --since" in command


COMMANDS: Final = sorted({command for page in pages() for command in written(page)})


def test_pages_have_commands() -> None:
    """The pages are read."""
    assert len(COMMANDS) > 100
    assert "authrim retention status" in COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_run_or_the_reason_is_known(command: str) -> None:
    """A new command on a page needs a test, or a reason."""
    elsewhere, not_run = matching(command, ELSEWHERE), matching(command, NOT_RUN)
    if elsewhere is not None and len(elsewhere) >= len(not_run or ""):
        assert (ROOT / ELSEWHERE[elsewhere]).exists()
    else:
        assert not_run or runs_here(command), "run it in a test, or say why none can"


def test_no_entry_is_left_over() -> None:
    """What the tables name is on some page."""
    for table in (ELSEWHERE, NOT_RUN):
        assert {start for start in table if not any(matching(one, {start: ""}) for one in COMMANDS)} == set()


def _of_ours() -> list[str]:
    """Commands of ours that need a database and nothing else."""
    return [
        command for command in COMMANDS
        if command.startswith("authrim ") and not matching(command, ELSEWHERE) and "serve" not in command.split()
    ]  # fmt: skip


def test_commands_of_ours_exist() -> None:
    """Each command of ours on any page for operators, in code or in a sentence, has the name and the options of one."""
    known = dict(every_command())
    for page in sorted(OPERATIONS.rglob("*.md")):
        inline = re.findall(r"`(authrim [^`…]+)`", page.read_text().replace("\n", " "))
        for command in (*inline, *(one for one in written(page) if one.startswith("authrim "))):
            words = [word for word in shlex.split(command)[1:] if word not in {"--json", "&&"}]
            if words[:1] == ["--config"]:
                words = words[2:]
            if not words or words[0].isupper() or words[0].startswith("--"):
                continue
            path = next((tuple(words[:n]) for n in (3, 2, 1) if tuple(words[:n]) in known), None)
            if path is None:
                words = [word for word in words if word.islower()]
                assert any(name[: len(words)] == tuple(words) for name in known), (page.name, command)
                continue
            options = {option for parameter in known[path].params for option in parameter.opts} | {
                "--help",
                "--config",
            }
            asked = {word.partition("=")[0] for word in words[len(path) :] if word.startswith("--")}
            assert asked <= options, (page.name, command, asked - options)
            assert isinstance(known[path], click.Command)


@contextmanager
def an_installation(folder: Path, cluster: Cluster) -> Iterator[dict[str, str]]:
    """What the commands find: files of settings, one database of each kind, of which PostgreSQL's is made as the page
    says, and a server that runs; the environment of commands."""
    port = free_port()
    common = f'issuer = "http://localhost:{port}"\ndevelopment = true\nmaster_keys = ["{MASTER_KEY}"]\n'
    new_sqlite_file(folder / "authrim.db")
    (folder / "authrim.toml").write_text(f'{common}port = {port}\ndatabase = "{folder / "authrim.db"}"\n')
    for name, user in (("owner", "authrim"), ("app", "authrim_app")):
        (folder / f"{name}.toml").write_text(f'{common}database = "{cluster.dsn("authrim", user)}"\n')
    environment = {"AUTHRIM_CONFIG_FILE": str(folder / "authrim.toml")}
    administrator = {"PGHOST": cluster.folder, "PGPORT": str(cluster.port), "PGUSER": "authrim"}
    (made,) = [command for command in COMMANDS if command.startswith("createdb ")]
    subprocess.run(
        ["bash", "-ec", made], env=os.environ | administrator, check=True, stdout=subprocess.DEVNULL
    )
    try:
        serve = [sys.executable, "-m", "authrim", "serve"]
        with subprocess.Popen(
            serve, env=os.environ | environment, cwd=folder, stderr=subprocess.DEVNULL
        ) as server:
            try:
                wait_until(lambda: answers(f"http://localhost:{port}/health/ready"))
                yield environment
            finally:
                server.terminate()
    finally:
        cluster.drop_database("authrim")
        cluster.execute("DROP ROLE authrim_app")


#: What stands for something in a command, and what it is here.
_STANDS_FOR: Final[Mapping[str, str]] = {
    "ID": "4711",
    "KID": "no-such-key",
    "DIRECTORY": "monday",
}
#: What a command may answer beside success: something that it is to find is not there, or there is something to do.
_OTHER_STATUS: Final[Mapping[str, set[int]]] = {
    "authrim audit checkpoint": {0, 1},
    "authrim audit verify": {0, 1},
    "authrim doctor": {0, 1},
    "authrim keys revoke": {1, 2},
    "authrim keys rotate --": {0, 1},
    "authrim outbox discard": {0, 1},
    "authrim outbox retry": {0, 1, 2},
    "authrim projections verify": {0, 1},
}


def test_commands_of_ours_do_what_the_page_says(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is run as it stands, with something in place of what it leaves open, in an installation with a server that
    runs: none asks for what there is not. It takes half a minute, since there are forty of them."""
    monkeypatch.chdir(tmp_path)
    wrong = []
    with an_installation(tmp_path, cluster) as environment:
        for command in _of_ours():
            line = re.sub(r"\b(ID|KID|DIRECTORY)\b", lambda word: _STANDS_FOR[word[1]], command)
            done = CommandLine(environment).run(*shlex.split(line)[1:], status=None)
            start = matching(line, dict.fromkeys(_OTHER_STATUS, ""))
            allowed = {0} if start is None else _OTHER_STATUS[start]
            if done.exit_code not in allowed:
                wrong.append((line, done.exit_code, done.output))
    assert wrong == []


def _events() -> set[str]:
    """The names of all lines that are logged. A process that the server starts has its name in some."""
    text = "\n".join(file.read_text() for file in (ROOT / "authrim").rglob("*.py"))
    names = re.findall(r"""\.(?:debug|info|warning|error|critical)\(\s*f?"([^"\s]+)\"""", text)
    return {name.replace("{self._name}", "background") for name in names}


@pytest.mark.parametrize("command", [one for one in COMMANDS if "journalctl -u authrim --since" in one])
def test_searches_of_the_journal_find_something(command: str, tmp_path: Path) -> None:
    """What a page searches for in the journal is a line that a server writes: the search finds some of all of them."""
    lines = [
        json.dumps({"event": name, "level": "error"}, separators=(",", ":")) for name in sorted(_events())
    ]
    request = {
        "event": "request",
        "level": "info",
        "route": "token",
        "milliseconds": 4711,
        "error_id": "e",
        "status": 500,
    }
    lines.append(json.dumps(request, separators=(",", ":")))
    (tmp_path / "journal").write_text("\n".join(lines) + "\n")
    journal = tmp_path / "journalctl"
    journal.write_text(f"#!/bin/sh\ncat {tmp_path / 'journal'}\n")
    journal.chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", command], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, (command, done.stderr)
    assert done.stdout.strip() not in {"", "0"}, command
