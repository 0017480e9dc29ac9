"""One algorithm with two names: ``EdDSA`` with an Ed25519 key (RFC 8037 §3.1) is ``Ed25519`` (RFC 9864 §2.2)."""

from typing import Final

_ED25519: Final = frozenset({"EdDSA", "Ed25519"})


def names_of(alg: str) -> frozenset[str]:
    """Every name of the algorithm. A client that registered one of them may sign with the other."""
    return _ED25519 if alg in _ED25519 else frozenset({alg})
