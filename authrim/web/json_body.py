"""A request whose body is a JSON object, by the one strict reader (decisions.md 27)."""

from typing import Any, Final

from aiohttp import web

from authrim.crypto import strict_json
from authrim.crypto.strict_json import JsonRefused
from authrim.outside.media_type import JSON, is_utf8
from authrim.web._body import read_body
from authrim.web.params import raw_query, sent_type
from domain.errors import Refusal, invalid_request

MAX_DEPTH: Final = 16
_HINT: Final = "Send one JSON object."


async def read_json_object(request: web.Request, *, with_query: bool = False) -> dict[str, Any] | Refusal:
    """The object, or why there is none: 400, 413 (too large), 415 (another content type) or 408 (too late).
    ``with_query``: a query may stand beside it."""
    if raw_query(request) and not with_query:
        return invalid_request("Send everything in the body, not in the query.")
    sent = sent_type(request)
    if sent.essence != JSON or not is_utf8(sent):
        return Refusal(
            "invalid_request",
            "The body has another content type.",
            hint=f"Send {JSON}.",
            section="RFC 9110 §15.5.16",
            status=415,
        )
    body = await read_body(request)
    if isinstance(body, Refusal):
        return body
    try:
        document = strict_json.loads(body, max_depth=MAX_DEPTH, max_bytes=len(body) or 1)
    except JsonRefused as refused:
        return invalid_request(
            f"The body is no JSON that is taken: {refused}.", hint=_HINT, section="RFC 7493 §2"
        )
    if not isinstance(document, dict):
        return invalid_request("The body is no JSON object.", hint=_HINT, section="RFC 7493 §2")
    return document
