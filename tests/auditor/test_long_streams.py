"""Pages about things with long histories, while others sign in."""

import re
from typing import Final

import pytest

from authrim.core.origin import own_origin
from authrim.store.contract import Append, NewEvent, StreamAppend
from domain.client.events import ClientRegistered
from domain.event import tag_of
from domain.grant.events import AccessTokenIssued
from domain.stream import DEFAULT_TENANT, client_stream, grant_stream
from tests.support.browser import Browser
from tests.support.running import RunningServer
from tests.support.stalls import MOST_MILLISECONDS, TRIES, watching

#: Times that a grant was refreshed, or a client changed.
_MANY: Final = 3000


async def _repeat(server: RunningServer, stream: str, type_: str, times: int) -> None:
    """Append the event of a stream again and again, of a token with another id each time."""
    store = server.core.store
    events = await store.read_whole_stream(stream)
    again = tuple(
        NewEvent(event.type, re.sub(rb'("token_id":"[^"]{20})[^"]*', rb"\g<1>%06d" % number, event.payload))
        for number in range(times)
        for event in events
        if event.type == type_
    )
    metadata = own_origin(DEFAULT_TENANT, "system").metadata()
    await store.append(Append((StreamAppend(stream, len(events), again),), metadata))


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/audit/state", {"kind": "grant", "id": "{grant}"}),
        ("/audit/changes", {"kind": "client", "id": "{client}"}),
        ("/audit/lineage", {"grant": "{grant}"}),
        ("/audit/bundle", {"grant": "{grant}"}),
    ],
    ids=lambda one: one.rpartition("/")[2] if isinstance(one, str) else "",
)
async def test_a_long_history_holds_nobody_up(
    server: RunningServer, audit: Browser, browser: Browser, path: str, form: dict[str, str]
) -> None:
    """A217: whatever has happened to a thing, a page about it never holds the event loop for long."""
    client = await server.client()
    tokens = await browser.code_flow(client, scope="openid offline_access")
    grant = tokens["refresh_token"].split(".")[1]
    times = 300 if path == "/audit/bundle" else _MANY
    await _repeat(server, grant_stream(DEFAULT_TENANT, grant), tag_of(AccessTokenIssued), times)
    await _repeat(server, client_stream(DEFAULT_TENANT, client.client_id), tag_of(ClientRegistered), times)
    shown = await audit.request("GET", server.url("/audit/history"))
    sent = {name: text.format(grant=grant, client=client.client_id) for name, text in form.items()}
    sent |= {"csrf": shown.form[1]["csrf"]}
    longest = float("inf")
    for _ in range(TRIES):
        with watching() as watch:
            watch.begin()
            answer = await audit.request("POST", server.url(path), sent)
            longest = min(longest, watch.held().step)
        assert answer.status == 200, answer.body
        print(path, watch.held(), len(answer.body))
        if longest <= MOST_MILLISECONDS:
            break
    assert longest <= MOST_MILLISECONDS
