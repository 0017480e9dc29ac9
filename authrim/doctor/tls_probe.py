"""Looks at the TLS of a server as it is, without trusting it: the certificates it sends, and the versions it speaks."""

import asyncio
import ipaddress
import select
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any, Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL, crypto

from authrim.doctor.outside_client import TIMEOUT

#: X509_V_FLAG_NO_CHECK_TIME: whether a certificate has expired is asked by itself.
_WHATEVER_TIME: Final = 0x200000


class NoTls(Exception):
    """There is no TLS. The text says why."""


class Seen(NamedTuple):
    """What the server showed. ``untrusted``: why the chain leads to no known authority, in OpenSSL's words; empty
    when it does. ``old_version``: it also speaks TLS 1.1 or older."""

    chain: tuple[x509.Certificate, ...]
    untrusted: str
    old_version: bool

    @property
    def leaf(self) -> x509.Certificate:
        """The server's own certificate."""
        return self.chain[0]


async def look(host: str, port: int, address: str | None, ca_file: Path | None) -> Seen:
    """Connect twice. ``address``: where, in place of what DNS says. Raises NoTls."""
    return await asyncio.to_thread(_look, host, port, address, ca_file)


def _look(host: str, port: int, address: str | None, ca_file: Path | None) -> Seen:
    try:
        chain = _handshake(host, port, address, SSL.Context(SSL.TLS_CLIENT_METHOD))
    except SSL.Error:
        raise NoTls("nobody speaks TLS there, or none that both sides accept") from None
    except OSError as error:
        raise NoTls(error.strerror or "no answer in time") from None
    untrusted = _why_untrusted(chain, ca_file)
    parsed = tuple(one.to_cryptography() for one in chain)
    return Seen(parsed, untrusted, _speaks_old_version(host, port, address))


def _speaks_old_version(host: str, port: int, address: str | None) -> bool:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_cipher_list(b"ALL:@SECLEVEL=0")
    context.set_min_proto_version(SSL.TLS1_VERSION)
    context.set_max_proto_version(SSL.TLS1_1_VERSION)
    try:
        _handshake(host, port, address, context)
    except (SSL.Error, OSError):
        return False
    return True


def _handshake(host: str, port: int, address: str | None, context: SSL.Context) -> list[crypto.X509]:
    """The certificates that the server sends. Raises SSL.Error and OSError."""
    with socket.create_connection((address or host, port), TIMEOUT) as wire:
        wire.setblocking(False)
        connection = SSL.Connection(context, wire)
        connection.set_connect_state()
        if not _is_address(host):
            connection.set_tlsext_host_name(host.encode("ascii"))
        _drive(connection.do_handshake, wire, monotonic() + TIMEOUT)
        return list(connection.get_peer_cert_chain() or ())


def _drive(step: Callable[[], Any], wire: socket.socket, deadline: float) -> None:
    while True:
        try:
            step()
            return
        except SSL.WantReadError:
            ready, _, _ = select.select([wire], [], [], max(0.0, deadline - monotonic()))
        except SSL.WantWriteError:
            _, ready, _ = select.select([], [wire], [], max(0.0, deadline - monotonic()))
        if not ready:
            raise TimeoutError("no answer in time")


def _why_untrusted(chain: list[crypto.X509], ca_file: Path | None) -> str:
    store = crypto.X509Store()
    paths = ssl.get_default_verify_paths()
    if paths.cafile or paths.capath:
        store.load_locations(paths.cafile, paths.capath)
    if ca_file is not None:
        store.load_locations(ca_file)
    store.set_flags(_WHATEVER_TIME)
    try:
        crypto.X509StoreContext(store, chain[0], chain[1:]).verify_certificate()
    except crypto.X509StoreContextError as error:
        return str(error)
    return ""


def is_for(certificate: x509.Certificate, host: str) -> bool:
    """Whether the certificate is for the host (RFC 9525 §6.3): by a name or an address among its alternative names."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    if _is_address(host):
        return ipaddress.ip_address(host) in names.get_values_for_type(x509.IPAddress)
    return any(_matches(name.lower(), host.lower()) for name in names.get_values_for_type(x509.DNSName))


def names_of(certificate: x509.Certificate) -> str:
    """The names that a certificate is for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return "none"
    return ", ".join(str(one.value) for one in names) or "none"


def _matches(pattern: str, host: str) -> bool:
    if pattern.startswith("*."):
        _, _, rest = host.partition(".")
        return rest == pattern[2:]
    return pattern == host


def is_weak(certificate: x509.Certificate) -> bool:
    """Whether no browser takes such a key or signature any more."""
    key = certificate.public_key()
    hashed = certificate.signature_hash_algorithm
    return (isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048) or (
        hashed is not None and hashed.name in {"md5", "sha1"}
    )


def outside_of_its_time(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether a certificate is not valid at a time."""
    return not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def is_self_issued(certificate: x509.Certificate) -> bool:
    """Whether a certificate names itself as its issuer."""
    return certificate.issuer == certificate.subject


def certificates_in(path: Path) -> Iterator[x509.Certificate]:
    """The certificates of a PEM file; none when it cannot be read."""
    try:
        yield from x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        return


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
