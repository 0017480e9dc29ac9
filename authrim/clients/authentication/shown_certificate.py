"""The certificate that the client presented, on this server or on a proxy (RFC 8705 §2, RFC 9440).

If TLS ends here, it comes from our own listener. If TLS ends at a proxy, it comes from the proxy's ``Client-Cert``
header. That is trusted only from peers that send the secret and connect from a configured network or through our Unix
socket (A091). The socket alone is not enough: a proxy may pass on any header that it receives. The header of any other
peer is ignored.
"""

from base64 import b64decode
from functools import lru_cache
from hmac import compare_digest
from socket import AF_UNIX
from typing import Final, cast
from urllib.parse import unquote_to_bytes

import msgspec
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from authrim.protocol.mtls import ClientCertificate
from authrim.settings import Settings
from authrim.web.request_facts import NOT_READ, facts_of
from authrim.wire.forwarded import Network, is_in
from authrim.wire.tls import CLIENT_CERTIFICATES
from domain.errors import Refusal, invalid_client

CERTIFICATE_HEADER: Final = "Client-Cert"
CHAIN_HEADER: Final = "Client-Cert-Chain"
SECRET_HEADER: Final = "Client-Cert-Secret"  # noqa: S105 - the name of a header

#: The longest certificate that is read, in bytes, and the most issuer certificates.
MAX_BYTES: Final = 8192
MOST_ISSUERS: Final = 8
_HEADERS_HELD: Final = 1024
#: The form that nginx sends: percent-encoded PEM.
_ESCAPED_PEM: Final = "-----BEGIN%20CERTIFICATE-----"


class CertificateProxies(msgspec.Struct, frozen=True):
    """The peers whose ``Client-Cert`` is trusted when they send the secret: by network, and by the Unix socket."""

    networks: tuple[Network, ...] = ()
    secret: str = ""
    by_socket: bool = False

    def __repr__(self) -> str:
        return "CertificateProxies()"

    @classmethod
    def of(cls, settings: Settings) -> "CertificateProxies":
        """The proxies of the settings."""
        secret = settings.client_cert_secret
        return cls(
            networks=settings.client_cert_proxies,
            secret=secret.get_secret_value() if secret else "",
            by_socket=settings.listen_socket is not None,
        )


CERTIFICATE_PROXIES = web.AppKey("certificate_proxies", CertificateProxies)
"""The key of an application's proxies; without it no header is trusted."""


def presented_certificate(request: web.Request) -> ClientCertificate | Refusal | None:
    """The certificate whose key the client proved possession of; None when there is none. It is read once per
    request."""
    facts = facts_of(request)
    if facts.certificate is NOT_READ:
        facts.certificate = _read(request)
    return cast("ClientCertificate | Refusal | None", facts.certificate)


def _read(request: web.Request) -> ClientCertificate | Refusal | None:
    if _is_believed(request):
        return _from_headers(request)  # the certificate of the connection is that of the proxy
    shown = request.get_extra_info(CLIENT_CERTIFICATES)
    return _certificate(shown) if shown else None


def _is_believed(request: web.Request) -> bool:
    proxies = request.app.get(CERTIFICATE_PROXIES)
    if proxies is None:
        return False
    secrets = request.headers.getall(SECRET_HEADER, ())
    return (
        bool(proxies.secret)
        and len(secrets) == 1
        and compare_digest(secrets[0].encode("utf-8", "surrogateescape"), proxies.secret.encode())
        and (
            (proxies.by_socket and _came_by_socket(request)) or is_in(request.remote or "", proxies.networks)
        )
    )


def _came_by_socket(request: web.Request) -> bool:
    socket = request.get_extra_info("socket")
    return socket is not None and socket.family == AF_UNIX


def _from_headers(request: web.Request) -> ClientCertificate | Refusal | None:
    """RFC 9440 §2.2, §2.3. With a second ``Client-Cert``, one of them is not from the proxy, so both are refused."""
    own = request.headers.getall(CERTIFICATE_HEADER, ())
    if not any(own):
        return None  # nginx sends an empty header when the client has no certificate
    chain = request.headers.getall(CHAIN_HEADER, ())
    ders = _ders(own[0], ",".join(chain)) if len(own) == 1 else None
    return MALFORMED if ders is None else _certificate(ders)


@lru_cache(maxsize=_HEADERS_HELD)
def _ders(own: str, chain: str) -> tuple[bytes, ...] | None:
    """The certificates of the headers; None when they have neither the form of RFC 9440 nor that of nginx."""
    written = [own, *(member.strip(" \t") for member in chain.split(",") if member.strip(" \t"))]
    found = [_escaped_pem(one) if one.startswith(_ESCAPED_PEM) else _byte_sequence(one) for one in written]
    return None if None in found else tuple(one for one in found if one is not None)


def _byte_sequence(value: str) -> bytes | None:
    """RFC 8941 §3.3.5: base64 between colons."""
    if len(value) < 3 or not value.startswith(":") or not value.endswith(":"):
        return None
    try:
        return b64decode(value[1:-1], validate=True)
    except ValueError:
        return None


def _escaped_pem(value: str) -> bytes | None:
    try:
        return x509.load_pem_x509_certificate(unquote_to_bytes(value)).public_bytes(Encoding.DER)
    except ValueError:
        return None


def _certificate(ders: tuple[bytes, ...]) -> ClientCertificate | Refusal:
    own, *issuers = ders
    if len(issuers) > MOST_ISSUERS or any(len(der) > MAX_BYTES for der in ders):
        return MALFORMED
    return ClientCertificate(own, tuple(issuers))


MALFORMED: Final = invalid_client(
    "The client certificate cannot be read.",
    reason="certificate_malformed",
    hint="Send one certificate of usual size.",
)
