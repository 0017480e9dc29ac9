"""The life of a signing key (F28, A176)."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refusal
from domain.key.events import KeyCreated, KeyPromoted, KeyRevoked
from domain.key.key import (
    NO_KEY,
    Key,
    KeyTimes,
    NewKey,
    apply,
    decide_create,
    decide_revoke,
    decide_rotate,
    fold,
    life,
    next_change,
    successor_of,
)

TIMES = KeyTimes(cache_seconds=900, longest_token_life=3600)
NOW = 1_800_000_000


def made(kid: str, alg: str = "ES256") -> NewKey:
    return NewKey(kid, alg, {"kty": "EC"})


def key(kid: str, active_from: int, alg: str = "ES256", revoked_at: int | None = None) -> Key:
    created = apply(NO_KEY, KeyCreated(kid, alg, {"kty": "EC"}, active_from - 900, active_from))
    return created if revoked_at is None else apply(created, KeyRevoked("test", revoked_at))


def lives(keys: list[Key], now: int) -> list[str]:
    return [life(one, successor_of(one, keys), now, TIMES) for one in keys]


def test_the_first_key_of_an_algorithm_signs_at_once() -> None:
    """Nobody can hold an older key set, so the first key waits for no cache."""
    decision = decide_create(made("a"), [key("r", NOW - 5, "RS256")], NOW)
    assert decision.events == (KeyCreated("a", "ES256", {"kty": "EC"}, NOW, NOW),)
    assert decision.answer == fold(decision.events)
    assert lives([fold(decision.events)], NOW) == ["active"]


def test_a_second_first_key_is_refused() -> None:
    """Where a key signs already the answer is to rotate it, and nothing is appended."""
    decision = decide_create(made("b"), [key("a", NOW - 5)], NOW)
    assert decision.events == ()
    assert isinstance(decision.answer, Refusal)
    assert decision.answer.reason == "key_exists"


def test_a_key_is_published_a_cache_life_before_it_signs() -> None:
    """F28: the next key is in the key set for as long as others may hold an older one, and then signs."""
    old = key("a", NOW - 5000)
    new = decide_rotate(made("b"), [old], NOW, TIMES).answer
    assert isinstance(new, Key)
    assert lives([old, new], NOW) == ["active", "published"]
    assert lives([old, new], NOW + 899) == ["active", "published"]
    assert lives([old, new], NOW + 900) == ["retired", "active"]


def test_a_retired_key_stays_published_until_its_last_token_expired_everywhere() -> None:
    """A176: longest token life and cache life after its successor began to sign, and not a second less."""
    keys = [key("a", NOW - 5000), key("b", NOW)]
    assert lives(keys, NOW + 3600 + 900 - 1) == ["retired", "active"]
    assert lives(keys, NOW + 3600 + 900) == ["gone", "active"]


def test_two_rotations_do_not_overlap() -> None:
    """While the next key waits to sign another rotation is refused."""
    refused = decide_rotate(made("c"), [key("a", NOW - 5000), key("b", NOW + 100)], NOW, TIMES)
    assert isinstance(refused.answer, Refusal)
    assert refused.answer.reason == "key_rotation_under_way"


def test_an_urgent_rotation_promotes_the_key_that_is_published() -> None:
    """Caches know it, so it takes over before a new one would, once and for good."""
    old, next_ = key("a", NOW - 5000), key("b", NOW + 100)
    decision = decide_rotate(made("c"), [old, next_, key("r", NOW + 5, "RS256")], NOW, TIMES, urgent=True)
    assert decision.events == (KeyPromoted(NOW),)
    promoted = fold(decision.events, next_)
    assert decision.answer == promoted
    for moment in (NOW, NOW + 100):
        assert lives([old, promoted], moment) == ["retired", "active"]
    assert decide_rotate(made("c"), [old, promoted], NOW + 1, TIMES).events


def test_an_urgent_rotation_without_a_published_key_makes_one() -> None:
    """One that was revoked while it waited is no next key."""
    keys = [key("a", NOW - 5000), key("b", NOW + 100, revoked_at=NOW - 1)]
    urgent = decide_rotate(made("c"), keys, NOW, TIMES, urgent=True).answer
    assert isinstance(urgent, Key)
    assert lives([*keys, urgent], NOW) == ["retired", "gone", "active"]


@pytest.mark.parametrize("kid", ["0", "z"])
def test_an_urgent_rotation_in_the_second_of_the_last_one(kid: str) -> None:
    """The later key wins whatever the names are: it begins a second after the one before."""
    first = key("m", NOW)
    urgent = decide_rotate(made(kid), [first], NOW, TIMES, urgent=True).answer
    assert isinstance(urgent, Key)
    assert lives([first, urgent], NOW) == ["active", "published"]
    assert lives([first, urgent], NOW + 1) == ["retired", "active"]


def test_algorithms_rotate_apart() -> None:
    """A key takes over only from keys of its own algorithm."""
    keys = [key("a", NOW - 5000), key("r", NOW - 10, "RS256")]
    assert lives(keys, NOW) == ["active", "active"]
    assert decide_rotate(made("b"), [*keys, key("s", NOW + 10, "RS256")], NOW, TIMES).events


def test_a_revoked_key_is_gone_at_once() -> None:
    """It is not published and not active from the moment of its revocation; revoking it again appends nothing."""
    signing = key("a", NOW - 5000)
    decision = decide_revoke(signing, "leaked", NOW)
    assert decision.events == (KeyRevoked("leaked", NOW),)
    revoked = fold(decision.events, signing)
    assert (revoked.status, revoked.revoked_at) == ("revoked", NOW)
    assert lives([revoked], NOW) == ["gone"]
    assert decide_revoke(revoked, "again", NOW + 1).events == ()


def test_an_unknown_key_cannot_be_revoked() -> None:
    """A stream without events is refused, not given a revocation as its first event."""
    decision = decide_revoke(NO_KEY, "leaked", NOW)
    assert decision.events == ()
    assert isinstance(decision.answer, Refusal)
    assert decision.answer.status == 404


def test_a_key_revoked_before_it_signed_takes_over_from_nobody() -> None:
    """The present key goes on signing when its successor is withdrawn while it waits."""
    keys = [key("a", NOW - 5000), key("b", NOW + 500, revoked_at=NOW)]
    assert lives(keys, NOW + 500) == ["active", "gone"]


def test_a_retired_key_never_signs_again() -> None:
    """Revoking the signing key does not bring back the one before it."""
    keys = [key("a", NOW - 5000), key("b", NOW - 100, revoked_at=NOW)]
    assert lives(keys, NOW) == ["retired", "gone"]


def test_a_key_replaced_in_the_second_it_was_made_hands_over() -> None:
    """An urgent rotation together with the revocation of a key of the same second leaves one signer."""
    for old, new in (("a", "b"), ("b", "a")):
        keys = [key(old, NOW, revoked_at=NOW), key(new, NOW)]
        assert lives(keys, NOW) == ["gone", "active"]


instants = st.integers(0, 20_000)
histories = st.lists(st.tuples(instants, st.none() | instants), min_size=1, max_size=5).map(
    lambda drawn: [key(f"k{index}", start, revoked_at=end) for index, (start, end) in enumerate(drawn)]
)


@given(histories, st.lists(instants, min_size=2, max_size=6).map(sorted))
def test_whatever_happens_one_key_signs_and_none_comes_back(keys: list[Key], moments: list[int]) -> None:
    """F28: at most one key signs at a time, and a life runs forwards only, up to its end."""
    order = ["published", "active", "retired", "gone"]
    before = [0] * len(keys)
    for now in moments:
        stages = lives(keys, now)
        assert stages.count("active") <= 1
        after = [order.index(stage) for stage in stages]
        assert all(earlier <= later for earlier, later in zip(before, after, strict=True))
        before = after


@given(histories, instants)
def test_nothing_changes_before_the_next_change(keys: list[Key], now: int) -> None:
    """The moment given as the next change is the first at which any key's life is another."""
    changes = [next_change(one, successor_of(one, keys), now, TIMES) for one in keys]
    following = min((change for change in changes if change is not None), default=None)
    last = 40_000 if following is None else following - 1
    assert following is None or following > now
    assert lives(keys, last) == lives(keys, now)


def test_a_key_is_kept_as_json() -> None:
    """The state is the row's document: it comes back from JSON as it was."""
    state = key("a", NOW, revoked_at=NOW + 5)
    assert msgspec.json.decode(msgspec.json.encode(state), type=Key) == state


@pytest.mark.parametrize("times", [KeyTimes(), KeyTimes(60, 86400)])
def test_retirement_covers_tokens_and_caches(times: KeyTimes) -> None:
    """The time after the last signature is the longest token's life and then the cache's."""
    assert times.retirement == times.longest_token_life + times.cache_seconds
