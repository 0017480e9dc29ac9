"""Forms and query strings, parsed by us from the raw bytes (RFC 6749 Appendix B, decisions.md 26).

aiohttp and yarl read ``%ff`` and ``%zz`` leniently and do not say when a parameter is repeated. Here what is
not UTF-8 is refused, nothing is guessed, and a repetition is always seen. Linear in the size of the input.
"""

import re
from collections.abc import Collection
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec
from aiohttp import hdrs, web

from authrim.outside.media_type import FORM, MediaType, is_form, read_media_type
from authrim.web._body import read_body
from domain.errors import Refusal, invalid_request

MAX_PARAMETERS: Final = 100

MAY_REPEAT: Final = frozenset({"resource"})
"""The one parameter of the authorization and token endpoints that may be repeated (RFC 8707 §2)."""

_NOT_AN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class Params(msgspec.Struct, frozen=True):
    """Decoded parameters. One that was given without a value counts as omitted (RFC 6749 §3.1).

    ``values`` has the first value of each, ``repeats`` all values of those that were given several times, and
    ``duplicates`` the names that were given several times, with a value or without.
    """

    values: MappingProxyType[str, str]
    repeats: MappingProxyType[str, tuple[str, ...]]
    duplicates: frozenset[str]

    def get(self, name: str) -> str | None:
        """The value of a parameter, None when it is omitted."""
        return self.values.get(name)

    def get_all(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter that may repeat, in the order given."""
        if name in self.repeats:
            return self.repeats[name]
        return (self.values[name],) if name in self.values else ()

    def refuse_duplicates(self, may_repeat: Collection[str] = MAY_REPEAT) -> Refusal | None:
        """RFC 6749 §3.1 and §3.2: request parameters MUST NOT be included more than once."""
        if self.duplicates.issubset(may_repeat):
            return None
        return invalid_request("A parameter is given more than once.", section="RFC 6749 §3.1")


#: No parameters.
NO_PARAMS: Final = Params(MappingProxyType({}), MappingProxyType({}), frozenset())


def parse(raw: bytes) -> Params | Refusal:
    """Parameters from the bytes of a form or of a query string."""
    if raw.count(b"&") >= MAX_PARAMETERS:
        return invalid_request("There are too many parameters.", hint=f"At most {MAX_PARAMETERS} are read.")
    values: dict[str, str] = {}
    repeats: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    duplicates: set[str] = set()
    plain = _without_escapes(raw)
    for pair in raw.split(b"&") if plain is None else plain.split("&"):
        if not pair:
            continue
        name, value = _name_and_value(pair)
        if name is None or value is None:
            return invalid_request(
                "A parameter is not form-encoded UTF-8.",
                hint="Percent-encode the UTF-8 bytes; U+0000 is not allowed.",
                section="RFC 6749 App. B",
            )
        if name in seen:
            duplicates.add(name)
        seen.add(name)
        if not value:
            continue
        if name in values:
            repeats[name] = (*repeats.get(name, (values[name],)), value)
        else:
            values[name] = value
    return Params(MappingProxyType(values), MappingProxyType(repeats), frozenset(duplicates))


def _without_escapes(raw: bytes) -> str | None:
    """The text of a form that has nothing to decode; None for every other, which is decoded component by component."""
    if b"%" in raw or b"+" in raw or b"\x00" in raw or not raw.isascii():
        return None
    return raw.decode("ascii")


def _name_and_value(pair: str | bytes) -> tuple[str | None, str | None]:
    if isinstance(pair, str):
        name, _, value = pair.partition("=")
        return name, value
    raw_name, _, raw_value = pair.partition(b"=")
    return decode_component(raw_name), decode_component(raw_value)


async def read_params(request: web.Request) -> Params | Refusal:
    """Parameters of the authorization endpoint: of a GET from the query, of a POST from the form (A032)."""
    if request.method == hdrs.METH_POST:
        return await read_form(request)
    return parse(raw_query(request))


async def read_form(request: web.Request, *, with_query: bool = False) -> Params | Refusal:
    """Parameters of a POST, from its form alone. A query beside it is refused unless ``with_query``."""
    if not with_query and raw_query(request):
        return invalid_request("Send the parameters in the form alone, not in the query too.")
    body = await read_body(request)
    if isinstance(body, Refusal):
        return body
    if not body and hdrs.CONTENT_TYPE not in request.headers:
        return parse(b"")
    if not is_form(sent_type(request), body):
        return Refusal(
            "invalid_request",
            "The body has another content type.",
            hint=f"Send {FORM}.",
            section="RFC 6749 App. B",
            status=415,
        )
    return parse(body)


async def read_form_once(request: web.Request, may_repeat: Collection[str] = MAY_REPEAT) -> Params | Refusal:
    """The form of a POST; a parameter that must not repeat is refused if it does (RFC 6749 §3.2)."""
    form = await read_form(request)
    if isinstance(form, Refusal):
        return form
    return form.refuse_duplicates(may_repeat) or form


def raw_query(request: web.Request) -> bytes:
    """The query string as it was sent, without the question mark."""
    path = request.raw_path
    return path.partition("?")[2].encode("utf-8", "surrogateescape") if "?" in path else b""


def sent_type(request: web.Request) -> MediaType:
    """The media type of the request's body."""
    return read_media_type(request.headers.getall(hdrs.CONTENT_TYPE, ()))


def decode_component(raw: bytes) -> str | None:
    """One form-encoded text (RFC 6749 Appendix B); None for a bad escape, what is not UTF-8, and U+0000."""
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    if b"%" in raw:
        if _NOT_AN_ESCAPE.search(raw):
            return None
        raw = unquote_to_bytes(raw)
    if b"\x00" in raw:
        return None
    try:
        # Strict: overlong forms and encoded surrogates are not UTF-8 (RFC 3629 §3).
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
