"""The settings: what they say together."""

import ipaddress
from collections.abc import Sequence
from typing import Final

from authrim.core.signing_keys import token_of
from authrim.crypto.pkcs11_access import NoPkcs11
from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.features import UnknownFeature, enabled
from authrim.settings.kinds import is_loopback

#: Found before there is anything to examine: the report begins and ends with it.
UNUSABLE: Final = Problem(
    "settings.unusable",
    "fault",
    "The settings cannot be used.",
    "Correct each setting that is named, in the file or the variable that is named with it.",
)
UNKNOWN_FEATURE: Final = Problem(
    "settings.unknown_feature",
    "fault",
    "The settings switch a feature that does not exist or cannot be switched.",
    "Use the names in docs/specs.md in features_on and features_off.",
)
NO_PKCS11: Final = Problem(
    "settings.no_pkcs11",
    "fault",
    "Signing keys are to be in a token, and the package that speaks to it is not installed.",
    "pip install 'authrim[pkcs11]'",
)
DEVELOPMENT: Final = Problem(
    "settings.development",
    "warning",
    "The server runs for development: plain HTTP, and cookies without Secure.",
    "Remove development, and set issuer to an https:// address.",
)
PASSED_OVER: Final = Problem(
    "settings.passed_over",
    "warning",
    "Variables that have the names of settings are ignored, because a container platform made them.",
    "Set enableServiceLinks: false in the pod, or give its service another name.",
)
PLAIN_HTTP: Final = Problem(
    "settings.plain_http",
    "warning",
    "The server takes plain HTTP from other machines. Whoever reaches the port passes the proxy by.",
    "Set host to an address that only the proxy reaches, or listen_socket, or let a firewall admit the proxy alone.",
)
METRICS_OPEN: Final = Problem(
    "settings.metrics_open",
    "warning",
    "The page of metrics has no sign-in, and listens on an address that other machines reach.",
    "Set metrics_listen to an address or a socket that only Prometheus reaches.",
)


async def _examine(examined: Examined) -> Sequence[Finding]:
    settings = examined.settings
    found: list[Finding] = []
    try:
        enabled(settings)
    except UnknownFeature as unknown:
        found.append(UNKNOWN_FEATURE.found(str(unknown)))
    try:
        token_of(settings)
    except NoPkcs11 as missing:
        found.append(NO_PKCS11.found(str(missing)))
    if settings.development:
        found.append(DEVELOPMENT.found())
    if settings.passed_over:
        found.append(PASSED_OVER.found(", ".join(settings.passed_over)))
    open_to_all = [host for host in settings.host if not is_loopback(host)]
    if open_to_all and settings.tls_certificate is None:
        found.append(PLAIN_HTTP.found(f"host: {', '.join(open_to_all)}; port {settings.port}"))
    host = (settings.metrics_listen or "/").rpartition(":")[0].strip("[]")
    if host and not is_loopback(host) and not _is_private(host):
        found.append(METRICS_OPEN.found(str(settings.metrics_listen)))
    return found


def _is_private(host: str) -> bool:
    """Whether an address is in a private network. Every address of the machine is none, nor is a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_private and not address.is_unspecified


CHECK: Final = Check(
    "settings",
    "Can the settings be used, and do they fit together?",
    (UNUSABLE, UNKNOWN_FEATURE, NO_PKCS11, DEVELOPMENT, PASSED_OVER, PLAIN_HTTP, METRICS_OPEN),
    _examine,
)
