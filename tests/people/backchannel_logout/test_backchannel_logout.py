"""Back-channel logout: however a session ends, the clients that know of it are told, once and for all to see."""

import asyncio
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey
from joserfc.jws import extract_compact

from authrim.audit.rebuild import rebuild, verify
from authrim.people import accounts
from authrim.people.erasure import erase_account
from authrim.people.logout import notices as logout_notices
from domain.person.session_events import (
    BackChannelLogoutDelivered,
    BackChannelLogoutFailed,
    SessionEnded,
)
from domain.stream import DEFAULT_TENANT
from tests.support.accounts import add_account, change_password
from tests.support.browser import Browser
from tests.support.https_site import Site
from tests.support.logout import RETURN, STATE, is_logged_in, log_out
from tests.support.logout_receiver import PATH, session_events, tokens_at, told_client, until, verified
from tests.support.running import RunningServer
from tests.support.tokens import verified_claims

one_store = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def settled(server: RunningServer, session_id: str) -> list[Any]:
    """What the log says of the session's end, once it says what became of telling."""
    while True:
        events = await session_events(server, session_id)
        if isinstance(events[-1], BackChannelLogoutDelivered | BackChannelLogoutFailed):
            return events[1:]
        await asyncio.sleep(0.05)


@one_store
async def test_discovery(server: RunningServer) -> None:
    """``oidcc-backchannel-logout-discovery-endpoint-verification``: both members are true."""
    async with server.http.get(server.url("/.well-known/openid-configuration")) as answer:
        document = await answer.json()
    assert document["backchannel_logout_supported"] is True
    assert document["backchannel_logout_session_supported"] is True


async def test_the_client_is_told(server: RunningServer, browser: Browser, site: Site) -> None:
    """``oidcc-backchannel-rp-initiated-logout``: the token's claims are those of the ID token, and the log says so."""
    web = await told_client(server, site, post_logout_redirect_uris=(RETURN,))
    token = (await browser.code_flow(web))["id_token"]
    known = await verified_claims(server, token)
    shown = await log_out(browser, id_token_hint=token, post_logout_redirect_uri=RETURN, state=STATE)
    assert shown.location == f"{RETURN}?state={STATE}"
    ended, told = await settled(server, known["sid"])
    (logout_token,) = tokens_at(site)
    claims = await verified(server, logout_token)
    assert (claims["aud"], claims["sub"], claims["sid"]) == (web.client_id, known["sub"], known["sid"])
    assert isinstance(ended, SessionEnded)
    assert told == BackChannelLogoutDelivered(web.client_id, claims["jti"], told.delivered_at)
    assert not await is_logged_in(browser, web)
    assert (await verify(server.core.store)).fits


@one_store
async def test_signed_as_the_client_registered(server: RunningServer, browser: Browser, site: Site) -> None:
    """§2.4: the algorithm of the client's ID tokens."""
    web = await told_client(server, site, id_token_signed_response_alg="RS256")
    await log_out(browser, id_token_hint=(await browser.code_flow(web))["id_token"])
    await until(lambda: tokens_at(site))
    await verified(server, tokens_at(site)[0])
    assert extract_compact(tokens_at(site)[0].encode()).protected["alg"] == "RS256"


@one_store
async def test_encrypted_as_the_client_registered(
    server: RunningServer, browser: Browser, site: Site
) -> None:
    """§2.4: a client whose ID tokens are encrypted gets its logout tokens encrypted, to its own key."""
    key = ECKey.generate_key("P-256", {"kid": "enc", "use": "enc", "alg": "ECDH-ES"})
    jwks = {"keys": [key.as_dict(private=False)]}
    web = await told_client(server, site, id_token_encrypted_response_alg="ECDH-ES", jwks=jwks)
    shown, _ = await browser.authorize(web)
    await browser.through_pages(shown)
    await browser.submit(await log_out(browser), action="logout")
    await until(lambda: tokens_at(site))
    opened = jwe.decrypt_compact(tokens_at(site)[0], key, algorithms=["ECDH-ES", "A128CBC-HS256"])
    assert opened.plaintext is not None
    assert (await verified(server, opened.plaintext.decode()))["aud"] == web.client_id


@one_store
async def test_a_pairwise_client_hears_of_its_own_pseudonym(
    server: RunningServer, browser: Browser, site: Site
) -> None:
    """OIDC Core §8: the logout token's ``sub`` is that of the client's ID token."""
    web = await told_client(server, site, subject_type="pairwise")
    token = (await browser.code_flow(web))["id_token"]
    known = await verified_claims(server, token)
    assert known["sub"] != server.subject
    await log_out(browser, id_token_hint=token)
    await until(lambda: tokens_at(site))
    claims = await verified(server, tokens_at(site)[0])
    assert (claims["sub"], claims["sid"]) == (known["sub"], known["sid"])


@one_store
async def test_only_clients_of_the_session_are_told(
    server: RunningServer, browser: Browser, site: Site
) -> None:
    """§2.5: a client that the person did not use in this browser hears nothing; each that they used, its own token."""
    site.serve("/other", b"")
    site.serve("/unused", b"")
    web = await told_client(server, site)
    other = await told_client(server, site, "post", backchannel_logout_uri=site.url("/other"))
    unused = await told_client(server, site, "spa", backchannel_logout_uri=site.url("/unused"))
    await Browser(server).code_flow(unused)
    token = (await browser.code_flow(web))["id_token"]
    await browser.code_flow(other)
    await log_out(browser, id_token_hint=token)
    await until(lambda: site.asked("/other") and site.asked(PATH))
    first, second = (
        await verified(server, tokens_at(site)[0]),
        await verified(server, tokens_at(site, "/other")[0]),
    )
    assert (first["aud"], second["aud"]) == (web.client_id, other.client_id)
    assert first["jti"] != second["jti"]
    assert site.asked("/unused") == 0


@one_store
@pytest.mark.parametrize("end", ["password", "disabled", "erased", "replaced", "by_administrator"])
async def test_other_ends_are_told_too(server: RunningServer, browser: Browser, site: Site, end: str) -> None:
    """A188: a new password, a disabled or erased account, another person at the browser, an administrator."""
    web = await told_client(server, site)
    sid = (await verified_claims(server, (await browser.code_flow(web))["id_token"]))["sid"]
    core = server.core
    match end:
        case "password":
            await change_password(server, "another password")
        case "disabled":
            await accounts.disable_account(core.store, DEFAULT_TENANT, server.subject, "test")
        case "erased":
            await erase_account(core.store, core.private, core.master, DEFAULT_TENANT, server.subject)
        case "by_administrator":
            await accounts.end_sessions_of(core.store, DEFAULT_TENANT, server.subject)
        case "replaced":
            await add_account(server, "bob")
            shown, _ = await browser.authorize(web, prompt="login")
            await browser.sign_in(shown, "bob")
    await until(lambda: tokens_at(site))
    assert (await verified(server, tokens_at(site)[0]))["sid"] == sid


@one_store
async def test_a119_a_client_that_fails_is_tried_again_and_then_given_up(
    server: RunningServer, browser: Browser, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A119: three further attempts, each with the same ``jti``; then the log says that the client was not told."""
    monkeypatch.setattr(logout_notices, "PAUSES", (0, 0, 0))
    site.serve(PATH, b"", status=503)
    web = await told_client(server, site)
    token = (await browser.code_flow(web))["id_token"]
    sid = (await verified_claims(server, token))["sid"]
    await log_out(browser, id_token_hint=token)
    _, failed = await settled(server, sid)
    tokens = tokens_at(site)
    assert len(tokens) == 4
    assert {(await verified(server, one))["jti"] for one in tokens} == {failed.token_id}
    assert (failed.client_id, failed.reason, failed.attempts) == (web.client_id, "status_503", 4)


@one_store
async def test_one_client_that_fails_holds_up_no_other(
    server: RunningServer, browser: Browser, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who was told is not told again while another one is tried again."""
    monkeypatch.setattr(logout_notices, "PAUSES", (0, 0, 0))
    site.serve("/other", b"", status=400)
    web = await told_client(server, site)
    other = await told_client(server, site, "post", backchannel_logout_uri=site.url("/other"))
    token = (await browser.code_flow(web))["id_token"]
    await browser.code_flow(other)
    await log_out(browser, id_token_hint=token)
    await until(lambda: site.asked("/other") == 4)
    assert site.asked(PATH) == 1


@one_store
async def test_a119_what_nobody_foresaw_of_one_client_ends_too(
    server: RunningServer, browser: Browser, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A119: a client with which something goes wrong in here is given up like one that is away. It would otherwise stop
    the telling of everybody, again and again, because nothing settles its row."""
    monkeypatch.setattr(logout_notices, "PAUSES", (0, 0, 0))
    web = await told_client(server, site)
    broken = await told_client(server, site, "post", backchannel_logout_uri=site.url("/broken"))
    name_for = logout_notices.public_subject

    def failing(core: Any, tenant: str, client: Any, subject: str) -> str:
        if client.client_id == broken.client_id:
            raise KeyError(subject)
        return name_for(core, tenant, client, subject)

    monkeypatch.setattr(logout_notices, "public_subject", failing)
    token = (await browser.code_flow(web))["id_token"]
    sid = (await verified_claims(server, token))["sid"]
    await browser.code_flow(broken)
    await log_out(browser, id_token_hint=token)
    failed = None
    for _ in range(600):
        told = [one for one in await settled(server, sid) if isinstance(one, BackChannelLogoutFailed)]
        if told:
            failed = told[0]
            break
        await asyncio.sleep(0.05)
    assert failed is not None
    assert (failed.client_id, failed.reason, failed.attempts) == (broken.client_id, "failed", 4)
    await until(lambda: site.asked(PATH) == 1)  # each client is told apart from the others


@one_store
async def test_a119_an_internal_address_is_not_reached(
    server: RunningServer, browser: Browser, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A119: a URI of an internal service is stopped by the egress guard; the log says no more than that."""
    monkeypatch.setattr(logout_notices, "PAUSES", ())
    web = await told_client(server, site, backchannel_logout_uri=f"https://127.0.0.1:{site.port}{PATH}")
    token = (await browser.code_flow(web))["id_token"]
    sid = (await verified_claims(server, token))["sid"]
    await log_out(browser, id_token_hint=token)
    _, failed = await settled(server, sid)
    assert failed.reason == "unreachable"
    assert site.seen == []


@one_store
async def test_a236_a_rebuild_sends_nothing(server: RunningServer, browser: Browser, site: Site) -> None:
    """A236: with the outbox made again from the log, whoever was told is not told again."""
    web = await told_client(server, site)
    token = (await browser.code_flow(web))["id_token"]
    sid = (await verified_claims(server, token))["sid"]
    await log_out(browser, id_token_hint=token)
    await settled(server, sid)
    store: Any = server.core.store
    await store._writer.run(lambda connection: connection.execute("DELETE FROM outbox"))
    assert (await rebuild(store)).repaired
    undone = "SELECT count(*) FROM outbox WHERE done_at IS NULL"
    while await store._writer.run(lambda connection: connection.execute(undone).fetchone()[0]):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    assert site.asked(PATH) == 1
