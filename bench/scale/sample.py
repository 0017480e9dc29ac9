"""One of each kind of life, lived at a real server over HTTP and read back row by row."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from itertools import groupby
from typing import Any, Final

import psycopg2
from psycopg2.extras import RealDictCursor

from authrim.audit.follow import FOLLOWED, NAMES, Follower
from authrim.core.retention import Retention
from authrim.crypto.passwords import Passwords
from authrim.people.accounts import create_account
from authrim.people.new_account import AccountRequest, AccountStore
from authrim.store.postgres.store import PostgresStore
from bench.scale.stamp import FIRST_POSITION, Sample, SampleEvent
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT
from domain.units import HOUR
from tests.postgres_cluster import Cluster
from tests.support.browser import Browser, authenticated_post
from tests.support.ready_made import CHEAP
from tests.support.running import RunningServer, running_server

#: Tables that belong to no life: how far things are, what expires within minutes, what is made of the log as a whole.
_BESIDE: Final = frozenset(
    {
        "counters", "events", "failed_events", "followers", "guard", "head", "ledger", "restored", "retention",
        "rewrites", "schema_migrations", "tiles",
    }
)  # fmt: skip
#: After so many seconds, everything that leaves the tables has left them.
_LATER: Final = 3 * HOUR
_LOGIN, _PASSWORD = "scale", "a password for the sample"
#: How long the access tokens of services live, in seconds.
TOKEN_SECONDS: Final = 60

#: The names of the gaps that are filled from outside: who acts.
WEB, SERVICE, PERSON, ADDRESS = "web", "service", "person", "address"

Rows = Mapping[str, list[Mapping[str, Any]]]


async def samples(cluster: Cluster) -> Mapping[str, Sample]:
    """A sample of each kind of life, from a server on a database of its own in the cluster, which is dropped again."""
    database = cluster.new_database()
    dsn = cluster.dsn(database)
    _begin_at(dsn, FIRST_POSITION)
    store = PostgresStore(dsn)
    await store.open()
    try:
        async with running_server(store, background="none") as server:
            return await _Living(server, dsn).lives()
    finally:
        await store.close()
        cluster.drop_database(database)


def _begin_at(dsn: str, position: int) -> None:
    """Let the log begin at a position that no other number looks like."""
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("UPDATE authrim.head SET position = %s", (position - 1,))
        for name in NAMES:
            cursor.execute("INSERT INTO authrim.followers VALUES (%s, %s)", (name, position - 1))


class _Living:
    """Lives at a server, which are taken down one by one."""

    def __init__(self, server: RunningServer, dsn: str) -> None:
        self._server = server
        self._dsn = dsn
        #: What is the same in every life, and the gap for who acts.
        self._same: dict[str, str] = {}

    async def lives(self) -> Mapping[str, Sample]:
        """Each kind of life. Those that come first are needed by the others."""
        await self._settled()
        ground = Sample(*_read(self._dsn, FIRST_POSITION - 1, {}), {}, verbatim=True)
        self._same |= {event.stream.rsplit(":", 1)[1]: "" for batch in ground.batches for event in batch}
        found = {"ground": ground}
        for gap, act in ((PERSON, self._person), (WEB, self._web_client), (SERVICE, self._service_client)):
            founded = await self._life(act)
            self._same[founded.batches[0][0].stream.rsplit(":", 1)[1]] = gap
            found[gap] = founded._replace(same=dict(self._same))
        found["used"] = await self._life(self._live)
        self._same[_address(found["used"])] = ADDRESS
        found["live"] = await self._life(self._live, later=True)
        found["ended"] = await self._life(self._ended, later=True)
        found["abandoned"] = await self._life(self._abandoned, later=True)
        found["service_ended"] = await self._life(self._service_token, later=True)
        found["service_expired"] = await self._life(self._service_token)
        del found["used"]
        return found

    async def _life(self, act: Callable[[], Awaitable[object]], *, later: bool = False) -> Sample:
        """What an act leaves in the log and the tables. ``later``: some hours later."""
        before = {table: set(rows) for table, rows in _keyed(self._dsn).items()}
        (position,) = _fetch(self._dsn, "SELECT position FROM authrim.head")[0].values()
        await act()
        await self._settled()
        if later:
            retention = Retention(self._server.core.store, self._server.core.settings)
            await retention.all_due(await retention.now() + _LATER)
        batches, rows = _read(self._dsn, int(position), before)
        tokens = _fetch(
            self._dsn,
            f"SELECT token_id FROM authrim.audit WHERE position > {position} AND token_id IS NOT NULL",
        )
        return Sample(batches, rows, dict(self._same), frozenset(row["token_id"] for row in tokens))

    async def _settled(self) -> None:
        """Let everything that follows the log come to its end. Nobody has to be told of the end of a session."""
        core = self._server.core
        for projection in FOLLOWED:
            await Follower(core.store, projection).catch_up()
        await core.monitor.catch_up()
        if ended := await core.store.take_deliveries(100, 60):
            await core.store.outbox.add((), [row.position for row in ended])

    async def _person(self) -> None:
        core, passwords = self._server.core, Passwords(cost=CHEAP)
        account = await create_account(
            AccountStore(core.store, core.private, core.master, passwords, DEFAULT_TENANT),
            AccountRequest(_LOGIN, _PASSWORD, {"name": "Somebody", "email": "somebody@example.com"}),
        )
        passwords.close()
        assert not isinstance(account, Refusal)

    async def _web_client(self) -> None:
        await self._server.client("web", skip_consent=True)

    async def _service_client(self) -> None:
        await self._server.client("service", access_token_lifetime=TOKEN_SECONDS)

    async def _live(self) -> tuple[Browser, dict[str, Any]]:
        """Somebody signs in, and the client refreshes its tokens once."""
        web, browser = self._server.clients["web"], Browser(self._server)
        shown, verifier = await browser.authorize(web, scope="openid offline_access")
        shown = await browser.sign_in(shown, _LOGIN, _PASSWORD)
        form = {
            "grant_type": "authorization_code", "code": shown.parameters["code"], "redirect_uri": web.redirect_uri,
            "code_verifier": verifier,
        }  # fmt: skip
        _status, tokens = await authenticated_post(self._server, web, "/token", form)
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        status, tokens = await authenticated_post(self._server, web, "/token", form)
        assert status == 200, tokens
        return browser, tokens

    async def _ended(self) -> None:
        """The same, and then the person signs out and the client revokes what it has."""
        web = self._server.clients["web"]
        browser, tokens = await self._live()
        form = {"token": tokens["refresh_token"]}
        assert (await authenticated_post(self._server, web, "/revoke", form))[0] == 200
        shown = await browser.request("GET", self._server.url("/logout"))
        await browser.submit(shown)

    async def _abandoned(self) -> None:
        """A request that nobody finishes."""
        await Browser(self._server).authorize(self._server.clients["web"])

    async def _service_token(self) -> None:
        """A service gets a token."""
        form = {"grant_type": "client_credentials"}
        service = self._server.clients["service"]
        assert (await authenticated_post(self._server, service, "/token", form))[0] == 200


def _address(sample: Sample) -> str:
    """Where the requests of a life come from."""
    for row in sample.rows["audit"]:
        if row["address"]:
            return str(row["address"])
    raise AssertionError("no row has an address")


def _read(dsn: str, after: int, before: Mapping[str, set[Any]]) -> tuple[list[list[SampleEvent]], Rows]:
    """The events after a position by their batches, and the rows that are new."""
    stored = _fetch(
        dsn,
        "SELECT position, stream_id, version, type, payload, metadata, recorded_at FROM authrim.events"
        f" WHERE position > {after} ORDER BY position",
    )
    events = [
        SampleEvent(*({**row, "payload": bytes(row["payload"]), "metadata": bytes(row["metadata"])}).values())
        for row in stored
    ]
    batches = [list(batch) for _time, batch in groupby(events, lambda event: event.recorded_at)]
    rows = {
        table: [row for key, row in found.items() if key not in before.get(table, ())]
        for table, found in _keyed(dsn).items()
    }
    return batches, {table: found for table, found in rows.items() if found}


def _keyed(dsn: str) -> dict[str, dict[Any, Mapping[str, Any]]]:
    """The rows of all tables that belong to lives, by their keys, which are the first columns."""
    names = _fetch(dsn, "SELECT tablename FROM pg_tables WHERE schemaname = 'authrim' ORDER BY tablename")
    tables = [row["tablename"] for row in names if row["tablename"] not in _BESIDE]
    return {
        table: {next(iter(row.values())): row for row in _fetch(dsn, f"SELECT * FROM authrim.{table}")}
        for table in tables
    }


def _fetch(dsn: str, query: str) -> list[dict[str, Any]]:
    with (
        closing(psycopg2.connect(dsn)) as connection,
        connection.cursor(cursor_factory=RealDictCursor) as cursor,
    ):
        cursor.execute(query)
        return [
            {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}
            for row in cursor.fetchall()
        ]
