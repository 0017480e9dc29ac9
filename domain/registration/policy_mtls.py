"""Mutual TLS (RFC 8705 §2.1.2, §2.2.2)."""

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Final

from domain.client.metadata import ClientMetadata
from domain.client.profile import SELF_SIGNED, TLS_CLIENT_AUTH
from domain.errors import Refusal
from domain.registration import distinguished_name
from domain.registration.invalid_metadata import invalid

MAX_NAME: Final = 1024
_HOST_LABEL: Final = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"{_HOST_LABEL}(\.{_HOST_LABEL})*")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]+")
_LOCAL_PART: Final = re.compile(r"[!-?A-~]+")


def checks(metadata: ClientMetadata) -> Iterable[Refusal | None]:
    """The rules, in order."""
    by_authority = metadata.token_endpoint_auth_method == TLS_CLIENT_AUTH
    given = [name for name in _RULES if getattr(metadata, name) is not None]
    if by_authority and len(given) != 1:
        yield invalid(
            "tls_client_auth",
            "needs exactly one name of the certificate.",
            hint=f"Set one of {', '.join(_RULES)}.",
        )
    for name in given:
        is_valid, fix = _RULES[name]
        value = getattr(metadata, name)
        if len(value) > MAX_NAME or not is_valid(value):
            yield invalid(name, "is malformed.", hint=fix)
    if metadata.token_endpoint_auth_method == SELF_SIGNED:
        yield _certificates_in_keys(metadata)


def _certificates_in_keys(metadata: ClientMetadata) -> Refusal | None:
    """The certificate is registered as the ``x5c`` of a key (RFC 8705 §2.2.2)."""
    if metadata.jwks_uri is not None:
        return None
    if metadata.jwks is None:
        return invalid(
            "jwks",
            "is missing for self_signed_tls_client_auth.",
            hint="Register the certificate in a key's x5c.",
        )
    keys = metadata.jwks.get("keys")
    if not isinstance(keys, list) or not any(isinstance(key, dict) and certificate_in(key) for key in keys):
        return invalid(
            "jwks",
            "holds no certificate.",
            hint="Put it into a key's x5c: base64 of the DER, without line breaks.",
        )
    return None


def certificate_in(jwk: dict[str, object]) -> str | None:
    """The certificate of a key in standard base64: the first of its ``x5c`` (RFC 7517 §4.7)."""
    chain = jwk.get("x5c")
    first = chain[0] if isinstance(chain, list) and chain else None
    return first if isinstance(first, str) and first else None


def is_email(value: str) -> bool:
    """Whether the value is a mailbox as in RFC 5280 §4.2.1.6: without display name and comment."""
    local, at, host = value.rpartition("@")
    return bool(at and _LOCAL_PART.fullmatch(local) and _HOST.fullmatch(host))


def is_ip(value: str) -> bool:
    """Whether the value is an IPv4 or IPv6 address without a zone."""
    try:
        return getattr(ipaddress.ip_address(value), "scope_id", None) is None
    except ValueError:
        return False


_RULES: Final[dict[str, tuple[Callable[[str], object], str]]] = {
    "tls_client_auth_subject_dn": (
        distinguished_name.parse,
        "Write it as in RFC 4514, CN=client,O=Example; write unusual attributes as OIDs.",
    ),
    "tls_client_auth_san_dns": (_HOST.fullmatch, "Write a host name without wildcard."),
    "tls_client_auth_san_uri": (_URI.fullmatch, "Write an absolute URI."),
    "tls_client_auth_san_ip": (is_ip, "Write an IPv4 or IPv6 address."),
    "tls_client_auth_san_email": (is_email, "Write a bare mail address."),
}
