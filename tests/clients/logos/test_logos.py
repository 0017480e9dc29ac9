"""A client's logo: given as a file, shown on the pages from our own origin (decisions.md 29)."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image, ImageFile

from authrim.clients.logo_endpoint import Logos
from authrim.clients.logos import LOGO, new_logo
from authrim.clients.records import RegistrationContext, update_client
from authrim.core.execute import append_of
from authrim.core.origin import Origin
from authrim.core.sealed_rows import CLIENT, DATA_KEY
from authrim.crypto import base64url
from authrim.store.contract import Store
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.registration.policy import check
from domain.stream import DEFAULT_TENANT, client_stream
from projections.rows import Row
from projections.tables import SEALED, sealed_key
from tests.clients.logos.images import BLUE, CANARY, RED, animation, bomb, chunk_names, image, photograph
from tests.support import running
from tests.support.browser import Browser
from tests.support.command_line import CommandLine
from tests.support.ports import free_port
from tests.support.running import KnownClient, RunningServer

CALLBACK = "https://shop.example.com/callback"
NEW_SHOP = ("client", "create", "--client-id", "shop", "--redirect-uri", CALLBACK)
Administrator = Callable[..., Awaitable[Any]]
FileOf = Callable[[bytes], str]
_PICTURE = re.compile(r'<img class="picture" src="([^"]+)"')


@pytest.fixture
def file_of(tmp_path: Path) -> FileOf:
    """Writes an image to the administrator's disk; the name of the file."""

    def write(content: bytes) -> str:
        path = tmp_path / "logo"
        path.write_bytes(content)
        return str(path)

    return write


async def get(server: RunningServer, path: str) -> tuple[aiohttp.ClientResponse, bytes]:
    """What is at one of our paths."""
    async with server.http.get(server.core.origin + path) as answer:
        return answer, await answer.read()


def address(client: dict[str, Any]) -> str:
    return f"/logos/{client['client_id']}/{client['logo_digest']}.png"


async def shown_pictures(browser: Browser, client_id: str) -> list[str]:
    """The addresses of the pictures on the client's sign-in page."""
    client = KnownClient(client_id, None, ClientMetadata(redirect_uris=(CALLBACK,)))
    shown, _ = await browser.authorize(client)
    assert shown.status == 200, shown.body[:500]
    return _PICTURE.findall(shown.body)


async def sealed_names(store: Store, client_id: str) -> set[str]:
    """Which rows are kept for a client."""
    keys = {name: sealed_key(DEFAULT_TENANT, CLIENT, client_id, name) for name in (LOGO, DATA_KEY)}
    return {name for name, key in keys.items() if (await store.find("sealed", key)).row is not None}


async def test_people_see_the_logo_from_our_origin(
    server: RunningServer, browser: Browser, administrator: Administrator, file_of: FileOf
) -> None:
    """A117: sign-in and consent pages show our own PNG, which a browser may keep and can do nothing else with."""
    created = await administrator(*NEW_SHOP, "--logo", file_of(image(size=(1000, 500))))
    client = KnownClient("shop", None, ClientMetadata(redirect_uris=(CALLBACK,)))
    sign_in, _ = await browser.authorize(client)
    consent = await browser.sign_in(sign_in)
    assert "/consent/" in consent.url
    for page in (sign_in, consent):
        assert _PICTURE.findall(page.body) == [address(created)]
    answer, png = await get(server, address(created))
    assert (answer.status, answer.content_type) == (200, "image/png")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert created["logo_digest"] == base64url.encode(hashlib.sha256(png).digest())
    with Image.open(BytesIO(png)) as picture:
        assert (picture.format, picture.size) == ("PNG", (256, 128))


async def test_nothing_of_a_photograph_is_kept_but_its_pixels(
    server: RunningServer, administrator: Administrator, file_of: FileOf
) -> None:
    """A117: EXIF, comment, colour profile and trailing bytes are gone; the picture stands upright all the same."""
    assert CANARY.encode() in photograph()
    created = await administrator(*NEW_SHOP, "--logo", file_of(photograph()))
    _, png = await get(server, address(created))
    assert set(chunk_names(png)) == {"IHDR", "IDAT", "IEND"}
    assert CANARY.encode() not in png
    with Image.open(BytesIO(png)) as picture:
        assert picture.size == (128, 256)
        top, bottom = (picture.convert("RGB").getpixel((64, y)) for y in (20, 236))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[0] > 200 > top[2]
    assert bottom[2] > 200 > bottom[0]


@pytest.mark.parametrize("given", [animation(), image(format="WEBP", lossless=True), image(format="JPEG")])
async def test_first_frame_of_each_format(
    server: RunningServer, administrator: Administrator, file_of: FileOf, given: bytes
) -> None:
    """GIF, WebP and JPEG become a PNG of one frame."""
    created = await administrator(*NEW_SHOP, "--logo", file_of(given))
    _, png = await get(server, address(created))
    with Image.open(BytesIO(png)) as picture:
        assert getattr(picture, "n_frames", 1) == 1
        pixel = picture.convert("RGB").getpixel((10, 10))
    assert isinstance(pixel, tuple)
    assert max(abs(had - wanted) for had, wanted in zip(pixel, RED, strict=True)) < 8


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
UNUSABLE = {
    "an SVG": (SVG, "not a readable image"),
    "garbage": (b"\x00canary" * 100, "not a readable image"),
    "nothing": (b"", "not a readable image"),
    "a part of a PNG": (image(size=(300, 300))[:60], "not a readable image"),
    "a format that is not allowed": (image(format="BMP"), "not a readable image"),
    "a bomb": (bomb(4097), "too many pixels"),
    "a bomb that Pillow warns of": (bomb(10_000), "too many pixels"),
    "a bomb that Pillow refuses": (bomb(60_000), "too many pixels"),
    "a large file": (image() + bytes(1024 * 1024), "larger than 1 MiB"),
}


async def test_a_part_of_an_image_is_refused_beside_who_wants_parts(
    administrator: Administrator, file_of: FileOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A117: another library of the process, such as the one that draws PDF, makes no unusable image usable."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    given, words = UNUSABLE["a part of a PNG"]
    refused = await administrator(*NEW_SHOP, "--logo", file_of(given), status=1)
    assert words in refused["description"]


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("what", UNUSABLE)
async def test_unusable_image_is_refused(
    administrator: Administrator, command_line: CommandLine, file_of: FileOf, what: str
) -> None:
    """A117: what is no picture is refused in plain words, quotes nothing of the file, and registers nothing."""
    given, words = UNUSABLE[what]
    refused = await administrator(*NEW_SHOP, "--logo", file_of(given), status=1)
    assert refused["error"] == "invalid_client_metadata"
    assert words in refused["description"]
    assert refused["hint"]
    assert "canary" not in str(refused)
    assert (await administrator("client", "list"))["clients"] == []


async def test_largest_picture_is_taken(administrator: Administrator, file_of: FileOf) -> None:
    """4096 by 4096 pixels are not too many."""
    assert (await administrator(*NEW_SHOP, "--logo", file_of(image(size=(4096, 4096)))))["logo_digest"]


async def test_another_logo_takes_the_place_of_the_first(
    server: RunningServer, browser: Browser, store: Store, administrator: Administrator, file_of: FileOf
) -> None:
    """The new one is shown at an address of its own; the old address is empty, from memory too."""
    before = await administrator(*NEW_SHOP, "--logo", file_of(image(RED)))
    assert (await get(server, address(before)))[0].status == 200
    after = await administrator("client", "update", "shop", "--logo", file_of(image(BLUE)))
    assert await shown_pictures(browser, "shop") == [address(after)] != [address(before)]
    assert (await get(server, address(after)))[0].status == 200
    assert (await get(server, address(before)))[0].status == 404
    # The event names the digest, and the picture itself is in no event.
    events = await store.read_whole_stream(client_stream(DEFAULT_TENANT, "shop"))
    assert after["logo_digest"].encode() in events[-1].payload
    assert b"PNG" not in b"".join(event.payload for event in events)


async def test_logo_that_was_taken_away_is_gone(
    server: RunningServer, browser: Browser, store: Store, administrator: Administrator, file_of: FileOf
) -> None:
    """--no-logo: no picture on the page, nothing at the address, no row in the database."""
    created = await administrator(*NEW_SHOP, "--logo", file_of(image()))
    assert (await get(server, address(created)))[0].status == 200
    assert LOGO in await sealed_names(store, "shop")
    updated = await administrator("client", "update", "shop", "--no-logo")
    assert updated["logo_digest"] is None
    assert await shown_pictures(browser, "shop") == []
    assert (await get(server, address(created)))[0].status == 404
    assert LOGO not in await sealed_names(store, "shop")


async def test_deleted_client_leaves_no_logo(
    server: RunningServer, store: Store, administrator: Administrator, file_of: FileOf
) -> None:
    """Neither the picture nor the key that it was sealed under is kept."""
    created = await administrator(*NEW_SHOP, "--logo", file_of(image()))
    assert (await get(server, address(created)))[0].status == 200
    assert await sealed_names(store, "shop") == {LOGO, DATA_KEY}
    await administrator("client", "delete", "shop", "--yes")
    assert (await get(server, address(created)))[0].status == 404
    assert await sealed_names(store, "shop") == set()


async def test_other_changes_leave_the_logo(
    server: RunningServer, administrator: Administrator, file_of: FileOf
) -> None:
    """An update that says nothing of the logo keeps it."""
    created = await administrator(*NEW_SHOP, "--logo", file_of(image()))
    renamed = await administrator("client", "update", "shop", "--name", "Shop")
    assert renamed["logo_digest"] == created["logo_digest"]
    assert (await get(server, address(created)))[0].status == 200


async def test_unknown_logo_is_not_found(
    server: RunningServer, administrator: Administrator, file_of: FileOf
) -> None:
    """Another client's picture, another digest, another client: 404, and no cache keeps that answer."""
    created = await administrator(*NEW_SHOP, "--logo", file_of(image()))
    other = await server.client("web")
    digest = created["logo_digest"]
    wrong = "A" * 43
    for path in (f"/logos/{other.client_id}/{digest}.png", f"/logos/none/{digest}.png"):
        answer, _ = await get(server, path)
        assert (answer.status, answer.headers["Cache-Control"]) == (404, "no-store")
    for path in (f"/logos/shop/{wrong}.png", f"/logos/shop/{digest}", "/logos/shop/None.png"):
        assert (await get(server, path))[0].status == 404


async def test_logo_that_cannot_be_opened_is_no_logo(
    server: RunningServer, store: Store, administrator: Administrator, file_of: FileOf
) -> None:
    """A sealed row that is damaged is answered with 404, not with an error of ours."""
    created = await administrator(*NEW_SHOP, "--logo", file_of(image()))
    key = sealed_key(DEFAULT_TENANT, CLIENT, "shop", LOGO)
    damaged = Row(
        SEALED.name, "put", {"key": key, "tenant": DEFAULT_TENANT, "ciphertext": b"\x01" + bytes(40)}
    )
    await store.append(append_of((), Origin(DEFAULT_TENANT).metadata(), rows=(damaged,)))
    assert (await get(server, address(created)))[0].status == 404


async def test_issuer_with_a_path(store: Store) -> None:
    """The page's picture is below the issuer's own path, and is there."""
    port = free_port()
    async with running.running_server(
        store, port=port, issuer=f"http://localhost:{port}/tenants/one"
    ) as server:
        client = await server.client("web")
        change = await new_logo(server.core.private, image())
        assert not isinstance(change, Refusal)
        await update_client(
            store,
            DEFAULT_TENANT,
            client.client_id,
            {},
            means=RegistrationContext(development=True, logo=change),
        )
        await server.core.configuration.catch_up()
        shown, _ = await Browser(server).authorize(client)
        (path,) = _PICTURE.findall(shown.body)
        assert path == f"/tenants/one/logos/{client.client_id}/{change.digest}.png"
        assert (await get(server, path))[0].status == 200


async def test_memory_holds_only_so_many(
    server: RunningServer, store: Store, administrator: Administrator, file_of: FileOf
) -> None:
    """The logo that was asked for longest ago is read again: from memory it would outlive its row."""
    pictures = []
    for client_id, color in (("one", RED), ("two", BLUE)):
        arguments = ("--client-id", client_id, "--redirect-uri", CALLBACK, "--logo", file_of(image(color)))
        pictures.append(await administrator("client", "create", *arguments))
    logos = Logos(limit=1)
    for one in pictures:
        assert await logos.get(server.core, DEFAULT_TENANT, one["client_id"], one["logo_digest"])
    drops = tuple(
        Row(SEALED.name, "drop", {"key": sealed_key(DEFAULT_TENANT, CLIENT, one["client_id"], LOGO)})
        for one in pictures
    )
    await store.append(append_of((), Origin(DEFAULT_TENANT).metadata(), rows=drops))
    held = [
        await logos.get(server.core, DEFAULT_TENANT, one["client_id"], one["logo_digest"]) is not None
        for one in pictures
    ]
    assert held == [False, True]


def test_wrong_options_do_nothing(command_line: CommandLine, file_of: FileOf) -> None:
    """--logo with --no-logo, and --unset of the digest alone, are wrong options: status 2."""
    for options in (
        ("--logo", file_of(image()), "--no-logo"),
        ("--unset", "logo_digest"),
        ("--logo", file_of(image()) + "x"),
    ):
        command_line.run("client", "update", "shop", *options, status=2)


@pytest.mark.parametrize("digest", ["../../authorize", "A" * 42, "A" * 43 + "\n", ""])
def test_digest_that_is_none_is_never_registered(digest: str) -> None:
    """It stands in a path on our pages, so it is 43 characters of base64url or nothing."""
    refusal = check(ClientMetadata(redirect_uris=(CALLBACK,), scope=("openid",), logo_digest=digest))
    assert refusal is not None
    assert "logo_digest" in refusal.description
    assert check(ClientMetadata(redirect_uris=(CALLBACK,), scope=("openid",), logo_digest="A" * 43)) is None
