"""A203: registration access tokens, each good for its own client and for one change."""

import asyncio
from itertools import product

from tests.support.nodes import another_node
from tests.support.registration import MINIMAL, call, manage, registered
from tests.support.running import RunningServer


async def test_a203_a_token_is_for_its_own_client_alone(server: RunningServer) -> None:
    """A203, RFC 7592 §2.1: the token of A at B is 401, and no good at A any more either; B's own goes on."""
    a, b = await registered(server), await registered(server)
    for method, document in (
        ("DELETE", None),
        ("GET", None),
        ("PUT", MINIMAL | {"client_id": b["client_id"]}),
    ):
        answer = await call(
            server, method, b["registration_client_uri"], a["registration_access_token"], document
        )
        assert answer.error == (401, "invalid_token")
    assert (await manage(server, a)).error == (401, "invalid_token")
    assert (await manage(server, b)).status == 200


async def test_a203_a_token_for_nobody_is_revoked_too(server: RunningServer) -> None:
    """A203, RFC 7592 §2.1: at the address of a client that does not exist, or of an administrator's."""
    static = await server.client()
    for address in ("/register/nobody", f"/register/{static.client_id}"):
        client = await registered(server)
        answer = await call(server, "GET", server.url(address), client["registration_access_token"])
        assert answer.error == (401, "invalid_token")
        assert (await manage(server, client)).status == 401


async def test_a203_what_is_no_token_opens_nothing(server: RunningServer) -> None:
    """A203: neither a guess nor anything else; and a wrong one does no harm to the client."""
    client, static = await registered(server), await server.client()
    guesses = (None, "x", "rat.{id}." + "A" * 43, "rat.{id}.", "iat." + "0" * 32 + "." + "A" * 43)
    for client_id, token in product((client["client_id"], static.client_id), guesses):
        presented = None if token is None else token.replace("{id}", client_id)
        for method in ("GET", "PUT", "DELETE"):
            answer = await call(server, method, server.url(f"/register/{client_id}"), presented, MINIMAL)
            assert answer.status == 401
    assert (await manage(server, client)).status == 200


async def test_a203_two_updates_with_one_token_have_one_winner(server: RunningServer) -> None:
    """A203, F15: a registration access token that rotates is good for one update, on two servers too."""
    client = await registered(server)
    update = MINIMAL | {"client_id": client["client_id"]}
    async with another_node(server) as other:
        answers = await asyncio.gather(
            *(
                call(node, "PUT", node.url(f"/register/{client['client_id']}"), client["registration_access_token"],
                     update | {"client_name": f"{number}"})
                for number, node in enumerate((server, other) * 3)
            )
        )  # fmt: skip
    assert sorted(answer.status for answer in answers) == [200] + [401] * 5
    winner = next(answer for answer in answers if answer.status == 200)
    assert (await manage(server, winner.body)).body["client_name"] == winner.body["client_name"]


async def test_an_update_is_known_to_every_node(server: RunningServer) -> None:
    """A206, F31: what one node changed, another node goes by at the next request."""
    client = await registered(server)
    query = (
        f"?client_id={client['client_id']}&redirect_uri=https://rp.example/cb&response_type=code&scope=openid"
    )
    async with another_node(server) as other:
        async with server.http.get(other.url("/authorize" + query), allow_redirects=False) as answer:
            assert answer.status == 303
        update = {"client_id": client["client_id"], "redirect_uris": ["https://new.example/cb"]}
        assert (await manage(server, client, "PUT", update)).status == 200
        async with server.http.get(other.url("/authorize" + query), allow_redirects=False) as answer:
            assert answer.status == 400
