"""The name of the product, as answers have it."""

from typing import Final

SERVER: Final = "Authrim"
"""The ``Server`` header: the product, never a version."""
