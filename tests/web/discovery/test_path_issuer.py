"""An issuer with a path, behind a real nginx and a real HAProxy that pass on nothing but that path."""

import re
from pathlib import Path

import pytest

from authrim.store.contract import Store
from tests.support.browser import Browser, redeem
from tests.support.ports import free_port
from tests.support.proxies import proxy, wait_for_proxy
from tests.support.running import RunningServer, running_server

#: Only what is below the path, and the addresses of RFC 8414 §3.1 that end with it.
BELOW_THE_PATH = {
    "nginx": """location /auth/ {{ proxy_pass http://127.0.0.1:{back}; }}
location ~ ^/\\.well-known/[a-z-]+/auth(/|$) {{ proxy_pass http://127.0.0.1:{back}; }}""",
    "haproxy": "    http-request deny deny_status 404 unless {{ path_beg /auth/ }}"
    " or {{ path_reg ^/\\.well-known/[a-z-]+/auth(/|$) }}",
}


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
async def test_everything_is_below_the_path(store: Store, tmp_path: Path, kind: str) -> None:
    """Discovery in both forms, the key set, pages with all that they load, the code flow, userinfo and logout."""
    front, back = free_port(), free_port()
    issuer = f"http://localhost:{front}/auth"
    async with running_server(store, port=back, issuer=issuer) as server:
        with proxy(kind, tmp_path, front, back, BELOW_THE_PATH):
            await wait_for_proxy(server)
            origin = server.core.origin
            for name in ("openid-configuration", "oauth-authorization-server"):
                for url in (f"{origin}/.well-known/{name}/auth", f"{issuer}/.well-known/{name}"):
                    async with server.http.get(url) as answer:
                        assert (answer.status, (await answer.json())["issuer"]) == (200, issuer), url
            async with server.http.get(f"{issuer}/jwks") as answer:
                assert answer.status == 200
            web = await server.client("web")
            browser = Browser(server)
            shown, verifier = await browser.authorize(web)
            await _loads_all(server, shown.body)
            shown = await browser.sign_in(shown)
            await _loads_all(server, shown.body)
            shown = await browser.through_pages(shown)
            _, tokens = await redeem(server, web, shown.parameters["code"], verifier)
            headers = {"Authorization": f"Bearer {tokens['access_token']}"}
            async with server.http.get(f"{issuer}/userinfo", headers=headers) as answer:
                assert answer.status == 200
            for path, status in (("/", 200), ("/no-such-page", 404)):
                page = await browser.request("GET", issuer + path, headers={"Accept": "text/html"})
                assert page.status == status
                await _loads_all(server, page.body)
            asked = await browser.request("GET", f"{issuer}/logout")
            assert asked.status == 200
            await _loads_all(server, asked.body)


async def _loads_all(server: RunningServer, page: str) -> None:
    """What the page names of ours is below the path, and is there."""
    named = re.findall(r'(?:href|src|action)="(/[^"]*)"', page)
    assert any(path.endswith(".css") for path in named)
    for path in named:
        assert path.startswith("/auth/"), path
        if "/static/" in path:
            async with server.http.get(server.core.origin + path) as answer:
                assert answer.status == 200, path
