"""When a certificate is renewed by ACME, who does it, and what is left when it fails (RFC 8555; A314, A315)."""

import asyncio
import fcntl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from authrim.server.certificates import acme_order_of
from authrim.settings import BadSettings, Settings
from authrim.wire import acme
from authrim.wire.certificate_order import AcmeOrder, NoCertificate
from tests.support import certificates
from tests.support.https_site import Authority, serving_site
from tests.support.running import MASTER_KEY

NAME = "login.example.com"
DAY = certificates.DAY


@pytest.fixture
def order(tmp_path: Path) -> AcmeOrder:
    """An order at an authority that nobody is."""
    return AcmeOrder(
        "https://localhost:1/directory", None, tmp_path / "account.pem", 1, None, (NAME,), tmp_path / "server.crt",
        tmp_path / "server.key",
    )  # fmt: skip


def has_certificate(order: AcmeOrder, *, begun: timedelta, ends: timedelta, name: str = NAME) -> None:
    """Put a certificate with its key into the files."""
    authority = certificates.Authority("Some authority", path_length=0)
    issued = authority.issue(name, [x509.DNSName(name)], usage=certificates.SERVER_AUTH, valid=(-begun, ends))
    order.certificate.write_text(issued.chain_pem())
    order.key.write_text(issued.key_pem())


def test_when_it_is_due(order: AcmeOrder) -> None:
    """A315: a certificate is due when there is none, when a third of its life is left, and when it is of other names or
    another key."""
    assert acme.due(order)
    has_certificate(order, begun=59 * DAY, ends=31 * DAY)
    assert not acme.due(order)
    assert acme.due(order, datetime.now(UTC) + 2 * DAY)
    assert acme.due(order._replace(names=(NAME, "mtls.example.com")))
    has_certificate(order, begun=DAY, ends=89 * DAY, name="other.example.com")
    assert acme.due(order)
    has_certificate(order, begun=DAY, ends=89 * DAY)
    key = order.key.read_text()
    has_certificate(order, begun=DAY, ends=89 * DAY)
    order.key.write_text(key)
    assert acme.due(order)
    order.key.write_text("no key")
    assert acme.due(order)


def test_the_files_of_keys_are_private(order: AcmeOrder) -> None:
    """A314: keys are made readable by their owner alone, are kept when an order fails, and nothing else is written."""
    with pytest.raises(NoCertificate, match="acme_directory"):
        acme.renew(order)
    for file in (order.account_key, order.key):
        assert file.stat().st_mode & 0o777 == 0o600
        load_pem_private_key(file.read_bytes(), password=None)
    kept = order.key.read_bytes(), order.account_key.read_bytes()
    with pytest.raises(NoCertificate):
        acme.renew(order)
    assert (order.key.read_bytes(), order.account_key.read_bytes()) == kept
    assert {file.name for file in order.key.parent.iterdir()} == {"account.pem", "server.key"}


def test_a_key_that_another_process_made_meanwhile_stays(
    order: AcmeOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A315: of two processes that find no key of the account, both use the one that was there first: it is the lock."""
    make = ec.generate_private_key

    def made_meanwhile(curve: ec.EllipticCurve) -> ec.EllipticCurvePrivateKey:
        order.account_key.write_text("the other process's")
        return make(curve)

    monkeypatch.setattr(ec, "generate_private_key", made_meanwhile)
    with pytest.raises(NoCertificate, match="is no private key"):
        acme.renew(order)
    assert order.account_key.read_text() == "the other process's"
    assert {file.name for file in order.key.parent.iterdir()} == {"account.pem", "server.key"}


@pytest.mark.parametrize("answer", [[], {}, "x", None, {"newNonce": 5, "newAccount": 5, "newOrder": 5}])
async def test_an_answer_that_is_none_of_an_authority(
    order: AcmeOrder, tmp_path: Path, answer: object
) -> None:
    """A315: whatever is found at the address of the directory, a server that has a certificate starts, and the
    authority is left alone as after any failure."""
    authority = Authority(tmp_path)
    has_certificate(order, begun=80 * DAY, ends=10 * DAY)
    async with serving_site(authority) as site:
        found = order._replace(directory=site.serve("/directory", answer), authority=authority.ca_file)
        with pytest.raises(NoCertificate, match="no answer to be understood"):
            await asyncio.to_thread(acme.renew, found)
        await asyncio.to_thread(acme.obtain_first, found)


def test_a_missing_authority_file_is_named(order: AcmeOrder, tmp_path: Path) -> None:
    """Who certifies the address cannot be read from a file that is not there, which is what the reason says."""
    with pytest.raises(NoCertificate, match="acme_ca_file"):
        acme.renew(order._replace(authority=tmp_path / "missing.pem"))


def test_what_was_issued_is_due_again(order: AcmeOrder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A315: a new certificate that is due at once is a failure, after which the authority is left alone for a while."""
    has_certificate(order, begun=DAY, ends=89 * DAY, name="other.example.com")
    issued = order.certificate.read_bytes()
    monkeypatch.setattr(acme, "_ordered", lambda _order: issued)
    with pytest.raises(NoCertificate, match=f"lacks a name.*{NAME}"):
        acme.renew(order)
    acme.obtain_first(order)


def test_one_of_several_renews(order: AcmeOrder) -> None:
    """A315: while a process orders a certificate, the others do not."""
    with pytest.raises(NoCertificate):
        acme.renew(order)
    with order.account_key.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert acme.renew(order) is False
        assert acme.renew(order, at_once=True) is False


def test_a_certificate_that_is_still_good_is_enough_to_start(order: AcmeOrder) -> None:
    """A315: an authority that is down stops no server that has a certificate, and one that has none says why."""
    with pytest.raises(NoCertificate, match="acme_directory"):
        acme.obtain_first(order)
    has_certificate(order, begun=80 * DAY, ends=10 * DAY)
    before = order.certificate.read_bytes()
    acme.obtain_first(order)
    assert order.certificate.read_bytes() == before


def test_what_is_ordered(tmp_path: Path) -> None:
    """The certificate has the names of the issuer, of the address for client certificates and of ``tls_names``, each
    once; without files to write, the setting is refused."""
    values = {
        "issuer": "https://login.example.com:8443", "mtls_url": "https://mtls.example.com",
        "master_keys": (MASTER_KEY,), "tls_names": ("login.example.com", "www.example.com"),
        "acme_directory": "https://ca.example.com/directory",
    }  # fmt: skip
    files = {"tls_certificate": tmp_path / "a.crt", "tls_key": tmp_path / "a.key"}
    order = acme_order_of(Settings(**values, **files))
    assert order is not None
    assert order.names == ("login.example.com", "mtls.example.com", "www.example.com")
    assert order.account_key == tmp_path / "acme-account.pem"
    with pytest.raises((BadSettings, ValueError), match="acme_directory: needs tls_certificate and tls_key"):
        Settings(**values)
    with pytest.raises((BadSettings, ValueError), match="https URL"):
        Settings(**values | {"acme_directory": "http://ca.example.com"}, **files)
