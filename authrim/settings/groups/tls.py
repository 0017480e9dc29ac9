"""TLS by the server itself, and what it asks of clients there (RFC 8705)."""

from pathlib import Path

from pydantic import BaseModel, Field

from authrim.settings.kinds import ClientCertificates, HeaderSecret, HostNames, Issuer, Networks


class Tls(BaseModel):
    """TLS by the server itself, and what it asks of clients there (RFC 8705)."""

    tls_certificate: Path | None = Field(
        default=None,
        description="A PEM file with the server's certificate and those that issued it: the server speaks TLS "
        "1.3 and 1.2 and no plain HTTP. SIGHUP reads it anew. With a certificate for an ECDSA key it is TLS 1.3 alone.",
    )
    tls_key: Path | None = Field(
        default=None, description="A PEM file with the private key of `tls_certificate`, not encrypted."
    )
    tls_names: HostNames = Field(
        default=(),
        description="Further host names that this server is asked by over its own TLS, beside those of `issuer` and "
        "`mtls_url`. A request whose `Host` is another is answered 421; `/health` is answered whatever it is.",
    )
    tls_client_certificates: ClientCertificates = Field(
        default="none",
        description="`request` asks every client for a certificate, which it may refuse. Browsers then ask their "
        "users for one: where people sign in, leave it and set `mtls_port`.",
    )
    mtls_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="A second TCP port with TLS, which asks for client certificates whatever the first one does.",
    )
    mtls_url: Issuer | None = Field(
        default=None,
        description="The public URL that stands in place of `issuer` where clients are asked for certificates; the "
        "metadata names its endpoints as `mtls_endpoint_aliases` (RFC 8705 §5). Empty: at `issuer` itself.",
    )
    tls_client_anchors: Path | None = Field(
        default=None,
        description="A PEM file of the authorities that may vouch for the certificates of clients "
        "(`tls_client_auth`). Read anew when it changes. Without it no such client gets in.",
    )
    tls_client_crls: Path | None = Field(
        default=None,
        description="A PEM file with a current revocation list of each of those authorities, and of those below "
        "them. Read anew when it changes; a list that is missing or too old keeps its authority's clients out.",
    )
    client_cert_proxies: Networks = Field(
        default=(),
        description="Networks (CIDR) of the reverse proxies whose `Client-Cert` header (RFC 9440) is believed, when "
        "they also send `client_cert_secret`. Such a proxy must remove that header from what it gets. Those that come "
        "by `listen_socket` need no network, and the secret all the same.",
    )
    client_cert_secret: HeaderSecret | None = Field(
        default=None,
        min_length=32,
        description="What those proxies send as `Client-Cert-Secret`: 32 characters or more that nobody can guess.",
    )
    listen_socket: Path | None = Field(
        default=None,
        description="A Unix socket to listen on beside the port, for a reverse proxy on this machine. Nothing that "
        "comes by it is believed for that alone: `X-Forwarded-For` takes `trusted_proxy_socket`, `Client-Cert` takes "
        "`client_cert_secret`.",
    )
