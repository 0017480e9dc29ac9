"""A real nginx or HAProxy in front of a server."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from tests.support.patience import PATIENCE
from tests.support.running import RunningServer

_NGINX = """
{user} daemon off; pid {folder}/nginx.pid; events {{}}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
server {{ listen 127.0.0.1:{front}; proxy_set_header Host $http_host;
{rules} }} }}
"""
_HAPROXY = """
defaults
    mode http
    timeout client 30s
    timeout connect 30s
    timeout server 30s
listen front
    bind 127.0.0.1:{front}
{rules}
    server one 127.0.0.1:{back}
"""

#: By kind: to pass on everything.
EVERYTHING = {"nginx": "location / {{ proxy_pass http://127.0.0.1:{back}; }}", "haproxy": ""}


@contextmanager
def proxy(
    kind: str, folder: Path, front: int, back: int, rules: dict[str, str] = EVERYTHING
) -> Iterator[None]:
    """The proxy with its default limits, from port ``front`` to port ``back``, until the end of the block. ``rules``:
    what it passes on, by kind, with braces doubled."""
    file = folder / f"{kind}.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    template = {"nginx": _NGINX, "haproxy": _HAPROXY}[kind]
    passed_on = rules[kind].format(back=back)
    file.write_text(template.format(front=front, back=back, folder=folder, user=user, rules=passed_on))
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


async def wait_for_proxy(server: RunningServer) -> None:
    """Wait until the proxy answers for the server."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                async with server.http.get(server.url("/jwks")) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.05)
