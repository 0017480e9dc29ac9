"""A person's own data, receipts of consents, and the records of processing."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from authrim.audit.bundle.lines import document
from authrim.audit.signed_documents import check_document
from authrim.core.declared_processing import BadDeclaration, read_processing
from authrim.people.person_claims import set_claims
from domain.stream import DEFAULT_TENANT
from tests.attacks.test_secrets_stay_secret import canary, sign_up
from tests.support.browser import Browser
from tests.support.command_line import CommandLine
from tests.support.running import LOGIN, RunningServer
from tests.transparency.installation import command_line

MARKUP = "<script>alert(1)</script>"
SCOPE = "openid profile email offline_access"
DECLARED = """
controller = "Example Ltd"
controller_contact = "privacy@example.com"
jurisdiction = "EU"
storage = ["Frankfurt"]

[[purpose]]
id = "account"
purpose = "Showing you your orders"
lawful_basis = "contract"
scopes = ["openid", "profile"]
retention = "ten years"

[[purpose]]
id = "old"
purpose = "Nothing any more"
lawful_basis = "consent"
scopes = ["payroll"]
clients = ["gone"]
"""

only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    file = tmp_path / "processing.toml"
    file.write_text(DECLARED)
    return file


@pytest.fixture
def commands(server: RunningServer, store_place: Path | str, declared: Path) -> CommandLine:
    return command_line(store_place, ISSUER="https://login.example.com", PROCESSING_FILE=str(declared))


async def lived(server: RunningServer) -> tuple[dict[str, str], dict[str, Any]]:
    """Two people with one client; the server's person is the second from now on. Their data, and their tokens."""
    client = await server.client("shop", kind="web", client_name=f"Shop {MARKUP}")
    others = await Browser(server).code_flow(client, scope=SCOPE, prompt="consent")
    person = await sign_up(server)
    tokens = await Browser(server).code_flow(client, scope=SCOPE, prompt="consent")
    core = server.core
    person["nickname"] = f"{canary('nick')}{MARKUP}"
    claims = {"name": person["name"], "nickname": person["nickname"]}
    await set_claims(core.store, core.private, DEFAULT_TENANT, server.subject, claims)
    return person, {"own": tokens, "others": others}


async def test_an_export_has_everything_of_one_person(
    server: RunningServer, commands: CommandLine, tmp_path: Path
) -> None:
    """A291: a person gets all that is held about them in two files that nobody else may read: no secret, nothing of
    another person, no hold; what is written is escaped, and recorded before it is read."""
    person, tokens = await lived(server)
    run = lambda *words, **more: asyncio.to_thread(commands.run, *words, **more)  # noqa: E731
    await run("account", "hold", server.subject, "--reason", "case 7 secret")
    out = tmp_path / "own"
    export = ("account", "export", person["login"], "--out", str(out))
    await run(*export, status=2)
    await run(*export, "--reason", "ticket 7")
    await run(*export, "--reason", "ticket 7", status=2)
    text, page = (out / "data.json").read_text(), (out / "data.html").read_text()
    data = json.loads(text)
    assert data["account"]["login"] == person["login"]
    assert data["claims"] == {"name": person["name"], "nickname": person["nickname"]}
    assert [one["scope"] for one in data["consents"]] == [SCOPE.split()]
    assert [one["status"] for one in data["applications"]] == ["active"]
    assert [one["status"] for one in data["sessions"]] == ["active"]
    assert data["sessions"][0]["applications"] == [f"Shop {MARKUP}"]
    assert [one["scope"] for one in data["tokens"]] == [SCOPE.split()]
    assert "session.started.v1" in [one["type"] for one in data["sign_ins"]]
    assert {"account.created.v1", "audit.question_asked.v1"} <= {one["type"] for one in data["events"]}
    assert "hold" not in text.replace("holds about", "")
    for value in (person["login"], person["name"], server.subject):
        assert value in page
    assert MARKUP not in page
    for name, value in {**tokens["own"], **tokens["others"]}.items():
        assert name in ("token_type", "expires_in", "scope") or str(value) not in text + page
    assert "argon2" not in text
    assert person["password"] not in text
    assert LOGIN not in text.replace(person["login"], "")
    assert not any((out / name).stat().st_mode & 0o077 for name in ("data.json", "data.html"))
    asked = [one for one in data["events"] if one["type"] == "audit.question_asked.v1"]
    assert len(asked) == 1, "recorded before it was read"
    with_holds = tmp_path / "with"
    for_court = ("account", "export", server.subject, "--out", str(with_holds), "--holds")
    await run(*for_court, "--reason", "for the court")
    assert "account.hold_placed.v1" in (with_holds / "data.json").read_text()
    later = tmp_path / "later"
    await run("account", "export", server.subject, "--out", str(later), "--reason", "x")
    assert "for the court" not in (later / "data.json").read_text(), "nor that somebody asked for holds"
    await run("account", "release", server.subject, "--reason", "over")
    await run("account", "erase", server.subject, "--yes")
    gone = ("account", "export", server.subject, "--out", str(tmp_path / "gone"), "--reason", "x")
    assert "no such account" in (await run(*gone, status=1)).stderr
    assert not (tmp_path / "gone").exists()


@only_sqlite
async def test_receipts_tell_the_whole_history(
    server: RunningServer, commands: CommandLine, tmp_path: Path
) -> None:
    """A292: a receipt has what was agreed to, for which declared purposes, and that it was withdrawn; it is signed with
    its events, and another state, another scope or a missing withdrawal is found."""
    person, _ = await lived(server)
    run = lambda *words, **more: asyncio.to_thread(commands.json, *words, **more)  # noqa: E731
    shown = await run("account", "consents", person["login"], "--reason", "ticket 7")
    assert [one["state"] for one in shown["consents"]] == ["given"]
    client = shown["consents"][0]["client_id"]
    await run("account", "withdraw-consent", server.subject, client)
    out = tmp_path / "receipts.json"
    shown = await run("account", "consents", server.subject, "--client", client, "--out", str(out))
    assert [one["state"] for one in shown["consents"]] == ["given", "withdrawn"]
    signed = json.loads(out.read_text())
    key = (await run("audit", "checkpoint-key"))["verifier_key"]
    checked = check_document(out.read_bytes(), key)
    assert checked.fault == ""
    assert (await run("privacy", "verify", str(out), "--key", key))["holds"]
    (receipt,) = signed["document"]["receipts"]
    record = receipt["consent_record"]
    assert [one["event_state"] for one in record["events"]] == ["given", "withdrawn"]
    purposes = {one["scope"]: one for one in record["pii_processing"]["purposes"]}
    assert purposes["profile"]["purpose"] == "Showing you your orders"
    assert {"pii_type": "name"} in purposes["profile"]["pii_information"]
    assert purposes["openid"]["pii_information"] == [{"pii_type": "sub"}]
    assert purposes["email"]["purpose"] == "not declared"
    assert {one["party_role"] for one in record["party_identification"]} == {"pii_controller", "recipient"}
    for old, new in (
        ("withdrawn", "given"),
        ("offline_access", "offline"),
        ('"scope": "email"', '"scope": "phone"'),
    ):
        changed = json.loads(out.read_text().replace(old, new))
        assert check_document(document(changed), key).fault
    assert check_document(document({**signed, "events": signed["events"][:1]}), key).fault
    nothing = ("account", "consents", server.subject, "--client", "nobody", "--out", str(tmp_path / "none"))
    assert "agreed to nothing" in (await run(*nothing, status=1))["description"]


@only_sqlite
async def test_records_of_processing(server: RunningServer, commands: CommandLine, tmp_path: Path) -> None:
    """The records say which client may have which data, for which declared purpose, and what is not declared; made
    twice they are the same bytes, and no spreadsheet computes a client's name."""
    await server.client("shop", kind="web", client_name="=1+1")
    told = await asyncio.to_thread(commands.json, "privacy", "records", "--out", str(tmp_path / "one"))
    await asyncio.to_thread(commands.run, "privacy", "records", "--out", str(tmp_path / "two"))
    for name in ("records.json", "records.html", "activities.csv", "clients.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert told["controller"]["controller"] == "Example Ltd"
    by_id = {one["id"]: one for one in told["activities"]}
    assert by_id["account"]["lawful_basis"] == "contract"
    assert "birthdate" in by_id["account"]["data"]
    assert by_id["account"]["recipients"][0].startswith("=1+1 (")
    assert by_id["scope email"]["purpose"] == "not declared"
    assert any("scope email" in finding for finding in told["findings"])
    assert any("client that there is not: gone" in finding for finding in told["findings"])
    assert any("scope that no client has: payroll" in finding for finding in told["findings"])
    assert not re.search(r"(^|,|\")=", (tmp_path / "one" / "clients.csv").read_text())
    assert "Showing you your orders" in (tmp_path / "one" / "records.html").read_text()
    bare = CommandLine({k: v for k, v in commands.environment.items() if k != "AUTHRIM_PROCESSING_FILE"})
    assert "No controller is declared." in (await asyncio.to_thread(bare.run, "privacy", "records")).stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('controler = "x"', "controler"),
        ("controller = 7", "$.controller"),
        ('[[purpose]]\nid = "a"\npurpose = "b"\nlawful_basis = "whim"', "lawful_basis"),
        ('[[purpose]]\npurpose = "b"\nlawful_basis = "consent"', "id"),
        (
            '[[purpose]]\nid = "a"\npurpose = "b"\nlawful_basis = "consent"\n' * 2,
            "two purposes have the id a",
        ),
        ("controller =", "processing.toml"),
    ],
)
def test_a_wrong_declaration_is_named(tmp_path: Path, text: str, told: str) -> None:
    """Each mistake in the file is named with its key, and nothing is guessed."""
    file = tmp_path / "processing.toml"
    file.write_text(text)
    with pytest.raises(BadDeclaration, match=re.escape(told)):
        read_processing(file)
