"""Signed answers that last: what held for a token at a time, and receipts.

Each has a ``typ`` of its own (RFC 8725 §3.11), which nothing takes for a token (A268), and names events by their places
in the log, which anybody who has the log can check: the row at that position has that leaf hash
(``docs/audit/hash-chain.md``).
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from authrim.audit.past.moments import Moment
from authrim.crypto import base64url
from authrim.crypto.jws import Signer
from authrim.store.places import Place

#: The state of a token at a time.
TOKEN_AT_TYPE: Final = "authrim-token-at+jwt"  # noqa: S105 - a media type
#: A grant or a revocation happened.
RECEIPT_TYPE: Final = "authrim-receipt+jwt"
SIGNED_TYPES: Final = (TOKEN_AT_TYPE, RECEIPT_TYPE)

_encode = msgspec.json.Encoder().encode


class Statement(msgspec.Struct, frozen=True):
    """Who says it, to whom (empty: to nobody in particular) and when, in seconds."""

    issuer: str
    audience: str
    now: int

    def claims(self) -> dict[str, Any]:
        """The claims that every signed answer has. There is no ``exp``: it stays true."""
        to = {"aud": self.audience} if self.audience else {}
        return {"iss": self.issuer, **to, "iat": self.now}


async def sign_token_at(
    key: Signer, statement: Statement, moment: Moment, token: dict[str, str],
    introspection: dict[str, Any] | None, places: Iterable[Place] = (),
) -> str:  # fmt: skip
    """What held at a moment for a token. ``token`` says which one. ``introspection``: the members of RFC 7662; None:
    nothing is said of it, because there is no such token or it is not for the one who asked."""
    claims = {
        **statement.claims(),
        "as_of": {"time": moment.now, "position": moment.position},
        "token": token,
        "found": introspection is not None,
        "events": shown_places(places),
    }
    if introspection is not None:
        claims["token_introspection"] = introspection  # RFC 9701 §5
    return await key.signed(_encode(claims), TOKEN_AT_TYPE)


async def sign_receipt(
    key: Signer, statement: Statement, what: dict[str, Any], places: Iterable[Place]
) -> str:
    """A receipt: ``what`` happened, and the events that say so."""
    return await key.signed(
        _encode({**statement.claims(), **what, "events": shown_places(places)}), RECEIPT_TYPE
    )


def shown_places(places: Iterable[Place]) -> list[dict[str, Any]]:
    """Places as JSON. ``recorded_at`` is in µs: the leaf of the event in the Merkle tree is made of it and ``leaf``."""
    return [
        {
            "position": place.position,
            "type": place.type,
            "recorded_at": place.recorded_at,
            "leaf": base64url.encode(place.leaf),
        }
        for place in places
    ]
