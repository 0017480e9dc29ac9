"""The records that a SIEM is sent."""

from pathlib import Path

from pydantic import Field

from authrim.settings.kinds import CertificateWithKey, Group, HostAndPort, TrustedAuthorities


class Siem(Group):
    """The records that a SIEM is sent."""

    siem_file: Path | None = Field(
        default=None,
        description="A file to which each event of the log is appended as one line of JSON, an OCSF record. It may be "
        "renamed at any time, as `logrotate` does.",
    )
    siem_syslog: HostAndPort | None = Field(
        default=None,
        description="The `host:port` of a syslog receiver (RFC 5424 over TLS, RFC 5425; usually port 6514) that is "
        "sent the same records.",
    )
    siem_ca_file: TrustedAuthorities | None = Field(
        default=None,
        description="The authorities (PEM) that issue the certificate of the syslog receiver. Without it: those of "
        "the system.",
    )
    siem_client_certificate: CertificateWithKey | None = Field(
        default=None,
        description="A PEM file with a certificate and its private key, for a receiver that asks for one.",
    )
