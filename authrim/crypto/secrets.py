"""Client secrets: generated here with 256 bits of randomness, stored as SHA-256 (RFC 6749 §10.10, A080).

Nobody can guess 256 random bits, so no slow hash is needed; the comparison takes constant time, and an
unknown client costs the same comparison.
"""

from typing import NamedTuple

from authrim.crypto.ids import constant_time_equal, digest, new_secret

_NO_SECRET = digest(new_secret())


class ClientSecret(NamedTuple):
    """A new secret: ``value`` is shown once to the client's owner, ``hash`` is stored."""

    value: str
    hash: str

    def __repr__(self) -> str:
        return "ClientSecret()"


def new_client_secret() -> ClientSecret:
    """A new client secret of 256 random bits."""
    value = new_secret()
    return ClientSecret(value, digest(value))


def secret_matches(presented: str, secret_hash: str) -> bool:
    """Whether ``secret_hash`` is the hash of ``presented``."""
    return constant_time_equal(_digest(presented), secret_hash)


def dummy_comparison(presented: str) -> None:
    """Do the same work as ``secret_matches`` when there is no secret to compare with."""
    constant_time_equal(_digest(presented), _NO_SECRET)


def _digest(presented: str) -> str:
    return digest(presented.encode("utf-8", "surrogatepass"))
