"""RFC 8705 §2.1, RFC 5280 §6: whether a trusted authority vouches for a client's certificate and has not revoked it.
Whatever cannot be determined counts as a no.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID
from OpenSSL.crypto import X509, X509Store, X509StoreContext, X509StoreContextError, X509StoreFlags
from OpenSSL.crypto import Error as OpenSSLError

from authrim.memory.lru_cache import LruCache
from authrim.protocol.mtls import ClientCertificate, parsed, weakness

log = structlog.get_logger(__name__)

#: Intermediate authorities between a client's certificate and an anchor.
MOST_INTERMEDIATES: Final = 4
#: A chain that was good is not looked at again for so long, in seconds: a revocation counts after this time.
GOOD_FOR: Final = 60
#: Chains that are remembered at most.
REMEMBERED: Final = 4096
#: What is understood here; another extension that must be understood is a no (RFC 5280 §4.2).
_UNDERSTOOD: Final = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)

_FOR_CLIENTS: Final = frozenset({ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})
_BROKEN: Final = (hashes.MD5, hashes.SHA1)
_EVERY_USAGE: Final = x509.KeyUsage(*[True] * 9)

_CRL_END: Final = b"-----END X509 CRL-----"


class UnusableAnchors(Exception):
    """The files of the authorities or of their revocation lists cannot be used. The text says which, and why."""


class _Files:
    """The authorities and revocation lists as they were read, and the state of the files at that time."""

    def __init__(self, anchors: Path, crls: Path | None) -> None:
        """Raises UnusableAnchors."""
        self.state = _state(anchors, crls)
        self.anchors = _read_anchors(anchors)
        self.crls = None if crls is None else _read_crls(crls)


class ClientChains:
    """Validates the certificates of clients. ``anchors`` is a PEM file of authorities, ``crls`` one of revocation lists
    or None when nothing is ever revoked; both are read again when they change."""

    def __init__(self, anchors: Path | None, crls: Path | None) -> None:
        """Raises UnusableAnchors."""
        self._anchors = anchors
        self._crls = crls
        self._files = None if anchors is None else _Files(anchors, crls)
        self._good: LruCache[str, int] = LruCache(REMEMBERED)

    async def refusal(self, shown: ClientCertificate, now: int) -> str:
        """Why the certificate does not count at ``now`` (seconds since 1970), as a word for the log; empty when it
        does."""
        if self._anchors is None:
            return "certificate_no_anchors"
        if now < (self._good.get(shown.x5t_s256) or 0):
            return ""
        # Files and signatures, off the event loop.
        refusal, until = await asyncio.to_thread(self._validate, shown, now)
        if not refusal:
            self._good.put(shown.x5t_s256, until)
        return refusal

    def _validate(self, shown: ClientCertificate, now: int) -> tuple[str, int]:
        """The refusal, and until when it would stay empty."""
        certificate = parsed(shown.der)
        intermediates = [
            one for der in shown.issuers[:MOST_INTERMEDIATES] if (one := parsed(der)) is not None
        ]
        if certificate is None:
            return "certificate_malformed", 0
        files = self._current()
        if files is None:
            return "certificate_anchors_unusable", 0
        moment = datetime.fromtimestamp(now, UTC)
        try:
            chain = _chain(files.anchors, certificate, intermediates, moment)
            unfit = _unfit(chain, now)
        except (X509StoreContextError, OpenSSLError, ValueError, TypeError, UnsupportedAlgorithm):
            return "certificate_not_trusted", 0
        if unfit:
            return unfit, 0
        ends = [one.not_valid_after_utc for one in chain]
        if files.crls is not None:
            for one, issuer in pairwise(chain):
                crl = _current_crl(files.crls, issuer, moment)
                if crl is None:
                    return "certificate_revocation_unknown", 0
                if crl.get_revoked_certificate_by_serial_number(one.serial_number) is not None:
                    return "certificate_revoked", 0
                assert crl.next_update_utc is not None
                ends.append(crl.next_update_utc)
        return "", min(now + GOOD_FOR, int(min(ends).timestamp()))

    def _current(self) -> _Files | None:
        """The files as they are now; None when they have changed into something that cannot be used."""
        assert self._anchors is not None
        if self._files is None or self._files.state != _state(self._anchors, self._crls):
            try:
                self._files = _Files(self._anchors, self._crls)
            except UnusableAnchors as error:
                self._files = None
                log.error("client_chains.unusable", reason=str(error))
        return self._files


def _chain(
    anchors: Sequence[x509.Certificate],
    certificate: x509.Certificate,
    intermediates: Sequence[x509.Certificate],
    moment: datetime,
) -> list[x509.Certificate]:
    """The path from the certificate to an anchor, by OpenSSL: signatures, dates, basic constraints, ``keyCertSign``,
    name constraints (RFC 5280 §6.1). An anchor need not be a root. Raises X509StoreContextError.

    What browsers ask of web servers beyond that (a subject alternative name, key identifiers) is not asked: RFC 8705
    §2.1.2 lets the subject alone name the client.
    """
    store = X509Store()
    store.set_flags(X509StoreFlags.PARTIAL_CHAIN)
    store.set_time(moment)
    for anchor in anchors:
        store.add_cert(X509.from_cryptography(anchor))
    untrusted = [X509.from_cryptography(one) for one in intermediates]
    context = X509StoreContext(store, X509.from_cryptography(certificate), untrusted)
    return [one.to_cryptography() for one in context.get_verified_chain()]


def _unfit(chain: Sequence[x509.Certificate], now: int) -> str:
    """Why a path that holds is none for a client, as a word for the log; empty when it is one.

    What a certificate is for is judged at every certificate of the path, the anchor too, as OpenSSL does for its
    purpose ``sslclient``: an authority for web servers vouches for no client (RFC 5280 §4.2.1.12).
    """
    client, *authorities = chain
    if not 1 <= len(authorities) <= MOST_INTERMEDIATES + 1:
        return "certificate_not_trusted"  # an anchor vouches for others, and not for itself
    if not _key_usage_of(client).digital_signature:
        return "certificate_not_trusted"
    if not all(_key_usage_of(one).key_cert_sign for one in authorities):
        return "certificate_not_trusted"
    if not all(_is_for_clients(one) for one in chain):
        return "certificate_not_for_clients"
    # The signature on an anchor proves nothing, since it is trusted as it is.
    if any(isinstance(one.signature_hash_algorithm, _BROKEN) for one in chain[:-1]):
        return "certificate_signature_weak"
    if weak := next(filter(None, (weakness(one, now) for one in chain)), ""):
        return weak
    return "" if all(_is_understood(one) for one in chain[:-1]) else "certificate_critical_extension"


def _key_usage_of(certificate: x509.Certificate) -> x509.KeyUsage:
    """What its key may do: everything, when it does not say (RFC 5280 §4.2.1.3)."""
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return _EVERY_USAGE


def _is_for_clients(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return not _FOR_CLIENTS.isdisjoint(usage)


def _is_understood(certificate: x509.Certificate) -> bool:
    return all(one.oid in _UNDERSTOOD for one in certificate.extensions if one.critical)


def _current_crl(
    crls: Sequence[x509.CertificateRevocationList], issuer: x509.Certificate, moment: datetime
) -> x509.CertificateRevocationList | None:
    """The issuer's own complete list that is valid now; the newest, when there are several."""
    fitting = [crl for crl in crls if crl.issuer == issuer.subject and _holds(crl, issuer, moment)]
    return max(fitting, key=lambda crl: crl.last_update_utc, default=None)


def _holds(crl: x509.CertificateRevocationList, issuer: x509.Certificate, moment: datetime) -> bool:
    if crl.next_update_utc is None or not crl.last_update_utc <= moment < crl.next_update_utc:
        return False
    try:
        # A partial, indirect or delta list says so by a critical extension (RFC 5280 §5.2).
        if any(extension.critical for extension in crl.extensions) or not _key_usage_of(issuer).crl_sign:
            return False
        return crl.is_signature_valid(issuer.public_key())  # type: ignore[arg-type]
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False


def _state(*files: Path | None) -> tuple[tuple[int, int, int] | None, ...]:
    """A value that changes when the file does; None when the file does not exist."""
    return tuple(None if file is None else _state_of(file) for file in files)


def _state_of(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read_anchors(file: Path) -> list[x509.Certificate]:
    try:
        anchors = x509.load_pem_x509_certificates(file.read_bytes())
    except OSError as error:
        raise UnusableAnchors(f"tls_client_anchors: {file} cannot be read: {error.strerror}") from None
    except ValueError:
        raise UnusableAnchors(f"tls_client_anchors: {file} holds no certificate in PEM form") from None
    return anchors


def _read_crls(file: Path) -> list[x509.CertificateRevocationList]:
    """All revocation lists of a PEM file, which may hold one per authority."""
    try:
        text = file.read_bytes()
        blocks = [block + _CRL_END for block in text.split(_CRL_END)[:-1]]
        return [x509.load_pem_x509_crl(block) for block in blocks]
    except OSError as error:
        raise UnusableAnchors(f"tls_client_crls: {file} cannot be read: {error.strerror}") from None
    except ValueError:
        raise UnusableAnchors(
            f"tls_client_crls: {file} holds something else than revocation lists in PEM form"
        ) from None
