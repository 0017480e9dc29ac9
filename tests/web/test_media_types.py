"""A media type is taken for what it is, whatever harmless parameters stand beside it, at every endpoint."""

from urllib.parse import urlencode

import pytest

from tests.support.browser import Browser, authorization_query
from tests.support.registration import MINIMAL, initial_token
from tests.support.running import RunningServer

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

FORMS = [
    "application/x-www-form-urlencoded;charset=UTF-8",
    'Application/X-WWW-Form-Urlencoded ; Charset="utf8" ; boundary=x',
    "application/x-www-form-urlencoded; charset=ISO-8859-1",
]
JSONS = ["application/json;charset=utf-8", 'APPLICATION/JSON ; charset="UTF8"', "application/json; v=1"]


async def posted(server: RunningServer, path: str, form: dict[str, str], kind: str, **headers: str) -> int:
    headers["Content-Type"] = kind
    body = urlencode(form).encode()
    async with server.http.post(
        server.url(path), data=body, headers=headers, allow_redirects=False
    ) as answer:
        return answer.status


@pytest.mark.parametrize("kind", FORMS)
async def test_forms_everywhere(server: RunningServer, browser: Browser, kind: str) -> None:
    """A032: at token, introspection, revocation, pushed requests, authorization and userinfo."""
    web = await server.client("web")
    tokens = await browser.code_flow(web)
    _, query = authorization_query(web)
    token = {"token": tokens["refresh_token"]} if "refresh_token" in tokens else {"token": "x"}
    assert await posted(server, "/authorize", query, kind) == 303
    assert await posted(server, "/par", query, kind, **web.basic) == 201
    assert await posted(server, "/introspect", token, kind, **web.basic) == 200
    bearer = f"Bearer {tokens['access_token']}"
    assert await posted(server, "/userinfo", {}, kind, Authorization=bearer) == 200
    assert await posted(server, "/userinfo", {"access_token": tokens["access_token"]}, kind) == 200
    assert await posted(server, "/revoke", token, kind, **web.basic) == 200
    service = await server.client("service")
    assert await posted(server, "/token", {"grant_type": "client_credentials"}, kind, **service.basic) == 200


@pytest.mark.parametrize("kind", JSONS)
async def test_json_at_the_registration(server: RunningServer, kind: str) -> None:
    """RFC 7591 §3.1: a registration is JSON, whatever else its type says."""
    headers = {"Authorization": f"Bearer {await initial_token(server)}", "Content-Type": kind}
    async with server.http.post(server.url("/register"), json=MINIMAL, headers=headers) as answer:
        assert answer.status == 201, await answer.text()


async def test_json_that_is_not_taken_is_told_why(server: RunningServer) -> None:
    """RFC 7493 §2: the answer says in a sentence what is wrong with the body."""
    headers = {"Authorization": f"Bearer {await initial_token(server)}", "Content-Type": "application/json"}
    twice = b'{"client_name": "a", "client_name": "b"}'
    async with server.http.post(server.url("/register"), data=twice, headers=headers) as answer:
        told = (await answer.json())["error_description"]
    assert told.startswith("The body is no JSON that is taken: a member name is given twice.")
