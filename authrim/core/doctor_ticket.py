"""The proof that a request comes from ``authrim doctor``, which holds the master key (A307).

The doctor asks the running server what it saw of the request. A ticket says when it was made, can be used once, and
ends after some minutes. Nobody without the master key can make one, and none opens anything else.
"""

import re
from hmac import compare_digest
from typing import Final

from authrim.crypto import base64url
from authrim.crypto.ids import new_id
from authrim.crypto.keyed_hash import keyed_hash
from authrim.crypto.master import MasterKeys, UnknownMasterKey
from authrim.store.contract import Store

#: The header that has the ticket.
HEADER: Final = "Authrim-Doctor"
_PURPOSE: Final = "doctor ticket"
#: Seconds between the doctor's clock and the server's within which a ticket is taken.
LIFETIME: Final = 300
_FORM: Final = re.compile(r"([0-9a-f]{8})\.(\d{1,12})\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{43})")


def make_ticket(master: MasterKeys, issuer: str, now: int) -> str:
    """A ticket for one request. ``now`` in seconds."""
    key_id, nonce = master.current_id, new_id()
    return f"{key_id}.{now}.{nonce}.{_proof(master, key_id, issuer, now, nonce)}"


async def use_ticket(store: Store, master: MasterKeys, issuer: str, ticket: str, now: int) -> str | None:
    """The id of the master key that the ticket was made with, which is used up then; None when it is not one of ours,
    or was used before. Cheap checks come before the write. Raises Unavailable."""
    read = _FORM.fullmatch(ticket)
    if read is None:
        return None
    key_id, made_at, nonce = read[1], int(read[2]), read[3]
    if abs(now - made_at) > LIFETIME:
        return None
    try:
        expected = _proof(master, key_id, issuer, made_at, nonce)
    except UnknownMasterKey:
        return None
    if not compare_digest(expected, read[4]):
        return None
    return key_id if await store.reserve(f"doctor:{nonce}", made_at + 2 * LIFETIME) else None


def _proof(master: MasterKeys, key_id: str, issuer: str, made_at: int, nonce: str) -> str:
    key = master.derive(_PURPOSE, key_id)
    return base64url.encode(keyed_hash(key, issuer.encode(), str(made_at).encode(), nonce.encode()))
