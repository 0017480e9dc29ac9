"""Who asks while servers die, beside the clients of ``tests/faults/history``: with proofs that are for one use, with
requests that stay open, and webhooks that are told of it; and what must hold of all that in the end."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import aiohttp

from authrim.core.sealed_rows import PrivateData
from authrim.crypto.master import MasterKeys
from authrim.outside.egress import Egress
from authrim.store.opening import open_store
from authrim.store.outbox_contract import Chosen
from authrim.store.read_back import ReadBack
from authrim.webhooks.fan_out import FOLLOWER
from authrim.webhooks.records import create_webhook
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from tests.faults.history.checker import Violation
from tests.faults.history.log import Log
from tests.faults.kills.checker import TOLD_OF, messages, proofs, sealed_rows
from tests.faults.processes import Site
from tests.support import https_site
from tests.support.browser import Browser
from tests.support.dpop import dpop, jkt_of, proof_key
from tests.support.patience import PATIENCE
from tests.support.running import MASTER_KEY

ALLOWED: Final = ("localhost", "127.0.0.0/8")
#: Settings of the servers.
SETTINGS: Final[dict[str, Any]] = {
    "refresh_grace_seconds": 3, "egress_allow": list(ALLOWED), "egress_timeout_seconds": 1,
    # So few that a share of them is soon given out, and the next one is counted.
    "authorize_requests_per_minute": 1500,
}  # fmt: skip
#: How many there are: one that a dead process had in hand waits for its lease.
WEBHOOKS: Final = 6
_PATH: Final = "/hook"
_CLIENT_CREDENTIALS: Final = {"grant_type": "client_credentials"}
_ONCE: Final = aiohttp.ClientTimeout(total=10)


class Sent(NamedTuple):
    """A proof that was sent, the thumbprint of its key, and whether a token came back; None: nothing did."""

    proof: str
    jkt: str
    answered: bool | None


@dataclass
class World:
    """All of them. ``hooks`` is the site that is told."""

    place: Site
    http: aiohttp.ClientSession
    hooks: https_site.Site
    chance: random.Random
    fresh: list[Sent] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    #: Keys of the proofs that were used up though nobody was answered.
    unanswered: dict[str, bool] = field(default_factory=dict)

    async def furnish(self) -> None:
        """Make the webhooks; no server may run on SQLite then."""
        self.hooks.serve(_PATH, b"", status=204)
        store = open_store(self.place.settings)
        await store.open()
        egress = Egress(ALLOWED, plain_http=True)
        private = PrivateData(store, MasterKeys.from_settings([MASTER_KEY]))
        for _ in range(WEBHOOKS):
            wanted = (self.hooks.url(_PATH), TOLD_OF, "hmac")
            made = await create_webhook(store, private, egress, DEFAULT_TENANT, wanted)
            assert not isinstance(made, Refusal), made
        await egress.close()
        await store.close()

    async def prove(self, until: asyncio.Event) -> None:
        """Ask for tokens that are bound to keys, each with a key and a proof of its own."""
        while not until.is_set():
            key = proof_key()
            proof = dpop(self.place.as_running(self.http), key)
            sent = Sent(proof, jkt_of(key), await self._ask(proof))
            self.fresh.append(sent)
            if self.chance.random() < 0.3:
                await self._send_again(sent)
            if sent.answered is None:
                await asyncio.sleep(0.05)

    async def open_requests(self, until: asyncio.Event) -> None:
        """Begin sign-ins, and go on with some: what is private of each is in a sealed row until it is answered."""
        while not until.is_set():
            browser = Browser(self.place.as_running(self.http))
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with asyncio.timeout(_ONCE.total):
                    shown, _ = await browser.authorize(self.place.clients["web"])
                    if shown.status == 200 and self.chance.random() < 0.5:
                        await browser.through_pages(shown)
            await asyncio.sleep(0.05)

    async def refuse_old_proofs(self) -> None:
        """Send again what was sent before the server died. What was answered once is used up; whether the rest is, the
        log must agree with in the end."""
        sent, self.fresh = self.fresh[-8:], []
        for one in sent:
            await self._send_again(one)

    async def _send_again(self, sent: Sent) -> None:
        again = await self._ask(sent.proof)
        if sent.answered and again:
            self.violations.append(Violation("a_proof_is_used_once", sent.jkt, "two tokens for one proof"))
        if sent.answered is None and again is not None:
            self.unanswered[sent.jkt] = again or self.unanswered.get(sent.jkt, False)

    async def _ask(self, proof: str) -> bool | None:
        headers = self.place.clients["service"].basic | {"DPoP": proof}
        try:
            async with self.http.post(
                self.place.url("/token"), data=_CLIENT_CREDENTIALS, headers=headers, timeout=_ONCE
            ) as answer:
                body = await answer.json()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None
        if answer.status in (200, 503):
            return answer.status == 200 or None
        assert body["error"] == "invalid_dpop_proof", (answer.status, body)
        return False

    async def until_told(self, store: ReadBack) -> None:
        """Wait until nothing waits in the outbox, and every event has had its messages."""
        async with asyncio.timeout(PATIENCE):
            while True:
                head = (await store.head()).position
                position = await store.outbox.position(FOLLOWER)
                if position >= head and not await store.outbox.listed(Chosen(dead=None), "", 1):
                    return
                await asyncio.sleep(0.2)

    async def check(self, log: Log, store: ReadBack) -> list[Violation]:
        """What is wrong with guard rows, sealed rows and messages."""
        sealed = {row["key"] async for row in _rows(store, "sealed")}
        names = {headers["webhook-id"] for _method, _path, headers, _body in self.hooks.seen}
        found = [*proofs(log, self.unanswered), *sealed_rows(log, sealed), *messages(log, names, WEBHOOKS)]
        return [*self.violations, *found]


async def _rows(store: ReadBack, table: str) -> AsyncIterator[Any]:
    after = ""
    while rows := await store.read_rows(table, after, 500):
        for row in rows:
            yield row
        after = rows[-1]["key"]
