"""``sid`` is for clients that can use it, and another one in every sector (OIDC Core §8, Front-Channel Logout §3)."""

from time import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from tests.people.pairwise.test_pairwise import pairwise
from tests.support.browser import Browser
from tests.support.running import KnownClient, RunningServer
from tests.support.tokens import verified_claims

#: PostgreSQL reads its own clock, which no test can turn.
only_sqlite = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def id_token(server: RunningServer, browser: Browser, client: KnownClient) -> dict[str, Any]:
    """The claims of an ID token, of a session that other clients may have begun."""
    return await verified_claims(server, (await browser.code_flow(client))["id_token"])


async def test_only_who_can_use_it_is_told_a_sid(server: RunningServer, browser: Browser) -> None:
    """A client that registered no address of a logout has no ``sid`` in its ID tokens; each such address gives it."""
    assert "sid" not in await id_token(server, browser, await server.client("post"))
    addresses: dict[str, Any] = {
        "post_logout_redirect_uris": ("https://rp.example/out",),
        "frontchannel_logout_uri": "https://rp.example/out",
        "backchannel_logout_uri": "https://rp.example/out",
    }
    for name, value in addresses.items():
        client = await server.client(name, kind="post", **{name: value})
        assert "sid" in await id_token(server, browser, client), name


async def test_sectors_cannot_compare_sessions(server: RunningServer, browser: Browser) -> None:
    """A156: of one browser session, clients of one sector see one ``sid``, those of another sector another one, and
    neither is the session's own id, which clients with public subjects see."""
    out = {"post_logout_redirect_uris": ("https://rp.example/out",)}
    first = await id_token(server, browser, await pairwise(server, "first", **out))
    second = await id_token(server, browser, await pairwise(server, "second", **out))
    other = await id_token(server, browser, await pairwise(server, "third", "other.example", **out))
    public = await id_token(server, browser, await server.client("web"))
    assert first["sid"] == second["sid"]
    assert len({first["sid"], other["sid"], public["sid"]}) == 3


async def test_a_pairwise_client_logs_out_by_its_own_sid(server: RunningServer, browser: Browser) -> None:
    """RP-Initiated Logout §2: the ID token of a pairwise client names the session of this browser, so nobody is asked;
    and a front-channel address is told the ``sid`` that the client knows."""
    client = await pairwise(
        server,
        "one",
        post_logout_redirect_uris=("https://rp.example/out",),
        frontchannel_logout_uri="https://rp.example/front",
    )
    token = (await browser.code_flow(client))["id_token"]
    shown = await browser.request("GET", server.url(f"/logout?id_token_hint={token}"))
    frames = [part for part in shown.body.split('"') if part.startswith("https://rp.example/front")]
    told = parse_qs(urlsplit(frames[0].replace("&amp;", "&")).query)
    assert told["sid"] == [(await verified_claims(server, token))["sid"]]


@only_sqlite
async def test_a_token_without_sid_asks_for_its_own_session_alone(
    server: RunningServer, browser: Browser
) -> None:
    """A191: without ``sid`` a hint speaks for the session when person and sign-in are the same; for another sign-in the
    person is asked."""
    client = await server.client("post")
    token = (await browser.code_flow(client))["id_token"]
    with time_machine.travel(time() + 5, tick=True):
        later = Browser(server)
        await later.code_flow(client)
        asked = await later.request("GET", server.url(f"/logout?id_token_hint={token}"))
    assert "/logout/confirm" in asked.body
    done = await browser.request("GET", server.url(f"/logout?id_token_hint={token}"))
    assert "/logout/confirm" not in done.body
    assert "/login/" in (await browser.authorize(client))[0].url
