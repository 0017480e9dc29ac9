"""RFC 7636: Proof Key for Code Exchange. Only S256: ``plain`` does not protect the code (RFC 9700 §2.1.1)."""

import hmac
import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

_VERIFIER: Final = re.compile(r"[A-Za-z0-9\-._~]{43,128}")
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9\-_]{43}")


def is_verifier(code_verifier: str) -> bool:
    """Whether the text is 43 to 128 unreserved characters (RFC 7636 §4.1)."""
    return _VERIFIER.fullmatch(code_verifier) is not None


def is_challenge(code_challenge: str) -> bool:
    """Whether the text has the form of a base64url SHA-256 (RFC 7636 §4.2)."""
    return _CHALLENGE.fullmatch(code_challenge) is not None


def s256(code_verifier: str) -> str:
    """The challenge of a verifier: its SHA-256 in base64url without padding (RFC 7636 §4.2)."""
    return urlsafe_b64encode(sha256(code_verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")


def challenge_of(code_verifier: str) -> str:
    """The challenge that a verifier was made for; empty, which is nobody's, when it is malformed."""
    return s256(code_verifier) if is_verifier(code_verifier) else ""


def matches(challenge_of_verifier: str, code_challenge: str) -> bool:
    """Whether the verifier with that challenge is the one of the request (RFC 7636 §4.6). The comparison takes constant
    time."""
    return bool(challenge_of_verifier) and hmac.compare_digest(challenge_of_verifier, code_challenge)


def verifies(code_verifier: str, code_challenge: str) -> bool:
    """Whether the verifier is well-formed and matches the challenge (RFC 7636 §4.6)."""
    return matches(challenge_of(code_verifier), code_challenge)
