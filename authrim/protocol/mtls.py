"""RFC 8705: a client's certificate, its thumbprint, and whether it is the one that a client registered.

That the client holds the certificate's key was shown in the TLS handshake, here or at our proxy. Whether an authority
vouches for it is in ``client_chain``; a certificate that only binds tokens needs nobody's word (§3).
"""

import ipaddress
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwcrypto.jwk import JWK

from authrim.crypto import base64url
from domain.client.metadata import ClientMetadata
from domain.registration import distinguished_name
from domain.registration.distinguished_name import DistinguishedName
from domain.registration.policy_mtls import certificate_in

#: RFC 9325 §4.2: no shorter RSA keys.
_SHORTEST_RSA_KEY: Final = 2048
_PARSED_HELD: Final = 1024


class ClientCertificate(msgspec.Struct, frozen=True):
    """A client's certificate, as DER, and the intermediate certificates that the client sent."""

    der: bytes
    issuers: tuple[bytes, ...] = ()

    def __repr__(self) -> str:
        return f"ClientCertificate({self.x5t_s256})"

    @property
    def x5t_s256(self) -> str:
        """The thumbprint that tokens are bound to (§3.1)."""
        return thumbprint(self.der)


@lru_cache(maxsize=_PARSED_HELD)
def thumbprint(der: bytes) -> str:
    """``x5t#S256``: SHA-256 over the DER, base64url (RFC 8705 §3.1, RFC 7515 §4.1.8)."""
    return base64url.encode(sha256(der).digest())


@lru_cache(maxsize=_PARSED_HELD)
def parsed(der: bytes) -> x509.Certificate | None:
    """The certificate, parsed once; None when it is malformed, or of a version that has no extensions."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.extensions  # noqa: B018 - a duplicate or malformed one raises
        certificate.subject  # noqa: B018 - a common name that is no text raises TypeError
    except (
        ValueError,
        TypeError,
        x509.DuplicateExtension,
        x509.UnsupportedGeneralNameType,
        x509.InvalidVersion,
    ):
        return None
    return certificate


def weakness(certificate: x509.Certificate, now: int) -> str:
    """Why the certificate proves nothing at ``now`` (seconds), as a word for the log; empty when it does."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "certificate_key_unknown"
    if isinstance(key, RSAPublicKey) and key.key_size < _SHORTEST_RSA_KEY:
        return "certificate_key_short"
    moment = datetime.fromtimestamp(now, UTC)
    if not certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc:
        return "certificate_expired"
    return ""


def is_registered_name(certificate: x509.Certificate, metadata: ClientMetadata) -> bool:
    """Whether the certificate bears the one name that the client registered (§2.1.2)."""
    registered = [(name, getattr(metadata, name)) for name in _BEARS if getattr(metadata, name) is not None]
    if len(registered) != 1:
        return False
    [(name, value)] = registered
    return _BEARS[name](certificate, value)


def is_registered_certificate(der: bytes, keys: Iterable[Mapping[str, Any]]) -> bool:
    """Whether one of the client's keys has this very certificate in its ``x5c`` (§2.2)."""
    return any(_same(der, certificate_in(dict(key))) for key in keys)


def jwk_of(pem: bytes) -> dict[str, Any]:
    """A client's certificate as a key of its ``jwks`` (§2.2.2, RFC 7517 §4.7). Raises ValueError for what is none."""
    certificate = x509.load_pem_x509_certificate(pem)
    der = certificate.public_bytes(Encoding.DER)
    public = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    jwk: dict[str, Any] = JWK.from_pem(public).export_public(as_dict=True)
    return jwk | {"kid": thumbprint(der), "x5c": [b64encode(der).decode()], "x5t#S256": thumbprint(der)}


def _same(der: bytes, registered: str | None) -> bool:
    try:
        return registered is not None and compare_digest(der, b64decode(registered, validate=True))
    except ValueError:
        return False


def _has_subject(certificate: x509.Certificate, registered: str) -> bool:
    wanted = distinguished_name.parse(registered)
    return wanted is not None and subject_of(certificate) == wanted


def subject_of(certificate: x509.Certificate) -> DistinguishedName | None:
    """The subject as ``distinguished_name`` compares it; None when it is empty or cannot be compared."""
    relatives = []
    for relative in certificate.subject.rdns:
        if not all(isinstance(attribute.value, str) for attribute in relative):
            return None
        named = distinguished_name.relative_name(
            (attribute.oid.dotted_string, str(attribute.value)) for attribute in relative
        )
        if named is None:
            return None
        relatives.append(named)
    return tuple(relatives) or None


def _has_dns(certificate: x509.Certificate, registered: str) -> bool:
    """Compare without case. A wildcard is a name like any other (RFC 4343)."""
    return registered.lower() in (name.lower() for name in _alternative_names(certificate, x509.DNSName))


def _has_uri(certificate: x509.Certificate, registered: str) -> bool:
    """Compare character by character (RFC 3986 §6.2.1)."""
    return registered in _alternative_names(certificate, x509.UniformResourceIdentifier)


def _has_ip(certificate: x509.Certificate, registered: str) -> bool:
    """As an address, so that it may be written in more than one way (RFC 5952)."""
    return ipaddress.ip_address(registered) in _alternative_names(certificate, x509.IPAddress)


def _has_email(certificate: x509.Certificate, registered: str) -> bool:
    """The host without case, what stands before it as it is (RFC 5280 §7.5)."""
    return _mailbox(registered) in map(_mailbox, _alternative_names(certificate, x509.RFC822Name))


def _mailbox(address: str) -> tuple[str, str]:
    local, _, host = address.rpartition("@")
    return local, host.lower()


def _alternative_names(certificate: x509.Certificate, kind: Any) -> list[Any]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return list(names.get_values_for_type(kind))


_BEARS: Final[dict[str, Callable[[x509.Certificate, str], bool]]] = {
    "tls_client_auth_subject_dn": _has_subject,
    "tls_client_auth_san_dns": _has_dns,
    "tls_client_auth_san_uri": _has_uri,
    "tls_client_auth_san_ip": _has_ip,
    "tls_client_auth_san_email": _has_email,
}
