"""What the suite asks of TLS (conformance.md 2.10), by real handshakes."""

import asyncio
import ssl
import warnings

ALLOWED = ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384")


async def negotiated(url: str, newest: ssl.TLSVersion, ciphers: str) -> tuple[str, str] | None:
    """The version and the cipher suite that the server at ``url`` takes; None when it takes none of those offered."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers(ciphers)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = newest
    host, _, port = url.removeprefix("https://").partition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    except (ssl.SSLError, ConnectionError):
        return None
    tls = writer.get_extra_info("ssl_object")
    writer.close()
    return tls.version(), tls.cipher()[0]


async def assert_strict(url: str) -> None:
    """Nothing before TLS 1.2, in 1.2 only the allowed suites, and 1.3 before 1.2."""
    everything = "ALL:@SECLEVEL=0"
    assert await negotiated(url, ssl.TLSVersion.TLSv1_1, everything) is None
    others = ":!".join((everything, *ALLOWED))
    assert await negotiated(url, ssl.TLSVersion.TLSv1_2, others) is None
    assert await negotiated(url, ssl.TLSVersion.TLSv1_2, ":".join(ALLOWED)) is not None
    newest = await negotiated(url, ssl.TLSVersion.TLSv1_3, everything)
    assert newest is not None
    assert newest[0] == "TLSv1.3"
