"""Receipts: a client that asks with ``receipt=true`` gets a signed one of what was just recorded.

It names the events by their places in the log, as the append itself knows them: nothing is read for it.
"""

from typing import Any, Final

import msgspec
import structlog

from authrim.clients.authentication.back_channel import ClientRequest
from authrim.core.origin import Places
from authrim.crypto.jws import CannotSign
from authrim.tokens.signed_answers import Statement, sign_receipt
from domain import stream as streams
from domain.errors import Refusal, invalid_request
from domain.vocabulary.features import RECEIPTS

log = structlog.get_logger(__name__)

MALFORMED: Final = invalid_request("The receipt is malformed.", hint="Send receipt=true, or leave it out.")


def with_places(asked: ClientRequest) -> ClientRequest | Refusal:
    """The request, noting where its events are if the client wants a receipt."""
    wanted = asked.form.get("receipt") if RECEIPTS in asked.call.core.features else None
    if wanted is None:
        return asked
    if wanted != "true":
        return MALFORMED
    call = msgspec.structs.replace(asked.call, places=Places([]))
    return msgspec.structs.replace(asked, call=call)


async def receipt_of(asked: ClientRequest, what: str, **more: Any) -> dict[str, Any]:
    """The member ``receipt`` of the answer; none if none was asked for, or if nothing was recorded: then this request
    changed nothing. None either when it cannot be signed now: what was recorded stands, and is answered (F29)."""
    call = asked.call
    if call.places is None or not call.places.noted:
        return {}
    core = call.core
    alg = asked.client.metadata.id_token_signed_response_alg
    statement = Statement(core.issuer, asked.client.client_id, core.now())
    noted = call.places.noted
    claims = {"receipt_of": what, "grant_id": streams.parse(noted[0].stream).id, **more}
    try:
        key = core.key_ring.signer(call.tenant, alg, core.now())
        return {"receipt": await sign_receipt(key, statement, claims, noted)}
    except CannotSign as error:
        log.warning("receipt.not_signed", error_id=call.error_id, kind=type(error).__name__, what=str(error))
        return {}
