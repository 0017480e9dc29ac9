"""F28: the signing key is another one each second, at one of two nodes, while clients work at both."""

import asyncio
from collections import Counter

import pytest
from joserfc.errors import InvalidKeyIdError

from authrim.core.signing_keys import rotate_key
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser, redeem
from tests.support.nodes import another_node
from tests.support.patience import PATIENCE
from tests.support.running import KnownClient, RunningServer
from tests.support.tokens import verified_by

#: Keys that must have signed. The order of keys is in whole seconds, so each signs for one second at least.
KEYS = 5
SERVICE = {"grant_type": "client_credentials"}


class Load:
    """What clients do at the nodes until it is over. Whatever they get must verify under the keys of every node."""

    def __init__(self, nodes: list[RunningServer], web: KnownClient, service: KnownClient) -> None:
        self.nodes, self.web, self.service = nodes, web, service
        self.over = False
        self.signed_with: Counter[str] = Counter()

    async def verify(self, *tokens: str) -> None:
        for node in self.nodes:
            for token in tokens:
                self.signed_with[await self._signer_of(token, node)] += 1

    async def _signer_of(self, token: str, node: RunningServer) -> str:
        """The key of a token. A key that signs at once is known to the other node a moment later, so its keys are asked
        for again, as every relying party does for a key that it does not know."""
        async with asyncio.timeout(PATIENCE):
            while True:
                async with node.http.get(node.url("/jwks")) as answer:
                    keys = await answer.json()
                try:
                    return verified_by(token, keys)
                except InvalidKeyIdError:
                    await asyncio.sleep(0.05)

    async def services(self, number: int) -> None:
        """Tokens of a service."""
        while not self.over:
            node = self.nodes[number % len(self.nodes)]
            status, tokens = await node.post("/token", SERVICE, self.service.basic)
            assert status == 200, tokens
            await self.verify(tokens["access_token"])
            number += 1

    async def people(self, number: int) -> None:
        """Codes that are redeemed at the other node, after the key has changed, and refreshed at the first."""
        first, other = self.nodes[number % 2], self.nodes[(number + 1) % 2]
        browser = Browser(self.nodes[0])
        while not self.over:
            shown, verifier = await browser.authorize(self.web, scope="openid offline_access")
            code = (await browser.through_pages(shown)).parameters["code"]
            await asyncio.sleep(0.1)
            status, tokens = await redeem(other, self.web, code, verifier)
            assert status == 200, tokens
            await self.verify(tokens["access_token"], tokens["id_token"])
            form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
            status, again = await first.post("/token", form, self.web.basic)
            assert status == 200, again
            await self.verify(again["access_token"])
            for token in (tokens["access_token"], again["access_token"]):
                status, told = await other.post("/introspect", {"token": token}, self.web.basic)
                assert (status, told["active"]) == (200, True)


@pytest.mark.parametrize("store_place", ["postgres"], indirect=True)
async def test_keys_rotate_all_the_time(server: RunningServer) -> None:
    """F28: codes that were given before redeem, and every token verifies under the keys of every node within a moment,
    the older ones too."""
    web, service = await server.client("web"), await server.client("service")
    core = server.core
    async with another_node(server) as node, asyncio.timeout(PATIENCE), asyncio.TaskGroup() as clients:
        load = Load([server, node], web, service)
        for number in range(2):
            clients.create_task(load.services(number))
            clients.create_task(load.people(number))
        while len(load.signed_with) < KEYS:
            await asyncio.sleep(0.1)
            rotated = await rotate_key(
                core.store, core.private, core.configuration, DEFAULT_TENANT, "ES256", urgent=True
            )
            assert not isinstance(rotated, Refusal), rotated
        load.over = True
