"""How a PKCS #11 token is reached, and that it cannot be."""

from pathlib import Path
from typing import NamedTuple

from authrim.crypto.jws import CannotSign


class TokenUnavailable(CannotSign):
    """The token cannot be used now. The text says how it failed, and has no PIN in it."""


class NoPkcs11(CannotSign):
    """Keys are wanted in a token, and what speaks to it is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "pkcs11_module: needs the package pkcs11: install it with pip install 'authrim[pkcs11]'"
        )


class TokenAccess(NamedTuple):
    """The library that speaks to the token, the token's label, and the PIN of its user."""

    module: Path
    label: str
    pin: str

    def __repr__(self) -> str:
        return f"TokenAccess({self.label})"
