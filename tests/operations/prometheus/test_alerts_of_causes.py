"""The alerts that tell of causes: each cause is made at a real server that a real Prometheus scrapes."""

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import aiohttp
import psycopg2
import pytest

from authrim.core.sealed_rows import PrivateData
from authrim.crypto.master import MasterKeys
from authrim.outside.egress import Egress
from authrim.people.server_roles import grant_role
from authrim.store.opening import open_store
from authrim.webhooks.records import create_webhook
from domain.errors import Refusal
from domain.person.role import AUDITOR
from domain.stream import DEFAULT_TENANT
from domain.units import DAY
from tests import postgres_cluster
from tests.faults.processes import Site
from tests.operations.prometheus.watching import WINDOW, Prometheus, prometheus
from tests.postgres_cluster import Cluster
from tests.support.browser import Browser, redeem
from tests.support.clocks import SetClock
from tests.support.dpop import dpop, proof_key
from tests.support.patience import PATIENCE
from tests.support.person import LOGIN, PASSWORD
from tests.support.ports import free_port
from tests.support.processes import descriptors
from tests.support.ready_made import new_sqlite_file
from tests.support.running import MASTER_KEY
from tests.support.tcp_proxy import Proxy

pytestmark = pytest.mark.operations

SERVICE: Final = {"grant_type": "client_credentials"}


class Watched(NamedTuple):
    """A site, and what a Prometheus says of its server."""

    place: Site
    seen: Prometheus
    http: aiohttp.ClientSession

    async def fires(self, *alerts: str, while_doing: Callable[[], Awaitable[object]] | None = None) -> None:
        """Wait until tickets of these names have fired, with what makes them, again and again."""
        missing = set(alerts)
        async with asyncio.timeout(6 * PATIENCE):
            while missing := missing - await self.firing():
                if while_doing is not None:
                    await while_doing()
                await asyncio.sleep(0.2)

    async def quiet(self) -> None:
        """Wait until the server was scraped: before that, Prometheus misses it. Other alerts may fire where the machine
        has much else to do, as the one of a late event loop."""
        async with asyncio.timeout(PATIENCE):
            while {"AuthrimMissing", "AuthrimDown"} & await self.firing():  # noqa: ASYNC110 - it has to be asked
                await asyncio.sleep(0.2)

    async def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        return {name for name, _ in await asyncio.to_thread(self.seen.firing)}

    async def ask(self, **headers: str) -> int:
        """The status of a request for a token."""
        service = self.place.clients["service"].basic
        url = self.place.url("/token")
        async with self.http.post(url, data=SERVICE, headers=service | headers) as answer:
            return answer.status

    @property
    def pid(self) -> int:
        """The process of the server."""
        return self.place.servers[0].pid


@asynccontextmanager
async def watched(
    place: Path | str,
    folder: Path,
    environment: dict[str, str] | None = None,
    furnish: str = "",
    window: str = WINDOW,
    **settings: Any,
) -> AsyncIterator[Watched]:
    """A furnished site with one server, and a Prometheus that scrapes it. ``furnish``: the address of the database for
    those who make accounts and clients, if it is another one. ``window``: that of the rules."""
    page = free_port()
    site = Site(furnish or place, folder, {"metrics_listen": f"127.0.0.1:{page}", "database": str(place), **settings},
                environment=environment)  # fmt: skip
    await site.furnish()
    with ExitStack() as stack:
        try:
            await site.start()
            seen = await asyncio.to_thread(stack.enter_context, prometheus(folder, page, window=window))
            async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
                made = Watched(site, seen, http)
                await made.quiet()
                yield made
        finally:
            for server in site.servers:
                await server.stop()


async def replay_codes(site: Watched, times: int) -> None:
    """Redeem codes, each twice."""
    running, web = site.place.as_running(site.http), site.place.clients["web"]
    browser = Browser(running)
    for _ in range(times):
        shown, verifier = await browser.authorize(web)
        shown = await browser.through_pages(shown)
        for expected in (200, 400):
            status, _ = await redeem(running, web, shown.parameters["code"], verifier)
            assert status == expected


async def guess(site: Watched) -> None:
    """Enter passwords of people who do not exist, several at once."""

    async def once(number: int) -> None:
        browser = Browser(site.place.as_running(site.http))
        shown, _ = await browser.authorize(site.place.clients["web"])
        await browser.sign_in(shown, login=f"nobody-{number}", password="wrong")

    await asyncio.gather(*map(once, range(6)))


async def make_webhooks(site: Watched, url: str, number: int) -> None:
    """Webhooks that want to be told of every grant."""
    store = open_store(site.place.settings)
    await store.open()
    egress, private = (
        Egress(("localhost",), plain_http=True),
        PrivateData(store, MasterKeys.from_settings([MASTER_KEY])),
    )
    for _ in range(number):
        made = await create_webhook(store, private, egress, DEFAULT_TENANT, (url, ("grant.*",), "hmac"))
        assert not isinstance(made, Refusal), made
    await egress.close()
    await store.close()


async def test_what_clients_and_receivers_cause(postgres_dsn: str, tmp_path: Path) -> None:
    """Codes that are redeemed twice, a proof that is sent again, so many passwords that some are refused and that take
    a gigabyte, and receivers of messages that are not there."""
    heavy: dict[str, Any] = {
        "argon2_memory": 1_000_000, "argon2_time_cost": 1, "password_workers": 1, "password_queue_limit": 1,
        "sign_in_attempts_per_address": 100_000,
    }  # fmt: skip
    async with watched(postgres_dsn, tmp_path, egress_allow=["localhost"], **heavy) as site:
        await replay_codes(site, 5)
        await site.fires("AuthrimTokensReused")
        proof = dpop(site.place.as_running(site.http), proof_key())
        assert await site.ask(DPoP=proof) == 200
        await site.fires("AuthrimReplays", while_doing=lambda: site.ask(DPoP=proof))
        await site.fires("AuthrimPasswordsBusy", "AuthrimMemoryGrows", while_doing=lambda: guess(site))
        await make_webhooks(site, f"http://localhost:{free_port()}/hook", 12)
        await site.fires("AuthrimEgressFails", while_doing=site.ask)
        assert "AuthrimOutboxOld" not in await site.firing()
        execute(postgres_dsn, "UPDATE deliveries SET since = since - 1000 * 1000000::BIGINT")
        await site.fires("AuthrimOutboxOld")


def execute(dsn: str, *statements: str) -> None:
    """As the owner."""
    with closing(psycopg2.connect(dsn)) as owner, owner, owner.cursor() as cursor:
        cursor.execute("SET search_path = authrim")
        for statement in statements:
            cursor.execute(statement)


@contextmanager
def held(dsn: str, statement: str) -> Iterator[None]:
    """What a statement locks stays locked until the end of the block."""
    with closing(psycopg2.connect(dsn)) as owner, owner.cursor() as cursor:
        cursor.execute("SET search_path = authrim")
        cursor.execute(statement)
        yield


async def test_what_the_database_causes(postgres_dsn: str, tmp_path: Path) -> None:
    """A follower that cannot have its lock for a minute, one that cannot write its rows, and checkpoints that cannot be
    kept."""
    monitor = "SELECT pg_advisory_lock(hashtext('authrim follower'), hashtext(current_schema() || ' ' || 'monitor_v1'))"
    async with watched(postgres_dsn, tmp_path, checkpoint_interval_seconds=10) as site:
        with held(postgres_dsn, monitor):
            await site.ask()
            began = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() < began + 30:  # checkpoints are signed meanwhile
                await site.ask()
                await asyncio.sleep(0.5)
                assert "AuthrimCheckpointOld" not in await site.firing()
            with held(postgres_dsn, "LOCK TABLE checkpoints IN EXCLUSIVE MODE"):
                await site.fires("AuthrimCheckpointOld", while_doing=site.ask)
            await site.fires("AuthrimFollowerBehind")
        execute(postgres_dsn, "ALTER TABLE audit ADD CONSTRAINT never CHECK (position < 0) NOT VALID")
        try:
            await site.fires("AuthrimFollowerFails", while_doing=site.ask)
        finally:
            execute(postgres_dsn, "ALTER TABLE audit DROP CONSTRAINT never")


@contextmanager
def few_files(number: int) -> Iterator[None]:
    """Processes that are started meanwhile may have so many files open."""
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)


async def test_what_the_machine_causes(tmp_path: Path) -> None:
    """A process with few files, whose connections use them up, and one that the machine lets stand still."""
    with few_files(400):
        database = new_sqlite_file(tmp_path / "authrim.db")
        async with watched(database, tmp_path) as site:
            await stand_still_until(site, "AuthrimLoopLate")
            (limit,) = site.seen.value("authrim_http_connections_limit")
            wanted = int(float(limit["value"][1]) * 0.87)
            port = site.place.servers[0].port
            open_ones = [
                await asyncio.open_connection("localhost", port, local_addr=(f"127.0.1.{number % 8 + 1}", 0))
                for number in range(wanted)
            ]
            await site.fires("AuthrimConnectionsShort")
            resource.prlimit(site.pid, resource.RLIMIT_NOFILE, (descriptors(site.pid) + 5, 400))
            await site.fires("AuthrimFilesShort")
            for _, writer in open_ones:
                writer.close()


async def stand_still_until(site: Watched, alert: str) -> None:
    """Stop the process again and again, until an alert fires."""

    async def pause() -> None:
        site.place.servers[0].pause()
        await asyncio.sleep(0.6)
        site.place.servers[0].go_on()

    await site.fires(alert, while_doing=pause)


@pytest.fixture
def own_dsn(cluster: Cluster) -> Iterator[str]:
    """A database whose clock the test sets."""
    name = cluster.new_database()
    yield cluster.dsn(name)
    cluster.drop_database(name)


async def test_what_time_causes(own_dsn: str, tmp_path: Path) -> None:
    """A server whose keys were made 200 days ago, on a machine whose clock is three seconds ahead of the database's;
    and a Prometheus that has no server to scrape."""
    clock = SetClock(tmp_path / "clock")
    await clock.set(-200 * DAY)
    (text,) = row(own_dsn, "SELECT pg_get_functiondef('authrim.clock_us()'::REGPROCEDURE)")
    execute(own_dsn, text.replace("clock_timestamp()", "(clock_timestamp() - INTERVAL '200 days')"))
    async with watched(own_dsn, tmp_path, clock.environment) as site:
        assert await site.ask() == 200
        (server,) = site.place.servers
        await server.stop()
        execute(own_dsn, text)
        await clock.set(3)
        await server.start()
        await site.fires("AuthrimKeyOld", "AuthrimClockSkew")
        (tmp_path / "empty").mkdir()
        with prometheus(tmp_path / "empty") as lonely:
            await asyncio.to_thread(lonely.wait_for, ("AuthrimMissing", "page"))


def row(dsn: str, query: str) -> tuple[Any, ...]:
    """The first row."""
    with closing(psycopg2.connect(dsn)) as owner, owner.cursor() as cursor:
        cursor.execute(query)
        return tuple(cursor.fetchone())


async def test_what_other_databases_cause(cluster: Cluster, postgres_dsn: str, tmp_path: Path) -> None:
    """A replica that is not there when an auditor asks, and a failover to a database that lacks what was
    acknowledged."""
    async with Proxy(cluster.port) as proxy:
        name = postgres_dsn.rpartition("/")[2]
        led = Cluster(cluster.folder, proxy.port).dsn(name)
        nowhere = f"postgresql://authrim@127.0.0.1:{free_port()}/{name}"
        async with watched(led, tmp_path, furnish=postgres_dsn, database_replica=nowhere) as site:
            await make_auditor(site)
            browser = Browser(site.place.as_running(site.http))
            shown = await browser.request("GET", site.place.url("/audit"))
            form = await browser.submit(shown, login=LOGIN, password=PASSWORD)
            await site.fires(
                "AuthrimReplicaUnread", while_doing=lambda: browser.submit(form, client="nobody")
            )
            assert await site.ask() == 200
            other = await asyncio.to_thread(postgres_cluster.start)
            try:
                other.execute(f"CREATE DATABASE {name} TEMPLATE authrim_template")
                proxy.lead_to(other.port)
                await site.fires("AuthrimLogDiffers", while_doing=site.ask)
            finally:
                await asyncio.to_thread(postgres_cluster.stop, other)


async def make_auditor(site: Watched) -> None:
    """Let the person of the site ask at ``/audit``."""
    store = open_store(site.place.settings)
    await store.open()
    assert not isinstance(await grant_role(store, DEFAULT_TENANT, site.place.subject, AUDITOR), Refusal)
    await store.close()
