"""Certificates of the server by ACME (RFC 8555)."""

from pathlib import Path

from pydantic import Field

from authrim.settings.kinds import AcmeDirectory, Group


class Acme(Group):
    """Certificates of the server by ACME ([operations/acme.md](operations/acme.md))."""

    acme_directory: AcmeDirectory | None = Field(
        default=None,
        description="The directory of a certificate authority with ACME (RFC 8555), such as "
        "`https://acme-v02.api.letsencrypt.org/directory`. With it, the server obtains and renews the certificate "
        "in the file `tls_certificate` itself, and you agree to the terms of that authority. Needs the extra `acme`.",
    )
    acme_contact: str | None = Field(
        default=None,
        pattern=r"^[^@\s,]+@[^@\s,]+$",
        description="The mail address that the authority writes to when something is wrong.",
    )
    acme_account_key: Path | None = Field(
        default=None,
        description="A file with the private key of the account at the authority. It is made when it is missing. "
        "Without this setting: `acme-account.pem` beside `tls_key`.",
    )
    acme_http_port: int = Field(
        default=80,
        ge=1,
        le=65535,
        description="The port at which the server answers the authority (HTTP-01). Something must lead port 80 of the "
        "names there. It is open only while a certificate is obtained.",
    )
    acme_ca_file: Path | None = Field(
        default=None,
        description="A PEM file with the authorities that certify the address `acme_directory`, for one inside a "
        "company. Without it: the usual authorities.",
    )
