"""Turns a Refusal into an answer: RFC 6749 §5.2 for clients, RFC 6750 §3 for protected resources.

The body has ``error``, ``error_description`` and ``error_uri`` and no other member (decisions.md 23); the
error id that ``authrim audit why`` explains travels in a header of its own.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec
from aiohttp import hdrs, web

from authrim.pages.headers import ERROR_ID_HEADER
from authrim.protocol.dpop import ALGORITHMS
from domain.errors import Refusal

REALM = "authrim"

BEARER: Final = "Bearer"
DPOP: Final = "DPoP"

# RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E. Without quote, backslash and control characters such a text is
# also safe inside a quoted-string of a header (A197).
_NOT_ALLOWED = re.compile(r"[^\x20\x21\x23-\x5B\x5D-\x7E]")
_RFC_SECTION = re.compile(r"RFC (\d+)(?: (?:§([\d.]+)|App\. ([A-Z])))?")


def json_refusal(refusal: Refusal, *, error_id: str, basic: bool = False) -> web.Response:
    """The answer of RFC 6749 §5.2. ``basic``: the client authenticated in the Authorization header."""
    response = _json(refusal, error_id)
    if refusal.error == "invalid_client" and basic:
        response.headers[hdrs.WWW_AUTHENTICATE] = f'Basic realm="{REALM}", charset="UTF-8"'
    return response


def resource_refusal(
    refusal: Refusal, *, error_id: str, scheme: str = BEARER, scope: str = "", described_at: str = ""
) -> web.Response:
    """The answer of a protected resource to an access token that it refuses (RFC 6750 §3, RFC 9449 §7.1).

    ``scope`` is what would have been enough, for ``insufficient_scope``; ``described_at`` where the resource's
    metadata is (RFC 9728 §5.1).
    """
    response = _json(refusal, error_id)
    challenge = f'{scheme} realm="{REALM}", error="{_allowed(refusal.error)}"'
    challenge += f', error_description="{_allowed(refusal.error_description)}"'
    if scope:
        challenge += f', scope="{_allowed(scope)}"'
    response.headers[hdrs.WWW_AUTHENTICATE] = challenge + _parameters(scheme, described_at)
    return response


def resource_challenge(
    *, error_id: str, schemes: Sequence[str] = (BEARER,), described_at: str = ""
) -> web.Response:
    """The answer to a request without any credentials: it names no error (RFC 6750 §3.1), and every scheme that may
    be used."""
    response = web.Response(status=401, headers={ERROR_ID_HEADER: error_id})
    for scheme in schemes:
        response.headers.add(
            hdrs.WWW_AUTHENTICATE, f'{scheme} realm="{REALM}"{_parameters(scheme, described_at)}'
        )
    return response


def _parameters(scheme: str, described_at: str) -> str:
    """RFC 9449 §7.1: which algorithms proofs may be signed with. RFC 9728 §5.1: where the resource's metadata is."""
    algorithms = f', algs="{" ".join(ALGORITHMS)}"' if scheme == DPOP else ""
    return algorithms + (f', resource_metadata="{described_at}"' if described_at else "")


def error_members(refusal: Refusal) -> dict[str, str]:
    """``error``, ``error_description`` and ``error_uri`` as they may be sent, in a body or in a redirect."""
    members = {"error": _allowed(refusal.error)}
    if refusal.error_description:
        members["error_description"] = _allowed(refusal.error_description)
    uri = section_uri(refusal.section)
    if uri:
        members["error_uri"] = uri
    return members


@lru_cache(maxsize=256)
def section_uri(section: str) -> str:
    """Where a section such as ``RFC 9126 §2.1`` can be read; empty if it is not an RFC."""
    match = _RFC_SECTION.match(section)
    if match is None:
        return ""
    number, numbered, appendix = match.groups()
    page = f"https://www.rfc-editor.org/rfc/rfc{number}"
    if numbered:
        return f"{page}#section-{numbered.rstrip('.')}"
    return f"{page}#appendix-{appendix}" if appendix else page


def _json(refusal: Refusal, error_id: str) -> web.Response:
    headers = {ERROR_ID_HEADER: error_id}
    if refusal.retry_after:
        headers[hdrs.RETRY_AFTER] = str(refusal.retry_after)
    return web.Response(
        body=msgspec.json.encode(error_members(refusal)),
        status=refusal.status,
        headers=headers,
        content_type="application/json",
    )


def _allowed(text: str) -> str:
    """``text`` in the characters of RFC 6749 §5.2."""
    return _NOT_ALLOWED.sub("?", text.replace('"', "'"))
