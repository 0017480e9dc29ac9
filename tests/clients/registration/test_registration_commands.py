"""``authrim registration``: initial access tokens given out, listed and revoked; help for who lost a token."""

import asyncio
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.registration import MINIMAL, manage, register, registered
from tests.support.running import MASTER_KEY, RunningServer


@pytest.fixture
def authrim(store_place: Path | str) -> CommandLine:
    """``authrim`` on the server's store."""
    return CommandLine(
        {
            "AUTHRIM_ISSUER": "https://login.example.com",
            "AUTHRIM_DATABASE": str(store_place),
            "AUTHRIM_MASTER_KEYS": MASTER_KEY,
        }
    )


async def test_the_life_of_an_initial_access_token(server: RunningServer, authrim: CommandLine) -> None:
    """Shown once; listed with how often it was used; revoked, it lets nobody in any more."""
    given = await asyncio.to_thread(
        authrim.json,
        "registration",
        "token",
        "create",
        "--uses",
        "2",
        "--expires-in",
        "600",
        "--scope",
        "openid",
    )
    client = await register(server, MINIMAL, given["initial_access_token"])
    assert (client.status, client.body["scope"]) == (201, "openid")
    listed = (await asyncio.to_thread(authrim.json, "registration", "token", "list"))["tokens"]
    assert [(one["id"], one["used"], one["uses"], one["status"]) for one in listed] == [
        (given["id"], 1, 2, "active")
    ]
    assert given["initial_access_token"] not in str(listed)
    revoked = await asyncio.to_thread(authrim.json, "registration", "token", "revoke", given["id"])
    assert revoked["status"] == "revoked"
    assert (await register(server, MINIMAL, given["initial_access_token"])).status == 401
    after = await asyncio.to_thread(authrim.json, "registration", "token", "list", "--after", given["id"])
    assert after == {"tokens": []}


async def test_a_token_that_is_not_there_cannot_be_revoked(
    server: RunningServer, authrim: CommandLine
) -> None:
    """Told as a refusal, with status 1."""
    del server
    refused = await asyncio.to_thread(authrim.json, "registration", "token", "revoke", "0" * 32, status=1)
    assert refused["error"] == "invalid_request"


async def test_who_lost_its_registration_token_is_helped(server: RunningServer, authrim: CommandLine) -> None:
    """The new token takes the place of the lost one; with --revoke nobody manages the client from outside any more."""
    client = await registered(server)
    given = await asyncio.to_thread(authrim.json, "registration", "client-token", client["client_id"])
    assert (await manage(server, client)).status == 401
    client |= given
    assert (await manage(server, client)).status == 200
    await asyncio.to_thread(authrim.json, "registration", "client-token", client["client_id"], "--revoke")
    assert (await manage(server, client)).status == 401
