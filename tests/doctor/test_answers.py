"""Mistakes that show in what answers at the issuer."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from authrim.doctor.examined import Options
from authrim.features import server_metadata
from authrim.server.wired_core import make_core
from authrim.settings import Settings
from authrim.store.contract import Store
from authrim.store.sqlite.store import SQLiteStore
from tests.doctor.examinations import at, development, findings
from tests.support.https_site import Site, serving_site
from tests.support.running import running_server

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

PATH = "/.well-known/openid-configuration"
ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}


@pytest.fixture
async def plain_site() -> AsyncIterator[Site]:
    """Something that answers at the issuer, and is not the server."""
    async with serving_site(None) as site:
        yield site


@pytest.fixture
async def settings(store_place: Path, plain_site: Site) -> Settings:
    """Those of a server that has run with this issuer."""
    return development(store_place, plain_site.port)


@pytest.fixture
async def document(settings: Settings, store_place: Path) -> dict[str, Any]:
    """The discovery document of that server."""
    store = SQLiteStore(store_place)
    await store.open()
    core = await make_core(settings, store)
    made = json.loads(json.dumps(server_metadata(core)))
    await core.egress.close()
    await store.close()
    return dict(made)


#: What answers, with the right document at hand; the id of what is found, and a word of the fix.
ANSWERS: dict[str, tuple[Callable[[Site, dict[str, Any]], object], str, str]] = {
    "a proxy without a server": (
        lambda site, _: site.serve(PATH, b"<html>", "text/html", 502), "bad_gateway", "Start the server",
    ),
    "a redirect": (
        lambda site, _: site.serve(PATH, b"", status=301, headers={"Location": "https://www.example/"}),
        "redirected", "follow no redirect",
    ),
    "another program": (lambda site, _: site.serve(PATH, b"hello", "text/plain"), "other_answer", "unchanged"),
    "nothing": (lambda _site, _: None, "other_answer", "unchanged"),
    "another issuer": (
        lambda site, document: site.serve(PATH, document | {"issuer": "https://old.example"}),
        "other_issuer", "the same value everywhere",
    ),
    "an old document": (
        lambda site, document: site.serve(PATH, document | {"scopes_supported": []}, headers=ANY_ORIGIN),
        "differs", "Restart the server",
    ),
    "no word for scripts": (lambda site, document: site.serve(PATH, document), "cors", "add_header"),
}  # fmt: skip


@pytest.mark.parametrize("answer", ANSWERS)
async def test_another_answer_is_found(
    settings: Settings, plain_site: Site, document: dict[str, Any], answer: str
) -> None:
    """Each is found alone, and the finding or its meaning says what to do."""
    make, wanted, word = ANSWERS[answer]
    make(plain_site, document)
    found = await findings(settings, "database", "discovery")
    assert list(found) == [f"discovery.{wanted}"]
    finding = found[f"discovery.{wanted}"]
    assert word in finding.fix + finding.problem.what


async def test_two_words_for_scripts(settings: Settings, plain_site: Site, document: dict[str, Any]) -> None:
    """A proxy that adds the header beside the server's keeps every script out."""

    async def answer(_request: web.Request) -> web.Response:
        response = web.json_response(document)
        response.headers.extend([("Access-Control-Allow-Origin", "*")] * 2)
        return response

    plain_site.answers[PATH] = answer
    found = await findings(settings, "database", "discovery")
    assert found["discovery.cors"].detail == "2 of them"


async def test_a_clock_far_away(settings: Settings, plain_site: Site, document: dict[str, Any]) -> None:
    """The Date of the answer is compared with this machine's clock."""
    headers = ANY_ORIGIN | {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"}
    plain_site.serve(PATH, document, headers=headers)
    found = await findings(settings, "database", "discovery", "clock")
    assert list(found) == ["clock.server"]
    assert "chrony" in found["clock.server"].fix


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [(None, "no_answer"), ([], "lacks_key"), ("stray", "old"), (7, "old")],
)
async def test_another_key_set(
    settings: Settings, plain_site: Site, document: dict[str, Any], store_place: Path, keys: Any, wanted: str
) -> None:
    """None, one without the keys that sign, and those with keys that are not ours, also with ids that are no text."""
    plain_site.serve(PATH, document, headers=ANY_ORIGIN)
    if keys in ("stray", 7):
        store = SQLiteStore(store_place)
        await store.open()
        names = [name.rpartition(":")[2] for name in await store.stream_names("default:key:", "", 100)]
        await store.close()
        keys = [{"kid": kid} for kid in [*names, keys]]
    if keys is not None:
        plain_site.serve("/jwks", {"keys": keys})
    found = await findings(settings, "database", "discovery", "jwks")
    assert list(found) == [f"jwks.{wanted}"]


async def test_an_issuer_with_a_path(store_place: Path, plain_site: Site) -> None:
    """RFC 8414 §3.1: OAuth clients ask for the document before the path, too."""
    settings = development(store_place, plain_site.port, issuer=f"{plain_site.url('/tenant')}")
    store = SQLiteStore(store_place)
    await store.open()
    core = await make_core(settings, store)
    document = json.loads(json.dumps(server_metadata(core)))
    await core.egress.close()
    await store.close()
    plain_site.serve(f"/tenant{PATH}", document, headers=ANY_ORIGIN)
    found = await findings(settings, "database", "discovery")
    assert list(found) == ["discovery.path_form"]
    assert "/.well-known/oauth-authorization-server" in found["discovery.path_form"].fix


async def test_a_server_with_other_settings(store: Store, store_place: Path) -> None:
    """What was changed since the start is named; the values are not."""
    async with running_server(store, **at(store_place)) as server:
        changed = server.core.settings.model_copy(
            update={**at(store_place), "session_lifetime": 300, "code_lifetime": 7}
        )
        found = await findings(changed, "database", "discovery", "running")
    assert list(found) == ["running.other_settings"]
    assert found["running.other_settings"].detail == "code_lifetime, session_lifetime"
    assert "Restart the server" in found["running.other_settings"].fix


async def test_a_server_that_does_not_tell(store: Store, store_place: Path) -> None:
    """The feature can be switched off: that is a note, and what needs it is passed over."""
    async with running_server(store, features_off=("doctor",), **at(store_place)) as server:
        settings = server.core.settings.model_copy(update=at(store_place))
        found = await findings(settings, "database", "discovery", "running", "proxy_headers")
    assert list(found) == ["running.switched_off"]


async def test_a_server_that_is_not_ready(
    settings: Settings, plain_site: Site, document: dict[str, Any]
) -> None:
    """The cause that the server tells is in the finding."""
    plain_site.serve(PATH, document, headers=ANY_ORIGIN)
    plain_site.serve("/health/ready", {"status": "unready", "why": "store_cannot_write"}, status=503)
    found = await findings(settings, "database", "discovery", "running")
    assert found["running.not_ready"].detail == "store_cannot_write"


async def test_a_step_of_the_sign_in_that_fails(
    settings: Settings, plain_site: Site, document: dict[str, Any], store_place: Path
) -> None:
    """The step is named, and client and account are taken away all the same."""
    plain_site.serve(PATH, document, headers=ANY_ORIGIN)
    plain_site.serve("/authorize", b"<html>no form", "text/html")
    found = await findings(settings, "database", "discovery", "sign_in", options=Options(sign_in=True))
    assert list(found) == ["sign_in.failed"]
    assert found["sign_in.failed"].detail == "authorization request: there is no sign-in form on the page"


async def test_a_form_that_is_sent_elsewhere(
    settings: Settings, plain_site: Site, document: dict[str, Any]
) -> None:
    """The password of the test, too, is sent to nobody but the issuer."""
    plain_site.serve(PATH, document, headers=ANY_ORIGIN)
    elsewhere = plain_site.url("/took", host="127.0.0.1")
    form = f'<form action="{elsewhere}"><input name="password"></form>'
    plain_site.serve("/authorize", form.encode(), "text/html")
    found = await findings(settings, "database", "discovery", "sign_in", options=Options(sign_in=True))
    assert found["sign_in.failed"].detail == "sign-in page: its form is sent to another address"
    assert [path for _, path, _, _ in plain_site.seen if path == "/took"] == []
