"""Mutual TLS: the doctor shows a certificate of its own, and asks the server which one it saw (RFC 8705)."""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from authrim.core.seen_request import MALFORMED
from authrim.doctor.asking import NotSeen, ask_server
from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs
from authrim.doctor.outside_client import NoAnswer
from authrim.protocol.mtls import thumbprint

NO_ANSWER: Final = Problem(
    "client_certificates.no_answer",
    "fault",
    "The server does not answer where clients are asked for certificates.",
    "Correct mtls_url, or let the proxy listen there and pass on everything below it.",
)
NOT_SEEN: Final = Problem(
    "client_certificates.not_seen",
    "fault",
    "The client's certificate does not reach the server, so no client authenticates with one.",
    "Let the proxy ask for a certificate without validating it, and send it as Client-Cert with Client-Cert-Secret; "
    "set client_cert_proxies and client_cert_secret to match. docs/operations/running.md has the configuration.",
)
OTHER: Final = Problem(
    "client_certificates.other",
    "fault",
    "The server sees another certificate than the client showed.",
    "Let the proxy send the client's own certificate in Client-Cert, in the form of RFC 9440 or nginx's "
    "$ssl_client_escaped_cert.",
)


async def _examine(examined: Examined) -> Sequence[Finding]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shown.pem"
        der = _write_certificate(file)
        base = examined.settings.mtls_url or examined.settings.issuer
        try:
            seen, _ = await ask_server(examined, base=base, certificate=file)
        except (NoAnswer, NotSeen) as failed:
            return [NO_ANSWER.found(f"{base}: {failed}")]
    if not seen.client_certificate:
        return [NOT_SEEN.found(base)]
    if seen.client_certificate != thumbprint(der):
        what = "one that cannot be read" if seen.client_certificate == MALFORMED else "another one"
        return [OTHER.found(f"{base}: {what}")]
    return []


def _write_certificate(file: Path) -> bytes:
    """A certificate that nobody trusts, for some minutes, and its key: the DER. No client is registered with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authrim doctor")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.touch(0o600)
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return certificate.public_bytes(serialization.Encoding.DER)


CHECK: Final = Check(
    "client_certificates",
    "Does a client's certificate reach the server?",
    (NO_ANSWER, NOT_SEEN, OTHER),
    _examine,
    (Needs.CLIENT_CERTIFICATES, Needs.STORE, Needs.ANSWERS, Needs.SEEN),
)
