"""What the settings say of certificates by ACME (RFC 8555)."""

from typing import Final
from urllib.parse import urlsplit

from authrim.settings import Settings
from authrim.wire.certificate_order import AcmeOrder

_ACCOUNT_KEY: Final = "acme-account.pem"


def acme_order_of(settings: Settings) -> AcmeOrder | None:
    """How the server's certificate is ordered; None where it is not by ACME."""
    if settings.acme_directory is None or settings.tls_certificate is None or settings.tls_key is None:
        return None
    urls = [settings.issuer, *([settings.mtls_url] if settings.mtls_url else [])]
    names = dict.fromkeys([*(urlsplit(url).hostname or "" for url in urls), *settings.tls_names])
    return AcmeOrder(
        settings.acme_directory,
        settings.acme_contact,
        settings.acme_account_key or settings.tls_key.with_name(_ACCOUNT_KEY),
        settings.acme_http_port,
        settings.acme_ca_file,
        tuple(names),
        settings.tls_certificate,
        settings.tls_key,
    )
