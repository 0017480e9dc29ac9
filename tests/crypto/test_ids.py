"""Identifiers, digests and client secrets."""

import time
import uuid

from authrim.crypto.ids import constant_time_equal, digest, new_id, new_secret
from authrim.crypto.secrets import ClientSecret, dummy_comparison, new_client_secret, secret_matches


def test_an_id_is_a_uuid_version_7_of_this_moment() -> None:
    """An id reads as a UUIDv7 whose first 48 bits are the time in milliseconds (RFC 9562 §5.7)."""
    before = time.time_ns() // 1_000_000
    identifier = new_id()
    after = time.time_ns() // 1_000_000
    parsed = uuid.UUID(hex=identifier)
    assert identifier == parsed.hex
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert before <= parsed.int >> 80 <= after


def test_ids_and_secrets_do_not_repeat() -> None:
    """Ten thousand ids and secrets made in a row are all different."""
    assert len({new_id() for _ in range(10_000)}) == 10_000
    assert len({new_secret() for _ in range(10_000)}) == 10_000


def test_a_digest_is_the_known_sha_256() -> None:
    """The digest of "abc" is the one that FIPS 180-4 gives, in base64url without padding."""
    assert digest("abc") == digest(b"abc") == "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"


def test_comparison_takes_any_text() -> None:
    """What is not ASCII, or not even a character, is compared and not an error."""
    assert constant_time_equal("Zürich", "Zürich".encode())
    assert not constant_time_equal("\ud800", "x")


def test_a_client_secret_matches_itself_alone() -> None:
    """A080: a secret is accepted by its hash, and nothing like it is."""
    secret = new_client_secret()
    assert len(secret.value) == 43
    assert secret_matches(secret.value, secret.hash)
    for wrong in ("", secret.value[:-1], secret.value + "A", secret.hash, "ü\ud800"):
        assert not secret_matches(wrong, secret.hash)
        dummy_comparison(wrong)


def test_a_client_secret_does_not_show_itself() -> None:
    """A227: neither the secret nor its hash is in the text of the value that carries it."""
    secret = new_client_secret()
    assert repr(secret) == str(secret) == repr(ClientSecret("", ""))
