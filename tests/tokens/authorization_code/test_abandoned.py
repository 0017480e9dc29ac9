"""A request that nobody finishes leaves no personal data behind (decisions.md 16)."""

from authrim.core.retention import LEEWAY, Retention
from authrim.core.sealed_rows import GRANT
from domain.stream import DEFAULT_TENANT
from projections.tables import SEALED, sealed_key
from tests.support.browser import Browser
from tests.support.running import RunningServer

HINT = "person@example.org"


async def sealed_keys(server: RunningServer) -> list[str]:
    """The keys of all sealed rows."""
    return [row["key"] for row in await server.core.store.read_rows(SEALED.name, "", 1000)]


async def test_an_expired_request_is_forgotten(server: RunningServer, browser: Browser) -> None:
    """A233: state and hints of a request stay while it is open and go once it has expired; all else stays."""
    web, core = await server.client("web"), server.core
    before = await sealed_keys(server)
    shown, _ = await browser.authorize(web, login_hint=HINT)
    grant_id = shown.url.rpartition("/")[2]
    of_request = {key for key in await sealed_keys(server) if key not in before}
    assert sealed_key(DEFAULT_TENANT, GRANT, grant_id, "request") in of_request
    lifetime = core.settings.interaction_lifetime

    async def forget(now: int) -> int:
        return (await Retention(core.store, core.settings).all_due(now))[SEALED.name]

    most = lifetime + core.settings.pushed_request_lifetime
    assert await forget(core.now() + lifetime - 1) == 0
    assert HINT in (await browser.request("GET", shown.url)).body
    later = core.now() + most + LEEWAY + 1
    assert await forget(later) == len(of_request)
    assert await sealed_keys(server) == before
    assert await forget(later) == 0
    assert "access_token" in await Browser(server).code_flow(web), (
        "keys, passwords and claims are still there"
    )
