"""``authrim doctor`` as it is used, and its page."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from authrim.doctor.catalogue import CHECKS
from authrim.doctor.examination import examine
from authrim.doctor.examined import Examined, Options
from authrim.doctor.finding import Finding
from tests.doctor.examinations import settings_at
from tests.support.command_line import CommandLine
from tests.support.command_tree import every_command
from tests.support.ports import free_port
from tests.support.running import MASTER_KEY

TESTS = Path(__file__).parent
PAGE = TESTS.parents[1] / "docs" / "operations" / "doctor.md"
#: Problems that no test here makes, and where else they are proved or why not.
ELSEWHERE = {
    "database.doubtful": "tests/store: what the store doubts",
    "database.network_file": "needs a file server; the reading of mounts is tested",
    "database.old_postgres": "needs an old PostgreSQL",
    "durability.asynchronous": "tests/faults/test_failover.py",
    "durability.failover_not_set": "tests/faults/test_failover.py",
    "durability.unreplicated": "tests/faults/test_failover.py",
    "replica.behind": "tests/auditor/test_replica.py",
    "replica.not_standby": "tests/auditor/test_replica.py",
    "replica.other_log": "tests/auditor/test_replica.py",
    "replica.unusable": "tests/auditor/test_replica.py",
    "files.as_root": "depends on who runs the tests",
    "keys.token": "tests/operations/pkcs11/test_doctor.py",
    "settings.no_pkcs11": "needs an installation without the package",
    "dns.private": "needs a name with such an address",
    "durability.fsync": "beside full_page_writes",
    "clock.drifting": "needs two clocks a second apart",
    "client_certificates.other": "needs a proxy that exchanges certificates",
    "proxy_limits.long_line": "a note",
    "proxy_limits.long_answer": "a note",
    "running.other_version": "needs two versions",
    "pooler.not_set": "tests/operations/pooler",
    "pooler.no_listen": "tests/operations/pooler",
    "pooler.listens_to_pooler": "tests/operations/pooler",
    "pooler.role_settings": "tests/operations/pooler",
    "sessions.nearly_all": "would hold up every other test",
    "monitor.evidence": "tests/reports/schedule",
    "sign_in.cannot_make": "needs a store that fails in between",
    "sign_in.left": "needs a store that fails in between",
    "sign_in.still_valid": "needs a cache that keeps what it must not",
}


def test_every_problem_has_a_name_a_meaning_and_a_fix() -> None:
    """Names are unique and begin with the check's; texts are sentences."""
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    problems = [(check, problem) for check in CHECKS for problem in check.problems]
    assert len({problem.id for _, problem in problems}) == len(problems)
    for check, problem in problems:
        assert problem.id.partition(".")[0] == check.id
        assert problem.what.endswith("."), problem.id
        assert problem.fix
        assert check.asks.endswith("?")


def test_every_command_of_a_fix_is_there() -> None:
    """Whoever does what a finding says is not told that there is no such command, option or page."""
    commands = {
        words: {name for one in command.params for name in one.opts} for words, command in every_command()
    }
    told = [problem for check in CHECKS for problem in check.problems if "authrim " in problem.fix]
    assert told
    for problem in told:
        for sentence in re.findall(r"(?<!-u )authrim ((?!doctor)[a-z].*?)(?= authrim|$)", problem.fix):
            written = re.findall(r"[\w-]+", sentence)
            named = [words for words in commands if written[: len(words)] == list(words)]
            assert named, (problem.id, sentence)
            assert set(re.findall(r"--[a-z-]+", sentence)) <= commands[named[0]], (problem.id, sentence)


def test_every_page_of_a_fix_is_there() -> None:
    """Each is a file of the documentation."""
    pages = [
        page for check in CHECKS for one in check.problems for page in re.findall(r"docs/\S+?\.md", one.fix)
    ]
    assert pages
    assert [page for page in pages if not (TESTS.parents[1] / page).is_file()] == []


def test_every_problem_is_made_on_purpose() -> None:
    """Each problem is found in some test, or it is said here why not."""
    tests = "".join(file.read_text() for file in TESTS.glob("test_*.py"))
    for check in CHECKS:
        for problem in check.problems:
            word = problem.id.partition(".")[2]
            made = f'"{problem.id}"' in tests or f'"{word}"' in tests
            assert made or problem.id in ELSEWHERE, problem.id


def test_the_command_speaks_json_and_has_a_status(tmp_path: Path) -> None:
    """One line per check and one for the sum; status 1 at a fault. What is wrong with the settings is a finding too."""
    key = tmp_path / "master.key"
    key.write_text(MASTER_KEY)
    key.chmod(0o644)
    settings = {
        "AUTHRIM_ISSUER": f"https://localhost:{free_port()}",
        "AUTHRIM_DATABASE": str(tmp_path / "authrim.db"),
        "AUTHRIM_MASTER_KEY_FILE": str(key),
        "AUTHRIM_PORT": "tcp://10.96.0.17:8080",
    }
    doctor = CommandLine(settings)
    doctor.run("migrate")
    ran = doctor.run("doctor", "--json", status=1)
    *lines, total = map(json.loads, ran.stdout.splitlines())
    assert [line["check"] for line in lines] == [check.id for check in CHECKS]
    found = {finding["id"]: finding for line in lines for finding in line["findings"]}
    assert found["settings.passed_over"]["detail"] == "AUTHRIM_PORT"
    assert found["files.open_to_all"]["fix"].startswith(f"chmod 600 {key}")
    assert total["ok"] is False
    assert total["faults"] == sum(one["severity"] == "fault" for one in found.values())
    assert MASTER_KEY not in ran.output

    del settings["AUTHRIM_PORT"]
    text = CommandLine(settings).run("doctor", status=1).stdout
    assert "(the database is not PostgreSQL)" in text
    (shown,) = re.findall(r"^```text\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    for line in shown.splitlines():
        assert line.replace("/etc/authrim/master.key", str(key)) in text.splitlines(), line

    ran = CommandLine(settings | {"AUTHRIM_ISSUR": "x"}).run("doctor", "--json", status=1)
    first, total = map(json.loads, ran.stdout.splitlines())
    assert first["findings"][0]["id"] == "settings.unusable"
    assert "did you mean AUTHRIM_ISSUER?" in first["findings"][0]["detail"]
    assert total == {"ok": False, "checks": 1, "faults": 1, "warnings": 0, "notes": 0}


def test_options_that_cannot_be_used(tmp_path: Path) -> None:
    """An address that is none, and a file without certificates."""
    settings = {"AUTHRIM_ISSUER": "https://localhost", "AUTHRIM_MASTER_KEYS": MASTER_KEY}
    settings["AUTHRIM_DATABASE"] = str(tmp_path / "authrim.db")
    doctor = CommandLine(settings)
    assert "IP address" in doctor.run("doctor", "--address", "localhost", status=2).stderr
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    assert "--ca-file" in doctor.run("doctor", "--ca-file", str(empty), status=2).stderr


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    """``authrim doctor | head``: that the pipe is closed is no mistake in an option."""
    settings = {"AUTHRIM_ISSUER": "https://localhost", "AUTHRIM_MASTER_KEYS": MASTER_KEY}
    settings["AUTHRIM_DATABASE"] = str(tmp_path / "authrim.db")
    reads, writes = os.pipe()
    os.close(reads)
    command = [sys.executable, "-m", "authrim", "doctor", "--json"]
    try:
        ran = subprocess.run(
            command, env=os.environ | settings, stdout=writes, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writes)
    assert ran.returncode == 1
    assert b"--ca-file" not in ran.stderr


async def test_a_check_that_fails_ends_alone(tmp_path: Path) -> None:
    """What nobody foresaw is a finding of its check, without its text, and the other checks are made all the same."""

    async def fail(_examined: Examined) -> Sequence[Finding]:
        raise RuntimeError("a secret")

    checks = [msgspec.structs.replace(CHECKS[0], examine=fail), CHECKS[2]]
    results = [result async for result in examine(settings_at(tmp_path / "none.db"), Options(), checks)]
    assert [result.outcome for result in results] == ["fault", "ok"]
    (finding,) = results[0].findings
    assert finding.problem.id == "settings.interrupted"
    assert finding.detail == "RuntimeError: please report this"
