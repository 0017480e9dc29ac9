"""The part of a server that belongs to tokens."""

from dataclasses import dataclass
from typing import Final

from authrim.core.parts import Part
from authrim.tokens.access_tokens import AccessTokens
from authrim.tokens.log_positions import PositionWaits


@dataclass(frozen=True, slots=True)
class Tokens:
    """Presented access tokens, and introspections that wait for the log."""

    access_tokens: AccessTokens
    position_waits: PositionWaits


TOKENS: Final[Part[Tokens]] = Part("tokens")
