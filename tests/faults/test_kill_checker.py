"""What judges servers that died can fail: broken remains are rejected, and the points are those of the source."""

from typing import Any

import pytest

from tests.faults.history.log import Event, Log, log_of
from tests.faults.kills.checker import messages, proofs, sealed_rows
from tests.faults.kills.points import marked

GRANT = "default:grant:g"
WHOLE = {f"{GRANT}:key", f"{GRANT}:request"}
REQUESTED = ("grant.authorization_requested.v1", {"private_digest": "d"})
ISSUED = ("grant.access_token_issued.v1", {"token_id": "t", "jkt": "k"})
CODE = ("grant.code_issued.v1", {"code_hash": "c"})
REVOKED = ("grant.revoked.v1", {})

SOURCE = """
class Store:
    async def append(self, one):
        async with self.lock:
            await self.sent(await self.made(one))
        async def later():
            await self.other()
    async def read(self):
        await self.found()
def commit(connection):
    connection.execute("COMMIT")
"""


def log(*events: tuple[str, dict[str, Any]], stream: str = GRANT) -> Log:
    """A log of one grant."""
    return log_of(Event(number, 0, stream, *one) for number, one in enumerate(events, 1))


@pytest.mark.parametrize(
    ("events", "rows", "told"),
    [
        ([REQUESTED], set(), "is not there"),
        ([REQUESTED], {f"{GRANT}:key"}, "no row 'request'"),
        ([REQUESTED], {f"{GRANT}:request"}, "no row 'key'"),
        ([REQUESTED, CODE], WHOLE, "no open request"),
        ([REQUESTED, REVOKED], WHOLE, "no open request"),
        ([], WHOLE, "no open request"),
    ],
)
def test_sealed_rows_that_are_half(events: list[Any], rows: set[str], told: str) -> None:
    """F01: a sealed row that is missing, that stayed, or that no event belongs to is found."""
    (found,) = sealed_rows(log(*events), rows)
    assert told in found.told
    assert not list(sealed_rows(log(REQUESTED), WHOLE | {"default:subject:s:key"}))
    assert not list(sealed_rows(log(REQUESTED, CODE), set()))


def test_a_proof_that_was_used_twice() -> None:
    """F01, F15: two tokens of one proof are found, and one that no event issued."""
    assert [one.rule for one in proofs(log(ISSUED, ISSUED), {})] == ["a_proof_is_used_once"]
    assert [one.rule for one in proofs(log(), {"k": True})] == ["what_was_answered_is_in_the_log"]
    assert not list(proofs(log(ISSUED), {"k": False, "other": False}))


@pytest.mark.parametrize("names", [set(), {"a"}, {"a", "b", "c"}])
def test_messages_that_were_lost_or_doubled(names: set[str]) -> None:
    """F22: a message too few or too many is found."""
    assert list(messages(log(REVOKED), names, 2))
    assert not list(messages(log(REVOKED), {"a", "b"}, 2))


def test_points_are_those_of_the_source() -> None:
    """F01: each await and each statement of the functions that are named is a point, also one in a function inside, and
    none of others. What nobody can mark is refused."""
    _, points = marked("authrim.some", SOURCE, ("Store.append", "commit"))
    assert points == [
        "some:Store.append with 1 enter", "some:Store.append with 1 leave", "some:Store.append await 2",
        "some:Store.append await 3", "some:Store.append await 4", "some:commit statement 1",
    ]  # fmt: skip
    endless = "async def follow(log):\n    async for one in log:\n        pass\n"
    with pytest.raises(NotImplementedError):
        marked("authrim.some", endless, ("follow",))
