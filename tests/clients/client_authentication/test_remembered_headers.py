"""A secret in a header that was found right: what is remembered of it, and when that counts no more."""

import base64
from collections import OrderedDict
from time import monotonic

import pytest

from authrim.clients.authentication import authenticate as client_auth
from authrim.clients.authentication.authenticate import FAILURES_A_MINUTE
from authrim.clients.authentication.remembered_headers import RememberedHeaders
from authrim.clients.records import disable_client, rotate_secret
from domain.client.client import Client, Secret
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from domain.units import MINUTE
from tests.support.assertion import ASSERTION_TYPE
from tests.support.running import KnownClient, RunningServer

pytestmark = pytest.mark.usefixtures("nobody_waits")
ONLY_SQLITE = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)

FORM = {"token": "some-token"}


@pytest.fixture
def nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever failed too often in tests before waits for a minute of this process."""
    monkeypatch.setattr(client_auth, "_waiting", OrderedDict())


async def status_of(server: RunningServer, client: KnownClient, **more: str) -> int:
    status, _ = await server.post("/introspect", FORM | more, client.basic)
    return status


@ONLY_SQLITE
async def test_a_header_is_taken_apart_once(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A080: a header that was found right authenticates its client again, and no other header does: not the one of
    another client, not one with another secret."""
    service, other = await server.client("service"), await server.client("other", kind="service")
    await server.core.configuration.catch_up()  # the registrations come once more, with the log
    assert [await status_of(server, service), await status_of(server, service)] == [200, 200]

    def never(*_: object, **__: object) -> None:
        raise AssertionError("taken apart")

    with monkeypatch.context() as patched:
        patched.setattr(client_auth, "presented", never)
        assert await status_of(server, service) == 200
        assert await status_of(server, service, client_id=service.client_id) == 200
        assert await status_of(server, other) == 500
    wrong = base64.b64encode(f"{service.client_id}:{other.secret}".encode()).decode()
    status, _ = await server.post("/introspect", FORM, {"Authorization": f"Basic {wrong}"})
    assert status == 401


@ONLY_SQLITE
async def test_what_is_beside_the_header_is_looked_at(server: RunningServer) -> None:
    """A077, A082: with other credentials, or with the name of another client, a known header is refused as an unknown
    one is."""
    service, other = await server.client("service"), await server.client("other", kind="service")
    assert await status_of(server, service) == 200
    assert await status_of(server, service, client_secret=service.secret or "") == 400
    assert await status_of(server, service, client_assertion="a.b.c") == 400
    assert await status_of(server, service, client_assertion_type=ASSERTION_TYPE) == 400
    assert await status_of(server, service, client_id=other.client_id) == 401


@ONLY_SQLITE
async def test_a_changed_client_is_proved_anew(server: RunningServer) -> None:
    """A081, A147: when the secret is replaced or the client disabled, the next request with a header that was right is
    refused."""
    service, other = await server.client("service"), await server.client("other", kind="service")
    assert [await status_of(server, service), await status_of(server, other)] == [200, 200]
    store = server.core.store
    rotated = await rotate_secret(store, DEFAULT_TENANT, service.client_id, overlap_seconds=0)
    disabled = await disable_client(store, DEFAULT_TENANT, other.client_id, "test")
    assert not isinstance(rotated, Refusal)
    assert not isinstance(disabled, Refusal)
    await server.core.configuration.catch_up()
    assert [await status_of(server, service), await status_of(server, other)] == [401, 401]


@ONLY_SQLITE
async def test_who_guesses_waits_with_a_known_header_too(server: RunningServer) -> None:
    """A080: after so many wrong secrets even the right one is answered 429, though it was right before."""
    service = await server.client("service")
    assert await status_of(server, service) == 200
    wrong = base64.b64encode(f"{service.client_id}:wrong".encode()).decode()
    for _ in range(FAILURES_A_MINUTE + 1):
        status, _answer = await server.post("/introspect", FORM, {"Authorization": f"Basic {wrong}"})
        assert status == 401
    assert await status_of(server, service) == 429


@ONLY_SQLITE
async def test_known_headers_count_again_when_the_wait_is_over(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A080: a client that failed too often keeps the others from nothing once its minute is over."""
    service, other = await server.client("service"), await server.client("other", kind="service")
    await server.core.configuration.catch_up()
    for _ in range(FAILURES_A_MINUTE + 1):
        await status_of(server, KnownClient(other.client_id, "wrong", other.metadata))
    assert [await status_of(server, other), await status_of(server, service)] == [429, 200]

    def never(*_: object, **__: object) -> None:
        raise AssertionError("taken apart")

    later = monotonic() + MINUTE
    monkeypatch.setattr(client_auth, "monotonic", lambda: later)
    monkeypatch.setattr(client_auth, "presented", never)
    assert await status_of(server, service) == 200


def test_it_counts_no_longer_than_a_secret_lives() -> None:
    """A081: what was right is looked at again when the first of the secrets has expired, and nothing of a
    header is kept."""
    headers = RememberedHeaders()
    client = Client("a", secrets=(Secret("x", 150), Secret("y", 160), Secret("z")))
    headers.keep("Basic canary", client, "client_secret_basic", 150)
    assert headers.find("Basic canary", 159) is not None
    assert headers.find("Basic canary", 160) is None
    assert headers.find("Basic canarx", 159) is None
    assert "canary" not in repr(headers._headers._entries)
