"""Sends an answer that is whole: its body is bytes in memory, and the connection stays open.

aiohttp's way knows bodies that are made while they are sent, compression, old versions of HTTP and much else, and takes
sixteen calls for it. Nearly every answer of ours needs none of that: it is one head, by aiohttp's own function, and one
write.
"""

from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import HttpVersion11
from aiohttp.http_writer import _serialize_headers
from aiohttp.web_request import BaseRequest

# A longer body is not copied behind its head.
_MOST_BYTES: Final = 64 * 1024
_NO_BODY_ALLOWED: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


def is_whole(request: BaseRequest, response: web.StreamResponse) -> bool:
    """Whether ``whole_bytes`` says all of the answer."""
    return (
        type(response) is web.Response
        and (response._body is None or (type(response._body) is bytes and len(response._body) <= _MOST_BYTES))
        and request.version == HttpVersion11
        and request.method != hdrs.METH_HEAD
        and (request.keep_alive if response._keep_alive is None else response._keep_alive)
        and response.status >= HTTPStatus.OK
        and response.status not in _NO_BODY_ALLOWED
        and response._payload_writer is None
        and hdrs.CONNECTION not in response._headers
        and not (
            response._eof_sent or response._cookies or response._compression or response._chunked
            or response._compressed_body is not None
        )
    )  # fmt: skip


def whole_bytes(response: web.StreamResponse) -> bytes:
    """The answer as it is sent. Raises ValueError for a control character in a header (A197)."""
    assert isinstance(response, web.Response)
    body, headers = response._body or b"", response._headers
    assert isinstance(body, bytes)
    headers[hdrs.CONTENT_LENGTH] = str(len(body))
    if body:
        headers.setdefault(hdrs.CONTENT_TYPE, "application/octet-stream")
    headers.setdefault(hdrs.DATE, rfc822_formatted_time())
    head = _serialize_headers(f"HTTP/1.1 {response.status} {response.reason}", headers)
    response._keep_alive = True
    response._eof_sent = True
    return head + body
