"""Read the client's credentials from a request. Exactly one method may be used (RFC 6749 §2.3, RFC 7521 §4.2, A077).

Nothing is verified here. ``_methods`` decides whether the credentials are of the registered method, and checks them.
"""

import binascii
from base64 import b64decode
from collections.abc import Sequence
from enum import Enum
from typing import Final

import msgspec
from aiohttp import web

from authrim.protocol import client_assertion
from authrim.protocol.client_assertion import ASSERTION_TYPE, Assertion
from authrim.web.params import Params, decode_component
from domain.errors import Refusal, invalid_client

ATTESTATION_HEADER: Final = "OAuth-Client-Attestation"


class CredentialsKind(Enum):
    """The kind of credentials. ``CLIENT_ID``: the request only names its client, which a certificate proves (RFC 8705
    §2) or nothing at all."""

    CLIENT_ID = "client_id"
    BASIC = "basic"
    FORM = "form"
    ASSERTION = "assertion"
    ATTESTATION = "attestation"


class Credentials(msgspec.Struct, frozen=True):
    """The credentials of a request before they are checked: a client secret, an attestation, or a parsed assertion."""

    client_id: str
    way: CredentialsKind
    secret: str = ""
    assertion: Assertion | None = None

    def __repr__(self) -> str:
        return f"Credentials({self.way})"


def presented(request: web.Request, form: Params, *, attestations: bool) -> Credentials | Refusal:
    """The credentials of the one method that the request uses (RFC 6749 §2.3: at most one). ``attestations``:
    attestations are accepted. An attestation together with another method is ignored
    (draft-ietf-oauth-attestation-based-client-auth-10 §8.2)."""
    header = request.headers.getall("Authorization", [])
    assertion = form.get("client_assertion")
    assertion_type = form.get("client_assertion_type")
    secret = form.get("client_secret")
    used = [bool(header), assertion is not None or assertion_type is not None, secret is not None]
    if sum(used) > 1 or len(header) > 1:
        methods = [name for name, is_used in zip(_METHODS_BY_PLACE, used, strict=True) if is_used]
        return _more_than_one(methods)
    client_id = form.get("client_id")
    if header:
        return _basic(header[0], client_id)
    if used[1]:
        return _assertion(assertion, assertion_type, client_id)
    if secret is None and attestations and ATTESTATION_HEADER in request.headers:
        return _attestation(request.headers.getall(ATTESTATION_HEADER), client_id)
    if client_id is None:
        return invalid_client(
            "There is no client authentication.", reason="credentials_missing", hint="Send client_id."
        )
    if secret is not None:
        return Credentials(client_id, CredentialsKind.FORM, secret)
    return Credentials(client_id, CredentialsKind.CLIENT_ID)


#: Parameters that are credentials too.
BESIDE_HEADER: Final = frozenset({"client_assertion", "client_assertion_type", "client_secret"})
#: The methods by where their credentials are: in the header, as an assertion, in the form.
_METHODS_BY_PLACE: Final = ("client_secret_basic", "a client_assertion", "client_secret_post")


def _more_than_one(methods: Sequence[str]) -> Refusal:
    return Refusal(
        "invalid_request",
        "More than one client authentication method is used.",
        hint="Use one.",
        section="RFC 6749 §2.3",
        reason="methods_at_once",
        details=(("used", " and ".join(methods)),),
    )


def _attestation(attestations: Sequence[str], client_id: str | None) -> Credentials | Refusal:
    """The attestation names its client in ``sub``. It is trusted only after the key of a trusted attester verified
    it."""
    read = client_assertion.read(attestations[0]) if len(attestations) == 1 else None
    if read is None or (client_id is not None and client_id != read.subject):
        return invalid_client("The client attestation is not for this client.", reason="attestation_sub")
    return Credentials(read.subject, CredentialsKind.ATTESTATION, attestations[0])


def _basic(header: str, client_id: str | None) -> Credentials | Refusal:
    """HTTP Basic, with both parts form-encoded (RFC 6749 §2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return invalid_client("The Authorization header is not Basic.", reason="scheme_not_basic")
    try:
        name, colon, secret = b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return invalid_client("The Basic credentials are malformed.", reason="basic_malformed")
    user, password = decode_component(name), decode_component(secret)
    if not colon or not user or password is None:
        return invalid_client("The Basic credentials are malformed.", reason="basic_malformed")
    if client_id is not None and client_id != user:
        return invalid_client(
            "The client_id differs from the authenticated client.", reason="client_id_mismatch"
        )
    return Credentials(user, CredentialsKind.BASIC, password)


def _assertion(
    assertion: str | None, assertion_type: str | None, client_id: str | None
) -> Credentials | Refusal:
    """The assertion names its client in ``sub``. It is trusted only after a key of that client verified it (RFC 7521
    §4.2)."""
    if assertion_type != ASSERTION_TYPE or assertion is None:
        return invalid_client(
            "The client_assertion_type is missing or unknown.",
            reason="assertion_type",
            hint=f"Send {ASSERTION_TYPE}.",
        )
    read = client_assertion.read(assertion)
    if read is None or (client_id is not None and client_id != read.subject):
        return invalid_client(
            "The client assertion is not from this client.", reason="assertion_iss_sub_not_client"
        )
    return Credentials(read.subject, CredentialsKind.ASSERTION, assertion=read)
