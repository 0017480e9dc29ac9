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
    field = fields[0]
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
        if name.lower() in parameters:
            return UNKNOWN  # two readers could take one each
        parameters[name.lower()] = token if quoted is None else _ESCAPE.sub(r"\1", quoted)
    return MediaType(essence[1].lower(), parameters)


def is_utf8(media_type: MediaType) -> bool:
    """Whether the text is UTF-8, as it is where nothing is said."""
    return media_type.parameters.get("charset", "utf-8").lower() == "utf-8"


def is_form(media_type: MediaType) -> bool:
    """A form, with no other parameter than a charset of UTF-8."""
    return media_type.essence == FORM and media_type.parameters.keys() <= {"charset"} and is_utf8(media_type)


def is_json(media_type: MediaType) -> bool:
    """JSON by its own name or by its suffix (RFC 6839 §3.1), in UTF-8 (RFC 8259 §8.1)."""
    kind, _, subtype = media_type.essence.partition("/")
    named = media_type.essence == JSON or (kind == "application" and subtype.endswith("+json"))
    return named and is_utf8(media_type)


def is_one_of(media_type: MediaType, essences: Collection[str]) -> bool:
    """Whether the type is one of these, whatever its parameters."""
    return media_type.essence in essences
