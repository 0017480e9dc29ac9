"""The certificates of ``authrim dev --mtls-port``: an authority in the data folder, and a server certificate from it.

For one machine and one developer. The authority's key stays in the folder, to make certificates for clients with.
"""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_DAYS: Final = 365
_NAMES: Final = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))


def tls_settings(data: Path, port: int) -> dict[str, Any]:
    """The settings for a second port with TLS. Missing certificates are created. Raises OSError."""
    folder = data / "tls"
    if not (folder / "server.crt").exists():
        _make(folder)
    return {
        "tls_certificate": folder / "server.crt",
        "tls_key": folder / "server.key",
        "tls_client_anchors": folder / "ca.crt",
        "mtls_port": port,
        "mtls_url": f"https://localhost:{port}",
    }


def _make(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    server_key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authrim Development")])
    identifier = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    authority = (
        _certificate(name, name, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(identifier, critical=False)
        .sign(authority_key, SHA256())
    )
    server = (
        _certificate(x509.Name([]), name, server_key.public_key())
        .add_extension(x509.SubjectAlternativeName(_NAMES), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False
        )
        .sign(authority_key, SHA256())
    )
    for file, key in (("ca.key", authority_key), ("server.key", server_key)):
        (folder / file).touch(mode=0o600)
        (folder / file).write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "ca.crt").write_bytes(authority.public_bytes(Encoding.PEM))
    (folder / "server.crt").write_bytes(
        server.public_bytes(Encoding.PEM)
    )  # last: its presence says that all is there


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_DAYS))
    )
