"""An issuer with a path, behind a real nginx and a real HAProxy that pass on nothing but that path."""

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from authrim.store.contract import Store
from tests.support.browser import Browser, redeem
from tests.support.running import RunningServer, free_port, running_server

_NGINX = """
{user} daemon off; pid {folder}/nginx.pid; events {{}}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
server {{ listen 127.0.0.1:{front}; proxy_set_header Host $http_host;
location /auth/ {{ proxy_pass http://127.0.0.1:{back}; }}
location ~ ^/\\.well-known/[a-z-]+/auth(/|$) {{ proxy_pass http://127.0.0.1:{back}; }} }} }}
"""
_HAPROXY = """
defaults
    mode http
    timeout client 30s
    timeout connect 30s
    timeout server 30s
frontend front
    bind 127.0.0.1:{front}
    http-request deny deny_status 404 unless {{ path_beg /auth/ }} or {{ path_reg ^/\\.well-known/[a-z-]+/auth(/|$) }}
    default_backend authrim
backend authrim
    server one 127.0.0.1:{back}
"""


@contextmanager
def proxy(kind: str, folder: Path, front: int, back: int) -> Iterator[None]:
    """The proxy, until the end of the block."""
    file = folder / f"{kind}.conf"
    template = {"nginx": _NGINX, "haproxy": _HAPROXY}[kind]
    user = "user root;" if os.geteuid() == 0 else ""
    file.write_text(template.format(front=front, back=back, folder=folder, user=user))
    command = {
        "nginx": ["nginx", "-p", str(folder), "-c", str(file), "-e", str(folder / "nginx.log")],
        "haproxy": ["haproxy", "-db", "-f", str(file)],
    }[kind]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
async def test_everything_is_below_the_path(store: Store, tmp_path: Path, kind: str) -> None:
    """Discovery in both forms, the key set, pages with all that they load, the code flow, userinfo and logout."""
    front, back = free_port(), free_port()
    issuer = f"http://localhost:{front}/auth"
    async with running_server(store, port=back, issuer=issuer) as server:
        with proxy(kind, tmp_path, front, back):
            await _is_up(server)
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


async def _is_up(server: RunningServer) -> None:
    """Wait until the proxy answers for the server."""
    async with asyncio.timeout(30):
        while True:
            try:
                async with server.http.get(server.url("/jwks")) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
