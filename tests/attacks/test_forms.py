"""A032, A219, A221: forms and query strings, as bytes over a real socket and in the parser itself."""

from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from authrim.web.params import Params, parse
from authrim.wire.limits import Limits
from domain.errors import Refusal
from tests.attacks.raw_http import ask, members, post, sample_app, serving
from tests.support.stalls import MOST_MILLISECONDS, least_of


@pytest_asyncio.fixture
async def port() -> AsyncIterator[int]:
    async with serving(sample_app(), Limits(linger_seconds=0.1)) as running:
        yield running.port


async def test_form_is_decoded_as_utf8(port: int) -> None:
    """A219: plus is a space, escapes are UTF-8, brackets and semicolons are ordinary characters."""
    status, _, body = await ask(port, post("/form", b"a+b=%C3%A9%20x&a[0]=1&c=2;d=3"))
    assert status == 200
    assert members(body)["values"] == {"a b": "é x", "a[0]": "1", "c": "2;d=3"}


REFUSED = {
    "bad escape": b"a=%zz",
    "cut escape": b"a=%f",
    "bare percent": b"a=%",
    "escaped NUL": b"a=%00",
    "raw NUL": b"a=\x00",
    "overlong": b"a=%C0%AF",
    "overlong NUL": b"a=%C0%80",
    "surrogate": b"a=%ED%A0%80",
    "beyond Unicode": b"a=%F4%90%80%80",
    "Latin-1": b"a=%ff",
    "cut UTF-8": b"a=%C3",
    "raw Latin-1": b"a=\xff",
    "in a name": b"%C0%AF=a",
    "101 parameters": b"&".join(b"p%d=1" % number for number in range(101)),
    "101 separators": b"&" * 101,
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_not_form_encoded_utf8_is_refused(port: int, body: bytes) -> None:
    """A219: lenient decoding, overlong forms, NUL and floods of parameters are 400 invalid_request."""
    status, _, answer = await ask(port, post("/form", body))
    assert status == 400
    assert members(answer)["error"] == "invalid_request"


async def test_query_is_decoded_from_its_raw_bytes(port: int) -> None:
    """A219: the query follows the same rules as a form; yarl's own lenient reading is never used."""
    good = await ask(port, b"GET /authorize?a=%C3%A9+b&c= HTTP/1.1\r\nHost: a\r\n\r\n")
    bad = await ask(port, b"GET /authorize?a=%ff HTTP/1.1\r\nHost: a\r\n\r\n")
    worse = await ask(port, b"GET /authorize?a=%zz HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (good[0], members(good[2])) == (200, {"a": "é b"})
    assert (bad[0], worse[0]) == (400, 400)


async def test_duplicates_are_reported(port: int) -> None:
    """A219: a repeated parameter is named, with a value or without; `resource` keeps all its values."""
    _, _, body = await ask(
        port, post("/form", b"scope=a&scope=b&resource=x&resource=y&resource=z&state=&state=s")
    )
    answer = members(body)
    assert answer["duplicates"] == ["resource", "scope", "state"]
    assert answer["repeats"] == {"scope": ["a", "b"], "resource": ["x", "y", "z"]}


def test_duplicates_other_than_resource_are_refused() -> None:
    """A219: RFC 6749 §3.1 lets nothing be repeated, RFC 8707 §2 lets `resource`."""
    repeated, resources = parse(b"scope=a&scope=a"), parse(b"resource=a&resource=b")
    assert isinstance(repeated, Params)
    assert isinstance(resources, Params)
    assert isinstance(repeated.refuse_duplicates(), Refusal)
    assert resources.refuse_duplicates() is None
    assert isinstance(resources.refuse_duplicates(may_repeat=()), Refusal)
    assert resources.get_all("resource") == ("a", "b")
    assert repeated.get_all("state") == ()


def test_empty_value_counts_as_omitted() -> None:
    """RFC 6749 §3.1: a parameter sent without a value is treated as if it were omitted."""
    params = parse(b"a=&b&c=1")
    assert isinstance(params, Params)
    assert (params.get("a"), params.get("b"), params.get("c")) == (None, None, "1")


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/x-www-form-urlencoded; charset=utf-16",
        "application/x-www-form-urlencodedx",
    ],
)
async def test_other_content_types_are_refused(port: int, content_type: str) -> None:
    """A032, A217: only application/x-www-form-urlencoded is read, anything else is 415."""
    status, _, body = await ask(port, post("/authorize", b"a=b", content_type))
    assert status == 415
    assert members(body)["error"] == "invalid_request"


async def test_charset_of_utf8_is_accepted(port: int) -> None:
    """A032: clients that name UTF-8 beside the media type are understood."""
    status, _, _ = await ask(port, post("/form", b"a=b", 'Application/X-WWW-Form-Urlencoded;charset="UTF-8"'))
    assert status == 200


async def test_a_form_in_another_charset_is_refused(port: int) -> None:
    """A032: characters that another charset writes otherwise are not guessed; without them the charset is none."""
    latin = "application/x-www-form-urlencoded; charset=ISO-8859-1"
    assert (await ask(port, post("/form", b"a=b", latin)))[0] == 200
    assert (await ask(port, post("/form", b"a=%E9", latin)))[0] == 415


async def test_parameters_from_query_and_body_are_refused(port: int) -> None:
    """A032: a POST with a query beside its form is invalid_request, whatever the two hold."""
    status, _, body = await ask(port, post("/authorize?client_id=a", b"client_id=b"))
    assert status == 400
    assert members(body)["error"] == "invalid_request"


HOSTILE = {
    "100 long values": b"&".join(b"p=" + b"%41" * 200 for _ in range(100)),
    "percent signs": b"a=" + b"%25" * 21000,
    "separators": b"&" * 65536,
    "plus signs": b"a=" + b"+" * 65534,
    "equals signs": b"=" * 65536,
    "bad at the end": b"a=" + b"%41" * 21000 + b"%",
    "one name": b"&".join(b"a=%d" % number for number in range(100)),
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_parsing_takes_linear_time(raw: bytes) -> None:
    """A221: the worst 64 KiB is parsed in milliseconds of CPU time."""
    assert least_of(lambda: parse(raw)) <= MOST_MILLISECONDS


@given(st.binary(max_size=200))
def test_any_bytes_give_parameters_or_a_refusal(raw: bytes) -> None:
    """A219: no bytes raise, and nothing decoded holds U+0000 or a lone surrogate."""
    params = parse(raw)
    if isinstance(params, Params):
        for text in (*params.values, *params.values.values()):
            assert "\x00" not in text
            text.encode("utf-8")


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1), max_size=20))
def test_encoded_parameters_come_back(values: dict[str, str]) -> None:
    """A219: what the standard library encodes is read back unchanged, unless it holds U+0000."""
    try:
        raw = urlencode(values).encode()
    except UnicodeEncodeError:
        return
    params = parse(raw)
    if "%00" in urlencode(values):
        assert isinstance(params, Refusal)
    else:
        assert isinstance(params, Params)
        assert dict(params.values) == values
