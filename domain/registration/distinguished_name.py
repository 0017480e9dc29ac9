"""RFC 4514: a distinguished name as text, parsed into the structure of names in certificates, so that two names are
compared by their meaning and not by their spelling (RFC 5280 §7.1, RFC 4517 §4.2.15).

A name is a list of relative names from the root down. Each is a sorted list of pairs of attribute type and prepared
value. The ASN.1 string type of a value does not matter; the order of the relative names does.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from domain.vocabulary.text import LONGEST_FOLDING, normalized

RelativeName = tuple[tuple[str, str], ...]
DistinguishedName = tuple[RelativeName, ...]

#: RFC 4514 §3, and other types that are common in clients' subjects (RFC 4519, RFC 2985, ETSI EN 319 412-1).
_TYPES: Final = {
    "CN": "2.5.4.3",
    "SN": "2.5.4.4",
    "SERIALNUMBER": "2.5.4.5",
    "C": "2.5.4.6",
    "L": "2.5.4.7",
    "ST": "2.5.4.8",
    "STREET": "2.5.4.9",
    "O": "2.5.4.10",
    "OU": "2.5.4.11",
    "TITLE": "2.5.4.12",
    "BUSINESSCATEGORY": "2.5.4.15",
    "POSTALCODE": "2.5.4.17",
    "GIVENNAME": "2.5.4.42",
    "GN": "2.5.4.42",
    "DNQUALIFIER": "2.5.4.46",
    "ORGANIZATIONIDENTIFIER": "2.5.4.97",
    "UID": "0.9.2342.19200300.100.1.1",
    "DC": "0.9.2342.19200300.100.1.25",
    "EMAILADDRESS": "1.2.840.113549.1.9.1",
    "E": "1.2.840.113549.1.9.1",
}
_OID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_HEX: Final = re.compile(r"([0-9A-Fa-f]{2})+")
#: The characters that a backslash can escape, besides two hexadecimal digits, and those that must be escaped (RFC 4514
#: §2.4, §3).
_ESCAPABLE: Final = frozenset(' "#+,;<=>\\')
_NEEDS_ESCAPE: Final = frozenset('";<>\0')
#: The tags of the ASN.1 string types and their encodings.
_STRING_TAGS: Final = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii", 0x1E: "utf-16-be", 0x1C: "utf-32-be"}


#: The most characters of one value, and of a whole name as text.
MAX_VALUE: Final = 512
MAX_NAME: Final = 2000


class _MalformedName(Exception):
    """The text is not a distinguished name."""


def parse(text: str) -> DistinguishedName | None:
    """Parse a distinguished name, whose text starts with the last relative name. Return None when it is malformed or
    empty."""
    if len(text) > MAX_NAME:
        return None
    try:
        relatives = [_relative(part) for part in _split(text, ",")]
    except _MalformedName:
        return None
    return tuple(reversed(relatives))


def relative_name(pairs: Iterable[tuple[str, str]]) -> RelativeName | None:
    """A relative name from pairs of a dotted OID and a value; None when a value cannot be compared."""
    prepared = []
    for oid, value in pairs:
        comparable = prepare(value)
        if comparable is None:
            return None
        prepared.append((oid, comparable))
    return tuple(sorted(prepared)) or None


def prepare(value: str) -> str | None:
    """The value as caseIgnoreMatch compares it (RFC 4517 §4.2.11, RFC 4518): without regard to case and repeated
    spaces.

    None when the value is empty, too long (the usual limit is 128 characters, RFC 5280 App. A.1), or has a character
    that does not belong in names: RFC 4518 would drop a NUL, which would make two different names equal.
    """
    if len(value) > MAX_VALUE:
        return None
    folded = normalized("NFKC", normalized("NFKC", value, MAX_VALUE).casefold(), MAX_VALUE * LONGEST_FOLDING)
    if any(unicodedata.category(character).startswith("C") for character in folded):
        return None
    return " ".join(folded.split()) or None


def _relative(text: str) -> RelativeName:
    named = relative_name(_pair(part) for part in _split(text, "+"))
    if named is None:
        raise _MalformedName
    return named


def _pair(text: str) -> tuple[str, str]:
    keyword, equals, value = text.partition("=")
    keyword = keyword.strip(" ").upper().removeprefix("OID.")
    oid = keyword if _OID.fullmatch(keyword) else _TYPES.get(keyword)
    if not equals or oid is None:
        raise _MalformedName
    value = _without_spaces_around(value)
    return oid, _decoded(value[1:]) if value.startswith("#") else _unescaped(value)


def _split(text: str, separator: str) -> list[str]:
    """The parts between separators that are not escaped."""
    parts, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == separator:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    return [*parts, text[start:]]


def _without_spaces_around(value: str) -> str:
    """Strip spaces. A space at the end stays when it is escaped by a backslash that is not escaped itself."""
    value = value.lstrip(" ")
    trimmed = value.rstrip(" ")
    backslashes = len(trimmed) - len(trimmed.rstrip("\\"))
    return value[: len(trimmed) + 1] if backslashes % 2 and len(trimmed) < len(value) else trimmed


def _unescaped(value: str) -> str:
    octets, at = bytearray(), 0
    while at < len(value):
        character = value[at]
        if character in _NEEDS_ESCAPE:
            raise _MalformedName
        if character != "\\":
            octets += _utf8(character)
            at += 1
        elif value[at + 1 : at + 2] in _ESCAPABLE and at + 1 < len(value):
            octets += value[at + 1].encode()
            at += 2
        elif _HEX.fullmatch(value[at + 1 : at + 3]):
            octets.append(int(value[at + 1 : at + 3], 16))
            at += 3
        else:
            raise _MalformedName
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise _MalformedName from None


def _utf8(character: str) -> bytes:
    try:
        return character.encode()
    except UnicodeEncodeError:
        raise _MalformedName from None


def _decoded(hexadecimal: str) -> str:
    """Decode a value from its BER encoding (RFC 4514 §2.4), if that is a string with a one-byte length."""
    if not _HEX.fullmatch(hexadecimal):
        raise _MalformedName
    octets = bytes.fromhex(hexadecimal)
    content = octets[2:]
    if len(octets) < 2 or octets[0] not in _STRING_TAGS or octets[1] != len(content) or len(content) > 127:
        raise _MalformedName
    try:
        return content.decode(_STRING_TAGS[octets[0]])
    except UnicodeDecodeError:
        raise _MalformedName from None
