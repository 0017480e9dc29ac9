"""A server that is set up as it must be, examined by every check."""

import ssl
import time
from pathlib import Path

import pytest
from cryptography import x509

from authrim.clients.records import list_clients
from authrim.crypto.ids import first_id_of
from authrim.doctor.catalogue import CHECKS
from authrim.doctor.examination import examine
from authrim.doctor.examined import Options
from authrim.doctor.sign_in import throw_away
from authrim.doctor.sign_in.throw_away import PREFIX
from authrim.people.account_list import list_accounts
from authrim.store.contract import Store
from domain.stream import DEFAULT_TENANT
from tests.doctor.examinations import at, faults
from tests.support.certificates import DAY, SERVER_AUTH, Authority, pem
from tests.support.ports import free_port
from tests.support.running import running_server


async def test_nothing_is_found_where_nothing_is_wrong(
    store: Store, store_place: Path | str, tmp_path: Path
) -> None:
    """Every check runs over TLS, on both engines; the whole sign-in goes through, and leaves nothing that anybody could
    use."""
    authority, port = Authority(), free_port()
    names = [x509.DNSName("localhost")]
    issued = authority.issue("localhost", names, usage=SERVER_AUTH, valid=(-DAY, 60 * DAY))
    certificate, key = issued.write(tmp_path, "server")
    key.chmod(0o600)
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(pem(authority.certificate))
    tls = {"tls_certificate": certificate, "tls_key": key, "tls_client_certificates": "request"}
    trusting = ssl.create_default_context(cafile=str(ca_file))
    issuer = f"https://localhost:{port}"
    async with running_server(
        store, trusting, port=port, issuer=issuer, host=("localhost",), **tls, **at(store_place)
    ) as server:
        before = (await store.head()).position
        settings = server.core.settings.model_copy(update=at(store_place))
        options = Options(ca_file=ca_file, sign_in=True)
        results = [result async for result in examine(settings, options)]
        events = await store.read_log(before, 100)
        clients = await list_clients(store, DEFAULT_TENANT, PREFIX)
        accounts = await list_accounts(store, DEFAULT_TENANT, PREFIX)
    assert [result.check.id for result in results] == [check.id for check in CHECKS]
    found = {finding.problem.id: finding.detail for result in results for finding in result.findings}
    # The tests' own: a server for development, and a role that owns everything.
    notes = {"durability.checksums", "files.as_root"}
    expected = {"settings.development"} | ({"role.superuser"} if isinstance(store_place, str) else set())
    assert {name for name in found if name not in notes} == expected, found
    passed_over = {result.check.id for result in results if result.passed_over}
    assert passed_over == (
        set() if isinstance(store_place, str) else {"durability", "role", "sessions", "pooler", "replica"}
    )
    assert [client for client in clients if client.client_id.startswith(PREFIX)] == []
    assert [one.status for one in accounts if one.subject.startswith(PREFIX)] == ["erased"]
    types = [event.type for event in events]
    assert {"client.registered.v1", "client.deleted.v1", "account.person_erased.v1"} <= set(types), types


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_what_an_interrupted_run_left_is_taken_away(store: Store, store_place: Path | str) -> None:
    """A client and an account of a run that was killed are gone after a later one. Those of a run that another machine
    makes now stay, and those that somebody gave such a name."""
    async with running_server(store, **at(store_place)) as server:
        old, young = (PREFIX + first_id_of(int(time.time()) - ago) for ago in (3600, 60))
        left = await throw_away.make(server.core, old)
        assert left.password not in repr(left)
        assert left.client_secret not in repr(left)
        for kept in (young, f"{PREFIX}of-somebody"):
            await throw_away.make(server.core, kept)
        asked = ("settings", "database", "discovery", "sign_in")
        assert await faults(server, store_place, *asked, sign_in=True) == {"settings.development"}
        clients = {client.client_id for client in await list_clients(store, DEFAULT_TENANT, PREFIX)}
        accounts = await list_accounts(store, DEFAULT_TENANT, PREFIX)
    kept_names = {young, f"{PREFIX}of-somebody"}
    assert {name for name in clients if name.startswith(PREFIX)} == kept_names
    mine = {one.subject: one.status for one in accounts if one.subject.startswith(PREFIX)}
    assert {subject for subject, status in mine.items() if status != "erased"} == kept_names
    assert mine[old] == "erased"
    assert len(mine) == 4
