"""``authrim grant list``: what clients hold for a person, as a server made it."""

from authrim.people import accounts
from authrim.people.grant_list import KnownGrant, list_grants
from authrim.people.grants import end_grant
from authrim.people.sessions.end import end_sessions
from authrim.store.read_back import ReadBack
from domain.stream import DEFAULT_TENANT
from tests.support.accounts import add_account
from tests.support.browser import Browser, redeem
from tests.support.running import RunningServer


async def listed(store: ReadBack, subject: str, **options: bool) -> list[KnownGrant]:
    return list(await list_grants(store, DEFAULT_TENANT, subject, **options))


async def granted(server: RunningServer, browser: Browser, scope: str) -> str:
    """The id of a grant whose code was redeemed."""
    web = await server.client("web")
    shown, verifier = await browser.authorize(web, scope=scope, prompt="consent")
    code = (await browser.through_pages(shown)).parameters["code"]
    assert (await redeem(server, web, code, verifier))[0] == 200
    return code.split(".")[1]


async def test_each_grant_with_its_state(server: RunningServer, browser: Browser, store: ReadBack) -> None:
    """A request that waits, one with a code, live tokens; then the end of the session, of a grant, of all: each list
    says what a token would be worth, and the reason of an end."""
    web = await server.client("web")
    bound = await granted(server, browser, "openid")
    offline = await granted(server, browser, "openid offline_access")
    await browser.authorize(web, prompt="consent")
    waiting = await listed(store, server.subject)
    assert [(one.grant_id, one.status) for one in waiting[:2]] == [(bound, "active"), (offline, "active")]
    assert [one.status for one in waiting[2:]] == ["waiting"]
    assert {one.client_id for one in waiting} == {web.client_id}
    assert waiting[1].scope == ("openid", "offline_access")
    assert (waiting[1].expires_at or 0) > (waiting[0].expires_at or 0)
    await end_sessions(store, DEFAULT_TENANT, server.subject, "administrator")
    by_id = {one.grant_id: one for one in await listed(store, server.subject, over_too=True)}
    assert (by_id[bound].status, by_id[bound].reason) == ("ended", "session_ended")
    assert by_id[offline].status == "active"
    await end_grant(store, DEFAULT_TENANT, offline, "reported stolen")
    by_id = {one.grant_id: one for one in await listed(store, server.subject, over_too=True)}
    assert (by_id[offline].status, by_id[offline].reason) == ("ended", "reported stolen")
    assert bound not in {one.grant_id for one in await listed(store, server.subject)}


async def test_pages_and_other_people(server: RunningServer, browser: Browser, store: ReadBack) -> None:
    """A246: the list goes on after a grant, has none of somebody else, and all are over when the account is
    disabled."""
    ids = [await granted(server, browser, "openid offline_access") for _ in range(3)]
    assert ids == sorted(ids)
    first = await list_grants(store, DEFAULT_TENANT, server.subject, limit=2)
    rest = await list_grants(store, DEFAULT_TENANT, server.subject, after=ids[1])
    assert [one.grant_id for one in (*first, *rest)] == ids
    other = await add_account(server, "somebody-else")
    assert await listed(store, other, over_too=True) == []
    await accounts.disable_account(store, DEFAULT_TENANT, server.subject, "test")
    assert await listed(store, server.subject) == []
    reasons = {one.reason for one in await listed(store, server.subject, over_too=True)}
    assert reasons == {"account_not_active"}
