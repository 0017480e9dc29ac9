"""The cookies of open requests stay below what proxies take with their default settings: nginx a line of 8 KiB, Apache
one of 8,190 bytes, HAProxy 15 KiB for all headers."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest

from authrim.store.contract import Store
from authrim.web.cookies import MOST_OPEN_REQUESTS
from tests.support.browser import Browser, redeem
from tests.support.patience import PATIENCE
from tests.support.pushed import fetch, pushed
from tests.support.running import RunningServer, free_port, running_server

#: Half of the smallest limit: the other half is for the session, for logout, and for other applications of the host.
ROOM = 4096

_NGINX = """
{user} daemon off; pid {folder}/nginx.pid; events {{}}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
server {{ listen 127.0.0.1:{front}; location / {{
proxy_pass http://127.0.0.1:{back}; proxy_set_header Host $http_host; }} }} }}
"""
_HAPROXY = """
defaults
    mode http
    timeout client 30s
    timeout connect 30s
    timeout server 30s
listen front
    bind 127.0.0.1:{front}
    server one 127.0.0.1:{back}
"""


@contextmanager
def proxy(kind: str, folder: Path, front: int, back: int) -> Iterator[None]:
    """The proxy with its default limits, until the end of the block."""
    file = folder / f"{kind}.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    template = {"nginx": _NGINX, "haproxy": _HAPROXY}[kind]
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
        process.wait(PATIENCE)


async def _is_up(server: RunningServer) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                async with server.http.get(server.url("/jwks")) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)


def header_size(browser: Browser) -> int:
    """The Cookie header, with the longer names that cookies have over TLS."""
    return sum(len(f"__Host-{name}={value}; ") for name, value in browser.cookies.items())


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
async def test_many_open_requests_pass_a_proxy(store: Store, tmp_path: Path, kind: str) -> None:
    """A217: tabs that were opened and never answered, plain ones and pushed ones: the oldest give way, no request is
    refused for its headers, and the newest sign-in goes through."""
    front, back = free_port(), free_port()
    async with running_server(store, port=back, issuer=f"http://localhost:{front}") as server:
        with proxy(kind, tmp_path, front, back):
            await _is_up(server)
            web = await server.client("web")
            browser = Browser(server)
            sizes = []
            for number in range(120):
                if number % 2:
                    request_uri, _ = await pushed(server, web)
                    shown = await fetch(browser, web, request_uri)
                else:
                    shown, _ = await browser.authorize(web)
                assert shown.status == 200, shown.body
                sizes.append(header_size(browser))
            assert sum("request-" in name for name in browser.cookies) == MOST_OPEN_REQUESTS
            assert max(sizes) < ROOM
            shown, verifier = await browser.authorize(web)
            shown = await browser.through_pages(shown)
            assert (await redeem(server, web, shown.parameters["code"], verifier))[0] == 200


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", ["nginx", "haproxy"])
async def test_tabs_that_open_at_once_pass_a_proxy(store: Store, tmp_path: Path, kind: str) -> None:
    """A217: tabs that a browser opens together know nothing of each other's cookies. The next requests drop what is too
    much, a few at a time: all in one response would be more headers than nginx takes."""
    front, back = free_port(), free_port()
    async with running_server(store, port=back, issuer=f"http://localhost:{front}") as server:
        with proxy(kind, tmp_path, front, back):
            await _is_up(server)
            web = await server.client("web")
            browser = Browser(server)
            await asyncio.gather(*(browser.authorize(web) for _ in range(60)))
            for _ in range(7):
                shown, _ = await browser.authorize(web)
                assert shown.status == 200
            assert sum("request-" in name for name in browser.cookies) == MOST_OPEN_REQUESTS
            assert "/consent/" in (await browser.sign_in(shown)).url
