"""Clients whose keys are behind their ``jwks_uri``, on real HTTPS servers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import time_machine
from aiohttp import web

from authrim.clients.keys import NO_ENCRYPTION_KEY, ClientKeys
from authrim.crypto import base64url
from authrim.crypto.jwe import EncryptionKey
from authrim.outside.egress import Egress
from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.stream import DEFAULT_TENANT
from tests.support.assertion import assertion_form, claims_for, new_key, present, public_jwks, signed
from tests.support.https_site import Authority, Site
from tests.support.running import RunningServer, development_settings

START = 1_800_000_000


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that the test moves."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.fixture
async def known(authority: Authority) -> AsyncIterator[ClientKeys]:
    """What the server keeps of clients' keys."""
    egress = Egress(("localhost",), ca_file=authority.ca_file, timeout_seconds=2)
    yield ClientKeys(egress, development_settings(1))
    await egress.close()


def client_at(site: Site, **changes: Any) -> Client:
    return Client("one", ClientMetadata(jwks_uri=site.url("/jwks"), **changes))


OLD, NEW, OTHER = (new_key(kid=kid) for kid in ("old", "new", "other"))


async def test_keys_are_fetched_once(known: ClientKeys, site: Site) -> None:
    """However many ask at once, one fetch is made (A090: single flight)."""
    site.serve("/jwks", public_jwks(OLD))
    client = client_at(site)
    found = await asyncio.gather(*(known.verifying(DEFAULT_TENANT, client, "old") for _ in range(20)))
    assert all("old" in keys for keys in found)
    assert site.asked("/jwks") == 1


async def test_an_unknown_kid_is_looked_for_under_a_cool_down(
    known: ClientKeys, site: Site, clock: time_machine.Traveller
) -> None:
    """A090: a flood of invented key ids leads to one fetch a minute, and a rotated key is still found."""
    site.serve("/jwks", public_jwks(OLD))
    client = client_at(site)
    assert "old" in await known.verifying(DEFAULT_TENANT, client, "old")
    site.serve("/jwks", public_jwks(OLD, NEW))
    assert "new" in await known.verifying(DEFAULT_TENANT, client, "new")
    assert site.asked("/jwks") == 2
    site.serve("/jwks", public_jwks(OLD, NEW, OTHER))
    for number in range(50):
        await known.verifying(DEFAULT_TENANT, client, f"invented-{number}")
    assert "other" not in await known.verifying(DEFAULT_TENANT, client, "other")
    assert site.asked("/jwks") == 2
    clock.shift(60)
    assert "other" in await known.verifying(DEFAULT_TENANT, client, "other")
    assert site.asked("/jwks") == 3


async def test_a_removed_key_is_forgotten(
    known: ClientKeys, site: Site, clock: time_machine.Traveller
) -> None:
    """A089: a key that the client took out of its set verifies nothing once the set is not fresh any more."""
    site.serve("/jwks", public_jwks(OLD))
    client = client_at(site)
    await known.verifying(DEFAULT_TENANT, client, "old")
    site.serve("/jwks", public_jwks(NEW))
    clock.shift(599)
    assert "old" in await known.verifying(DEFAULT_TENANT, client, "old")
    clock.shift(1)
    assert "old" not in await known.verifying(DEFAULT_TENANT, client, "old")


@pytest.mark.parametrize("failure", ["status", "garbage", "private", "weak", "not_a_set", "huge"])
async def test_an_address_that_is_away_is_borne_for_a_time(
    failure: str, known: ClientKeys, site: Site, clock: time_machine.Traveller
) -> None:
    """F30: down or full of garbage, the keys of before go on until their maximum age; one try a minute."""
    site.serve("/jwks", public_jwks(OLD))
    client = client_at(site)
    await known.verifying(DEFAULT_TENANT, client, "old")
    _break(site, failure)
    clock.shift(600)
    for _ in range(5):
        assert "old" in await known.verifying(DEFAULT_TENANT, client, "old")
    assert site.asked("/jwks") == 2
    clock.shift(2999)
    assert "old" in await known.verifying(DEFAULT_TENANT, client, "old")
    clock.shift(1)
    assert len(await known.verifying(DEFAULT_TENANT, client, "old")) == 0
    site.serve("/jwks", public_jwks(OLD))
    clock.shift(60)
    assert "old" in await known.verifying(DEFAULT_TENANT, client, "old")


def _break(site: Site, failure: str) -> None:
    weak = {"kty": "RSA", "kid": "w", "e": "AQAB", "n": base64url.encode(b"\xff" * 128)}
    match failure:
        case "status":
            site.serve("/jwks", public_jwks(NEW), status=503)
        case "garbage":
            site.serve("/jwks", b"<html>")
        case "private":
            site.serve("/jwks", {"keys": [NEW.as_dict(private=True)]})
        case "weak":
            site.serve("/jwks", {"keys": [weak]})
        case "not_a_set":
            site.serve("/jwks", [])
        case "huge":
            site.serve("/jwks", public_jwks(NEW) | {"padding": "x" * 200_000})


async def test_a_client_whose_keys_were_never_there(
    known: ClientKeys, site: Site, clock: time_machine.Traveller
) -> None:
    """F30, A090: without any key set the client has no keys, and failures are remembered too."""
    client = client_at(site)
    for _ in range(5):
        assert len(await known.verifying(DEFAULT_TENANT, client, "old")) == 0
    assert site.asked("/jwks") == 1
    site.serve("/jwks", public_jwks(OLD))
    clock.shift(60)
    assert "old" in await known.verifying(DEFAULT_TENANT, client, "old")


async def test_a_new_registration_has_new_keys(known: ClientKeys, site: Site) -> None:
    """What was held of another address, or of the registration itself, is not used any more."""
    site.serve("/jwks", public_jwks(OLD))
    site.serve("/other", public_jwks(NEW))
    assert "old" in await known.verifying(DEFAULT_TENANT, client_at(site))
    moved = Client("one", ClientMetadata(jwks_uri=site.url("/other")))
    assert "new" in await known.verifying(DEFAULT_TENANT, moved)
    inline = Client("one", ClientMetadata(jwks=public_jwks(OTHER)))
    assert "other" in await known.verifying(DEFAULT_TENANT, inline)
    assert len(await known.verifying(DEFAULT_TENANT, Client("one"))) == 0
    assert len(await known.verifying("another", Client("one"))) == 0


async def test_keys_are_for_what_they_say(known: ClientKeys) -> None:
    """A key for encryption verifies nothing, one for signatures encrypts nothing (RFC 7517 §4.2)."""
    jwks = public_jwks(OLD, NEW)
    jwks["keys"][0] |= {"use": "enc"}
    del jwks["keys"][0]["alg"]
    client = Client("one", ClientMetadata(jwks=jwks))
    keys = await known.verifying(DEFAULT_TENANT, client)
    assert "new" in keys
    assert "old" not in keys
    key = await known.encrypting(DEFAULT_TENANT, client, "ECDH-ES")
    assert isinstance(key, EncryptionKey)
    assert '"old"' in base64url.decode(key.encrypt("a.b.c", "A128GCM").split(".")[0]).decode()
    assert await known.encrypting(DEFAULT_TENANT, client, "RSA-OAEP-256") is NO_ENCRYPTION_KEY
    assert await known.jwks(DEFAULT_TENANT, client) == tuple(jwks["keys"])


async def test_a_slow_address_holds_up_nobody_else(known: ClientKeys, site: Site) -> None:
    """F30: while one client's address does not answer, another client's keys are fetched."""
    never = asyncio.Event()

    async def silent(_request: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    site.answers["/jwks"] = silent
    site.serve("/other", public_jwks(OTHER))
    waiting = asyncio.create_task(known.verifying(DEFAULT_TENANT, client_at(site)))
    other = Client("two", ClientMetadata(jwks_uri=site.url("/other")))
    assert "other" in await known.verifying(DEFAULT_TENANT, other)
    assert not waiting.done()
    never.set()
    await waiting


async def service(server: RunningServer, site: Site) -> Any:
    return await server.client(
        "service", token_endpoint_auth_method="private_key_jwt", jwks_uri=site.url("/jwks")
    )


async def test_a_client_authenticates_with_a_fetched_key(outgoing_server: RunningServer, site: Site) -> None:
    """``oidcc-registration-jwks-uri``: the assertion is verified with the key behind the address."""
    site.serve("/jwks", public_jwks(OLD))
    client = await service(outgoing_server, site)
    for _ in range(2):
        assertion = signed(OLD, claims_for(outgoing_server, client))
        status, answer = await outgoing_server.post("/token", assertion_form(assertion))
        assert status == 200, answer
    assert site.asked("/jwks") == 1


async def test_a_client_rotates_its_key(outgoing_server: RunningServer, site: Site) -> None:
    """``oidcc-refresh-token-rp-key-rotation``: a new ``kid`` is fetched at once, and the removed key is refused."""
    site.serve("/jwks", public_jwks(OLD))
    client = await service(outgoing_server, site)
    assert (await present(outgoing_server, signed(OLD, claims_for(outgoing_server, client))))[0] == 200
    site.serve("/jwks", public_jwks(NEW))
    assert (await present(outgoing_server, signed(NEW, claims_for(outgoing_server, client))))[0] == 200
    removed = signed(OLD, claims_for(outgoing_server, client))
    assert await present(outgoing_server, removed) == (401, "invalid_client")


async def test_without_keys_nobody_is_let_in(outgoing_server: RunningServer, site: Site) -> None:
    """F30: an address that is away is ``invalid_client``, with nothing said of the address."""
    client = await service(outgoing_server, site)
    status, answer = await outgoing_server.post(
        "/token", assertion_form(signed(OLD, claims_for(outgoing_server, client)))
    )
    assert (status, answer["error"]) == (401, "invalid_client")
    assert "uri" not in answer["error_description"]
