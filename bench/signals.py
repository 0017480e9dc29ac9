"""Security event tokens at a rate, with and without kills: ``python -m bench.signals [--kill]``.

One process makes events of people whom a receiver knows; ``authrim serve`` beside it makes the tokens; the receiver
polls them. With ``--kill`` the server is killed and started again in mid stream, and the receiver loses every twentieth
answer.
"""

import asyncio
import base64
import json
import os
import statistics
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import click
import structlog

from authrim.core.execute import Change, append_of
from authrim.core.origin import own_origin
from authrim.crypto.ids import new_id
from authrim.store.contract import Store
from authrim.store.opening import open_store
from authrim.store.sqlite.schema import migrate_sqlite
from domain.event import Event
from domain.grant.events import AccessTokenIssued
from domain.person.account import Account, apply
from domain.person.account_events import AccountCreated, AccountDisabled, AccountEnabled
from domain.stream import DEFAULT_TENANT, account_stream, grant_stream
from tests import postgres_cluster
from tests.faults.processes import Site, site

PEOPLE = 200
TICK = 0.02
CLIENT: dict[str, Any] = {
    "grant_types": ("client_credentials",),
    "response_types": (),
    "redirect_uris": (),
    "scope": ("ssf.manage",),
}


class People:
    """People whom the client knows, and when something happened to each."""

    def __init__(self, store: Store, client_id: str) -> None:
        self._store = store
        self._client_id = client_id
        self._metadata = own_origin(DEFAULT_TENANT, "admin").metadata()
        self._states: dict[str, tuple[Account, int]] = {}
        self.happened: dict[str, list[float]] = defaultdict(list)

    async def make(self) -> None:
        """An account and a token each."""
        now = int(time.time())
        for _ in range(PEOPLE):
            subject, grant = new_id(), new_id()
            created = AccountCreated(subject, now)
            issued = AccessTokenIssued(
                new_id(),
                "jwt",
                self._client_id,
                ("openid",),
                ("https://api.example/",),
                now,
                now + 600,
                subject,
            )
            changes = (
                Change(account_stream(DEFAULT_TENANT, subject), 0, (created,), Account()),
                Change(grant_stream(DEFAULT_TENANT, grant), 0, (issued,)),
            )
            await self._store.append(append_of(changes, self._metadata))
            self._states[subject] = (apply(Account(), created), 1)

    async def something(self, number: int) -> None:
        """One event of the next person."""
        subject = list(self._states)[number % PEOPLE]
        state, version = self._states[subject]
        now = int(time.time())
        event: Event = AccountDisabled("bench", now) if state.status == "active" else AccountEnabled(now)
        change = Change(account_stream(DEFAULT_TENANT, subject), version, (event,), state)
        self.happened[subject].append(time.monotonic())  # its token may come before the append returns here
        await self._store.append(append_of((change,), self._metadata))
        self._states[subject] = (apply(state, event), version + 1)

    async def live(self, rate: int, seconds: int) -> int:
        """Events at a rate; how many there were."""
        made, begun = 0, time.monotonic()
        while made < rate * seconds:
            due = min(int((time.monotonic() - begun) * rate), rate * seconds, made + PEOPLE)
            await asyncio.gather(*(self.something(number) for number in range(made, due)))
            made = due
            await asyncio.sleep(TICK)
        return made


class Poller:
    """A receiver. ``kept`` is all that it remembers."""

    def __init__(self, place: Site, http: aiohttp.ClientSession, *, loses: bool) -> None:
        self._place = place
        self._http = http
        self._loses = loses
        self._headers: dict[str, str] = {}
        self.kept: dict[str, str] = {}
        self.again = self.polls = self.failed = self.doubled = 0
        self.waited: list[float] = []

    async def begin(self) -> None:
        client = self._place.clients["web"]
        form = {"grant_type": "client_credentials"}
        async with self._http.post(self._place.url("/token"), data=form, headers=client.basic) as answer:
            self._headers = {"Authorization": f"Bearer {(await answer.json())['access_token']}"}
        async with self._http.post(self._place.url("/ssf/streams"), json={}, headers=self._headers) as answer:
            self._path = f"/ssf/poll/{(await answer.json())['stream_id']}"

    async def poll(self, people: People) -> None:
        """Poll until cancelled."""
        ack: list[str] = []
        while True:
            body = {"ack": ack, "maxEvents": 250}
            try:
                async with self._http.post(
                    self._place.url(self._path), json=body, headers=self._headers
                ) as answer:
                    sets = (await answer.json())["sets"] if answer.status == 200 else None
            except aiohttp.ClientError:
                sets = None
            self.polls += 1
            if sets is None:
                self.failed += 1
                await asyncio.sleep(0.1)
                continue
            if self._loses and self.polls % 20 == 0:
                ack = []
                continue
            for jti, token in sets.items():
                self._keep(people, jti, token)
            ack = list(sets)
            await asyncio.sleep(TICK)

    def _keep(self, people: People, jti: str, token: str) -> None:
        if jti in self.kept:
            assert self.kept[jti] == token, "the same jti is the same token"
            self.again += 1
            return
        payload = token.split(".")[1]
        subject = json.loads(base64.urlsafe_b64decode(payload + "=="))["sub_id"]["sub"]
        self.kept[jti] = token
        if not people.happened[subject]:
            self.doubled += 1  # another token, and no event that had none
            return
        self.waited.append(time.monotonic() - people.happened[subject].pop(0))


def cpu_seconds(place: Site) -> float:
    """What the server's process has used."""
    process = place.servers[0]._process
    assert process is not None
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(place: Path | str, folder: Path, rate: int, seconds: int, *, kill: bool) -> str:
    """One run, as a line of text."""
    async with (
        site(place, folder, 1, {"shared_signals": True}, **CLIENT) as running,
        aiohttp.ClientSession() as http,
    ):
        store = open_store(running.settings)
        await store.open()
        people = People(store, running.clients["web"].client_id)
        await people.make()
        poller = Poller(running, http, loses=kill)
        await poller.begin()
        polling = asyncio.create_task(poller.poll(people))
        before, received_before = cpu_seconds(running), 0
        living = asyncio.create_task(people.live(rate, seconds))
        if kill:
            await asyncio.sleep(seconds / 3)
            await running.servers[0].kill()
            await asyncio.sleep(1)
            await running.servers[0].start()
            before = 0.0
            received_before = len(poller.kept)
        made, ended = await living, time.monotonic()
        while len(poller.waited) < made and time.monotonic() < ended + 60:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        behind, used = time.monotonic() - ended, cpu_seconds(running) - before
        await asyncio.sleep(1)  # whatever came now would be too many
        polling.cancel()
        with suppress(asyncio.CancelledError):
            await polling
        await store.close()
        each = used / (len(poller.kept) - received_before)
    p99 = statistics.quantiles(poller.waited, n=100)[98]
    return (
        f"made {made}, received {len(poller.kept)}, lost {made - len(poller.waited)}, doubled {poller.doubled}, "
        f"sent again {poller.again}, polls {poller.polls} ({poller.failed} failed), median "
        f"{statistics.median(poller.waited) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, "
        f"last one after {behind * 1000:.0f} ms, server CPU {each * 1000:.2f} ms per token"
    )


@click.command()
@click.option("--rate", default=500, help="Events per second.")
@click.option("--seconds", default=20, help="For how long.")
@click.option("--kill", is_flag=True, help="Kill the server in mid stream, and lose answers.")
@click.option("--engine", type=click.Choice(["sqlite", "postgres"]), default="sqlite")
def main(rate: int, seconds: int, kill: bool, engine: str) -> None:
    """Print what was made and received, and how long it took."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if engine == "sqlite":
            migrate_sqlite(folder / "authrim.db")
            print(asyncio.run(measure(folder / "authrim.db", folder, rate, seconds, kill=kill)))
            return
        with postgres_cluster.shared(folder / "cluster.json") as cluster:
            dsn = cluster.dsn(cluster.new_database())
            print(asyncio.run(measure(dsn, folder, rate, seconds, kill=kill)))


if __name__ == "__main__":
    main()
