"""Which media type is read from ``Content-Type``, and what each kind of fetched document may say it is."""

from collections.abc import AsyncIterator
from typing import cast

import pytest

from authrim.authorization.fetched_request_objects import NOT_FETCHED, RequestObjects
from authrim.clients.fetched_documents import FetchContext, sector_refusal
from authrim.clients.keys import ClientKeys
from authrim.core.sealed_rows import PrivateData
from authrim.outside.egress import Egress
from authrim.outside.media_type import UNKNOWN, is_form, is_json, read_media_type
from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.registration import sector
from domain.stream import DEFAULT_TENANT
from scripts.forbidden_attributes import offences
from tests.support.assertion import new_key, public_jwks
from tests.support.https_site import Authority, Site
from tests.support.running import development_settings

UNFIT = (
    "text/html",
    "text/plain",
    "application/octet-stream",
    "application/javascript",
    "image/png",
    "x/y+json",
)


@pytest.fixture
async def egress(authority: Authority) -> AsyncIterator[Egress]:
    way_out = Egress(("localhost",), ca_file=authority.ca_file, timeout_seconds=2)
    yield way_out
    await way_out.close()


@pytest.mark.parametrize(
    ("field", "essence", "parameters"),
    [
        ("application/json", "application/json", {}),
        ("Application/JSON ; Charset=UTF-8", "application/json", {"charset": "UTF-8"}),
        ('text/html;charset="utf-8"; q=1', "text/html", {"charset": "utf-8", "q": "1"}),
        (r'a/b;c="d;e=\"f"', "a/b", {"c": 'd;e="f'}),
        ("a/b;;; ;c=d;", "a/b", {"c": "d"}),
    ],
)
def test_well_formed_types_are_read(field: str, essence: str, parameters: dict[str, str]) -> None:
    """RFC 9110 §8.3.1, §5.6.6: names in any case, quoted values, empty parameters."""
    read = read_media_type([field])
    assert (read.essence, dict(read.parameters)) == (essence, parameters)


@pytest.mark.parametrize(
    "fields",
    [
        (), ("",), ("json",), ("a/",), ("/b",), ("a/b c",), ("a/b, c/d",), ("a/b;c",), ("a/b;c=",), ('a/b;c="d',),
        ("a/b;c=d;C=e",), ("a/b;c = d",), ("a/b;c=\xe9",), ("a/b" + ";" * 254,), ("a/b", "a/b"), ('a/b;c="\0"',),
        ("é/b",), ("a/b;c=d e",),
    ],
)  # fmt: skip
def test_what_two_readers_could_read_in_two_ways_is_no_type(fields: tuple[str, ...]) -> None:
    """A217: malformed, endless, repeated: nothing is guessed."""
    assert read_media_type(fields) is UNKNOWN


@pytest.mark.parametrize(
    ("parameters", "body", "fits"),
    [
        ("", b"a=%C3%A9", True), ("; charset=utf-8", b"a=%C3%A9", True), (";charset=UTF-8", b"a=b", True),
        (' ;\tcharset="Utf-8" ; ', b"a=%C3%A9", True), ("; charset=utf8", b"a=%C3%A9", True),
        ("; charset=utf-8; charset=utf-8", b"a=b", True), ("; boundary=x", b"a=b", True),
        ("; charset=ISO-8859-1", b"a=b&c=%7E", True), ("; charset=us-ascii", b"a=b", True),
        ("; charset=ISO-8859-1", b"a=%E9", False), ("; charset=ISO-8859-1", b"a=%c3%a9", False),
        ("; charset=ISO-8859-1", b"a=\xc3\xa9", False), ("; charset=utf-16", b"a=b", False),
        ("; charset=utf-7", b"a=b", False), ("; charset=ebcdic", b"a=b", False),
        ("; charset=utf-8; charset=utf-16", b"a=b", False),
    ],
)  # fmt: skip
def test_a_form_with_harmless_parameters_is_a_form(parameters: str, body: bytes, fits: bool) -> None:
    """A032: what a parameter says of other forms, or of characters that are not in this one, changes nothing."""
    assert is_form(read_media_type(["application/x-www-form-urlencoded" + parameters]), body) is fits
    assert not is_form(read_media_type(["multipart/form-data" + parameters]), body)


@pytest.mark.parametrize(
    ("field", "fits"),
    [
        ("application/json", True), ("application/json;charset=utf-8", True), ("application/json; charset=utf8", True),
        ('APPLICATION/JSON ; Charset="UTF-8" ; profile=x', True), ("application/jwk-set+json; q=1", True),
        ("application/json; charset=ISO-8859-1", True), ("application/json ", True),
        ("application/json; charset=utf-16", False), ("application/json, application/json", False),
        ("text/json", False), ("application/jsonp", False),
    ],
)  # fmt: skip
def test_json_with_harmless_parameters_is_json(field: str, fits: bool) -> None:
    """RFC 8259 §11: JSON has no charset parameter, so one that is there says nothing; A032: UTF-16 is no JSON."""
    assert is_json(read_media_type([field])) is fits


def test_no_type_is_neither() -> None:
    """A217: a malformed type is no form and no JSON."""
    assert not is_json(UNKNOWN)
    assert not is_form(UNKNOWN, b"")


@pytest.mark.parametrize("kind", UNFIT)
async def test_a_key_set_is_served_as_json(kind: str, egress: Egress, site: Site) -> None:
    """RFC 7517 §8.5: a page or an upload that holds a key set is none, or whoever may write there is the client."""
    keys = ClientKeys(egress, development_settings(1))
    site.serve("/jwks", public_jwks(new_key(kid="a")), kind)
    client = Client("one", ClientMetadata(jwks_uri=site.url("/jwks")))
    assert not list(await keys.jwks(DEFAULT_TENANT, client))


@pytest.mark.parametrize("kind", ["application/json", "application/jwk-set+json; charset=utf-8"])
async def test_a_key_set_has_two_names(kind: str, egress: Egress, site: Site) -> None:
    """RFC 7517 §8.5, RFC 8259: both types that key sets are served with are taken."""
    keys = ClientKeys(egress, development_settings(1))
    site.serve("/jwks", public_jwks(new_key(kid="a")), headers={"Content-Type": kind}, content_type=None)
    client = Client("one", ClientMetadata(jwks_uri=site.url("/jwks")))
    assert len(await keys.jwks(DEFAULT_TENANT, client)) == 1


async def test_a_sector_document_is_served_as_json(egress: Egress, site: Site) -> None:
    """OIDC DCR §5: a page at the sector's host that others may write to vouches for nobody."""
    fetching = FetchContext(egress, cast(PrivateData, None))  # which keeps pictures
    uris = ("https://a.example/cb",)
    metadata = ClientMetadata(
        redirect_uris=uris, sector_identifier_uri=site.serve("/s", list(uris), "text/html")
    )
    assert await sector_refusal(fetching, metadata) is sector.NOT_FETCHED
    site.serve("/s", list(uris))
    assert await sector_refusal(fetching, metadata) is None


async def test_a_request_object_is_no_page(egress: Egress, site: Site) -> None:
    """RFC 9101 §10.2: its own types, and those of plain files, but never a page's or a script's."""
    objects = RequestObjects(egress)
    client = Client("one", ClientMetadata(request_uris=(site.url("/r"),)))
    for kind in ("text/html", "application/javascript", "application/json", "image/svg+xml"):
        site.serve("/r", b"a.b.c", kind)
        assert await objects.fetch(client, site.url("/r")) is NOT_FETCHED, kind
    for kind in ("application/oauth-authz-req+jwt", "application/jwt", "application/jose", "text/plain"):
        site.serve("/r", b"a.b.c", kind)
        assert await objects.fetch(client, site.url("/r")) == "a.b.c", kind


def test_nobody_reads_content_type_elsewhere() -> None:
    """A217: the rule that ``make check`` keeps finds each way to aiohttp's quadratic reader."""
    source = "a.content_type\nb.charset\nasync def f():\n    await c.json()\n    await c.post(1)\n    msgspec.json\n"
    found = [(line, name) for line, name, _instead in offences(source)]
    assert found == [(1, "content_type"), (2, "charset"), (4, "json()")]
