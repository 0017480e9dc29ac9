"""The page of metrics: what a server has counted while people and clients used it."""

import re
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from authrim.people.part import PEOPLE
from authrim.server.metrics import SERVER, ServerMetrics
from authrim.server.metrics_page import measured
from authrim.store.contract import Store
from authrim.store.outbox_contract import NewDelivery, Retried
from authrim.web.overload import Overload, Urgency
from authrim.wire.listener import ListenError
from tests.support.assertion import ASSERTION_TYPE, assertion_client, claims_for, new_key, signed
from tests.support.browser import Browser
from tests.support.ports import free_port
from tests.support.running import RunningServer, running_server

Samples = dict[tuple[str, ...], float]


class Page:
    """The page of a server."""

    def __init__(self, server: RunningServer, port: int) -> None:
        self.server = server
        self.address = f"http://127.0.0.1:{port}/metrics"

    async def read(self) -> Samples:
        """Each sample by its name and the values of its labels, in the order of the names of the labels."""
        async with self.server.http.get(self.address) as answer:
            assert answer.status == 200
            text = await answer.text()
        return {
            (one.name, *(value for _, value in sorted(one.labels.items()))): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
        }


@pytest.fixture
async def page(store: Store) -> AsyncIterator[Page]:
    """A server with a page of metrics, which also counts by client."""
    port = free_port()
    async with running_server(store, metrics_listen=f"127.0.0.1:{port}", metrics_client_ids=True) as server:
        metrics = ServerMetrics.open(server.core.settings, (SERVER,))
        assert metrics is not None
        measures = [server.parts[PEOPLE].passwords.measure]
        async with measured(metrics.own(SERVER), server.core, measures):
            yield Page(server, port)


async def test_what_people_and_clients_did_is_counted(page: Page) -> None:
    """A code flow, a wrong password, a wrong secret, a refresh and a value that is used twice: each is counted where
    its kind is counted, by route, outcome, reason and client, and no path is a label (A304)."""
    before, server = await page.read(), page.server
    web, browser = await server.client("web"), Browser(server)
    shown, _ = await browser.authorize(web)
    assert "/login/" in (await browser.sign_in(shown, password="wrong")).url
    tokens = await Browser(server).code_flow(web, scope="openid offline_access", prompt="consent")
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await server.post("/token", refresh, web.basic))[0] == 200
    wrong = {"Authorization": "Basic " + "d2ViOndyb25n"}
    assert (await server.post("/token", {"grant_type": "client_credentials"}, wrong))[0] == 401
    async with server.http.request("PROPFIND", server.url(f"/{secrets.token_hex()}")) as answer:
        assert answer.status in {400, 404, 405}
    await _ask_beside_features(server)
    await _use_twice(server)
    busy = Overload(1)
    busy.room = 0
    busy.level, busy.in_progress = 3, 8
    assert [busy.refuse(one) is None for one in (Urgency.TOKEN, Urgency.STATE)] == [False, True]
    after = await page.read()

    def counted(*sample: str) -> float:
        return after.get(sample, 0) - before.get(sample, 0)

    requests, issued = "authrim_http_requests_total", "authrim_tokens_issued_total"
    assert counted(requests, "POST", "token", "200") == 3
    assert counted(requests, "POST", "token", "401") >= 1
    assert counted(requests, "GET", "static_authrim", "200") == 1
    assert counted(requests, "PUT", "unknown", "404") == 1
    assert counted("authrim_http_request_duration_seconds_count", "ok", "token") == 3
    assert counted("authrim_sign_ins_total", "password", "accepted") == 1
    assert counted("authrim_sign_ins_total", "password", "password_wrong") == 1
    assert {kind: counted(issued, kind) for kind in ("code", "refresh_token", "id_token")} == {
        "code": 1, "refresh_token": 2, "id_token": 2,
    }  # fmt: skip
    assert counted("authrim_sessions_total", "started") == 1
    assert counted("authrim_refusals_total", "token", "invalid_client", "client_unknown") == 1
    assert counted("authrim_guard_hits_total", "single_use") == 1
    assert counted("authrim_overload_refusals_total", "token") == 1
    assert counted("authrim_overload_refusals_total", "state") == 0
    assert counted("authrim_client_tokens_issued_total", web.client_id, "code") == 1
    assert counted("authrim_password_hash_duration_seconds_count") >= 2
    assert counted("authrim_events_total", "grant.code_issued.v1") == 1
    assert counted("authrim_appends_total", "committed") >= counted("authrim_append_batch_size_sum") > 0
    for sample in after:
        if counted(*sample):  # other tests of this process have applications with paths of their own
            assert not any("/" in value or server.login in value for value in sample[1:]), sample


async def _ask_beside_features(server: RunningServer) -> None:
    """Ask for a file of the pages, and for a hidden address in a way that no route of it has."""
    async with server.http.get(server.url("/"), headers={"Accept": "text/html"}) as answer:
        style = re.search(r"/static/authrim-\w+\.css", await answer.text())
    assert style is not None
    for method, path, status in (("GET", style[0], 200), ("PUT", "/audit", 404)):
        async with server.http.request(method, server.url(path)) as answer:
            assert answer.status == status


async def _use_twice(server: RunningServer) -> None:
    """Authenticate with one assertion two times."""
    key = new_key()
    client = await assertion_client(server, key)
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": signed(key, claims_for(server, client)),
    }
    assert [(await server.post("/token", form))[0] for _ in range(2)] == [200, 401]


async def test_the_database_is_read_when_the_page_is(page: Page) -> None:
    """The page says where the log is and what of it is signed (nothing yet, so that an alert can fire), how far
    followers are, what waits, how large tables are and which keys sign; a page that is asked for again at once reads
    nothing again."""
    first = await page.read()
    head = await page.server.core.store.head()
    assert first["authrim_database_up",] == 1
    assert first["authrim_log_position",] == head.position
    assert first["authrim_checkpoint_position",] == 0
    assert abs(first["authrim_database_clock_skew_seconds",]) < 5
    assert first["authrim_follower_lag_seconds", "audit_v3"] >= 0
    assert first["authrim_key_ring_keys", "ES256", "active"] == 1
    assert first["authrim_database_bytes",] > 100_000
    assert first["authrim_append_queue_limit",] > 0
    assert first["authrim_process_starts_total", "server"] >= 1
    assert first["authrim_process_resident_memory_bytes", "server"] > 1_000_000
    await page.server.client("web")
    assert (await page.read())["authrim_log_position",] == head.position


@pytest.mark.parametrize("store_place", ["postgres"], indirect=True)
async def test_a_database_that_is_away_is_on_the_page(page: Page) -> None:
    """When the log cannot be read the page is there all the same, and says so: what was read before is not repeated."""
    await page.server.core.store.close()
    away = await page.read()
    assert away["authrim_database_up",] == 0
    assert ("authrim_log_position",) not in away
    assert away["authrim_append_queue_limit",] > 0


async def test_messages_that_wait_are_on_the_page(page: Page) -> None:
    """Each kind of message has its depth and the age of the oldest that waits; one that was given up is counted for
    itself."""
    outbox = page.server.core.store.outbox
    await outbox.add([NewDelivery("default", "watched", one, one, 1) for one in ("first", "second")])
    await outbox.give_up(
        "default:watched:first", [Retried("default:watched:first:first", 1, 0, "gone", dead=True)]
    )
    shown = await page.read()
    assert shown["authrim_outbox_messages", "watched", "waiting"] == 1
    assert shown["authrim_outbox_messages", "watched", "dead"] == 1
    assert 0 <= shown["authrim_outbox_oldest_message_seconds", "watched"] < 60


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_the_page_may_be_at_a_unix_socket(page: Page) -> None:
    """A path is a Unix socket that only its owner and group may use; one that an earlier server left is replaced, and
    one that somebody listens on is not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder) / "metrics"
        with closing(socket.socket(socket.AF_UNIX)) as left:
            left.bind(str(path))
        settings = page.server.core.settings.model_copy(update={"metrics_listen": str(path)})
        metrics = ServerMetrics.open(settings, (SERVER,))
        assert metrics is not None
        assert path.stat().st_mode & 0o777 == 0o660
        with pytest.raises(ListenError, match="Address already in use"):
            ServerMetrics.open(settings, (SERVER,))
        async with (
            measured(metrics.own(SERVER), page.server.core, ()),
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as http,
            http.get("http://metrics/metrics", headers={"Accept": "application/openmetrics-text"}) as answer,
        ):
            assert answer.content_type == "application/openmetrics-text"
            assert (await answer.text()).endswith("# EOF\n")
