"""A certificate authority for tests, made with cryptography: servers and clients get their certificates from it."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)
CLIENT_AUTH = (ExtendedKeyUsageOID.CLIENT_AUTH,)
SERVER_AUTH = (ExtendedKeyUsageOID.SERVER_AUTH,)


@dataclass
class IssuedCertificate:
    """A certificate with its private key, and those that issued it."""

    certificate: x509.Certificate
    key: Any
    issuers: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def chain_pem(self) -> str:
        """Its certificate first, then those that issued it."""
        return self.pem + "".join(pem(issuer) for issuer in self.issuers)

    def key_pem(self) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Its files: the certificate with its issuers, and the key."""
        certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
        certificate.write_text(self.chain_pem())
        key.write_text(self.key_pem())
        return certificate, key


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def name_of(text: str) -> x509.Name:
    """A name by its common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@lru_cache(maxsize=1)
def rsa_key() -> rsa.RSAPrivateKey:
    """One for all servers: making an RSA key takes long."""
    return rsa.generate_private_key(65537, 2048)


@dataclass
class Authority:
    """Issues certificates. What a well-made authority has can be replaced."""

    name: str = "Test Root"
    issued_by: "Authority | None" = None
    is_ca: bool = True
    path_length: int | None = None
    valid: tuple[timedelta, timedelta] = (-DAY, 30 * DAY)
    usage: x509.KeyUsage | None = None
    constraints: x509.NameConstraints | None = None
    purposes: Sequence[x509.ObjectIdentifier] = ()
    extension: x509.ExtensionType | None = None
    hash: hashes.HashAlgorithm = field(default_factory=hashes.SHA256)
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def __post_init__(self) -> None:
        signer = self.issued_by or self
        subject = name_of(self.name)
        issuer = name_of(signer.name)
        builder = _builder(subject, issuer, self.key.public_key(), self.valid)
        builder = builder.add_extension(x509.BasicConstraints(self.is_ca, self.path_length), critical=True)
        usage = self.usage or key_usage(key_cert_sign=True, crl_sign=True)
        builder = builder.add_extension(usage, critical=True)
        if self.constraints is not None:
            builder = builder.add_extension(self.constraints, critical=True)
        if self.purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(self.purposes), critical=False)
        if self.extension is not None:
            builder = builder.add_extension(self.extension, critical=True)
        builder = builder.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False
        )
        builder = builder.add_extension(_authority(signer.key), critical=False)
        self.certificate = builder.sign(signer.key, self.hash)

    @property
    def issuers(self) -> tuple[x509.Certificate, ...]:
        """Itself and those above it, without the root."""
        return () if self.issued_by is None else (self.certificate, *self.issued_by.issuers)

    def issue(
        self,
        subject: x509.Name | str,
        names: Sequence[x509.GeneralName] = (),
        *,
        usage: Sequence[x509.ObjectIdentifier] = CLIENT_AUTH,
        for_key: x509.KeyUsage | None = None,
        extension: x509.ExtensionType | None = None,
        valid: tuple[timedelta, timedelta] = (-DAY, DAY),
        key: Any = None,
    ) -> IssuedCertificate:
        """A certificate for ``subject`` (or a common name), with these subject alternative names."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = name_of(subject) if isinstance(subject, str) else subject
        builder = _builder(subject, name_of(self.name), key.public_key(), valid)
        builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
        builder = builder.add_extension(for_key or key_usage(digital_signature=True), critical=True)
        builder = builder.add_extension(_authority(self.key), critical=False)
        if extension is not None:
            builder = builder.add_extension(extension, critical=True)
        if usage:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return IssuedCertificate(builder.sign(self.key, hashes.SHA256()), key, self.issuers)

    def server(self) -> IssuedCertificate:
        """A certificate for a server on this machine, with an RSA key."""
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        return self.issue("localhost", names, usage=SERVER_AUTH, key=rsa_key())

    def crl(self, *revoked: IssuedCertificate, valid: tuple[timedelta, timedelta] = (-DAY, DAY)) -> str:
        """Its revocation list, as PEM."""
        now = datetime.now(UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(name_of(self.name))
            .last_update(now + valid[0])
            .next_update(now + valid[1])
        )
        for one in revoked:
            entry = (
                x509.RevokedCertificateBuilder()
                .serial_number(one.certificate.serial_number)
                .revocation_date(now - DAY)
            )
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def self_signed(
    subject: str = "client", valid: tuple[timedelta, timedelta] = (-DAY, DAY), key: Any = None
) -> IssuedCertificate:
    """A certificate that nobody else vouches for."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name_of(subject), name_of(subject), key.public_key(), valid)
    return IssuedCertificate(builder.sign(key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Any, valid: tuple[timedelta, timedelta]
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + valid[0])
        .not_valid_after(now + valid[1])
    )


def _authority(key: Any) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def key_usage(**wanted: bool) -> x509.KeyUsage:
    none = dict.fromkeys(
        (
            "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
            "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
        ),
        False,
    )  # fmt: skip
    return x509.KeyUsage(**(none | wanted))
