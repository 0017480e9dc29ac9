"""The part of a server that belongs to tokens."""

from dataclasses import dataclass
from typing import Final

from authrim.core.parts import Part
from authrim.tokens.access_tokens import AccessTokens


@dataclass(frozen=True, slots=True)
class Tokens:
    """Presented access tokens."""

    access_tokens: AccessTokens


TOKENS: Final[Part[Tokens]] = Part("tokens")
