"""The cache of client keys is bounded by bytes, because a client decides how large its key set is."""

import msgspec

from authrim.clients import keys as client_keys
from authrim.clients.keys import BYTES_HELD, CLIENTS_HELD, ClientKeys
from authrim.memory.lru_cache import SizedLruCache
from authrim.outside.egress import Egress
from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.stream import DEFAULT_TENANT
from tests.support.assertion import new_key, public_jwks
from tests.support.https_site import Authority, Site
from tests.support.running import development_settings

KEY = public_jwks(new_key())["keys"][0]


def test_the_least_recently_used_goes_first() -> None:
    """By bytes, by number, and with the weight that each has by then."""
    held: SizedLruCache[str, str] = SizedLruCache(most=3, most_bytes=100)
    for key in "abc":
        held.put(key, key, 30)
    assert held.get("a") == "a"
    held.put("d", "d", 30)
    assert [held.get(key) for key in "abcd"] == ["a", None, "c", "d"]
    held.weigh("d", "d", 70)
    assert (held.bytes, [held.get(key) for key in "acd"]) == (100, [None, "c", "d"])
    held.weigh("d", "another", 1)
    held.weigh("a", "a", 1)
    assert (held.bytes, len(held)) == (100, 2)
    held.put("d", "new", 10)
    assert held.bytes == 40


async def test_large_sets_do_not_add_up(authority: Authority) -> None:
    """Far fewer than the number of clients that may be held, where each has the largest set."""
    egress = Egress(("localhost",), ca_file=authority.ca_file)
    keys = ClientKeys(egress, development_settings(1))
    jwks = {"keys": [{**KEY, "kid": str(number), "x5u": "x" * 1850} for number in range(64)]}
    largest = len(msgspec.json.encode(jwks))
    assert 120_000 < largest <= client_keys.MAX_BYTES
    for number in range(600):
        client = Client(f"c{number}", ClientMetadata(jwks=jwks))
        assert len(await keys.verifying(DEFAULT_TENANT, client)) == 64
    assert keys._held.bytes <= BYTES_HELD
    assert len(keys._held) * largest <= BYTES_HELD < CLIENTS_HELD * largest
    await egress.close()


async def test_what_nobody_reads_is_not_held(authority: Authority, site: Site) -> None:
    """A set of 128 KiB may parse into much more memory: members that mean nothing are left out, those that are
    looked for stay."""
    egress = Egress(("localhost",), ca_file=authority.ca_file)
    keys = ClientKeys(egress, development_settings(1))
    site.serve("/jwks", {"keys": [{**KEY, "x5c": ["MIIB"], "junk": [[] for _ in range(30_000)]}]})
    client = Client("one", ClientMetadata(jwks_uri=site.url("/jwks")))
    held = await keys.jwks(DEFAULT_TENANT, client)
    assert held[0]["x5c"] == ["MIIB"]
    assert "junk" not in held[0]
    assert keys._held.bytes < 16_384
    await egress.close()
