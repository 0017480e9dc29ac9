"""``at_hash``, ``c_hash``, ``s_hash``: the specification's own vectors, and no algorithm taken for another (A155)."""

import base64
import hashlib

import pytest

from authrim.crypto.algorithms import ALGORITHMS
from authrim.crypto.tokens import half_hash

#: OIDC Core Appendix A.3, A.4 and A.6, signed with RS256.
CODE = "Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk"
ACCESS_TOKEN = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"


def test_the_vectors_of_openid_connect() -> None:
    """OIDC Core Appendix A.3, A.4: the left half of the SHA-256, base64url without padding."""
    assert half_hash("RS256", ACCESS_TOKEN) == "77QmUPtjPfzWtF2AnpK9RQ"
    assert half_hash("RS256", CODE) == "LDktKdoQak3Pk0cnXxCltA"


@pytest.mark.parametrize(
    ("alg", "digest"),
    [
        ("RS256", "sha256"),
        ("PS256", "sha256"),
        ("ES256", "sha256"),
        ("EdDSA", "sha512"),
        ("Ed25519", "sha512"),
    ],
)
def test_the_digest_is_the_algorithms_own(alg: str, digest: str) -> None:
    """Ed25519 hashes with SHA-512 inside, so its half is 32 bytes."""
    whole = hashlib.new(digest, b"value").digest()
    expected = base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()
    assert half_hash(alg, "value") == expected


@pytest.mark.parametrize(
    "alg",
    [
        "none",
        "",
        "rs256",
        "XX256",
        *sorted(set(ALGORITHMS) - {"RS256", "PS256", "ES256", "EdDSA", "Ed25519"}),
    ],
)
def test_an_unknown_algorithm_has_no_hash(alg: str) -> None:
    """A155: no default to fall back to; the ID token is not made at all."""
    with pytest.raises(KeyError):
        half_hash(alg, "value")
