"""Certificates by ACME (RFC 8555): obtained, kept in the files ``tls_certificate`` and ``tls_key``, renewed in place.

One process of several renews: whoever has the lock of the account's key file. The others, and the one itself, see that
the file of the certificate is another one and load it (``kept_certificate``). The private key stays as it is, so that
the two files fit at every moment; to change it, delete its file.
"""

import asyncio
import contextlib
import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from authrim.wire.certificate_order import AcmeOrder, NoCertificate

log = structlog.get_logger("authrim.acme")

#: How often a process looks whether the certificate is another one, or has to be renewed, in seconds.
LOOK_SECONDS: Final = 20.0
#: How long it leaves the certificate authority alone after a failure: authorities count failures, by the hour.
FAILURE_SECONDS: Final = 3600.0

#: TLS 1.2 of the FAPI profiles needs an RSA key (authrim/wire/tls.py).
_KEY_BITS: Final = 3072


def renew(order: AcmeOrder, *, at_once: bool = False) -> bool:
    """Obtain a certificate when it is due, or ``at_once``. False when it was not, or another process does it.

    It blocks for as long as the authority takes, some seconds. Raises NoCertificate.
    """
    if not at_once and not due(order):
        return False
    try:
        _make_key(order.account_key, lambda: ec.generate_private_key(ec.SECP256R1()))
        _make_key(order.key, lambda: rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS))
        with _alone(order.account_key) as alone:
            if not alone or not (at_once or due(order)):
                return False
            with _draft(order.certificate, _ordered(order), 0o644) as draft:
                draft.replace(order.certificate)
    except OSError as failed:
        raise NoCertificate(f"{failed.filename or order.certificate}: {failed.strerror}") from None
    log.info("acme.renewed", names=order.names, directory=order.directory)
    if due(order):
        # Otherwise one would be ordered at every look.
        raise NoCertificate(
            f"{order.certificate}: what the authority has issued lacks a name, or most of its life is over: does it "
            f"issue for {', '.join(order.names)}, and is the clock of this machine right?"
        )
    return True


def obtain_first(order: AcmeOrder) -> None:
    """Obtain a certificate before the server starts. One that can still be used is enough: ``kept_certificate`` goes on
    trying. Raises NoCertificate."""
    try:
        renew(order)
    except NoCertificate as failed:
        if not order.certificate.exists():
            raise
        log.error("acme.not_renewed", reason=str(failed))


def due(order: AcmeOrder, now: datetime | None = None) -> bool:
    """Whether it is missing, is of other names or another key, or has less than a third of its life left."""
    try:
        certificate = x509.load_pem_x509_certificates(order.certificate.read_bytes())[0]
        key = load_pem_private_key(order.key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):  # TypeError: the key has a password
        return True
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if certificate.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        return True
    life: timedelta = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    left: timedelta = certificate.not_valid_after_utc - (now or datetime.now(UTC))
    return not set(order.names) <= set(names_in(certificate)) or left < life / 3


def names_in(certificate: x509.Certificate) -> list[str]:
    """The DNS names that a certificate is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return names.get_values_for_type(x509.DNSName)


async def kept_certificate(order: AcmeOrder, reload: Callable[[], None]) -> None:
    """Renew the certificate when it is due, and load it when it is another one, until it is cancelled."""
    loaded, quiet_until = _when(order.certificate), 0.0
    clock = asyncio.get_running_loop().time
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if clock() >= quiet_until:
            try:
                await asyncio.to_thread(renew, order)
            except NoCertificate as failed:
                quiet_until = clock() + FAILURE_SECONDS
                log.error("acme.not_renewed", reason=str(failed), tries_again_in=FAILURE_SECONDS)
        if _when(order.certificate) != loaded:
            loaded = _when(order.certificate)
            reload()


def require_library() -> None:
    """Raise NoCertificate where what speaks to authorities is not installed: it is an optional part."""
    if find_spec("acme") is None:
        raise NoCertificate("acme_directory: needs the package acme: pip install 'authrim[acme]'")


def _ordered(order: AcmeOrder) -> bytes:
    require_library()
    from authrim.wire._acme_order import ordered

    return ordered(order)


def _when(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _make_key(file: Path, make: Callable[[], ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]) -> None:
    """Write a private key that only we may read, unless there is one. Of two processes, both go on with the same."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    content = make().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with _draft(file, content, 0o600) as draft, contextlib.suppress(FileExistsError):
        os.link(draft, file)


@contextlib.contextmanager
def _draft(file: Path, content: bytes, mode: int) -> Iterator[Path]:
    """The content in a file beside the one it is for: nobody ever reads a half of it, and a key is never readable by
    others."""
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[bool]:
    """Whether no other process orders a certificate with this account."""
    with file.open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
