"""The key ring: who signs, what is published, what still verifies (F28, A176)."""

import json
from time import process_time
from typing import Any

import pytest
from joserfc import jwe, jwt
from joserfc.jwk import KeySet as OtherKeySet
from joserfc.jwk import import_key

from authrim.crypto.jwe import decrypt
from authrim.crypto.jws import JwsRefused, SigningKey, verify
from authrim.crypto.key_pair import ENCRYPTION_ALGORITHMS, SIGNING_ALGORITHMS, KeyPair, load_key, new_key_pair
from authrim.crypto.key_ring import KeyRing, NoSigningKey
from authrim.crypto.pkcs11_token import read_reference, reference_to
from domain.key.key import (
    NO_KEY,
    Key,
    KeyTimes,
    apply,
    decide_create,
    decide_revoke,
    decide_rotate,
    fold,
)

TIMES = KeyTimes(cache_seconds=900, longest_token_life=3600)
NOW = 1_800_000_000
LAX = jwe.JWERegistry(algorithms=[*ENCRYPTION_ALGORITHMS, "A128GCM"])
AT = frozenset[str | None]({"at+jwt"})


class Vault:
    """The sealed rows of a test: private halves by tenant and kid."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], bytes] = {}
        self.reads = 0

    async def private_half(self, tenant: str, kid: str) -> bytes | None:
        self.reads += 1
        return self.rows.get((tenant, kid))


@pytest.fixture
def vault() -> Vault:
    return Vault()


@pytest.fixture
def ring(vault: Vault) -> KeyRing:
    return KeyRing(vault.private_half, TIMES)


async def add(ring: KeyRing, vault: Vault, alg: str, now: int, tenant: str = "default") -> Key:
    """Make a key as the command line does: the first of its algorithm, or the next."""
    pair = await new_key_pair(alg)
    others = ring.keys(tenant)
    first = not any(other.alg == alg for other in others)
    decision = (
        decide_create(pair.public, others, now) if first else decide_rotate(pair.public, others, now, TIMES)
    )
    vault.rows[tenant, pair.public.kid] = pair.private
    key = fold(decision.events)
    await ring.adopt(tenant, key)
    return key


def published_kids(ring: KeyRing, now: int) -> list[str]:
    return [jwk["kid"] for jwk in json.loads(ring.jwks("default", now))["keys"]]


@pytest.mark.parametrize("alg", SIGNING_ALGORITHMS)
async def test_what_the_ring_signs_others_verify_with_what_it_publishes(
    ring: KeyRing, vault: Vault, alg: str
) -> None:
    """A stock library verifies our token with nothing but our published key set."""
    await add(ring, vault, alg, NOW)
    token = ring.signer("default", alg, NOW).sign(b'{"sub":"ann"}', "at+jwt")
    others = OtherKeySet.import_key_set(json.loads(ring.jwks("default", NOW)))
    decoded = jwt.decode(token, others, algorithms=[alg])
    assert decoded.claims == {"sub": "ann"}
    assert decoded.header["typ"] == "at+jwt"


async def test_tokens_verify_through_a_whole_rotation(ring: KeyRing, vault: Vault) -> None:
    """F28: every minute, each unexpired token verifies here and with any key set still in a cache."""
    await add(ring, vault, "ES256", NOW)
    rotation = NOW + 1800
    signed: list[tuple[int, str, str]] = []
    sets: list[tuple[int, list[str]]] = []
    for now in range(NOW, NOW + 4 * 3600, 60):
        if now == rotation:
            await add(ring, vault, "ES256", now)
        signer = ring.signer("default", "ES256", now)
        signed.append((now, signer.kid, signer.sign(b"{}", "at+jwt")))
        sets.append((now, published_kids(ring, now)))
        current = ring.verification_keys("default", now)
        cached = [kids for fetched, kids in sets if now - fetched <= TIMES.cache_seconds]
        for made_at, kid, token in signed:
            if now - made_at < TIMES.longest_token_life:
                assert verify(token, current, algorithms=frozenset({"ES256"}), typ=AT).kid == kid
                assert all(kid in kids for kids in cached)
    assert len({kid for _, kid, _ in signed}) == 2
    assert len(sets[-1][1]) == 1


@pytest.mark.parametrize("alg", ENCRYPTION_ALGORITHMS)
async def test_what_others_encrypt_opens_through_a_whole_rotation(
    ring: KeyRing, vault: Vault, alg: str
) -> None:
    """F28: with any key set still in a cache, what is encrypted to us opens; a new key set names one key alone."""
    await add(ring, vault, alg, NOW)
    rotation = NOW + 1800
    sets: list[tuple[int, dict[str, Any]]] = []
    for now in range(NOW, NOW + 4 * 3600, 300):
        if now == rotation:
            await add(ring, vault, alg, now)
        sets.append((now, json.loads(ring.jwks("default", now))))
        ours = ring.decryption_keys("default", now)
        for fetched, keys in sets:
            if now - fetched <= TIMES.cache_seconds:
                for jwk in keys["keys"]:
                    token = jwe.encrypt_compact(
                        {"alg": alg, "enc": "A128GCM", "kid": jwk["kid"]},
                        "a.b.c",
                        import_key(jwk),
                        registry=LAX,
                    )
                    assert decrypt(token, ours, algs=(alg,), encs=("A128GCM",)).kid == jwk["kid"]
    assert [len(keys["keys"]) for _, keys in sets].count(2) == TIMES.cache_seconds / 300
    assert len(ring.decryption_keys("default", NOW + 4 * 3600)) == 1


async def test_a_key_signs_or_is_encrypted_to(ring: KeyRing, vault: Vault) -> None:
    """A key for encryption neither signs nor verifies, and is none of the algorithms that are signed with."""
    for alg in ("ES256", *ENCRYPTION_ALGORITHMS):
        await add(ring, vault, alg, NOW)
    assert ring.algorithms("default", NOW) == ("ES256",)
    assert len(ring.verification_keys("default", NOW)) == 1
    assert {key.alg for key in ring.decryption_keys("default", NOW)} == set(ENCRYPTION_ALGORITHMS)
    with pytest.raises(NoSigningKey):
        ring.signer("default", "ECDH-ES", NOW)


async def test_a_revoked_key_opens_nothing_any_more(ring: KeyRing, vault: Vault) -> None:
    """A089: what is encrypted to a revoked key stays closed."""
    key = await add(ring, vault, "ECDH-ES", NOW)
    await ring.adopt("default", fold(decide_revoke(key, "leaked", NOW + 1).events, key))
    assert ring.decryption_keys("default", NOW + 1) == ()
    assert published_kids(ring, NOW + 1) == []


async def test_only_public_members_are_published(ring: KeyRing, vault: Vault) -> None:
    """A176: the key set holds the members on the list and no other, whatever a stored key holds."""
    pair = await new_key_pair("ES256")
    leaky = Key(
        "k", "ES256", {**pair.public.public_jwk, "kid": "k", "x-note": "canary"}, NOW, NOW, status="active"
    )
    vault.rows["default", "k"] = pair.private
    await ring.adopt("default", leaky)
    await add(ring, vault, "RS256", NOW)
    assert b"canary" not in ring.jwks("default", NOW)
    allowed = {"EC": {"kty", "crv", "x", "y"}, "RSA": {"kty", "n", "e"}}
    keys = json.loads(ring.jwks("default", NOW))["keys"]
    assert len(keys) == 2
    for jwk in keys:
        assert set(jwk) == allowed[jwk["kty"]] | {"kid", "use", "alg"}


async def test_a_revoked_key_verifies_nothing_any_more(ring: KeyRing, vault: Vault) -> None:
    """A089: a revoked key leaves the key set at once, and its tokens are refused."""
    key = await add(ring, vault, "ES256", NOW)
    token = ring.signer("default", "ES256", NOW).sign(b"{}", "at+jwt")
    await ring.adopt("default", fold(decide_revoke(key, "leaked", NOW + 1).events, key))
    assert published_kids(ring, NOW + 1) == []
    with pytest.raises(JwsRefused, match="key_unknown"):
        verify(token, ring.verification_keys("default", NOW + 1), algorithms=frozenset({"ES256"}), typ=AT)
    with pytest.raises(NoSigningKey):
        ring.signer("default", "ES256", NOW + 1)


async def test_a_key_that_was_chosen_signs_unless_it_was_revoked(ring: KeyRing, vault: Vault) -> None:
    """A089, F28: between the decision on a token and its signature its key may retire, and is still published then; one
    that was revoked signs nothing any more."""
    first = await add(ring, vault, "ES256", NOW)
    kid = ring.signing_kids("default", NOW)["ES256"]
    pair = await new_key_pair("ES256")
    vault.rows["default", pair.public.kid] = pair.private
    await ring.adopt("default", fold(decide_rotate(pair.public, (first,), NOW, TIMES, urgent=True).events))
    assert ring.signing_kids("default", NOW + 1)["ES256"] == pair.public.kid
    for signer in (ring.signer_of("default", kid), ring.signer_of("default", pair.public.kid)):
        assert signer is not None
    await ring.adopt("default", fold(decide_revoke(first, "leaked", NOW + 1).events, first))
    assert ring.signer_of("default", kid) is None
    assert ring.signer_of("other", pair.public.kid) is None


async def test_tenants_share_no_key(ring: KeyRing, vault: Vault) -> None:
    """A tenant signs with and publishes its own keys alone."""
    await add(ring, vault, "ES256", NOW, "a")
    await add(ring, vault, "ES256", NOW, "b")
    token = ring.signer("a", "ES256", NOW).sign(b"{}", "at+jwt")
    with pytest.raises(JwsRefused, match="key_unknown"):
        verify(token, ring.verification_keys("b", NOW), algorithms=frozenset({"ES256"}), typ=AT)
    with pytest.raises(NoSigningKey):
        ring.signer("default", "ES256", NOW)


async def test_a_private_half_is_read_once(ring: KeyRing, vault: Vault) -> None:
    """Adopting a key again, as every follower does, loads nothing again."""
    key = await add(ring, vault, "ES256", NOW)
    await ring.adopt("default", key)
    assert vault.reads == 1


async def test_a_key_whose_private_half_is_missing_still_verifies(ring: KeyRing) -> None:
    """F29: without the private half nothing is signed, and what was signed still verifies."""
    pair = await new_key_pair("ES256")
    signer = load_key(pair.public.kid, "ES256", pair.private)
    await ring.adopt("default", fold(decide_create(pair.public, (), NOW).events))
    with pytest.raises(NoSigningKey):
        ring.signer("default", "ES256", NOW)
    keys = ring.verification_keys("default", NOW)
    assert (
        verify(signer.sign(b"{}", "at+jwt"), keys, algorithms=frozenset({"ES256"}), typ=AT).payload == b"{}"
    )


async def test_the_ring_names_the_algorithms_that_it_signs_with(ring: KeyRing, vault: Vault) -> None:
    """Discovery lists what a key is there for, no more."""
    assert ring.algorithms("default", NOW) == ()
    await add(ring, vault, "RS256", NOW)
    await add(ring, vault, "ES256", NOW)
    assert ring.algorithms("default", NOW) == ("ES256", "RS256")


async def test_a_key_is_loaded_quickly() -> None:
    """A server that starts does not test again whether the primes of its keys are primes: to load twenty keys takes
    less time than to make one."""
    began = process_time()
    pair = await new_key_pair("RS256")
    made = process_time()
    for _ in range(20):
        assert load_key(pair.public.kid, "RS256", pair.private).kid == pair.public.kid
    assert process_time() - made < made - began


async def test_a_key_pair_does_not_show_itself() -> None:
    """A227: neither a new key's text nor a failed load holds anything of the private half."""
    pair = await new_key_pair("EdDSA")
    assert repr(pair) == f"KeyPair({pair.public.kid})"
    assert isinstance(pair, KeyPair)
    with pytest.raises(ValueError, match=r"^not a private key in PKCS #8$") as caught:
        load_key("k", "EdDSA", pair.private[:-1])
    assert caught.value.__cause__ is None
    with pytest.raises(ValueError, match="the key is not for RS256"):
        load_key("k", "RS256", pair.private)
    with pytest.raises(ValueError, match="no key can be made for HS256"):
        await new_key_pair("HS256")


def test_no_key_is_nothing() -> None:
    """The state before the first event has no kid, so it is never adopted by mistake for a key."""
    assert (NO_KEY.kid, NO_KEY.status) == ("", "")
    assert apply(NO_KEY, object()) is NO_KEY  # type: ignore[arg-type]


async def test_a_key_in_a_token_that_is_not_configured(ring: KeyRing, vault: Vault) -> None:
    """F29: a process without the token publishes the key and verifies with it, and signs nothing."""
    pair = await new_key_pair("ES256")
    signer = load_key(pair.public.kid, "ES256", pair.private)
    assert isinstance(signer, SigningKey)
    vault.rows["default", pair.public.kid] = reference_to("a token; with signs", b"\x00;id=%")
    await ring.adopt("default", fold(decide_create(pair.public, (), NOW).events))
    assert published_kids(ring, NOW) == [pair.public.kid]
    keys = ring.verification_keys("default", NOW)
    verify(signer.sign(b"{}", "at+jwt"), keys, algorithms=frozenset({"ES256"}), typ=frozenset({"at+jwt"}))
    with pytest.raises(NoSigningKey):
        ring.signer("default", "ES256", NOW)


def test_the_address_of_a_key_is_read_as_it_was_written() -> None:
    """RFC 7512 §2.3: any label and any id survive, and a private half itself is no address."""
    for label, key_id in (("hsm 1", b"\x01\xff"), ("a;b=c%d", b";id=%"), ("é", bytes(range(256)))):
        assert read_reference(reference_to(label, key_id)) == (label, key_id)
    assert read_reference(b"\x30\x81") is None
