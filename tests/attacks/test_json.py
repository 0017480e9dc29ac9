"""A168, A220: the strict readers of JSON and base64url."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authrim.crypto import base64url
from authrim.crypto.strict_json import MAX_INTEGER, JsonRefused, loads
from tests.support.stalls import MOST_MILLISECONDS, least_of

REFUSED = {
    "duplicate member": b'{"a":1,"a":2}',
    "duplicate by escape": b'{"a":1,"\\u0061":2}',
    "duplicate deep inside": b'[{"x":{"a":1,"b":2,"a":3}}]',
    "NaN": b"[NaN]",
    "Infinity": b"[Infinity]",
    "minus Infinity": b"[-Infinity]",
    "float overflow": b"[1e400]",
    "integer beyond 2^53": str(MAX_INTEGER + 1).encode(),
    "negative beyond 2^53": str(-MAX_INTEGER - 1).encode(),
    "huge integer": b"[" + b"9" * 10000 + b"]",
    "U+0000": b'"\\u0000"',
    "U+0000 in a name": b'{"\\u0000":1}',
    "raw control character": b'"a\x01b"',
    "lone high surrogate": b'"\\ud800"',
    "lone low surrogate": b'["\\udc00"]',
    "swapped surrogates": b'{"a":"\\udc00\\ud800"}',
    "not UTF-8": b'"\xff"',
    "overlong UTF-8": b'"\xc0\xaf"',
    "encoded surrogate": b'"\xed\xa0\x80"',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "trailing bytes": b"{} x",
    "two values": b"{}{}",
    "trailing comma": b"[1,]",
    "comment": b"{}//",
    "single quotes": b"{'a':1}",
    "leading zero": b"[01]",
    "plus sign": b"[+1]",
    "empty": b"",
    "blank": b"  ",
    "unfinished string": b'"abc',
    "too deep": b"[" * 33 + b"]" * 33,
    "far too deep": b"[" * 8000,
    "deep objects": b'{"a":' * 33 + b"1" + b"}" * 33,
    "too large": b'"' + b"a" * 16384 + b'"',
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_what_readers_disagree_about_is_refused(data: bytes) -> None:
    """A220: each is one JsonRefused, never a RecursionError, and its text does not quote the input."""
    with pytest.raises(JsonRefused) as refused:
        loads(data)
    assert refused.value.__cause__ is None
    assert len(str(refused.value)) < 60


ACCEPTED = {
    "every type": b'{"a":[1,-2.5,true,null,"\xc3\xa9"]}',
    "space around, largest integers": b" [1e3, 9007199254740992, -9007199254740992]\r\n",
    "a surrogate pair": b'"\\ud83d\\ude00 \\u00e9"',
    "an escaped backslash before u0000": b'"\\\\u0000"',
    "brackets in a string": b'"' + b"[{" * 40 + b'"',
    "brackets after an escaped quote": b'{"\\"[":"' + b"[" * 40 + b'\\\\"}',
    "32 levels": b"[" * 32 + b"]" * 32,
    "the same name in two objects": b'[{"a":1},{"a":2}]',
}


@pytest.mark.parametrize("data", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_ordinary_json_is_read(data: bytes) -> None:
    """A220: strictness costs no valid document: the value is what the standard library reads."""
    assert loads(data) == json.loads(data)


def test_size_and_depth_can_be_set() -> None:
    """A220: a caller states its own limits."""
    assert loads(b'"' + b"a" * 20000 + b'"', max_bytes=30000) == "a" * 20000
    with pytest.raises(JsonRefused):
        loads(b"[[[]]]", max_depth=2)


@pytest.mark.parametrize(
    "data",
    [b'"' + b"\\\\" * 30000, b'"' + b'\\"' * 30000, b"[" * 60000, b'"a' * 20000, b"1" * 60000, b"[]" * 30000],
)
def test_hostile_text_takes_linear_time(data: bytes) -> None:
    """A220, A221: 60 KiB of the worst is refused within milliseconds of CPU time."""

    def refuse() -> None:
        with pytest.raises(JsonRefused):
            loads(data, max_bytes=1 << 20)

    assert least_of(refuse) <= MOST_MILLISECONDS


@given(st.binary(max_size=100))
def test_any_bytes_give_a_value_or_a_refusal(data: bytes) -> None:
    """A220: no bytes raise anything but JsonRefused; an accepted value is what the standard library reads."""
    try:
        value = loads(data)
    except JsonRefused:
        return
    assert value == json.loads(data)


@given(st.binary(max_size=64))
def test_base64url_round_trip(data: bytes) -> None:
    """A168: what is encoded is decoded, and it is the only spelling of its bytes."""
    text = base64url.encode(data)
    assert base64url.decode(text) == data
    assert base64url.decode(text.encode()) == data
    for other in (text + "=", text + " ", "\n" + text, text + "A=", "." + text):
        with pytest.raises(base64url.NotBase64url):
            base64url.decode(other)


@pytest.mark.parametrize(
    "text", ["QQ==", "QR", "QUJ", "+w", "/w", "Q Q", "Q\nQ", "A", "é", "\u212a", "QQ=", "Q=Q", "\x00"]
)
def test_other_spellings_of_base64url_are_refused(text: str) -> None:
    """A168: padding, whitespace, the other alphabet, non-zero trailing bits and odd lengths are refused."""
    with pytest.raises(base64url.NotBase64url) as refused:
        base64url.decode(text)
    assert refused.value.__cause__ is None
