"""``authrim keys`` on a real store, and the first keys of an installation."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from authrim.core.clients_and_keys import Configuration
from authrim.core.sealed_rows import SIGNING_KEY, PrivateData
from authrim.core.signing_keys import PRIVATE_HALF, ensure_keys, key_ring_of
from authrim.crypto.master import MasterKeys
from authrim.settings import Settings, load
from authrim.store.sqlite.store import SQLiteStore
from tests.support.command_line import CommandLine


async def opened(store: SQLiteStore, private: PrivateData, settings: Settings) -> Configuration:
    configuration = Configuration(store, key_ring_of(settings, private))
    await configuration.open()
    return configuration


async def test_processes_that_start_at_once_make_one_key_an_algorithm(
    authrim: CommandLine, database: Path, master: MasterKeys
) -> None:
    """Four processes find no key: one makes it, the others lose and take over what the first has made."""
    settings = load()
    stores = [SQLiteStore(database) for _ in range(4)]
    for store in stores:
        await store.open()
    try:
        privates = [PrivateData(store, master) for store in stores]
        configurations = [
            await opened(store, private, settings) for store, private in zip(stores, privates, strict=True)
        ]
        await asyncio.gather(
            *(
                ensure_keys(store, private, configuration, settings, "default")
                for store, private, configuration in zip(stores, privates, configurations, strict=True)
            )
        )
        now = int(time.time())
        kids = {tuple(key.kid for key in one.key_ring.keys("default")) for one in configurations}
        assert len(kids) == 1
        assert len(next(iter(kids))) == 4
        for configuration in configurations:
            assert configuration.key_ring.algorithms("default", now) == ("ES256", "RS256")
    finally:
        for store in stores:
            await store.close()


async def test_private_half_is_sealed(
    store: SQLiteStore, private: PrivateData, stored_bytes: Callable[[], bytes]
) -> None:
    """A227: the private half can be opened with the master key, and is nowhere on the disk in clear."""
    settings = load()
    configuration = await opened(store, private, settings)
    await ensure_keys(store, private, configuration, settings, "default")
    for key in configuration.key_ring.keys("default"):
        half = await private.open("default", SIGNING_KEY, key.kid, PRIVATE_HALF)
        assert half is not None
        assert key.kid.encode() in stored_bytes()
        assert half[-32:] not in stored_bytes()


def lives(authrim: CommandLine, *options: str) -> dict[str, str]:
    return {key["kid"]: key["life"] for key in authrim.json("keys", "list", *options)["keys"]}


def test_rotated_key_is_published_before_it_signs(authrim: CommandLine) -> None:
    """F28, A176: the first key signs at once; the next one waits for the caches, and there is one in waiting."""
    (first,) = authrim.json("keys", "rotate", "--alg", "ES256")["keys"]
    assert lives(authrim) == {first["kid"]: "active"}
    (second,) = authrim.json("keys", "rotate", "--alg", "ES256")["keys"]
    assert lives(authrim) == {first["kid"]: "active", second["kid"]: "published"}
    assert second["active_from"] > first["active_from"]
    refused = authrim.json("keys", "rotate", "--alg", "ES256", status=1)
    assert refused["hint"] == "Wait until it signs."


def test_rotation_is_of_every_algorithm_unless_one_is_named(authrim: CommandLine) -> None:
    """Without --alg each configured algorithm gets its next key."""
    made = authrim.json("keys", "rotate")["keys"]
    assert [key["alg"] for key in made] == ["ES256", "RS256", "RSA-OAEP-256", "ECDH-ES"]
    listed = authrim.json("keys", "list")["keys"]
    assert {key["alg"]: key["use"] for key in listed} == {
        "ES256": "sig",
        "RS256": "sig",
        "RSA-OAEP-256": "enc",
        "ECDH-ES": "enc",
    }


def test_revoked_signer_is_replaced_in_the_same_moment(authrim: CommandLine) -> None:
    """A leaked key leaves the key set at once and something else signs from then on."""
    (first,) = authrim.json("keys", "rotate", "--alg", "ES256")["keys"]
    revoked = authrim.json("keys", "revoke", first["kid"], "--reason", "leak", "--yes")
    assert lives(authrim) == {revoked["replaced_by"]: "active"}
    assert lives(authrim, "--all") == {first["kid"]: "gone", revoked["replaced_by"]: "active"}
    again = authrim.json("keys", "revoke", first["kid"], "--yes")
    assert again["replaced_by"] is None
    assert len(lives(authrim, "--all")) == 2


def test_revoked_key_that_did_not_sign_is_not_replaced(authrim: CommandLine) -> None:
    """A key in waiting is taken back, and the one that signs goes on."""
    (first,) = authrim.json("keys", "rotate", "--alg", "ES256")["keys"]
    (second,) = authrim.json("keys", "rotate", "--alg", "ES256")["keys"]
    assert authrim.json("keys", "revoke", second["kid"], "--yes")["replaced_by"] is None
    assert lives(authrim) == {first["kid"]: "active"}


async def test_urgent_key_signs_at_once(
    authrim: CommandLine, store: SQLiteStore, private: PrivateData
) -> None:
    """With --now the next key signs from this second on, the one before stays published."""
    (first,) = (await asyncio.to_thread(authrim.json, "keys", "rotate", "--alg", "ES256"))["keys"]
    await asyncio.sleep(1.1)
    (urgent,) = (await asyncio.to_thread(authrim.json, "keys", "rotate", "--alg", "ES256", "--now"))["keys"]
    configuration = await opened(store, private, load())
    now = int(time.time())
    assert configuration.key_ring.signer("default", "ES256", now).kid == urgent["kid"]
    published = json.loads(configuration.key_ring.jwks("default", now))["keys"]
    assert {key["kid"] for key in published} == {first["kid"], urgent["kid"]}


async def test_the_published_key_is_promoted(
    authrim: CommandLine, store: SQLiteStore, private: PrivateData
) -> None:
    """--now takes the key that waits, makes no other, and the log still verifies."""

    def rotated(*options: str) -> dict[str, Any]:
        (key,) = authrim.json("keys", "rotate", "--alg", "ES256", *options)["keys"]
        return dict(key)

    first, waiting = await asyncio.to_thread(rotated), await asyncio.to_thread(rotated)
    promoted = await asyncio.to_thread(rotated, "--now")
    assert promoted["kid"] == waiting["kid"]
    assert promoted["active_from"] < waiting["active_from"]
    await asyncio.sleep(1.1)
    assert await asyncio.to_thread(lives, authrim) == {first["kid"]: "retired", waiting["kid"]: "active"}
    configuration = await opened(store, private, load())
    assert configuration.key_ring.signer("default", "ES256", int(time.time())).kid == waiting["kid"]
    assert (await asyncio.to_thread(authrim.json, "projections", "verify"))["ok"] is True


def test_a_revoked_signer_is_followed_by_the_published_key(authrim: CommandLine) -> None:
    """Where a next key is published, it takes over from one that leaked, and no other is made."""
    first, waiting = (authrim.json("keys", "rotate", "--alg", "ES256")["keys"][0]["kid"] for _ in range(2))
    assert authrim.json("keys", "revoke", first, "--yes")["replaced_by"] == waiting
    assert lives(authrim) == {waiting: "active"}


def test_unknown_key(authrim: CommandLine) -> None:
    """Revoking a key that is not there is a refusal."""
    assert "no such key" in authrim.json("keys", "revoke", "nothing", "--yes", status=1)["description"]
