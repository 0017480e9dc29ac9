"""What servers have recorded is decided again, on each store."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from authrim.audit.replay import on_grants
from domain.decision import Decision
from domain.grant.events import GrantRevoked
from tests.audit.replay.flows import Story, log_of, replayed
from tests.support.log import whole_log
from tests.support.running import RunningServer

STEPS = 60
#: What a flow of that length brings at the least.
EXPECTED = {
    "authorization.request",
    "authorization.sign_in",
    "authorization.consent",
    "redemption",
    "refresh",
    "session",
}


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_flows_decide_the_same_again(server: RunningServer, seed: int) -> None:
    """A285: whatever people and clients did, right or wrong, each decision of the log comes to the same events again,
    byte for byte, whatever the size of the pages and however few states stay in memory."""
    story = Story(server, seed)
    await story.tell(STEPS)
    events = await log_of(server)
    report = await asyncio.to_thread(replayed, events, server.issuer)
    assert report.agrees, (story.done, report.differences, report.unreadable)
    assert set(report.decided) >= EXPECTED
    assert report.position == len(events)
    assert await asyncio.to_thread(replayed, events, server.issuer, 1, 2) == report


async def test_nothing_secret_is_recorded(server: RunningServer) -> None:
    """A284: no code, token, verifier, cookie, password, login or claim of the person is in the log, with what is
    recorded of the decisions; and that is there."""
    story = Story(server, 7)
    await story.tell(STEPS)
    log = await whole_log(server)
    assert '"decided":{"by":"redemption.v1"' in log
    for secret in (*story.secrets, server.password, "a-state", "alice"):
        assert len(secret) >= 5
        assert secret not in log, story.done


def _later(decide: Callable[..., Decision[Any]]) -> Callable[..., Decision[Any]]:
    """The same decision, but each grant that it revokes is revoked a second later."""

    def changed(*arguments: Any) -> Decision[Any]:
        decision = decide(*arguments)
        events = tuple(
            GrantRevoked(event.reason, event.revoked_at + 1) if isinstance(event, GrantRevoked) else event
            for event in decision.events
        )
        return Decision(events, decision.answer)

    return changed


async def test_a_changed_decision_is_found(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A285: a build that decides one thing otherwise is found, and each decision that differs is named by its position
    and by what differs; all others agree."""
    story = Story(server, 1)
    await story.authorize(scope="openid profile offline_access")
    await story.redeem()
    await story.redeem()
    events = await log_of(server)
    (replay,) = [one.position for one in events if one.type == "grant.code_replayed.v1"]
    monkeypatch.setattr(on_grants, "decide_redeem", _later(on_grants.decide_redeem))
    report = replayed(events, server.issuer)
    assert (report.agrees, report.differing) == (False, 1)
    (found,) = report.differences
    assert (found.position, found.decision) == (replay, "redemption")
    assert found.what[0].startswith("grant.revoked.v1 revoked_at: ")


async def test_an_accepted_request_that_is_refused_now(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A285: where this build refuses what was accepted, the report says with what."""
    story = Story(server, 1)
    await story.authorize(scope="openid")
    await story.redeem()
    monkeypatch.setattr("domain.grant.code.EXPIRED", on_grants.steps.UNMET)
    monkeypatch.setattr("domain.grant.code._client_has_changed", lambda _grant, _facts: True)
    report = replayed(await log_of(server), server.issuer)
    assert [one.what for one in report.differences] == [
        (
            "grant.code_redeemed.v1 is grant.code_voided.v1",
            "grant.access_token_issued.v1 is missing",
            "grant.id_token_issued.v1 is missing",
            "refused with code_voided",
        )
    ]


async def test_an_event_that_cannot_be_read(server: RunningServer) -> None:
    """F19: an event, or inputs, of a version that this build does not know are named by their position, and prove
    nothing; the rest is decided again."""
    story = Story(server, 1)
    await story.authorize(scope="openid")
    events = await log_of(server)
    strange = events[-1]._replace(type="grant.unknown.v9")
    report = replayed([*events[:-1], strange], server.issuer)
    assert [one.position for one in report.unreadable] == [strange.position]
    (first,) = [one for one in events if one.type == "grant.authorization_requested.v1"]
    later = first._replace(metadata=first.metadata.replace(b"authorization.v1", b"authorization.v9"))
    changed = [later if one == first else one for one in events]
    assert first.position in [one.position for one in replayed(changed, server.issuer).unreadable]
    assert not replayed(changed, server.issuer).agrees


async def test_keys_that_were_promoted_in_one_second(server: RunningServer) -> None:
    """A285: urgent rotations in a row, whichever second each was in, are decided again."""
    story = Story(server, 0)
    for urgent in (False, True, True, False, True, True, True):
        await story.rotate_key(urgent=urgent)
    events = await log_of(server)
    assert any(one.type == "key.promoted.v1" for one in events)
    report = replayed(events, server.issuer)
    assert report.agrees, report.differences
