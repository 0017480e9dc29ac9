"""Which heads of requests are refused: those that two readers could take in two ways, and those that ask too much."""

import re
from http import HTTPStatus
from itertools import chain
from typing import Final

from aiohttp import hdrs
from aiohttp.http import HttpVersion10, HttpVersion11, RawRequestMessage

from authrim.wire.limits import Limits

#: ``uri-host [ ":" port ]`` (RFC 9110 §7.2, RFC 3986 §3.2.2). It may be empty (RFC 9112 §3.2).
_HOST: Final = re.compile(r"([\w.~!$&'()*+,;=%-]*|\[[\w.~!$&'()*+,;=:]+\])(:[0-9]*)?", re.ASCII)


def verdict(message: RawRequestMessage, limits: Limits, *, is_short: bool = False) -> HTTPStatus | None:
    """The status to refuse a complete head with, or None when it may be answered. ``is_short``: it came in so few bytes
    that its headers cannot be too large."""
    headers, version = message.headers, message.version
    if version > HttpVersion11:
        return HTTPStatus.HTTP_VERSION_NOT_SUPPORTED  # it is framed in another way (RFC 9110 §15.6.6)
    if version < HttpVersion10 or not _origin_form(message):
        return HTTPStatus.BAD_REQUEST
    if not _HOST.fullmatch(headers.get(hdrs.HOST, "")):
        return HTTPStatus.BAD_REQUEST  # RFC 9112 §3.2
    if hdrs.TRANSFER_ENCODING in headers and (version < HttpVersion11 or not message.chunked):
        # Its framing is faulty, and the connection ends (RFC 9112 §6.1). Without a coding the parser would go by
        # Content-Length, where a proxy may go by the field that overrides it (§6.3).
        return HTTPStatus.BAD_REQUEST
    # bytes.lower() folds ASCII alone: a Kelvin sign is no k.
    if message.chunked and headers[hdrs.TRANSFER_ENCODING].encode("utf-8", "replace").lower() != b"chunked":
        return HTTPStatus.NOT_IMPLEMENTED  # another coding beside it (RFC 9112 §6.1)
    if not is_short and _size_of_headers(message) > limits.header_bytes:
        return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    if hdrs.CONTENT_ENCODING in headers:
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE  # nothing is ever decompressed (A216)
    if hdrs.EXPECT in headers and headers[hdrs.EXPECT].lower() != "100-continue":
        return HTTPStatus.EXPECTATION_FAILED
    if int(headers.get(hdrs.CONTENT_LENGTH, "0")) > limits.body_bytes:
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return None


def _size_of_headers(message: RawRequestMessage) -> int:
    fields = message.raw_headers  # each with a colon, a space and a line end around it
    return sum(map(len, chain.from_iterable(fields))) + 4 * len(fields)


def _origin_form(message: RawRequestMessage) -> bool:
    """RFC 9112 §3.2.1. Other forms name an authority besides ``Host``, and two readers may each trust another one."""
    target = message.path
    if message.method == hdrs.METH_OPTIONS and target == "*":
        return True
    return target.startswith("/") and "#" not in target
