"""FAPI 1 Baseline §6.2.1 item 11: ``x-fapi-interaction-id``, by which a client and a resource find their log lines of
one request."""

import re
import uuid
from typing import Final

from aiohttp import web

HEADER: Final = "x-fapi-interaction-id"
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def tell_interaction_id(request: web.Request, response: web.Response) -> None:
    """The id that came, when it is a UUID (RFC 9562 §4) and so harmless to repeat; else a new one."""
    given = request.headers.get(HEADER, "")
    response.headers[HEADER] = given if _UUID.fullmatch(given) else str(uuid.uuid4())
