"""Master keys, sealed rows and keyed hashes (decisions.md 4 and 16)."""

import os

import pytest

from authrim.crypto import base64url
from authrim.crypto.master import MasterKeyRefused, MasterKeys, UnknownMasterKey
from authrim.crypto.sealing import (
    SealBroken,
    address_hash,
    login_hmac,
    new_data_key,
    open_sealed,
    seal,
    unwrap,
    wrap,
)

OLD, NEW = os.urandom(32), os.urandom(32)
KEY_ROW = "default:subject:ann:key"
ROW = "default:subject:ann:claims"


def test_what_was_sealed_is_opened() -> None:
    """A row opens with its owner's data key under its own name, and two seals of one text differ."""
    master, data_key = MasterKeys([OLD]), new_data_key()
    wrapped = wrap(master, KEY_ROW, data_key)
    first, second = (seal(data_key, ROW, b"ann@example.com") for _ in range(2))
    assert open_sealed(unwrap(master, KEY_ROW, wrapped), ROW, first) == b"ann@example.com"
    assert first != second
    assert b"ann" not in first
    assert data_key not in wrapped


def test_a_row_does_not_open_in_another_place() -> None:
    """The row's key text is authenticated: rows and wrapped keys cannot be exchanged between owners."""
    master, data_key = MasterKeys([OLD]), new_data_key()
    with pytest.raises(SealBroken):
        open_sealed(data_key, "default:subject:bob:claims", seal(data_key, ROW, b"x"))
    with pytest.raises(SealBroken):
        unwrap(master, "default:subject:bob:key", wrap(master, KEY_ROW, data_key))


def test_a_sealed_row_that_was_touched_does_not_open() -> None:
    """Every single byte of a sealed row and of a wrapped key counts, and so does the length."""
    master, data_key = MasterKeys([OLD]), new_data_key()
    sealed, wrapped = seal(data_key, ROW, b"claims"), wrap(master, KEY_ROW, data_key)
    for index in range(len(sealed)):
        with pytest.raises(SealBroken):
            open_sealed(data_key, ROW, _flipped(sealed, index))
        with pytest.raises(SealBroken):
            open_sealed(data_key, ROW, sealed[:index])
    for index in range(len(wrapped)):
        with pytest.raises(SealBroken):
            unwrap(master, KEY_ROW, _flipped(wrapped, index))
        with pytest.raises(SealBroken):
            unwrap(master, KEY_ROW, wrapped[:index])


def _flipped(data: bytes, index: int) -> bytes:
    return data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :]


def test_a_broken_seal_tells_nothing() -> None:
    """A227: the exception holds neither the row's name nor any of its bytes."""
    with pytest.raises(SealBroken) as caught:
        open_sealed(new_data_key(), ROW, seal(new_data_key(), ROW, b"ann@example.com"))
    assert str(caught.value) == "a sealed row cannot be opened"
    assert caught.value.__cause__ is None


def test_rotating_the_master_key_keeps_what_was_wrapped() -> None:
    """With a new current key the old one still unwraps; when it is taken away its rows are gone."""
    data_key = new_data_key()
    wrapped = wrap(MasterKeys([OLD]), KEY_ROW, data_key)
    rotated = MasterKeys([NEW, OLD])
    assert unwrap(rotated, KEY_ROW, wrapped) == data_key
    assert unwrap(MasterKeys([NEW]), KEY_ROW, wrap(rotated, KEY_ROW, data_key)) == data_key
    with pytest.raises(SealBroken):
        unwrap(MasterKeys([NEW]), KEY_ROW, wrapped)


def test_each_purpose_has_a_key_of_its_own() -> None:
    """Keys derived for two purposes, or from two master keys, have nothing in common."""
    master = MasterKeys([NEW, OLD])
    purposes = ("refresh-token", "login", "address", "csrf", "dpop-nonce", "cookie")
    derived = {master.derive(purpose, key_id) for purpose in purposes for key_id in master.key_ids}
    assert len(derived) == 2 * len(purposes)
    assert all(len(key) == 32 for key in derived)
    assert master.derive("csrf") == MasterKeys([NEW]).derive("csrf")
    with pytest.raises(UnknownMasterKey):
        master.derive("csrf", "00000000")


BAD_SETTINGS = {
    "none at all": [],
    "too short": [base64url.encode(b"canary-canary")],
    "padded": [base64url.encode(OLD) + "="],
    "words": ["correct horse battery staple"],
    "one twice": [base64url.encode(OLD), base64url.encode(OLD)],
}


@pytest.mark.parametrize("texts", BAD_SETTINGS.values(), ids=BAD_SETTINGS.keys())
def test_a_bad_master_key_is_refused_without_being_shown(texts: list[str]) -> None:
    """A227: a bad setting is named by its number, and its value is in no message."""
    with pytest.raises(MasterKeyRefused) as caught:
        MasterKeys.from_settings(texts)
    assert not any(text in str(caught.value) for text in texts)
    assert caught.value.__cause__ is None


def test_master_keys_do_not_show_themselves() -> None:
    """A227: the text of the key holder has ids alone."""
    master = MasterKeys.from_settings([base64url.encode(NEW), base64url.encode(OLD) + "\n"])
    assert repr(master) == f"MasterKeys({master.key_ids[0]}, {master.key_ids[1]})"
    assert [len(key_id) for key_id in master.key_ids] == [8, 8]


@pytest.mark.parametrize(
    "variant", ["ANN@EXAMPLE.COM", " ann@example.com ", "ａｎｎ@example.com", "ann@ＥＸＡＭＰＬＥ.com"]
)
def test_a_login_has_one_hash_for_all_its_spellings(variant: str) -> None:
    """A225: case, width and space around it make no other account and no other counter."""
    master = MasterKeys([OLD])
    assert login_hmac(master, "default", variant) == login_hmac(master, "default", "ann@example.com")


def test_keyed_hashes_differ_by_tenant_purpose_and_key() -> None:
    """One text has another hash in each tenant, for each purpose, under each master key."""
    old, rotated = MasterKeys([OLD]), MasterKeys([NEW, OLD])
    hashes = {
        login_hmac(old, "a", "192.0.2.1"),
        login_hmac(old, "b", "192.0.2.1"),
        login_hmac(rotated, "a", "192.0.2.1"),
        address_hash(old, "a", "192.0.2.1"),
        address_hash(old, "a1", "92.0.2.1"),
    }
    assert len(hashes) == 5
    assert login_hmac(rotated, "a", "192.0.2.1", old.current_id) == login_hmac(old, "a", "192.0.2.1")
