"""Requests with one field filled to the greatest size that the limits let in."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from authrim.wire.limits import Limits
from tests.support.stalls import PATTERNS, SALT

LIMITS = Limits()
FORM = "application/x-www-form-urlencoded"
#: Bytes of the head that are not the field's own.
_REST_OF_HEAD = 700
#: With what a reader does not give up at the first byte. Without it each is tried too.
_BEGINNINGS = {
    "Content-Type": "a/b",
    "Authorization": "Bearer ",
    "Cookie": "authrim-session=",
    "Client-Cert": ":",
    "Accept": "a/b",
    "Forwarded": "for=a",
}


@dataclass
class FilledRequest:
    """One request, and which field of it is filled with what."""

    field: str
    pattern: str
    request: bytes


def _fill(unit: bytes, room: int) -> bytes:
    return unit * max(1, (room - len(SALT)) // len(unit)) + SALT


def _request(method: str, target: bytes, headers: Mapping[str, str | bytes], body: bytes = b"") -> bytes:
    sent = {"Host": "localhost", "Connection": "close", **headers}
    if body or method in {"POST", "PUT"}:
        sent.setdefault("Content-Length", str(len(body)))
    lines = [
        name.encode() + b": " + (value if isinstance(value, bytes) else value.encode())
        for name, value in sent.items()
    ]
    head = method.encode() + b" " + target + b" HTTP/1.1\r\n" + b"\r\n".join(lines)
    return head + b"\r\n\r\n" + body


def _form_unit(pattern: str) -> bytes:
    """Raw where that is a value, since three bytes for one would only make it shorter."""
    return b"".join(quote(c).encode() if c in "&%+=" else c.encode() for c in pattern)


def forms(
    path: str, base: Mapping[str, str], names: tuple[str, ...], headers: Mapping[str, str]
) -> Iterator[FilledRequest]:
    """POSTs whose form has one field filled; the last one has its name filled."""
    for name in (*names, ""):
        rest = urlencode({key: value for key, value in base.items() if key != name}).encode()
        before = rest + b"&" + (name.encode() + b"=" if name else b"")
        for pattern in PATTERNS:
            body = before + _fill(_form_unit(pattern), LIMITS.body_bytes - len(before))
            sent = {"Content-Type": FORM, **headers}
            yield FilledRequest(name or "(a name)", pattern, _request("POST", path.encode(), sent, body))


def queries(
    path: str, base: Mapping[str, str], names: tuple[str, ...], headers: Mapping[str, str]
) -> Iterator[FilledRequest]:
    """GETs whose query has one field filled."""
    for name in (*names, ""):
        rest = urlencode({key: value for key, value in base.items() if key != name}).encode()
        before = path.encode() + b"?" + rest + b"&" + (name.encode() + b"=" if name else b"")
        for pattern in PATTERNS:
            unit = quote(pattern, safe=";,/").encode()
            target = before + _fill(unit, LIMITS.request_line - len(before) - 50)
            yield FilledRequest(name or "(a name)", pattern, _request("GET", target, headers))


def documents(
    method: str,
    path: str,
    base: Mapping[str, object],
    names: Mapping[str, Callable[[str], object]],
    headers: Mapping[str, str],
) -> Iterator[FilledRequest]:
    """JSON objects with one member filled, in the shape that the member has."""
    sent = {"Content-Type": "application/json", **headers}
    for name, shape in names.items():
        for pattern in PATTERNS:
            without = json.dumps({**base, name: shape("")}, ensure_ascii=False).encode()
            unit = json.dumps(pattern, ensure_ascii=False)[1:-1].encode()
            room = LIMITS.body_bytes - len(without) - len(SALT)
            text = pattern * (room // len(unit)) + SALT.decode()
            body = json.dumps({**base, name: shape(text)}, ensure_ascii=False).encode()
            yield FilledRequest(name, pattern, _request(method, path.encode(), sent, body))


def heads(
    method: str, target: str, names: tuple[str, ...], others: Mapping[str, str], body: bytes = b""
) -> Iterator[FilledRequest]:
    """Requests with one header filled, beside what makes the rest of them good."""
    for name in names:
        prefix = _BEGINNINGS.get(name, "")
        rest = {key: value for key, value in others.items() if key != name}
        room = LIMITS.header_bytes - _REST_OF_HEAD - sum(len(k) + len(v) + 4 for k, v in rest.items())
        for pattern in PATTERNS:
            for before in {prefix, ""}:
                filled = before.encode() + _fill(pattern.encode(), room)
                yield FilledRequest(
                    name, pattern, _request(method, target.encode(), {**rest, name: filled}, body)
                )
