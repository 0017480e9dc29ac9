"""What the room of tokens brings to a server."""

from dataclasses import dataclass
from typing import Final

from authrim.core.parts import Part
from authrim.tokens.access_tokens import AccessTokens


@dataclass(frozen=True, slots=True)
class Tokens:
    """Access tokens that somebody presents."""

    access_tokens: AccessTokens


TOKENS: Final[Part[Tokens]] = Part("tokens")
