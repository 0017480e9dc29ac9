"""What every test may ask for: an empty store of each kind, on a cluster that the whole run shares, and a server."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from authrim.crypto import key_pair
from authrim.server import wiring
from authrim.store import group_commit
from authrim.store.contract import Store
from authrim.store.group_commit import QueueLimits
from authrim.store.postgres import connections
from tests import postgres_cluster
from tests.postgres_cluster import Cluster
from tests.support.browser import Browser
from tests.support.https_site import Authority, Site, serving_site
from tests.support.mtls import MtlsServer, mtls_server
from tests.support.patience import LATER
from tests.support.ready_made import CheapPasswords, ReadyKeys, new_sqlite_file
from tests.support.running import RunningServer, running_server
from tests.support.stores import opened_store
from tests.support.whole_run import import_a_share_first, long_files_first, slowest_files

#: How long an example takes says how busy the machine is, and nothing about the code: what is fast enough is measured
#: in ``bench/``.
hypothesis_settings.register_profile("authrim", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("authrim")

# A busy machine makes appends and pooled connections wait. In production a request gets 503 after a second; here only
# a test that proves such a limit should meet one.
group_commit.QUEUE_LIMITS = QueueLimits(seconds=LATER)
connections.ACQUIRE_TIMEOUT = LATER
#: For the servers and commands that tests start as processes of their own: the most that the setting takes.
os.environ["AUTHRIM_APPEND_WAIT_SECONDS"] = "30"

# Every server in the process of the tests begins with an RSA key.
key_pair._generate = ReadyKeys()
# Most tests have people who sign in.
wiring._passwords = CheapPasswords()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Share the rewriting of the tests between the workers."""
    import_a_share_first(session)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    long_files_first(items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say after a run of every test which files took longest: ``CONTRIBUTING.md`` has the budget."""
    timed = (one for many in terminalreporter.stats.values() for one in many if hasattr(one, "duration"))
    if lines := slowest_files(timed):
        terminalreporter.section("slowest files")
        terminalreporter.write("\n".join(lines) + "\n")


@pytest.fixture(autouse=True)
def fresh_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Logging as it is before a process configures it: a logger that keeps one test's output is deaf in the next."""
    configure = structlog.configure

    def without_cache(**settings: Any) -> None:
        configure(**settings | {"cache_logger_on_first_use": False})

    monkeypatch.setattr(structlog, "configure", without_cache)
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The run's PostgreSQL cluster, shared between the workers of pytest-xdist, and with no other run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with postgres_cluster.shared(folder / "postgres-cluster.json") as running:
        yield running


@pytest.fixture(scope="session")
def idle_databases() -> list[str]:
    """Databases that a test is done with, emptied for the next one."""
    return []


@pytest.fixture
def postgres_dsn(cluster: Cluster, idle_databases: list[str]) -> Iterator[str]:
    """An empty database with the schema. A test that changes the schema itself asks for ``new_database``."""
    name = idle_databases.pop() if idle_databases else cluster.new_database()
    yield cluster.dsn(name)
    cluster.empty_database(name)
    idle_databases.append(name)


@pytest.fixture(params=["sqlite", "postgres"])
def store_place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where an empty store with the schema is: a file, or the address of a database."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_dsn"))
    return new_sqlite_file(tmp_path / "authrim.db")


@pytest.fixture
async def store(store_place: Path | str) -> AsyncIterator[Store]:
    """An open, empty store: each test runs once on each engine."""
    async with opened_store(store_place) as opened:
        yield opened


@pytest.fixture
async def server(store: Store) -> AsyncIterator[RunningServer]:
    """A server over a fresh store, with one account."""
    async with running_server(store) as running:
        yield running


@pytest.fixture
async def mtls(store: Store, tmp_path: Path) -> AsyncIterator[MtlsServer]:
    """The same with a listener that asks clients for certificates."""
    async with mtls_server(store, tmp_path) as running:
        yield running


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority of the tests' own."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def site(authority: Authority) -> AsyncIterator[Site]:
    """Somebody else's HTTPS server on loopback."""
    async with serving_site(authority) as running:
        yield running


@pytest.fixture
async def outgoing_server(store: Store, authority: Authority) -> AsyncIterator[RunningServer]:
    """A server that may reach the sites of the tests."""
    async with running_server(
        store, egress_allow=("localhost",), egress_ca_file=authority.ca_file, egress_timeout_seconds=2
    ) as running:
        yield running


@pytest.fixture
def browser(server: RunningServer) -> Browser:
    """A browser that has never been here."""
    return Browser(server)
