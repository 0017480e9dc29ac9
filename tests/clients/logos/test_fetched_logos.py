"""``logo_uri``: fetched once, when a client registers or changes it, and served as a PNG of our own (A117)."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from domain.stream import DEFAULT_TENANT
from tests.clients.logos.images import BLUE, CANARY, RED, image, photograph
from tests.support.https_site import Site
from tests.support.registration import MINIMAL, initial_token, manage, register, registered
from tests.support.running import RunningServer

pytestmark = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)


async def shown_logo(server: RunningServer, client_id: str) -> bytes | None:
    """The picture that the pages would show."""
    await server.core.configuration.catch_up()
    client = await server.core.configuration.client(DEFAULT_TENANT, client_id)
    assert client is not None
    if client.metadata.logo_digest is None:
        return None
    path = f"/logos/{client_id}/{client.metadata.logo_digest}.png"
    async with server.http.get(server.url(path)) as answer:
        assert answer.status == 200
        assert answer.content_type == "image/png"
        return await answer.read()


def colour(png: bytes | None) -> Any:
    assert png is not None
    with Image.open(BytesIO(png)) as picture:
        return picture.convert("RGB").getpixel((0, 0))


async def test_a_logo_is_fetched_once(outgoing_server: RunningServer, site: Site) -> None:
    """``oidcc-registration-logo-uri``: registration fetches it, showing it asks nobody, contacts stay readable."""
    uri = site.serve("/logo", image(), "image/png")
    client = await registered(outgoing_server, logo_uri=uri, contacts=["who@rp.example"])
    for _ in range(2):
        assert colour(await shown_logo(outgoing_server, client["client_id"])) == RED
    assert site.asked("/logo") == 1
    read = await manage(outgoing_server, client)
    assert (read.body["logo_uri"], read.body["contacts"]) == (uri, ["who@rp.example"])


async def test_a_photograph_is_drawn_anew(outgoing_server: RunningServer, site: Site) -> None:
    """A117: nothing but pixels is kept of what was fetched."""
    client = await registered(outgoing_server, logo_uri=site.serve("/logo", photograph(), "image/jpeg"))
    png = await shown_logo(outgoing_server, client["client_id"])
    assert png is not None
    assert CANARY.encode() not in png


@pytest.mark.parametrize("failure", ["svg", "missing", "redirect", "huge", "private"])
async def test_without_a_picture_the_client_has_none(
    failure: str, outgoing_server: RunningServer, site: Site
) -> None:
    """A112, A117: what cannot be fetched or drawn is no reason to refuse the client, and is not shown."""
    uri = site.url("/logo")
    match failure:
        case "svg":
            site.serve("/logo", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml")
        case "redirect":
            site.serve("/logo", b"", status=302, headers={"Location": site.serve("/other", image())})
        case "huge":
            site.serve("/logo", image() + b"0" * 1_100_000, "image/png")
        case "private":
            uri = "https://169.254.169.254/logo.png"
    client = await registered(outgoing_server, logo_uri=uri)
    assert await shown_logo(outgoing_server, client["client_id"]) is None
    assert site.asked("/other") == 0


async def test_an_update_fetches_another(outgoing_server: RunningServer, site: Site) -> None:
    """A new address is fetched, the same one is not again, and none takes the picture away."""
    red, blue = site.serve("/red", image(), "image/png"), site.serve("/blue", image(BLUE), "image/png")
    client = await registered(outgoing_server, logo_uri=red)
    known: dict[str, Any] = client

    async def update(**members: Any) -> None:
        nonlocal known
        document = MINIMAL | {"client_id": client["client_id"]} | members
        answer = await manage(outgoing_server, known, "PUT", document)
        assert answer.status == 200, answer.body
        known = answer.body

    await update(logo_uri=red, client_name="Another")
    assert site.asked("/red") == 1
    await update(logo_uri=blue)
    assert colour(await shown_logo(outgoing_server, client["client_id"])) == BLUE
    await update()
    assert await shown_logo(outgoing_server, client["client_id"]) is None


async def test_a_sector_is_asked_at_the_endpoint_too(outgoing_server: RunningServer, site: Site) -> None:
    """``oidcc-registration-sector-uri``, ``oidcc-registration-sector-bad``, A118: over HTTP as for administrators, at
    registration and at each update."""
    sector = site.serve("/sector", ["https://rp.example/cb"])
    pairwise = {"subject_type": "pairwise", "sector_identifier_uri": sector}
    client = await registered(outgoing_server, **pairwise)
    assert client["subject_type"] == "pairwise"
    token = await initial_token(outgoing_server)
    bad = await register(
        outgoing_server, MINIMAL | pairwise | {"redirect_uris": ["https://rp.example/other"]}, token
    )
    assert bad.error == (400, "invalid_client_metadata")
    site.serve("/sector", [])
    document = MINIMAL | pairwise | {"client_id": client["client_id"], "client_name": "Another"}
    answer = await manage(outgoing_server, client, "PUT", document)
    assert answer.error == (400, "invalid_client_metadata")
