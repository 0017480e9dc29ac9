"""A client registers and updates itself (RFC 7591, RFC 7592), within rules and by the same policy as for
administrators, which checks the whole resulting client (A202)."""

from collections.abc import Collection
from typing import Any, Final

import msgspec

from domain.client.client import Client, fold
from domain.client.events import RegistrationTokenRevoked, RegistrationTokenSet
from domain.client.profile import PROFILES
from domain.client.profile_defaults import defaults_of
from domain.decision import Decision, refuse
from domain.errors import Refusal, invalid_request
from domain.event import Event
from domain.liveness import ACTIVE
from domain.registration import admission as client_admission
from domain.registration import documents as registration_metadata
from domain.registration.invalid_metadata import invalid
from domain.registration.judgement import Terms
from domain.registration.lifecycle import UNKNOWN, SetSecret, decide_set_secret, decide_update
from domain.registration.signing import default_algorithms

#: Members of the server's response that an update must not contain (RFC 7592 §2.2).
ANSWER_ALONE: Final = (
    "registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at",
)  # fmt: skip

NOT_MANAGED: Final = Refusal(
    "invalid_token",
    "The registration access token is not valid for this client.",
    hint="Register again.",
    section="RFC 7592 §2",
    reason="registration_token",
    status=401,
)
FORBIDDEN: Final = Refusal(
    "access_denied",
    "The client is not active, so it cannot manage its registration.",
    hint="Ask the administrator.",
    section="RFC 7592 §2",
    reason="client_not_active",
    status=403,
)


class ReplaceMetadata(msgspec.Struct, frozen=True):
    """A client replaces its metadata (RFC 7592 §2.2).

    ``fields`` are those of the request, ``defaults`` are for omitted fields. ``secret_hash`` is the digest of the
    secret that the client gets if it needs one, valid until ``secret_expires_at``. ``token_hash`` is that of its next
    registration access token, empty when it keeps its token. ``logo_digest`` is that of the image at a new
    ``logo_uri``.
    """

    fields: dict[str, Any]
    defaults: dict[str, Any]
    secret_hash: str
    secret_expires_at: int = 0
    token_hash: str = ""
    renew_secret_before: int = 0
    logo_digest: str | None = None


def defaults_for(profile: str, algorithms: Collection[str]) -> dict[str, Any]:
    """Defaults for omitted fields: what the profile requires, and algorithms for which the server has keys
    (``algorithms``). The other defaults are those of ``ClientMetadata``."""
    return {**defaults_of(PROFILES[profile]), **default_algorithms(algorithms, profile)}


def update_request_refusal(client_id: str, document: dict[str, Any]) -> Refusal | None:
    """Check the members of an update that are not metadata (RFC 7592 §2.2)."""
    if document.get("client_id") != client_id:
        return invalid_request(
            "The client_id is missing or wrong.",
            hint="Send the client_id of this client.",
            section="RFC 7592 §2.2",
        )
    for name in ANSWER_ALONE:
        if name in document:
            return invalid_request(
                f"Only the server sets {name}.", hint="Leave it out.", section="RFC 7592 §2.2"
            )
    secret = document.get("client_secret")
    if secret is not None and not isinstance(secret, str):
        return invalid("client_secret", "has the wrong JSON type.", hint="Send the current one.")
    return None


def decide_replace(client: Client, command: ReplaceMetadata, terms: Terms, now: int) -> Decision[Client]:
    """Replace the whole metadata with what the client sent. Values that an administrator set stay when the client omits
    them. New addresses or keys void earlier consents and unredeemed codes (A206)."""
    stays = client_admission.left_out(terms.admission, client.metadata, command.fields)
    defaults = {**command.defaults, "scope": client.metadata.scope, **stays}
    metadata = registration_metadata.whole(command.fields, client.metadata, defaults)
    if metadata.logo_uri != client.metadata.logo_uri:
        metadata = msgspec.structs.replace(metadata, logo_digest=command.logo_digest)
    updated = decide_update(client, metadata, now, terms)
    if isinstance(updated.answer, Refusal):
        return updated
    events: tuple[Event, ...] = updated.events
    if _needs_secret(updated.answer, command, now):
        previous_until = updated.answer.secrets[0].expires_at if updated.answer.secrets else 0
        wanted = SetSecret(command.secret_hash, command.secret_expires_at, previous_until)
        events += decide_set_secret(updated.answer, wanted, now).events
    if command.token_hash:
        events += (RegistrationTokenSet(command.token_hash, now),)
    return Decision(events, fold(events, client))


def _needs_secret(client: Client, command: ReplaceMetadata, now: int) -> bool:
    """Whether the client authenticates with a secret and has none, or one that expires soon."""
    if not client.uses_secret:
        return False
    live = [one for one in client.secrets if one.expires_at == 0 or now < one.expires_at]
    return not live or 0 < live[0].expires_at < command.renew_secret_before


def decide_new_token(client: Client, token_hash: str, now: int) -> Decision[Client]:
    """Issue a new registration access token, which replaces any earlier one."""
    if not client.exists:
        return refuse(UNKNOWN)
    token_set = RegistrationTokenSet(token_hash, now)
    return Decision((token_set,), fold((token_set,), client))


def decide_revoke_token(client: Client, reason: str, now: int) -> Decision[Client]:
    """Revoke the registration access token. Revoking it again appends nothing."""
    if not client.exists:
        return refuse(UNKNOWN)
    if not client.registration_token_hash:
        return Decision((), client)
    revoked = RegistrationTokenRevoked(reason, now)
    return Decision((revoked,), fold((revoked,), client))


def management_refusal(client: Client, genuine: bool) -> Refusal | None:
    """Why the holder of a token cannot view and change the client, or None. ``genuine``: it is the client's current
    token."""
    if not genuine or not client.exists or not client.registration_token_hash:
        return NOT_MANAGED
    return None if client.status == ACTIVE else FORBIDDEN
