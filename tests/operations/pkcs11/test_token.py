"""Signing keys in a PKCS #11 token (SoftHSM2, behind a process of its own): used, dead, silent, and back."""

import asyncio
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from pydantic import SecretStr

from authrim.core import signing_keys
from authrim.core.sealed_rows import SIGNING_KEY
from authrim.core.signing_keys import PRIVATE_HALF
from authrim.crypto.jws import VerificationKey, verify
from authrim.crypto.pkcs11_access import TokenAccess, TokenUnavailable
from authrim.crypto.pkcs11_token import Pkcs11Token, TokenSigner, read_reference
from authrim.crypto.verification_keys import KeySet
from authrim.server.wiring import make_parts
from authrim.store.contract import Store
from domain.key.events import KeyCreated
from domain.stream import DEFAULT_TENANT
from tests.operations.pkcs11.soft_token import LABEL, MODULE, PIN, SoftToken
from tests.support.browser import Browser
from tests.support.command_line import CommandLine
from tests.support.ports import free_port
from tests.support.running import MASTER_KEY, KnownClient, RunningServer, development_settings, running_server
from tests.support.tokens import verified_claims

pytestmark = pytest.mark.operations


def in_token(token: SoftToken) -> dict[str, Any]:
    """The settings of a server with keys in the token."""
    return {"pkcs11_module": token.client, "pkcs11_token": LABEL, "pkcs11_pin": SecretStr(PIN)}


def keys_in(token: SoftToken) -> set[bytes]:
    """The ids of the private keys in the token."""
    library = pkcs11.lib(str(token.client))
    try:
        library.get_token(token_label=LABEL)
    except pkcs11.exceptions.NoSuchToken:  # it holds on to a process that another test has killed
        library.reinitialize()
    place = library.get_token(token_label=LABEL)
    try:
        opened = place.open(user_pin=PIN)
    except pkcs11.exceptions.UserAlreadyLoggedIn:  # by the server in this process
        opened = place.open()
    with opened as session:
        kind = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY}
        return {key.id for key in session.get_objects(kind)}


def pins_tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every PIN that is given to a token from now on."""
    tries: list[str] = []
    lib = pkcs11.lib

    class Watched:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def get_token(self, **wanted: Any) -> "Watched":
            return Watched(self._inner.get_token(**wanted))

        def open(self, **wanted: Any) -> Any:
            if "user_pin" in wanted:
                tries.append(wanted["user_pin"])
            return self._inner.open(**wanted)

    monkeypatch.setattr(pkcs11, "lib", lambda so: Watched(lib(so)))
    return tries


async def test_every_algorithm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each algorithm that we sign with works in a token, and its keys do not come out. A wrong PIN is tried once,
    however many ask: the token would lock itself. A key that is not there is not ready, though another one signs."""
    token = SoftToken(tmp_path)
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    with monkeypatch.context() as watched:
        tries = pins_tried(watched)
        pin_of_another = Pkcs11Token(TokenAccess(MODULE, LABEL, "canary-0000"))
        asked = [pin_of_another.sign(b"1", "ES256", b"message") for _ in range(8)]
        refused = await asyncio.gather(*asked, return_exceptions=True)
    assert tries == ["canary-0000"]
    assert all(isinstance(one, TokenUnavailable) for one in refused)
    assert {str(one) for one in refused} == {
        f"the token {LABEL}: PinIncorrect",
        f"the token {LABEL} refused the PIN: correct it and restart",
    }
    one = Pkcs11Token(TokenAccess(MODULE, LABEL, PIN))
    for alg in ("ES256", "RS256", "PS256", "EdDSA", "Ed25519"):
        pair = await one.new_key_pair(alg)
        reference = read_reference(pair.private)
        assert reference is not None
        signer = TokenSigner(reference[1], one, pair.public.kid, alg, pair.public.public_jwk)
        keys = KeySet([VerificationKey.from_jwk(pair.public.public_jwk)])
        signed = await signer.signed(b'{"sub":"ann"}', "at+jwt")
        verified = verify(signed, keys, algorithms=frozenset({alg}), typ=frozenset({"at+jwt"}))
        assert (verified.payload, verified.kid) == (b'{"sub":"ann"}', pair.public.kid)
    jwk = (await one.new_key_pair("ES256")).public.public_jwk
    for key_id in (b"gone", reference[1]):
        await signer.signed(b"{}", None)
        assert one.is_alive
        with pytest.raises(TokenUnavailable):
            await TokenSigner(key_id, one, "k", "ES256", jwk).ready()
    assert token.client.exists()


async def test_keys_move_into_the_token(token: SoftToken, store: Store) -> None:
    """A server that had keys of its own goes on with them, its next keys are made in the token, what is discarded is
    left nowhere, and the log says which key is where."""
    port, before = free_port(), keys_in(token)
    async with running_server(store, port=port) as server:
        subject = server.subject
        client = await server.client()
        own = await Browser(server).code_flow(client)
    async with running_server(store, port=port, subject=subject, **in_token(token)) as server:
        server.clients["web"] = client
        assert keys_in(token) == before
        core = server.core
        for _ in range(2):
            made = await signing_keys.rotate_key(
                store, core.private, core.configuration, DEFAULT_TENANT, "ES256", urgent=True
            )
            assert isinstance(made, signing_keys.Key)
            assert made.token == LABEL
            await asyncio.sleep(1.1)  # two keys of one algorithm do not begin in the same second
        refused = await signing_keys.rotate_key(
            store, core.private, core.configuration, DEFAULT_TENANT, "RS256"
        )
        assert isinstance(refused, signing_keys.Key)
        again = await signing_keys.rotate_key(
            store, core.private, core.configuration, DEFAULT_TENANT, "RS256"
        )
        assert again == signing_keys.keys.ALREADY_ROTATING
        assert len(keys_in(token) - before) == 3
        tokens = await Browser(server).code_flow(client)
        for issued in (own, tokens):
            assert (await verified_claims(server, issued["access_token"]))["client_id"] == client.client_id
        half = await core.private.open(DEFAULT_TENANT, SIGNING_KEY, made.kid, PRIVATE_HALF)
        assert half is not None
        assert half.startswith(b"pkcs11:token=authrim%20test;id=")
        listed = signing_keys.list_keys(core.configuration, DEFAULT_TENANT, core.now())
        assert {one.token for one in listed} == {"", LABEL}
    created = [event for event in await store.read_log(0, 1000) if event.type == "key.created.v1"]
    assert sum(b'"token":"authrim test"' in event.payload for event in created) == 3
    assert all(PIN.encode() not in event.payload for event in await store.read_log(0, 1000))
    assert KeyCreated("k", "ES256", {}, 1, 1).token == ""


async def issued(server: RunningServer, **form: str) -> tuple[int, dict[str, Any]]:
    client = server.clients["web" if form["grant_type"] == "refresh_token" else "service"]
    return await server.post("/token", form, client.basic)


async def jarm_response(browser: Browser, client: KnownClient) -> list[str]:
    """The names of the parameters that a client gets that wants them signed (JARM)."""
    shown, _verifier = await browser.authorize(client, response_mode="jwt")
    return list((await browser.through_pages(shown)).parameters)


async def issues_again(server: RunningServer) -> None:
    """Wait until the token is back."""
    for _ in range(300):
        status, _body = await issued(server, grant_type="client_credentials")
        if status == 200:
            return
        await asyncio.sleep(0.2)
    raise AssertionError("the token is not back after a minute")


async def test_a_dead_token(token: SoftToken, store: Store) -> None:
    """F29: without the token nothing is issued (503) and nothing of it is recorded: the refresh token is still good,
    and no code is made for a response that cannot be signed. Introspection, revocation and userinfo go on. When the
    token is back, so is everything."""
    async with running_server(store, receipts=True, **in_token(token)) as server:
        web, service, api = [await server.client(name) for name in ("web", "service", "api")]
        jarm = await server.client("jarm", kind="web", response_modes=("jwt",))
        browser = Browser(server)
        tokens = await browser.code_flow(web, scope="openid offline_access", prompt="consent")
        assert await jarm_response(browser, jarm) == ["response"]
        status, machine = await issued(server, grant_type="client_credentials")
        assert status == 200
        token.kill()
        head = (await store.head()).position
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        for form in ({"grant_type": "client_credentials"}, refresh, refresh):
            status, refused = await issued(server, **form)
            assert (status, refused["error"]) == (503, "temporarily_unavailable")
        shown, _ = await browser.authorize(jarm, response_mode="jwt", prompt="none")
        assert shown.status == 503
        types = [event.type for event in await store.read_log(head, 1000)]
        assert not {
            "grant.code_issued.v1",
            "grant.access_token_issued.v1",
            "grant.refresh_token_rotated.v1",
        } & {*types}
        for issued_token, active in ((machine["access_token"], True), (tokens["access_token"], False)):
            status, said = await server.post("/introspect", {"token": issued_token}, api.basic)
            assert (status, said["active"]) == (200, active)
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        async with server.http.get(server.url("/userinfo"), headers=bearer) as answer:
            assert answer.status == 200
        form = {"token": machine["access_token"], "receipt": "true"}
        assert await server.post("/revoke", form, service.basic) == (200, {})
        status, said = await server.post("/introspect", {"token": machine["access_token"]}, api.basic)
        assert (status, said) == (200, {"active": False})
        token.start()
        await issues_again(server)
        status, fresh = await issued(server, **refresh)
        assert status == 200, fresh
        assert await jarm_response(browser, jarm) == ["response"]


async def test_a_token_that_does_not_answer(token: SoftToken, store: Store) -> None:
    """F25, F29: while signatures wait for a token that hangs, other requests are answered at once; each that waits ends
    with 503, and more than a few are not let in."""
    async with running_server(store, **in_token(token)) as server:
        for name in ("service", "api"):
            await server.client(name)
        status, machine = await issued(server, grant_type="client_credentials")
        assert status == 200
        token.hang()
        waiting = [asyncio.create_task(issued(server, grant_type="client_credentials")) for _ in range(80)]
        status, said = await server.post(
            "/introspect", {"token": machine["access_token"]}, server.clients["api"].basic
        )
        assert (status, said["active"]) == (200, True)
        assert not all(one.done() for one in waiting), "they still wait for the token"
        assert {(status, body["error"]) for status, body in await asyncio.gather(*waiting)} == {
            (503, "temporarily_unavailable")
        }
        token.go_on()
        await issues_again(server)


async def test_starting_without_the_token(token: SoftToken, store: Store) -> None:
    """F29: a server whose keys are in a token starts without it, and introspects; one that has no key yet does not."""
    settings = development_settings(free_port(), **in_token(token))
    token.kill()
    try:
        with pytest.raises(TokenUnavailable):
            await make_parts(settings, store)
        token.start()
        await asyncio.sleep(1.1)  # a token that failed is left alone for a second
        await make_parts(settings, store)
        token.kill()
        async with running_server(store, **in_token(token)) as server:
            await server.client("service")
            assert (await issued(server, grant_type="client_credentials"))[0] == 503
    finally:
        token.kill()
        token.start()


def test_commands_tell_what_is_wrong(token: SoftToken, tmp_path: Path) -> None:
    """A command that needs the token says how it failed, without the PIN; one that does not need it goes on: it lists
    keys, and takes back one that does not sign (F29)."""
    authrim = CommandLine(
        {
            "AUTHRIM_ISSUER": "https://login.example.com", "AUTHRIM_DATABASE": str(tmp_path / "authrim.db"),
            "AUTHRIM_MASTER_KEYS": MASTER_KEY, "AUTHRIM_PKCS11_MODULE": str(token.client),
            "AUTHRIM_PKCS11_TOKEN": "another", "AUTHRIM_PKCS11_PIN": PIN,
        }
    )  # fmt: skip
    authrim.run("migrate")
    told = authrim.run("keys", "rotate", "--alg", "ES256", status=1).output
    assert "the token another: NoSuchToken" in told
    assert PIN not in told
    authrim.environment["AUTHRIM_PKCS11_TOKEN"] = LABEL
    (made,) = authrim.json("keys", "rotate", "--alg", "ES256")["keys"]
    authrim.environment["AUTHRIM_PKCS11_TOKEN"] = "another"
    (listed,) = authrim.json("keys", "list")["keys"]
    assert (listed["kid"], listed["token"]) == (made["kid"], LABEL)
    authrim.environment["AUTHRIM_PKCS11_TOKEN"] = LABEL
    (following,) = authrim.json("keys", "rotate", "--alg", "ES256")["keys"]
    authrim.environment["AUTHRIM_PKCS11_TOKEN"] = "another"
    assert authrim.json("keys", "revoke", following["kid"], "--yes")["status"] == "revoked"
    assert "NoSuchToken" in authrim.run("keys", "revoke", made["kid"], "--yes", status=1).output
    for name in ("MODULE", "TOKEN", "PIN"):
        del authrim.environment[f"AUTHRIM_PKCS11_{name}"]
    replaced_by = authrim.json("keys", "revoke", made["kid"], "--yes")["replaced_by"]
    tokens = {key["kid"]: key["token"] for key in authrim.json("keys", "list")["keys"]}
    assert tokens[replaced_by] == ""
