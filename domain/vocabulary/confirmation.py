"""RFC 7800: the key whose possession the user of a token must prove.

It is a DPoP key, by its thumbprint (RFC 9449 §6.1), a certificate, by its thumbprint (RFC 8705 §3.1), or neither: a
bearer token.
"""

import re
from typing import Final, Protocol

import msgspec

#: SHA-256 as base64url: 43 characters, of which the last encodes only four bits.
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")


class NamesKeys(Protocol):
    """An event, or what is recorded beside one, that names keys."""

    @property
    def jkt(self) -> str | None:
        """The thumbprint of a DPoP key."""

    @property
    def x5t_s256(self) -> str | None:
        """The thumbprint of a certificate."""


class Confirmation(msgspec.Struct, frozen=True, omit_defaults=True):
    """The keys that a token is bound to, or that a request proved possession of. Thumbprints are SHA-256 in base64url.

    ``jkt``: the JWK thumbprint of a DPoP key. ``x5t_s256``: the thumbprint of a certificate's DER encoding.
    """

    jkt: str | None = None
    x5t_s256: str | None = None

    @property
    def is_bound(self) -> bool:
        """Whether there is any key."""
        return self.jkt is not None or self.x5t_s256 is not None

    @property
    def members(self) -> dict[str, str]:
        """The ``cnf`` claim (RFC 7800 §3), empty for a bearer token."""
        named = {"jkt": self.jkt, "x5t#S256": self.x5t_s256}
        return {name: value for name, value in named.items() if value is not None}

    def is_proved_by(self, proof: "Confirmation") -> bool:
        """Whether ``proof`` contains every key that is required here."""
        return self.jkt in (None, proof.jkt) and self.x5t_s256 in (None, proof.x5t_s256)


UNBOUND = Confirmation()


def is_thumbprint(value: str) -> bool:
    """Whether the text has the form of a key's SHA-256 thumbprint (RFC 7638 §3, RFC 9449 §10)."""
    return _THUMBPRINT.fullmatch(value) is not None
