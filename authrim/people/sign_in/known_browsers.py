"""Browsers that have signed in to an account before: each has a count of failed sign-ins of its own, which nobody else
can fill (A183).

What the browser keeps is a random name with a time, and a keyed hash of both and of the login. It says to nobody for
which account it is, and is worth no more than a few guesses: it signs nobody in. A browser keeps one for each person.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from authrim.crypto import base64url
from authrim.crypto.ids import constant_time_equal, new_secret
from authrim.crypto.keyed_hash import keyed_hash
from authrim.crypto.master import MasterKeys
from domain.units import DAY

#: People that one browser is remembered for; the one who has not signed in for longest is forgotten.
PEOPLE: Final = 5
#: Seconds after a sign-in for which a browser is known.
REMEMBERED: Final = 180 * DAY
_NAME: Final = slice(0, 22)
_UNTIL: Final = slice(22, 30)
_PROOF: Final = slice(30, 73)
_LENGTH: Final = 73


def known_as(master: MasterKeys, tenant: str, hashes: Sequence[str], kept: str, now: int) -> str | None:
    """The name of the browser for a login, when what it ``kept`` shows that it signed in so before. ``hashes``: the
    login's, one for each master key, in their order."""
    for entry in _entries(kept):
        if entry[_UNTIL] <= _digits(now):
            continue
        for hashed, key_id in zip(hashes, master.key_ids, strict=False):
            expected = _proof(master, key_id, tenant, hashed, entry[_NAME], entry[_UNTIL])
            if constant_time_equal(entry[_PROOF], expected):
                return entry[_NAME]
    return None


def kept_after_sign_in(master: MasterKeys, tenant: str, hashes: Sequence[str], before: str, now: int) -> str:
    """What the browser is to keep from now on, with what it kept ``before`` for other people."""
    name = known_as(master, tenant, hashes, before, now) or new_secret(128)
    until = _digits(now + REMEMBERED)
    entry = name + until + _proof(master, master.current_id, tenant, hashes[0], name, until)
    others = (one for one in _entries(before) if one[_NAME] != name)
    return ".".join([entry, *others][:PEOPLE])


def _proof(master: MasterKeys, key_id: str, tenant: str, hashed: str, name: str, until: str) -> str:
    values = (value.encode() for value in (tenant, hashed, name, until))
    return base64url.encode(keyed_hash(master.derive("known-browser", key_id), *values))


def _digits(seconds: int) -> str:
    """A time, so that the later of two is the greater text."""
    return f"{seconds:08x}"


def _entries(kept: str) -> Iterator[str]:
    """The entries of a cookie; none when it is not one of ours."""
    if len(kept) <= PEOPLE * (_LENGTH + 1) and kept.isascii():
        yield from (entry for entry in kept.split(".") if len(entry) == _LENGTH)
