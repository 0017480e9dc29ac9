"""TLS by the server itself, and client certificates (RFC 8705)."""

from pathlib import Path

from pydantic import Field

from authrim.settings.kinds import ClientCertificates, Group, HeaderSecret, HostNames, Issuer, Networks


class Tls(Group):
    """TLS by the server itself, and client certificates (RFC 8705)."""

    tls_certificate: Path | None = Field(
        default=None,
        description="A PEM file with the server's certificate chain: the server then speaks TLS 1.3 and 1.2, "
        "and no plain HTTP. SIGHUP reloads it. With an ECDSA key it speaks only TLS 1.3.",
    )
    tls_key: Path | None = Field(
        default=None, description="A PEM file with the private key of `tls_certificate`, not encrypted."
    )
    tls_names: HostNames = Field(
        default=(),
        description="Further host names of this server over its own TLS, in addition to those of `issuer` and"
        " `mtls_url`. A request with another `Host` gets 421, except `/health`.",
    )
    tls_client_certificates: ClientCertificates = Field(
        default="none",
        description="`request` asks every client for a certificate, which is optional. Browsers then ask "
        "their users for one, so if people sign in here, leave it at `none` and set `mtls_port`.",
    )
    mtls_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="A second TCP port with TLS, which always asks for client certificates.",
    )
    mtls_url: Issuer | None = Field(
        default=None,
        description="The public URL that replaces `issuer` where clients are asked for certificates. The "
        "metadata lists its endpoints as `mtls_endpoint_aliases` (RFC 8705 §5). Empty: `issuer` "
        "itself.",
    )
    tls_client_anchors: Path | None = Field(
        default=None,
        description="A PEM file of the authorities that may issue certificates of clients "
        "(`tls_client_auth`). Reloaded when it changes. Without it, no such client can "
        "authenticate.",
    )
    tls_client_crls: Path | None = Field(
        default=None,
        description="A PEM file with a current revocation list of each of those authorities and of those "
        "below them. Reloaded when it changes. If a list is missing or outdated, clients of its "
        "authority cannot authenticate.",
    )
    client_cert_proxies: Networks = Field(
        default=(),
        description="Networks (CIDR) of the reverse proxies whose `Client-Cert` header (RFC 9440) is trusted,"
        " if they also send `client_cert_secret`. Such a proxy must remove that header from the "
        "requests it receives. Proxies that connect through `listen_socket` need only the secret.",
    )
    client_cert_secret: HeaderSecret | None = Field(
        default=None,
        min_length=32,
        description="The value that those proxies send as `Client-Cert-Secret`: at least 32 characters, "
        "impossible to guess.",
    )
    client_cert_secret_file: Path | None = Field(
        default=None, description="A file with that value, instead of `client_cert_secret`."
    )
    listen_socket: Path | None = Field(
        default=None,
        description="A Unix socket to listen on in addition to the port, for a reverse proxy on this machine."
        " Its headers are not trusted by themselves: `X-Forwarded-For` needs "
        "`trusted_proxy_socket`, `Client-Cert` needs `client_cert_secret`.",
    )
