"""F16: a revocation at each point of a refresh and of a redemption, one point after the other."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from structlog.contextvars import get_contextvars

from domain.grant.events import AccessTokenIssued, GrantRevoked, RefreshTokenIssued, RefreshTokenRotated
from tests.support.browser import Browser, redeem
from tests.support.log import grant_events
from tests.support.running import KnownClient, RunningServer

#: What a request asks the store for.
METHODS = ("read_stream", "find", "head", "reserve", "append")

Happens = Callable[[], Awaitable[object]]
#: Something that a client does: the answer's status and body.
Operation = Callable[[], Awaitable[tuple[int, dict[str, Any]]]]


class Interleaving:
    """Lets something happen before the call of the store that has the number ``at``, in the calls of one request."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, store: Any) -> None:
        self._left = 0
        self._happens: Happens | None = None
        for method in METHODS:
            monkeypatch.setattr(store, method, self._counted(getattr(store, method)))

    def begin(self, at: int, happens: Happens) -> None:
        """Count from now on."""
        self._left, self._happens = at, happens

    @property
    def is_over(self) -> bool:
        """Whether it has happened."""
        return self._happens is None

    def _counted(self, real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: Any) -> Any:
            if "trace_id" in get_contextvars():  # not what is done in the background
                self._left -= 1
            if self._left == 0 and self._happens is not None:
                happens, self._happens = self._happens, None
                await happens()
            return await real(*arguments)

        return call


@pytest.fixture
def interleaving(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Interleaving:
    """Of what the server asks its store."""
    return Interleaving(monkeypatch, server.core.store)


async def revoked_at_each_point(
    server: RunningServer,
    interleaving: Interleaving,
    prepare: Callable[[], Awaitable[tuple[str, Operation]]],
    revoke: Callable[[str], Awaitable[object]],
) -> set[int]:
    """Do it again and again, each time with a revocation at another point; the statuses that were answered.
    ``prepare`` returns a code or token that names the grant, and what is done with it."""
    statuses, at = set(), 1
    while True:
        handle, operation = await prepare()
        interleaving.begin(at, lambda handle=handle: revoke(handle))  # type: ignore[misc]
        status, body = await operation()
        if not interleaving.is_over:
            assert status == 200, "the point before was its last call of the store"
            return statuses
        statuses.add(status)
        events = await grant_events(server, handle)
        end = next(number for number, event in enumerate(events) if isinstance(event, GrantRevoked))
        assert not [
            event
            for event in events[end:]
            if isinstance(event, AccessTokenIssued | RefreshTokenIssued | RefreshTokenRotated)
        ], at
        if status == 200:
            web = await server.client("web")
            for token in (body["access_token"], body["refresh_token"]):
                told = await server.post("/introspect", {"token": token}, web.basic)
                assert told == (200, {"active": False}), at
        else:
            assert (status, body["error"]) == (400, "invalid_grant"), at
        at += 1


async def ended(server: RunningServer, web: KnownClient, token: str) -> None:
    """The client revokes the grant by its refresh token (RFC 7009 §2.1)."""
    assert (await server.post("/revoke", {"token": token}, web.basic))[0] == 200


async def test_revoked_during_a_refresh(
    server: RunningServer, browser: Browser, interleaving: Interleaving
) -> None:
    """F16, A129: wherever a refresh is when its grant is revoked, it is refused, or what it gave is dead: nothing is
    issued behind the revocation. The process remembers the grant, so it first decides without a look at the store."""
    web = await server.client("web")

    async def prepare() -> tuple[str, Operation]:
        tokens = await browser.code_flow(web, scope="openid offline_access")
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        return tokens["refresh_token"], lambda: server.post("/token", form, web.basic)

    statuses = await revoked_at_each_point(
        server, interleaving, prepare, lambda token: ended(server, web, token)
    )
    assert 400 in statuses


async def test_replayed_during_a_refresh(
    server: RunningServer, browser: Browser, interleaving: Interleaving
) -> None:
    """F16, A046: likewise when it is the replay of the code that revokes the grant."""
    web = await server.client("web")

    async def prepare() -> tuple[str, Operation]:
        shown, verifier = await browser.authorize(web, scope="openid offline_access")
        code = (await browser.through_pages(shown)).parameters["code"]
        _, tokens = await redeem(server, web, code, verifier)
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        verifiers[code] = verifier
        return code, lambda: server.post("/token", form, web.basic)

    verifiers: dict[str, str] = {}
    statuses = await revoked_at_each_point(
        server, interleaving, prepare, lambda code: redeem(server, web, code, verifiers[code])
    )
    assert 400 in statuses
