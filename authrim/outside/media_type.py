"""The one parser of ``Content-Type``, for requests and for fetched documents (RFC 9110 §8.3.1).

aiohttp's own ``content_type`` and ``charset`` go through the standard library's reader of e-mail headers, which takes
quadratic time: 16 KiB of semicolons held the event loop for seconds (A217). Here the length is checked first, and the
rest is one pass.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

#: Characters of a field that is read. The longest in use have some 80.
MAX_LENGTH: Final = 256

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_ESSENCE: Final = re.compile(rf"[ \t]*({_WORD}/{_WORD})[ \t]*")
# Each branch begins with another character, so nothing is tried twice. A parameter may be empty (§5.6.6).
_PARAMETER: Final = re.compile(
    rf';[ \t]*(?:({_WORD})=(?:({_WORD})|"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[^\x00-\x08\x0a-\x1f\x7f])*)")[ \t]*)?'
)
_ESCAPE: Final = re.compile(r"\\(.)")


_UTF8: Final = frozenset({"utf-8", "utf8"})
#: Charsets that write the characters of ASCII as UTF-8 does; some libraries name the first of them for every form.
_LIKE_ASCII: Final = frozenset(
    {"iso-8859-1", "latin1", "latin-1", "iso-8859-15", "windows-1252", "us-ascii", "ascii"}
)
_READ_AS_UTF8: Final = _UTF8 | _LIKE_ASCII
_NOT_ASCII_ESCAPE: Final = re.compile(rb"%[89A-Fa-f]")


class MediaType(NamedTuple):
    """``essence`` is type and subtype in lower case; so are the names of ``parameters``."""

    essence: str
    parameters: Mapping[str, str]


#: A missing or malformed type. It equals no other type.
UNKNOWN: Final = MediaType("", {})
_PLAIN_FORM: Final = MediaType(FORM, {})


def read_media_type(fields: Sequence[str]) -> MediaType:
    """The type in the ``Content-Type`` fields of one message; UNKNOWN unless there is exactly one field."""
    if len(fields) != 1 or len(fields[0]) > MAX_LENGTH:
        return UNKNOWN
    field = fields[0].rstrip(" \t")
    if field == FORM:  # what nearly every request says
        return _PLAIN_FORM
    essence = _ESSENCE.match(field)
    if essence is None:
        return UNKNOWN
    parameters: dict[str, str] = {}
    position = essence.end()
    while position < len(field):
        found = _PARAMETER.match(field, position)
        if found is None:
            return UNKNOWN
        position = found.end()
        name, token, quoted = found.groups()
        if name is None:
            continue
        value = token if quoted is None else _ESCAPE.sub(r"\1", quoted)
        if parameters.get(name.lower(), value) != value:
            return UNKNOWN  # two readers could take one each
        parameters[name.lower()] = value
    return MediaType(essence[1].lower(), parameters)


def _charset(media_type: MediaType) -> str:
    return media_type.parameters.get("charset", "utf-8").lower()


def is_utf8(media_type: MediaType) -> bool:
    """Whether the text is UTF-8, as it is where nothing is said, or can be read as that when it is ASCII."""
    return _charset(media_type) in _READ_AS_UTF8


def is_form(media_type: MediaType, body: bytes) -> bool:
    """A form in UTF-8. Other parameters mean nothing (WHATWG URL §5), and neither does a charset whose characters the
    body does not use."""
    if media_type is _PLAIN_FORM:
        return True
    if media_type.essence != FORM or not is_utf8(media_type):
        return False
    return _charset(media_type) in _UTF8 or (body.isascii() and not _NOT_ASCII_ESCAPE.search(body))


def is_json(media_type: MediaType) -> bool:
    """JSON by its own name or by its suffix (RFC 6839 §3.1). It is always UTF-8, and a charset beside it has no meaning
    (RFC 8259 §8.1, §11); one that could not be UTF-8 is refused all the same."""
    kind, _, subtype = media_type.essence.partition("/")
    named = media_type.essence == JSON or (kind == "application" and subtype.endswith("+json"))
    return named and is_utf8(media_type)


def is_one_of(media_type: MediaType, essences: Collection[str]) -> bool:
    """Whether the type is one of these, whatever its parameters."""
    return media_type.essence in essences
