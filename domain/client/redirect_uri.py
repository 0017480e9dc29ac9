"""Redirect URIs: where an authorization response can be sent (RFC 6749 §3.1.2, RFC 8252 §7, RFC 9700 §4.1.3).

Redirect URIs are compared as strings and never normalised, because the parsers of browsers and servers disagree about
everything else. A URI that they could parse differently cannot be registered.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode

from domain.client.client import Client

MAX_LENGTH: Final = 2000

#: Parameters of authorization responses. A registered URI must not contain one, because it could be mistaken for the
#: server's (A015).
RESERVED_PARAMETERS: Final = frozenset(
    {
        "access_token", "code", "error", "error_description", "error_uri", "expires_in", "id_token", "iss",
        "response", "session_state", "state", "token_type",
    }
)  # fmt: skip

#: The characters of RFC 3986 without ``#`` (fragment) and ``*`` (wildcard).
_CHARACTERS: Final = re.compile(r"(?:[A-Za-z0-9\-._~:/?\[\]@!$&'()+,;=]|%[0-9A-Fa-f]{2})*")
_PARTS: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):(?://([^/?]*))?([^?]*)(?:\?(.*))?")
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?"
_AUTHORITY: Final = re.compile(rf"((?:{_LABEL}\.)*{_LABEL}|\[[0-9A-Fa-f:.]+\])(?::([0-9]{{1,5}}))?")
_REVERSE_DOMAIN: Final = re.compile(r"[a-z][a-z0-9\-]*(?:\.[a-z0-9\-]+)+")
_DOT_SEGMENT: Final = re.compile(r"/(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_LOOPBACK: Final = re.compile(r"http://(127\.0\.0\.1|\[::1\]|localhost)(?::([0-9]{1,5}))?([/?].*)?")
#: The loopback hosts. RFC 8252 §8.3 advises against ``localhost``, but most developer tools use it.
_LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "[::1]", "localhost"})


class Problem(NamedTuple):
    """Why a URI cannot be used and what to do about it, in characters that are allowed in ``error_description``."""

    what: str
    fix: str


class _Parts(NamedTuple):
    scheme: str
    authority: str | None
    path: str
    query: str


def registration_problem(
    redirect_uri: str, application_type: str, development: bool = False, plain_http: bool = False
) -> Problem | None:
    """Why the URI cannot be registered, or None. ``development``: loopback http is for every client. ``plain_http``:
    an administrator allows this client any http address (OIDC Core §3.1.2.1)."""
    problem = shape_problem(redirect_uri)
    if problem is not None:
        return problem
    parts = _parts(redirect_uri)
    assert parts is not None
    if parts.scheme == "https" or (parts.scheme == "http" and plain_http):
        return None
    if parts.scheme == "http":
        return _http_problem(_host(parts), application_type, development)
    if application_type != "native":
        return Problem("has a scheme that a web application cannot own.", "Use https.")
    return None


def _http_problem(host: str, application_type: str, development: bool) -> Problem | None:
    """http is allowed only on the person's own machine, where nobody else listens (RFC 8252 §7.3, §8.3)."""
    if (development or application_type == "native") and host in _LOOPBACK_HOSTS:
        return None
    return Problem(
        "is http.",
        "Use https; a native application may use http://127.0.0.1, http://[::1] or http://localhost. "
        "For an intranet an administrator may allow http.",
    )


def shape_problem(redirect_uri: str) -> Problem | None:
    """Why no client can use the URI, or None. This is checked at registration and at each use (A006, A010)."""
    if not 0 < len(redirect_uri) <= MAX_LENGTH:
        return Problem("is empty or too long.", f"Use at most {MAX_LENGTH} characters.")
    return _written_problem(redirect_uri)


@lru_cache(maxsize=1024)  # every request checks one of a few URIs
def _written_problem(redirect_uri: str) -> Problem | None:
    if "#" in redirect_uri:
        return Problem("has a fragment.", "Leave out the # and everything after it.")
    if "*" in redirect_uri:
        return Problem("has a wildcard.", "Register each URI in full.")
    if not _CHARACTERS.fullmatch(redirect_uri):
        return Problem(
            "has characters that are not allowed in URIs.", "Use ASCII, percent-encoded as in RFC 3986."
        )
    parts = _parts(redirect_uri)
    if parts is None:
        return Problem("is not an absolute URI.", "Begin with https://.")
    return _parts_problem(parts)


def _parts_problem(parts: _Parts) -> Problem | None:
    if "@" in (parts.authority or ""):
        return Problem("has user information before the host.", "Leave out the @ and everything before it.")
    if parts.scheme in {"http", "https"}:
        if not _is_authority(parts.authority):
            return Problem("has no well-formed host.", "Use https://host/path; a name has no trailing dot.")
    elif not _REVERSE_DOMAIN.fullmatch(parts.scheme):
        return Problem(
            "has a scheme that is not allowed.",
            "Use https, or a reverse domain name such as com.example.app.",
        )
    if _DOT_SEGMENT.search(parts.path):
        return Problem("has . or .. in its path.", "Write the path in full.")
    if any(name in RESERVED_PARAMETERS for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        return Problem("has a parameter of authorization responses in its query.", "Rename the parameter.")
    return None


def _parts(uri: str) -> _Parts | None:
    match = _PARTS.fullmatch(uri)
    if match is None:
        return None
    scheme, authority, path, query = match.groups()
    return _Parts(scheme.lower(), authority, path, query or "")


def _is_authority(authority: str | None) -> bool:
    match = _AUTHORITY.fullmatch(authority or "")
    return match is not None and (match[2] is None or 0 < int(match[2]) <= 65535)


def _host(parts: _Parts) -> str:
    match = _AUTHORITY.fullmatch(parts.authority or "")
    return match[1].lower() if match else ""


def matches(client: Client, redirect_uri: str) -> bool:
    """Whether responses for the client can be sent to the URI, which must equal a registered one exactly.

    Only the port of a native client's ``http://127.0.0.1``, ``http://[::1]`` or ``http://localhost`` can differ,
    because the operating system assigns it (RFC 8252 §7.3).
    """
    if shape_problem(redirect_uri) is not None:
        return False
    if redirect_uri in client.metadata.redirect_uris:
        return True
    if client.metadata.application_type != "native":
        return False
    wanted = _without_loopback_port(redirect_uri)
    return wanted is not None and any(
        wanted == _without_loopback_port(registered) for registered in client.metadata.redirect_uris
    )


def is_of_native_app(uri: str) -> bool:
    """Whether only a native application can have the address (RFC 8252 §7.1, §7.3). Takes any text."""
    parts = _parts(uri)
    if parts is None or parts.scheme == "https":
        return False
    return parts.scheme != "http" or _host(parts) in _LOOPBACK_HOSTS


def is_plain_http(uri: str) -> bool:
    """Whether the answer crosses a network without encryption. Takes a URI that passed ``shape_problem``."""
    parts = _parts(uri)
    return parts is not None and parts.scheme == "http" and _host(parts) not in _LOOPBACK_HOSTS


def _without_loopback_port(uri: str) -> tuple[str, str] | None:
    """The host and the rest of a loopback URI; None for any other."""
    match = _LOOPBACK.fullmatch(uri)
    return (match[1], match[3] or "") if match else None


def origin_of(uri: str) -> str:
    """The origin of the URI, for people and for ``form-action``: ``https://host:port``, or an application's own scheme
    with its colon. The URI must have passed ``shape_problem``."""
    parts = _parts(uri)
    assert parts is not None
    if parts.scheme in {"http", "https"}:
        return f"{parts.scheme}://{(parts.authority or '').lower()}"
    return f"{parts.scheme}:"


def web_origin(uri: str) -> str | None:
    """The origin of a web page at that address, as browsers write it (RFC 6454 §6.2); None if it is not a web page. The
    URI must have passed ``shape_problem``."""
    origin = origin_of(uri)
    if origin.startswith("https://"):
        return origin.removesuffix(":443")
    return origin.removesuffix(":80") if origin.startswith("http://") else None


def append_parameters(uri: str, parameters: Mapping[str, str]) -> str:
    """Add ``parameters`` to the query of the URI. An existing query stays unchanged (RFC 6749 §3.1.2)."""
    if uri.endswith(("?", "&")):
        return uri + _encoded(parameters)
    return f"{uri}{'&' if '?' in uri else '?'}{_encoded(parameters)}"


def append_fragment(uri: str, parameters: Mapping[str, str]) -> str:
    """Add ``parameters`` as the fragment of the URI (OAuth MRT §2.1). A registered URI has no fragment."""
    return f"{uri}#{_encoded(parameters)}"


def _encoded(parameters: Mapping[str, str]) -> str:
    """A space is encoded as %20, which parsers of forms and of URIs both understand, not as the + of forms."""
    return urlencode(parameters, quote_via=quote, safe="")
