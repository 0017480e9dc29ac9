"""Clients as browsers meet them at a logout: a single-page app that watches its session, and a page in a frame."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

_OIDC_CLIENT = (
    Path(__file__).parents[1]
    / "relying_parties/node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js"
)

_APP = """<!doctype html><title>loading</title><script src="/oidc-client-ts.js"></script><script>
const said = [];
addEventListener("message", (event) => said.push(event.data));
const manager = new oidc.UserManager({
  authority: "%(issuer)s", client_id: "%(client_id)s", redirect_uri: location.origin + "/app",
  silent_redirect_uri: location.origin + "/silent", scope: "openid", monitorSession: true,
  checkSessionIntervalInSeconds: 1, automaticSilentRenew: false,
});
manager.events.addUserSignedOut(() => { document.title = "signed out"; });
(location.search.includes("code=") ? manager.signinCallback().then(() => { document.title = "signed in"; })
  : Promise.resolve().then(() => { document.title = "nobody"; }))
  .catch((error) => { document.title = String(error); });
</script>"""

_SILENT = """<!doctype html><script src="/oidc-client-ts.js"></script><script>
new oidc.UserManager({authority: "x", client_id: "x", redirect_uri: "x"}).signinSilentCallback();
</script>"""


@dataclass
class LogoutSite:
    """The client's site: another origin than the server's, and the same site to a browser that keeps other sites'
    cookies away from frames."""

    url: str = ""
    issuer: str = ""
    client_id: str = ""
    framed: list[dict[str, str]] = field(default_factory=list)
    hangs: asyncio.Event | None = None

    async def app(self, _request: web.Request) -> web.Response:
        return _page(_APP % {"issuer": self.issuer, "client_id": self.client_id})

    async def frontchannel_logout(self, request: web.Request) -> web.Response:
        self.framed.append(dict(request.query))
        if self.hangs is not None:
            await self.hangs.wait()
        return _page("<!doctype html><title>out</title>")


def _page(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html")


@asynccontextmanager
async def logout_site() -> AsyncIterator[LogoutSite]:
    """The site, until the block ends."""
    site = LogoutSite()

    async def library(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(_OIDC_CLIENT)

    async def silent(_request: web.Request) -> web.Response:
        return _page(_SILENT)

    async def back(_request: web.Request) -> web.Response:
        return _page("<!doctype html><title>back</title>")

    application = web.Application()
    application.add_routes(
        [
            web.get("/app", site.app),
            web.get("/silent", silent),
            web.get("/oidc-client-ts.js", library),
            web.get("/frontchannel_logout", site.frontchannel_logout),
            web.get("/back", back),
        ]
    )
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "localhost", 0).start()
    site.url = f"http://localhost:{runner.addresses[0][1]}"
    yield site
    await runner.cleanup()
