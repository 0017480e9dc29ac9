"""Asks the running server what it saw of a request: with a ticket that needs the master key (A307)."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from aiohttp import hdrs

from authrim.core.doctor_ticket import HEADER, make_ticket
from authrim.core.seen_request import AskedOfServer, SeenRequest
from authrim.doctor.examined import Examined
from authrim.doctor.outside_client import Answer

PATH = "/doctor"


class NotSeen(Exception):
    """Something answered, but not the server with what it saw. The text says what."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the answer has status {status}")
        self.status = status


async def ask_server(
    examined: Examined,
    headers: Mapping[str, str] | None = None,
    *,
    base: str | None = None,
    query: str = "",
    asked: AskedOfServer | None = None,
    certificate: Path | None = None,
) -> tuple[SeenRequest, Answer]:
    """What the server saw of a request with these headers. ``base``: another address than the issuer. Raises NoAnswer
    and NotSeen."""
    ticket = make_ticket(examined.master, examined.settings.issuer, examined.now())
    answer = await examined.outside.request(
        hdrs.METH_POST,
        (base or examined.settings.issuer) + PATH + (f"?{query}" if query else ""),
        headers={**(headers or {}), hdrs.CONTENT_TYPE: "application/json", HEADER: ticket},
        body=msgspec.json.encode(asked or AskedOfServer()),
        certificate=certificate,
    )
    if answer.status != 200:
        raise NotSeen(answer.status)
    try:
        return msgspec.json.decode(answer.body, type=SeenRequest), answer
    except msgspec.MsgspecError:
        raise NotSeen(answer.status) from None
