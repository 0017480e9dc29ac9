"""What nobody has proved is not kept: the client id of a client that is not known is whatever somebody typed."""

import secrets

import pytest

from authrim.pages.headers import ERROR_ID_HEADER
from tests.support.log import reason_of, whole_log
from tests.support.running import RunningServer


@pytest.mark.parametrize("form", [{"client_secret": "guessed"}, {}])
async def test_a_client_id_that_no_index_takes(server: RunningServer, form: dict[str, str]) -> None:
    """A226, A227, F19: a client id of thousands of random characters is refused like any other, is nowhere in the log,
    and the auditor's projection goes on behind it."""
    client_id = secrets.token_urlsafe(6000)
    error_ids = []
    for invented in (client_id, "nobody"):
        asked = form | {"grant_type": "client_credentials", "client_id": invented}
        async with server.http.post(server.url("/token"), data=asked) as answer:
            assert (answer.status, (await answer.json())["error"]) == (401, "invalid_client")
            error_ids.append(answer.headers[ERROR_ID_HEADER])
    for error_id in error_ids:
        assert await reason_of(server, error_id) == "client_unknown"
    assert client_id not in await whole_log(server)


async def test_a_known_client_that_fails_is_named(server: RunningServer) -> None:
    """A wrong secret is recorded with the client it was tried for, so that an auditor can find the attempts."""
    web = await server.client("web")
    form = {"grant_type": "client_credentials", "client_id": web.client_id, "client_secret": "guessed"}
    assert (await server.post("/token", form))[0] == 401
    refused = [
        event for event in await server.core.store.read_log(0, 1000) if event.type.startswith("refusal.")
    ]
    assert [web.client_id.encode() in event.metadata for event in refused] == [True]
