"""The certificate that people and clients are shown at the issuer."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509

from authrim.doctor.check import Check
from authrim.doctor.examined import Examined, port_of
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs
from authrim.doctor.tls_probe import (
    NoTls,
    Seen,
    certificates_in,
    is_for,
    is_self_issued,
    is_weak,
    look,
    names_of,
    outside_of_its_time,
)

SOON: Final = timedelta(days=14)

NO_TLS: Final = Problem(
    "certificate.no_tls",
    "fault",
    "Nobody speaks TLS where the issuer says.",
    "Let the proxy listen there with TLS, or set tls_certificate and tls_key.",
)
EXPIRED: Final = Problem(
    "certificate.expired",
    "fault",
    "A certificate that is shown is not valid now.",
    "Renew it, and reload whoever shows it: the proxy, or the server by SIGHUP (systemctl reload authrim).",
)
EXPIRES_SOON: Final = Problem(
    "certificate.expires_soon",
    "warning",
    f"A certificate that is shown expires within {SOON.days} days.",
    "Renew it, and look why it was not renewed by itself.",
)
WRONG_NAME: Final = Problem(
    "certificate.wrong_name",
    "fault",
    "The certificate is for another host than the issuer's.",
    "Get a certificate for the issuer's host, or correct the name in the proxy's configuration, or issuer.",
)
CHAIN_INCOMPLETE: Final = Problem(
    "certificate.chain_incomplete",
    "fault",
    "The intermediate certificate is not sent, or a private authority issued the certificate.",
    "Put the certificate and its issuers into one file (fullchain.pem), and reload whoever shows it. If all your "
    "clients trust a private authority, name it to the doctor with --ca-file.",
)
UNTRUSTED: Final = Problem(
    "certificate.untrusted",
    "fault",
    "The certificate leads to no authority that this machine trusts.",
    "Get one from a public authority. If all your clients trust a private one, name it to the doctor with --ca-file.",
)
WEAK: Final = Problem(
    "certificate.weak",
    "fault",
    "The certificate has a key or a signature that browsers do not take any more.",
    "Get one with an RSA key of 2048 bits or more, or an ECDSA key, signed with SHA-256.",
)
OLD_TLS: Final = Problem(
    "certificate.old_tls",
    "warning",
    "TLS 1.1 or older is spoken there (RFC 8996 forbids it).",
    "Allow TLS 1.2 and 1.3 alone; in nginx: ssl_protocols TLSv1.2 TLSv1.3;",
)
NOT_RELOADED: Final = Problem(
    "certificate.not_reloaded",
    "warning",
    "Another certificate is shown than the one in tls_certificate.",
    "Send SIGHUP to the server (systemctl reload authrim). Behind a proxy with TLS of its own this is as it should be.",
)


async def _examine(examined: Examined) -> Sequence[Finding]:
    found: list[Finding] = []
    urls = [examined.settings.issuer, *([examined.settings.mtls_url] if examined.settings.mtls_url else [])]
    for number, url in enumerate(map(urlsplit, urls)):
        host = url.hostname or ""
        options = examined.options
        try:
            seen = await look(host, port_of(url), options.address, options.ca_file)
        except NoTls as no_tls:
            found.append(NO_TLS.found(f"{url.netloc}: {no_tls}"))
            continue
        found += _judged(seen, host)
        if number == 0:
            found += _reloaded(examined, seen)
            examined.shows_own_certificate = seen.leaf == _own_certificate(examined)
    return found


def _judged(seen: Seen, host: str) -> Iterator[Finding]:
    now = datetime.now(UTC)
    for one in seen.chain:
        until = f"{host}: {one.subject.rfc4514_string()} until {one.not_valid_after_utc:%Y-%m-%d}"
        if outside_of_its_time(one, now):
            yield EXPIRED.found(until)
        elif outside_of_its_time(one, now + SOON):
            yield EXPIRES_SOON.found(until)
    if not is_for(seen.leaf, host):
        yield WRONG_NAME.found(f"{host} is not among: {names_of(seen.leaf)}")
    if seen.untrusted and len(seen.chain) == 1 and not is_self_issued(seen.leaf):
        yield CHAIN_INCOMPLETE.found(f"{host}: {seen.untrusted}")
    elif seen.untrusted:
        yield UNTRUSTED.found(f"{host}: {seen.untrusted}")
    if is_weak(seen.leaf):
        yield WEAK.found(host)
    if seen.old_version:
        yield OLD_TLS.found(host)


def _own_certificate(examined: Examined) -> x509.Certificate | None:
    path = examined.settings.tls_certificate
    return next(certificates_in(path), None) if path is not None else None


def _reloaded(examined: Examined, seen: Seen) -> Iterator[Finding]:
    own = _own_certificate(examined)
    if own is not None and own != seen.leaf:
        file = examined.settings.tls_certificate
        until = [f"{one.not_valid_after_utc:%Y-%m-%d}" for one in (own, seen.leaf)]
        yield NOT_RELOADED.found(f"{file} is valid until {until[0]}, the one that is shown until {until[1]}")


CHECK: Final = Check(
    "certificate",
    "Do people and clients get a certificate that they accept?",
    (
        NO_TLS, EXPIRED, EXPIRES_SOON, WRONG_NAME, CHAIN_INCOMPLETE, UNTRUSTED, WEAK, OLD_TLS, NOT_RELOADED,
    ),
    _examine,
    (Needs.HTTPS,),
)  # fmt: skip
