"""Registering, changing and deleting a client. The policy checks the resulting client (A202)."""

import re
import unicodedata
from typing import Final

import msgspec

from domain.client.client import DISABLED, Client, fold
from domain.client.events import (
    AdmittedBy,
    ClientDeleted,
    ClientDisabled,
    ClientEnabled,
    ClientRegistered,
    ClientSecretSet,
    ClientUpdated,
    RegistrationTokenSet,
)
from domain.client.metadata import ClientMetadata, addresses_or_keys_are_new
from domain.client.subject_type import subjects_are_new
from domain.decision import Decision, refuse
from domain.errors import Refusal, invalid_request
from domain.event import Event
from domain.liveness import ACTIVE
from domain.registration._policy_texts import MAX_NAME, name_refusal
from domain.registration.bounds import gains
from domain.registration.judgement import ADMINISTRATORS, Terms, judged
from domain.vocabulary.text import normalized

_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9\-._~]{1,128}")
#: Unicode categories of invisible characters: control, format (with bidi marks), surrogate, private use, separators.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})

UNKNOWN: Final = invalid_request(
    "There is no such client.", hint="Check the client_id.", section="RFC 7592 §2"
)


class RegisterClient(msgspec.Struct, frozen=True):
    """A client is registered. ``secret_hash`` is the SHA-256 of its secret, ``token_hash`` that of its registration
    access token, ``terms`` what it is checked against. The other fields are those of ``ClientRegistered``."""

    client_id: str
    metadata: ClientMetadata
    secret_hash: str | None = None
    secret_expires_at: int = 0
    terms: Terms = ADMINISTRATORS
    source: str = "admin"
    initial_token_id: str | None = None
    statement_issuer: str | None = None
    token_hash: str | None = None


class SetSecret(msgspec.Struct, frozen=True):
    """A client gets a new secret. Times are in seconds since 1970; ``expires_at`` 0: never. The previous secret is
    accepted until ``previous_until``; 0: no longer."""

    secret_hash: str
    expires_at: int = 0
    previous_until: int = 0


def decide_register(client: Client, command: RegisterClient, now: int) -> Decision[Client]:
    """Register a client with an id that was never used before."""
    if client.client_id:
        return refuse(
            invalid_request(
                "The client_id is in use, or was used before.", hint="Use another.", section="RFC 7591 §3.2.1"
            )
        )
    if command.source != "metadata_document" and not _CLIENT_ID.fullmatch(command.client_id):
        return refuse(
            invalid_request("The client_id is malformed.", hint="Use 1 to 128 unreserved characters.")
        )
    metadata = _for_the_log(command.metadata, command.terms)
    if isinstance(metadata, Refusal):
        return refuse(metadata)
    registered = ClientRegistered(
        command.client_id,
        msgspec.to_builtins(metadata),
        now,
        command.source,
        command.initial_token_id,
        command.statement_issuer,
        _kept_rules(command),
    )
    events: tuple[Event, ...] = (registered,)
    if command.secret_hash is not None:
        secret = SetSecret(command.secret_hash, command.secret_expires_at)
        decision = decide_set_secret(fold(events, client), secret, now)
        if isinstance(decision.answer, Refusal):
            return refuse(decision.answer)
        events += decision.events
    if command.token_hash is not None:
        events += (RegistrationTokenSet(command.token_hash, now),)
    return _accept(client, *events)


def _kept_rules(command: RegisterClient) -> AdmittedBy | None:
    """The rules that the registration stores. A metadata document stores none: it is read again later, by the settings
    of that time."""
    rules = command.terms.rules
    return rules.kept if rules is not None and command.source == "registration" else None


def decide_update(
    client: Client, metadata: ClientMetadata, now: int, terms: Terms = ADMINISTRATORS
) -> Decision[Client]:
    """Replace the whole metadata. To change one field, replace it in ``client.metadata`` first.

    When the client itself asks, new addresses or keys may belong to somebody else, so earlier consents are void. They
    are also void, whoever asks, when the client would get other subjects for the same people. ``skip_consent`` was set
    for the client as it was. It ends when the client's own update voids consents, adds scope or grants, or reduces its
    protection.
    """
    if not client.exists:
        return refuse(UNKNOWN)
    cleaned = _for_the_log(metadata, terms, client.metadata)
    if isinstance(cleaned, Refusal):
        return refuse(cleaned)
    if cleaned == client.metadata:
        return Decision((), client)
    renamed = subjects_are_new(client.metadata, cleaned)
    consents_void = renamed or (terms.by_itself and addresses_or_keys_are_new(client.metadata, cleaned))
    if (consents_void and terms.by_itself) or (terms.by_itself and gains(client.metadata, cleaned)):
        cleaned = msgspec.structs.replace(cleaned, skip_consent=False)
    return _accept(
        client, ClientUpdated(msgspec.to_builtins(cleaned), now, consents_void, terms.by_itself, renamed)
    )


def decide_set_secret(client: Client, command: SetSecret, now: int) -> Decision[Client]:
    """Give the client a new secret."""
    if not client.exists:
        return refuse(UNKNOWN)
    if not client.uses_secret:
        return refuse(
            invalid_request("The client has no secret.", hint="Register a method that uses one first.")
        )
    secret_set = ClientSecretSet(command.secret_hash, now, command.expires_at, command.previous_until)
    return _accept(client, secret_set)


def decide_disable(client: Client, reason: str, now: int) -> Decision[Client]:
    """Disable the client. Disabling it again appends nothing."""
    if not client.exists:
        return refuse(UNKNOWN)
    if client.status != ACTIVE:
        return Decision((), client)
    return _accept(client, ClientDisabled(reason, now))


def decide_enable(client: Client, now: int) -> Decision[Client]:
    """Enable a disabled client."""
    if not client.exists:
        return refuse(UNKNOWN)
    if client.status != DISABLED:
        return Decision((), client)
    return _accept(client, ClientEnabled(now))


def decide_delete(client: Client, now: int) -> Decision[Client]:
    """Delete the registration for good. Its id can never be used again."""
    if not client.exists:
        return refuse(UNKNOWN)
    return _accept(client, ClientDeleted(now))


def _accept(client: Client, *events: Event) -> Decision[Client]:
    return Decision(events, fold(events, client))


def _for_the_log(
    metadata: ClientMetadata, terms: Terms, before: ClientMetadata | None = None
) -> ClientMetadata | Refusal:
    """The client as it may be stored, or why it is refused. Names are cleaned. Contacts are personal data, so they are
    not stored in the log (decisions.md 16)."""
    too_long = name_refusal(metadata)
    if too_long is not None:
        return too_long
    localized = {
        key: _clean_name(text) if key.startswith("client_name#") else text
        for key, text in metadata.localized.items()
    }
    cleaned = msgspec.structs.replace(
        metadata, client_name=_clean_name(metadata.client_name), localized=localized
    )
    allowed = judged(cleaned, terms, before)
    return allowed if isinstance(allowed, Refusal) else msgspec.structs.replace(allowed, contacts=())


def _clean_name(name: str) -> str:
    """The name as the consent page shows it: normalized, and without invisible characters (A038)."""
    visible = "".join(c for c in name if unicodedata.category(c) not in _INVISIBLE)
    return " ".join(normalized("NFC", visible, MAX_NAME).split())
