"""The one place where text is normalized, and how long it may be before it is.

Normalization sorts runs of combining marks by insertion, in quadratic time: 64 KB of them hold a process for seconds
(A217). So a length comes first; within these it is a matter of a millisecond.
"""

import unicodedata
from typing import Final, Literal

#: Characters, as they were sent. Of a login: the longest mail address (RFC 5321 §4.5.3.1).
LONGEST_LOGIN: Final = 320
LONGEST_PASSWORD: Final = 1024

#: One character may become eighteen in NFKC, and each of these three when case is folded.
LONGEST_FOLDING: Final = 54


class TextTooLong(ValueError):
    """Whoever normalizes text has looked at its length before, and refused it in words of their own."""


def normalized(form: Literal["NFC", "NFKC"], text: str, most: int) -> str:
    """``text`` in a normalization form (Unicode Annex 15). Raises TextTooLong beyond ``most`` characters."""
    if len(text) > most:
        raise TextTooLong
    return unicodedata.normalize(form, text)
