"""RFC 7800: the key that whoever uses a token must prove to hold. A DPoP key by its thumbprint (RFC 9449 §6.1), a
certificate by its own (RFC 8705 §3.1), or neither: a bearer token."""

import re
from typing import Final

import msgspec

#: SHA-256 as base64url: 43 characters, the last of which spells only four bits.
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")


class Confirmation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a token is bound to, or what a request proved to hold. Thumbprints are SHA-256, base64url.

    ``jkt``: the JWK thumbprint of a DPoP key. ``x5t_s256``: the thumbprint of a certificate's DER.
    """

    jkt: str | None = None
    x5t_s256: str | None = None

    @property
    def is_bound(self) -> bool:
        """Whether there is any key at all."""
        return self.jkt is not None or self.x5t_s256 is not None

    @property
    def members(self) -> dict[str, str]:
        """The ``cnf`` claim (RFC 7800 §3), empty for a bearer token."""
        named = {"jkt": self.jkt, "x5t#S256": self.x5t_s256}
        return {name: value for name, value in named.items() if value is not None}

    def is_proved_by(self, proof: "Confirmation") -> bool:
        """Whether ``proof`` holds every key that is demanded here."""
        return self.jkt in (None, proof.jkt) and self.x5t_s256 in (None, proof.x5t_s256)


UNBOUND = Confirmation()


def is_thumbprint(value: str) -> bool:
    """Whether the text can be the SHA-256 thumbprint of a key (RFC 7638 §3, RFC 9449 §10)."""
    return _THUMBPRINT.fullmatch(value) is not None
