"""Codes, opaque access tokens, refresh tokens and pushed requests: ``<kind>.<grant id>.<secret>`` (decisions.md 4).

The grant id leads to the grant's stream, the secret proves that the server gave the value out. A refresh
token's secret is its generation and a keyed hash: so the same successor can be given again within the grace.
"""

import re
from typing import Final, Literal, NamedTuple, cast

from authrim.crypto import base64url
from authrim.crypto.ids import begins_like_an_id, constant_time_equal, digest, new_secret
from authrim.crypto.keyed_hash import keyed_hash
from authrim.crypto.master import MasterKeys, UnknownMasterKey

Kind = Literal["ac", "at", "pr", "rt"]

CODE: Final = "ac"
ACCESS_TOKEN: Final = "at"  # noqa: S105 - a kind of token
REFRESH_TOKEN: Final = "rt"  # noqa: S105 - a kind of token
PUSHED_REQUEST: Final = "pr"

_GENERATION_BYTES = 4
#: 256 bits are 43 characters, the last of which spells only four bits; 4 + 32 bytes are 48 characters.
_SHAPE = re.compile(
    r"(?P<kind>ac|at|pr)\.(?P<grant>[0-9a-f]{32})\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
    r"|rt\.(?P<refreshed>[0-9a-f]{32})\.(?P<secret>[A-Za-z0-9_-]{48})"
)


class Handle(NamedTuple):
    """The parts of a value, without its secret. ``generation`` is 0 except for refresh tokens."""

    kind: Kind
    grant_id: str
    generation: int = 0


def new_handle(kind: Literal["ac", "at", "pr"], grant_id: str) -> str:
    """A new code, opaque access token or pushed request of a grant, with 256 random bits.

    Its digest stands for it in the log and so is an id.
    """
    while not begins_like_an_id(digest(made := f"{kind}.{grant_id}.{new_secret()}")):
        pass
    return made


def parse_handle(value: str) -> Handle | None:
    """The parts of the value, or None if it does not have the exact form of its kind."""
    match = _SHAPE.fullmatch(value)
    if match is None:
        return None
    if match["kind"]:
        return Handle(cast("Kind", match["kind"]), match["grant"])
    secret = base64url.decode(match["secret"])
    return Handle("rt", match["refreshed"], int.from_bytes(secret[:_GENERATION_BYTES], "big"))


def refresh_token(
    master: MasterKeys, tenant: str, grant_id: str, generation: int, key_id: str | None = None
) -> str:
    """The refresh token of that generation: the same for the same arguments.

    ``key_id`` is the id of the master key that the grant's event names, None for the current one. Raises
    UnknownMasterKey.
    """
    counted = generation.to_bytes(_GENERATION_BYTES, "big")
    proof = keyed_hash(
        master.derive("refresh-token", key_id), tenant.encode("utf-8"), grant_id.encode("ascii"), counted
    )
    return f"{REFRESH_TOKEN}.{grant_id}.{base64url.encode(counted + proof)}"


def genuine_refresh(master: MasterKeys, tenant: str, value: str, key_id: str | None = None) -> bool:
    """Whether ``value`` is the refresh token that this server issues for the generation in it."""
    handle = parse_handle(value)
    if handle is None or handle.kind != REFRESH_TOKEN:
        return False
    try:
        expected = refresh_token(master, tenant, handle.grant_id, handle.generation, key_id)
    except UnknownMasterKey:
        return False
    return constant_time_equal(value, expected)
