"""Codes and tokens that carry their grant's id (decisions.md 4)."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authrim.crypto.handles import Handle, genuine_refresh, new_handle, parse_handle, refresh_token
from authrim.crypto.ids import new_id
from authrim.crypto.master import MasterKeys

MASTER = MasterKeys([bytes(range(32))])
GRANT = "0190f3c0c0de7abc8def0123456789ab"


@pytest.mark.parametrize("kind", ["ac", "at"])
def test_a_new_handle_reads_back(kind: str) -> None:
    """A code and an opaque token are read as what they were made as."""
    grant_id = new_id()
    value = new_handle(kind, grant_id)  # type: ignore[arg-type]
    assert parse_handle(value) == Handle(kind, grant_id)  # type: ignore[arg-type]
    assert value != new_handle(kind, grant_id)  # type: ignore[arg-type]


def test_the_same_refresh_token_is_given_again() -> None:
    """A successor within the grace is byte for byte the one given before (decisions.md 6)."""
    first = refresh_token(MASTER, "default", GRANT, 7)
    assert first == refresh_token(MASTER, "default", GRANT, 7, MASTER.current_id)
    assert parse_handle(first) == Handle("rt", GRANT, 7)


def test_a_refresh_token_is_the_hmac_that_is_written_down() -> None:
    """The secret is the generation and HMAC-SHA-256 over the length-prefixed tenant, grant and generation."""
    secret = base64.urlsafe_b64decode(refresh_token(MASTER, "acme", GRANT, 258).split(".")[2])
    message = b"\0\0\0\x04acme" + b"\0\0\0\x20" + GRANT.encode() + b"\0\0\0\x04" + b"\0\0\x01\x02"
    key = MASTER.derive("refresh-token")
    assert secret == b"\0\0\x01\x02" + hmac.new(key, message, hashlib.sha256).digest()


def test_a_refresh_token_is_genuine_only_where_it_was_given_out() -> None:
    """Another tenant, grant, generation, key or spelling is not the token that was given out."""
    other = MasterKeys([b"o" * 32])
    token = refresh_token(MASTER, "default", GRANT, 1)
    assert genuine_refresh(MASTER, "default", token, MASTER.current_id)
    assert not genuine_refresh(MASTER, "acme", token)
    assert not genuine_refresh(other, "default", token)
    assert not genuine_refresh(other, "default", token, MASTER.current_id)
    assert not genuine_refresh(MASTER, "default", token.replace(GRANT, new_id()))
    second = refresh_token(MASTER, "default", GRANT, 2)
    spliced = f"rt.{GRANT}.{second.split('.')[2][:6]}{token.split('.')[2][6:]}"
    assert parse_handle(spliced) == Handle("rt", GRANT, 2)
    assert not genuine_refresh(MASTER, "default", spliced)
    assert not genuine_refresh(MASTER, "default", new_handle("at", GRANT))


def test_a_refresh_token_of_an_earlier_master_key_stays_genuine() -> None:
    """The grant's event names the master key of its token, so an earlier key still proves it."""
    token = refresh_token(MASTER, "default", GRANT, 1)
    rotated = MasterKeys([b"n" * 32, bytes(range(32))])
    assert genuine_refresh(rotated, "default", token, MASTER.current_id)
    assert not genuine_refresh(rotated, "default", token)


CODE = new_handle("ac", GRANT)
REFUSED = {
    "empty": "",
    "kind alone": "ac",
    "unknown kind": "xx" + CODE[2:],
    "kind in capitals": "AC" + CODE[2:],
    "grant in capitals": CODE.replace(GRANT, GRANT.upper()),
    "grant too short": CODE.replace(GRANT, GRANT[1:]),
    "secret too short": CODE[:-1],
    "secret too long": CODE + "A",
    "refresh secret for a code": "ac" + refresh_token(MASTER, "default", GRANT, 1)[2:],
    "code's secret for a refresh token": "rt" + CODE[2:],
    "line break after it": CODE + "\n",
    "space before it": " " + CODE,
    "padding": CODE + "=",
    "plus sign": CODE[:-2] + "+A",
    "four parts": CODE + ".x",
    "other digits": CODE.replace("0", "\u0660"),
    "not canonical": CODE[:-1] + "B",
}


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED.keys())
def test_what_has_not_the_exact_shape_is_no_handle(value: str) -> None:
    """A168: a value has one spelling, and every other is unknown before anything is looked up."""
    assert parse_handle(value) is None


@given(st.text() | st.from_regex(r"(ac|at|rt)\.[0-9a-f]{32}\.[A-Za-z0-9_-]{43,48}", fullmatch=True))
def test_any_text_is_read_or_refused_and_never_an_error(value: str) -> None:
    """Whatever a client sends is a handle or None, and is genuine only if this server made it."""
    parse_handle(value)
    assert not genuine_refresh(MASTER, "default", value)
