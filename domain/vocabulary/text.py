"""The only place where text is normalized, and the longest texts that are.

Normalization sorts runs of combining marks by insertion, in quadratic time: 64 KB of them block a process for seconds
(A217). So the length is checked first. Within these lengths it takes about a millisecond.
"""

import unicodedata
from typing import Final, Literal

#: In characters, as sent. The longest login is the longest mail address (RFC 5321 §4.5.3.1).
LONGEST_LOGIN: Final = 320
LONGEST_PASSWORD: Final = 1024

#: NFKC may turn one character into eighteen, and case folding may turn each of these into three.
LONGEST_FOLDING: Final = 54


class TextTooLong(ValueError):
    """The text is too long to normalize. Callers check the length first and refuse the request themselves."""


def normalized(form: Literal["NFC", "NFKC"], text: str, most: int) -> str:
    """Return ``text`` in a normalization form (Unicode Annex 15). Raises TextTooLong when it has more than ``most``
    characters."""
    if len(text) > most:
        raise TextTooLong
    return unicodedata.normalize(form, text)
