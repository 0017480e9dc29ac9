"""A person who is erased is gone from every place, and a certificate proves it to others (A233, A234, A235)."""

import json
import secrets
import sqlite3
import string
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from authrim.audit.bundle.lines import document
from authrim.audit.leaves import verify_log
from authrim.audit.signed_documents import check_document
from authrim.auditor.asking import Asker, asked_subject
from authrim.core.execute import Change, append_of
from authrim.core.origin import Origin
from authrim.core.sealed_rows import DATA_KEY, GRANT, SUBJECT
from authrim.crypto.sealing import login_hmac
from authrim.people.erasure import ErasureRequest, erase_account, open_requests, place_hold, release_hold
from authrim.people.new_account import find_subject
from authrim.people.person_claims import set_claim
from authrim.people.sign_in.counters import counters_of
from authrim.store.read_back import ReadBack
from authrim.transparency.background import checkpoints_of
from authrim.transparency.erasure_certificate import certify_erasure
from domain.errors import Refusal
from domain.person.account import Account
from domain.person.account_events import AccountCreated, PersonErased
from domain.stream import DEFAULT_TENANT, account_stream
from projections.tables import sealed_key
from tests.attacks.test_secrets_stay_secret import canary, everything_stored, sign_up, spellings
from tests.people.claims.test_defined_claims import define
from tests.postgres_cluster import Cluster
from tests.support.browser import Browser, BrowserPage, authenticated_post, redeem
from tests.support.pushed import pushed
from tests.support.running import KnownClient, RunningServer, running_server
from tests.support.signing_up import sign_up as sign_up_by_page
from tests.support.signing_up import sign_up_page

ADDRESS = "203.0.113.77"
MORE_ADDRESS = "2001:db8:a1b2:c3d4::7f"
BY = ErasureRequest("case 7", "uid 1")


#: What comes in by claims, requests and headers.
CAME_IN = ("department", "held", "state", "hint", "agent", "open-state", "pushed-state", "pushed-hint")


class TellingBrowser(Browser):
    """A browser that says what it is, by a proxy that says where it is."""

    agent = ""
    address = ADDRESS

    async def request(
        self, method: str, url: str, form: Any = None, headers: dict[str, str] | None = None
    ) -> BrowserPage:
        more = {"User-Agent": self.agent, "X-Forwarded-For": self.address}
        return await super().request(method, url, form, {**(headers or {}), **more})


@dataclass
class Life:
    """A person's life with a server: all that is theirs, and what they still hold."""

    server: RunningServer
    canaries: dict[str, str]
    tokens: dict[str, Any] = field(default_factory=dict)
    client: KnownClient | None = None

    @property
    def store(self) -> ReadBack:
        return self.server.core.store

    async def erased(self, request: ErasureRequest | None = None) -> Account | Refusal:
        core = self.server.core
        return await erase_account(
            core.store, core.private, core.master, DEFAULT_TENANT, self.server.subject, request
        )

    async def sealed(self, kind: str, owner: str) -> bytes | None:
        found = await self.store.find("sealed", sealed_key(DEFAULT_TENANT, kind, owner, DATA_KEY))
        return None if found.row is None else bytes(found.row["ciphertext"])


async def lived(server: RunningServer) -> Life:
    """A person comes in by every way, and leaves a request open."""
    core = server.core
    canaries = await sign_up(server)
    await define(server, "department", ("profile",))
    canaries |= {name: canary(name) for name in CAME_IN}
    store, private, subject = core.store, core.private, server.subject
    for value in (canaries["held"], canaries["department"]):
        await set_claim(store, private, DEFAULT_TENANT, subject, "department", value)
        if value == canaries["held"]:
            assert not isinstance(await place_hold(store, DEFAULT_TENANT, subject, BY), Refusal)
    client = await server.client("shop", kind="web")
    browser = TellingBrowser(server)
    browser.agent = canaries["agent"]
    asked = {"scope": "openid profile email phone address offline_access", "prompt": "consent"}
    private_values = {"state": canaries["state"], "login_hint": canaries["hint"]}
    claims = json.dumps({"userinfo": {"name": {"value": canaries["name"]}}})
    shown, verifier = await browser.authorize(client, **asked, **private_values, claims=claims)
    shown = await browser.through_pages(await browser.sign_in(shown, password=canary("wrong")))
    _, tokens = await redeem(server, client, shown.parameters["code"], verifier)
    other = TellingBrowser(server)
    other.agent, other.address = canaries["agent"], MORE_ADDRESS
    shown, _ = await other.authorize(client, **asked, state=canaries["open-state"])
    waiting = await other.sign_in(shown)
    assert waiting.status == 200, "the consent page"
    shown, _ = await other.authorize(client, prompt="login")
    assert (await other.sign_in(shown, password=canary("wrong"))).status == 401
    assert await guesses_counted(server)
    pushing = {"state": canaries["pushed-state"], "login_hint": canaries["pushed-hint"]}
    await pushed(server, client, **pushing)
    asker = Asker(core.store, core.readings.reading(), core.master, DEFAULT_TENANT)
    assert await asked_subject(asker, canaries["login"], "account_history", "ticket 7") == subject
    canaries |= {"address": ADDRESS, "more_address": MORE_ADDRESS}
    return Life(server, canaries, tokens, client)


async def guesses_counted(server: RunningServer) -> int:
    """How many failed sign-ins are counted for the person's login, from wherever."""
    hashed = login_hmac(server.core.master, DEFAULT_TENANT, server.login)
    return await server.core.store.count(counters_of(DEFAULT_TENANT, hashed), 60, 0)


def found_in(canaries: dict[str, str], places: dict[str, bytes]) -> set[tuple[str, str]]:
    """Which canary is in which place, in whatever spelling."""
    return {
        (name, place)
        for name, value in canaries.items()
        for place, content in places.items()
        if any(spelling in content for spelling in spellings(value))
    }


def files_of(place: Path | str, cluster: Cluster | None, began: float) -> dict[str, bytes]:
    """The raw files of the database: of PostgreSQL its folder, and what was written since of the write-ahead log."""
    if isinstance(place, Path):
        return {file.name: file.read_bytes() for file in place.parent.iterdir() if file.is_file()}
    assert cluster is not None
    with closing(psycopg2.connect(place)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        (oid,) = cursor.fetchone() or (0,)
    cluster.execute("CHECKPOINT")
    data = Path(cluster.folder) / "data"
    files = [
        *(data / "base" / str(oid)).iterdir(),
        *(data / "pg_wal").iterdir(),
        Path(cluster.folder) / "log",
    ]
    return {
        file.name: file.read_bytes() for file in files if file.is_file() and file.stat().st_mtime >= began - 1
    }


async def test_an_erased_person_is_nowhere(
    store: ReadBack, store_place: Path | str, request: pytest.FixtureRequest, tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """A233, A234, A235: what came in by a login, a password, claims, hints, state, a User-Agent and addresses is in no
    table, file, write-ahead log, backup or log line in the clear; a hold forbids the erasure; afterwards nothing of the
    person works or is left, the key that a backup has is the destroyed one, and the log verifies."""
    began = time.time()
    cluster = request.getfixturevalue("cluster") if isinstance(store_place, str) else None
    async with running_server(store, trusted_proxies=("127.0.0.1/32", "::1/128")) as server:
        life = await lived(server)
        core, subject = server.core, server.subject
        assert isinstance(await life.erased(), Refusal), "held"
        assert not isinstance(await release_hold(store, DEFAULT_TENANT, subject, None, BY), Refusal)
        (waiting,) = await open_requests(store, core.private, DEFAULT_TENANT, subject)
        keys = {await life.sealed(SUBJECT, subject), await life.sealed(GRANT, waiting)}
        places: dict[str, bytes] = {}
        if isinstance(store_place, Path):
            with (
                closing(sqlite3.connect(store_place)) as source,
                closing(sqlite3.connect(tmp_path / "backup")) as backup,
            ):
                source.backup(backup)
            places["backup"] = (tmp_path / "backup").read_bytes()
            assert all(key and key in places["backup"] for key in keys), "a backup has the wrapped keys"
            (tmp_path / "backup").unlink()
        account = await life.erased(ErasureRequest("by letter", "uid 2"))
        assert isinstance(account, Account), account
        signed = await certify_erasure(store, core.private, checkpoints_of(core), DEFAULT_TENANT, subject)
        assert not isinstance(signed, Refusal)
        places |= {f"file {name}": text for name, text in files_of(store_place, cluster, began).items()}
        places |= {"rows": everything_stored(store_place)}
        counted = await guesses_counted(server)
        await nothing_works(life)
        places |= {"output": "".join(capfd.readouterr()).encode(), "certificate": document(signed)}
        assert not found_in(life.canaries, places)
        assert subject.encode() in places["rows"], "the log still says what the pseudonym did"
        assert b"authorize" in places["output"]
        if isinstance(store_place, Path):
            live = {name: text for name, text in places.items() if name.startswith("file")}
            assert not any(key in text for key in keys if key for text in live.values()), "overwritten"
        assert not counted, "what counted the guesses of the login is gone"
        said = signed["document"]
        assert set(said["left"].values()) == {0}
        assert len(said["destroyed_keys"]) == 2
        assert said["positions"]["count"] > 10
        assert (await verify_log(store, lambda _done, _whole: None)).problem is None


async def nothing_works(life: Life) -> None:
    """Neither the password, nor a session, nor a token is worth anything on the running server."""
    server, client = life.server, life.client
    assert client is not None
    bearer = {"Authorization": f"Bearer {life.tokens['access_token']}"}
    async with server.http.get(server.url("/userinfo"), headers=bearer) as answer:
        assert answer.status == 401
    form = {"grant_type": "refresh_token", "refresh_token": life.tokens["refresh_token"]}
    status, refused = await authenticated_post(server, client, "/token", form)
    assert (status, refused["error"]) == (400, "invalid_grant")
    browser = Browser(server)
    shown, _ = await browser.authorize(client)
    assert (await browser.sign_in(shown)).status == 401


@pytest.fixture
async def certificate(server: RunningServer) -> tuple[dict[str, Any], str]:
    """A certificate, with a checkpoint from before, and the key."""
    core = server.core
    await checkpoints_of(core).sign()
    await erase_account(core.store, core.private, core.master, DEFAULT_TENANT, server.subject)
    signed = await certify_erasure(
        core.store, core.private, checkpoints_of(core), DEFAULT_TENANT, server.subject
    )
    assert not isinstance(signed, Refusal)
    return signed, (await checkpoints_of(core).keys.signer()).public.encoded()


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_a_certificate_is_verified_offline(certificate: tuple[dict[str, Any], str]) -> None:
    """A290: with the log's key alone the certificate is proved, and the log before it; with no key it is said that
    anybody could have made it; whatever is changed in it is found, another key's too."""
    signed, key = certificate
    checked = check_document(document(signed), key)
    assert (checked.fault, checked.key_given, len(checked.checked)) == ("", True, 4)
    assert "continues the checkpoint" in checked.checked[2]
    assert not check_document(document(signed), None).key_given
    for changed in mutations(signed):
        assert check_document(document(changed), key).fault, changed
    text = document(signed)
    last = text.rindex(b"=") - 1  # of the signature: some of its bits count for nothing
    other_spellings = [
        (last, one) for one in (string.ascii_letters + string.digits).encode() if one != text[last]
    ]
    places = [secrets.randbelow(len(text)) for _ in range(300)]
    flipped = [(place, text[place] ^ (1 << secrets.randbelow(8))) for place in places]
    for place, other in flipped + other_spellings:
        broken = text[:place] + bytes([other]) + text[place + 1 :]
        assert check_document(broken, key).fault or broken.split() == text.split()
    assert check_document(text, f"other{key}").fault
    for odd in (b"", b"[]", b"{}", b"\xff", b"[" * 10_000, b"null"):
        assert check_document(odd, key).fault


def mutations(signed: dict[str, Any]) -> list[dict[str, Any]]:
    """The certificate with each of its parts changed, and without it."""
    changed = [{name: one for name, one in signed.items() if name != gone} for gone in signed]
    for name in signed["document"]:
        changed.append({**signed, "document": {**signed["document"], name: "other"}})
    changed.append({**signed, "events": []})
    changed.append({**signed, "tree_size": signed["tree_size"] + 1})
    changed.append({**signed, "kind": "consent-receipts"})
    changed.append({**signed, "earlier": None})
    return changed


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_nobody_is_certified_who_was_not_erased(server: RunningServer) -> None:
    """A290: there is no certificate of an account that is there, or never was."""
    core = server.core
    for subject in (server.subject, "nobody"):
        refused = await certify_erasure(
            core.store, core.private, checkpoints_of(core), DEFAULT_TENANT, subject
        )
        assert isinstance(refused, Refusal)


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_an_erasure_of_before_is_certified(server: RunningServer) -> None:
    """A290: an event from before erasures had ids of keys is certified as what it is, and what is left is counted."""
    core = server.core
    events = (AccountCreated("old", 1), PersonErased(2))
    change = Change(account_stream(DEFAULT_TENANT, "old"), 0, events)
    await core.store.append(append_of((change,), Origin(DEFAULT_TENANT, actor="admin").metadata()))
    signed = await certify_erasure(core.store, core.private, checkpoints_of(core), DEFAULT_TENANT, "old")
    assert not isinstance(signed, Refusal)
    assert (signed["document"]["destroyed_keys"], signed["document"]["left"]["logins"]) == ([], 0)
    assert not check_document(document(signed), signed["key"]).fault


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_digests_are_those_of_nobodys_guess(server: RunningServer, browser: Browser) -> None:
    """A234: two requests with the same hint have other digests in the log, so no guess can be tried there."""
    client = await server.client("web")
    for _ in range(2):
        await browser.authorize(client, state="same", login_hint="ada@example.org")
    events = await server.core.store.read_log(0, 1000)
    digests = {json.loads(one.payload).get("private_digest") for one in events} - {None}
    assert len(digests) == 2


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_who_made_the_account_themselves_is_erased_too(
    store: ReadBack, store_place: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A233, A234: what a person typed into the page for a new account is in no file and no log line in the clear, and
    nothing of it is left after the erasure."""
    typed = {name: canary(name) for name in ("login", "password", "name")}
    async with running_server(store, self_registration=True) as server:
        browser = Browser(server)
        form = {"login": typed["login"], "password": typed["password"], "name": typed["name"]}
        page = await sign_up_by_page(
            browser, await sign_up_page(browser), **form, password_repeated=typed["password"]
        )
        assert page.status == 200, "the consent page"
        core = server.core
        subject = await find_subject(core.store, core.master, DEFAULT_TENANT, typed["login"])
        assert subject is not None
        server.subject = subject
        assert isinstance(await Life(server, typed).erased(), Account)
        signed = await certify_erasure(store, core.private, checkpoints_of(core), DEFAULT_TENANT, subject)
        assert not isinstance(signed, Refusal)
        assert set(signed["document"]["left"].values()) == {0}
        places = files_of(store_place, None, 0) | {"output": "".join(capfd.readouterr()).encode()}
        assert not found_in(typed, places)
