"""Mistakes with the certificate that the issuer shows, each on a real listener."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from authrim.doctor.examined import Options
from authrim.doctor.finding import Finding
from tests.doctor.examinations import findings, settings_at
from tests.support.certificates import DAY, SERVER_AUTH, Authority, IssuedCertificate, pem, self_signed

ROOT = Authority("Root")
BELOW = Authority("Intermediate", issued_by=ROOT)
LONG = (-DAY, 90 * DAY)
LOCALHOST = (x509.DNSName("localhost"),)


@asynccontextmanager
async def listener(
    folder: Path, shown: IssuedCertificate, *, chain: bool = True, old: bool = False
) -> AsyncIterator[int]:
    """TLS with this certificate, with or without its issuers; the port. ``old``: TLS 1.1 too."""
    certificate, key = shown.write(folder, "shown")
    if not chain:
        certificate.write_text(shown.pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if old or "weak" in folder.name:
        context.set_ciphers("ALL:@SECLEVEL=0")
    if old:
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def judged(
    folder: Path, shown: IssuedCertificate, *, trusted: bool = True, own: Path | None = None, **how: bool
) -> Mapping[str, Finding]:
    """What is found of a certificate, by somebody who trusts the root or nobody."""
    ca_file = folder / "ca.pem"
    ca_file.write_text(pem(ROOT.certificate))
    async with listener(folder, shown, **how) as port:
        settings = settings_at(
            folder / "none.db",
            issuer=f"https://localhost:{port}",
            **({} if own is None else {"tls_certificate": own, "tls_key": own.with_suffix(".key")}),
        )
        options = Options(address="127.0.0.1", ca_file=ca_file if trusted else None)
        return await findings(settings, "certificate", options=options)


def issued(
    names: tuple[x509.GeneralName, ...] = LOCALHOST, valid: tuple[object, object] = LONG, key: object = None
) -> IssuedCertificate:
    return BELOW.issue("server", names, usage=SERVER_AUTH, valid=valid, key=key)  # type: ignore[arg-type]


MISTAKES: dict[str, tuple[Callable[[], IssuedCertificate], dict[str, bool], str, str]] = {
    "expired": (lambda: issued(valid=(-3 * DAY, -DAY)), {}, "expired", "Renew it, and reload"),
    "not valid yet": (lambda: issued(valid=(DAY, 30 * DAY)), {}, "expired", "reload"),
    "soon": (lambda: issued(valid=(-DAY, 5 * DAY)), {}, "expires_soon", "renewed by itself"),
    "another name": (lambda: issued((x509.DNSName("*.example.com"),)), {}, "wrong_name", "issuer's host"),
    "no intermediate": (issued, {"chain": False}, "chain_incomplete", "fullchain.pem"),
    "a private authority": (issued, {"trusted": False}, "untrusted", "--ca-file"),
    "self-signed": (lambda: self_signed("localhost", LONG), {}, "untrusted", "public authority"),
    "a short key": (
        lambda: issued(key=rsa.generate_private_key(65537, 1024)), {}, "weak", "2048 bits",
    ),
    "old TLS": (issued, {"old": True}, "old_tls", "ssl_protocols TLSv1.2 TLSv1.3"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1 is deprecated:DeprecationWarning")
@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_mistake_with_the_certificate_is_found(tmp_path: Path, mistake: str) -> None:
    """Each is found alone, and the finding says how it is mended."""
    make, how, wanted, word = MISTAKES[mistake]
    folder = tmp_path / mistake.replace("a short key", "weak").replace(" ", "-")
    folder.mkdir()
    found = await judged(folder, make(), **how)
    assert f"certificate.{wanted}" in found, found
    assert word in found[f"certificate.{wanted}"].fix


@pytest.mark.parametrize("names", [LOCALHOST, (x509.DNSName("LOCALHOST"),)])
async def test_a_good_certificate(tmp_path: Path, names: tuple[x509.GeneralName, ...]) -> None:
    """Nothing is found with a whole chain, a fitting name and enough time."""
    assert await judged(tmp_path, issued(names)) == {}


async def test_a_certificate_that_was_renewed_and_not_loaded(tmp_path: Path) -> None:
    """The file has a newer one than is shown."""
    newer, _ = issued(valid=(-DAY, 200 * DAY)).write(tmp_path, "newer")
    found = await judged(tmp_path, issued(), own=newer)
    assert list(found) == ["certificate.not_reloaded"]
    assert "SIGHUP" in found["certificate.not_reloaded"].fix


async def test_plain_http_is_no_tls(tmp_path: Path) -> None:
    """Whoever answers without TLS is told apart from nobody."""
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        settings = settings_at(tmp_path / "none.db", issuer=f"https://localhost:{port}")
        found = await findings(settings, "certificate", options=Options(address="127.0.0.1"))
    assert "speaks TLS" in found["certificate.no_tls"].detail
