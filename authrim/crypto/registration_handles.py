"""Tokens of registration: an initial access token names its own stream, a registration access token its client
(RFC 7591 §3, RFC 7592 §3). What is kept of either is the SHA-256 of the whole."""

import re
from typing import Final

from authrim.crypto.ids import new_secret

#: 256 bits are 43 characters, the last of which spells only four bits.
_SECRET: Final = r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"  # noqa: S105 - a pattern
_INITIAL: Final = re.compile(rf"iat\.(?P<named>[0-9a-f]{{32}})\.{_SECRET}")
_REGISTRATION: Final = re.compile(rf"rat\.(?P<named>[A-Za-z0-9\-._~]{{1,128}})\.{_SECRET}")


def new_initial_token(token_id: str) -> str:
    """A new initial access token with 256 random bits."""
    return f"iat.{token_id}.{new_secret()}"


def new_registration_token(client_id: str) -> str:
    """A new registration access token of a client with 256 random bits."""
    return f"rat.{client_id}.{new_secret()}"


def initial_token_id(value: str) -> str | None:
    """The id in an initial access token, or None if it does not have the form of one."""
    match = _INITIAL.fullmatch(value)
    return None if match is None else match["named"]


def registration_token_client(value: str) -> str | None:
    """The client id in a registration access token, or None if it does not have the form of one."""
    match = _REGISTRATION.fullmatch(value)
    return None if match is None else match["named"]
