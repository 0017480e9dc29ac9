"""Events in words, for auditors who do not read code: one sentence per event type and per reason.

A field of the event may stand in braces. A test proves that every registered event type has its sentence.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from authrim.outside.telemetry import scrub_text
from domain.vocabulary.causes import REASONS
from projections.followed import (
    COMMAND_LINE,
    CONSENT_PAGE,
    INITIAL_ACCESS_TOKEN,
    METADATA_DOCUMENT,
    OPEN_REGISTRATION,
    REGISTRATION_ACCESS_TOKEN,
    SELF_REGISTRATION,
    SERVER_START,
)

#: How the names of fields end that hold a time, in seconds since 1970.
_TIMES: Final = ("_at", "_until", "active_from")
#: By the event's stored type.
SENTENCES: Final[dict[str, str]] = {
    "grant.authorization_requested.v1": "Client {client_id} asked for authorization.",
    "grant.subject_authenticated.v1": "The person was identified as {subject}.",
    "grant.another_account_requested.v1": "The person asked to sign in with another account for this request.",
    "grant.sign_in_failed.v1": "A sign-in failed.",
    "grant.consent_granted.v1": "The person's agreement covers: {scope}.",
    "grant.authorization_refused.v1": "The request ended with the error {error}: {description}",
    "grant.authorization_answered.v1": "The request was answered without a code.",
    "grant.code_issued.v1": "An authorization code was given out.",
    "grant.code_redeemed.v1": "The client exchanged the code for tokens.",
    "grant.code_replayed.v1": "The client presented the same code again.",
    "grant.code_voided.v1": "The code was made worthless before it was used.",
    "grant.client_credentials_granted.v1": "Client {client_id} was granted access on its own behalf: {scope}.",
    "grant.access_token_issued.v1": "An access token was given out for: {scope}.",
    "grant.access_token_revoked.v1": "One access token was revoked.",
    "grant.id_token_issued.v1": "An ID token was given out.",
    "grant.refresh_token_issued.v1": "The first refresh token was given out.",
    "grant.refresh_token_rotated.v1": "The refresh token was replaced by generation {generation}.",
    "grant.refresh_token_used.v1": "The refresh token, which is kept, gave fresh tokens.",
    "grant.refresh_token_repeated.v1": "The refresh token before generation {generation} came again and got the "
    "same successor.",
    "grant.refresh_token_reused.v1": "A refresh token that had been replaced, generation {generation}, was used again.",
    "grant.revoked.v1": "The grant was revoked: no token of it is valid any more.",
    "grant.summarized.v1": "The grant so far was summed up, to be read faster. Nothing changed.",
    "client.registered.v1": "Client {client_id} was registered.",
    "client.updated.v1": "The client's registration was replaced.",
    "client.secret_set.v1": "The client got a new secret.",
    "client.registration_token_set.v1": "The client got a new registration access token; one of before is not valid.",
    "client.registration_token_revoked.v1": "The client's registration access token was revoked.",
    "client.disabled.v1": "The client was disabled: it may do nothing, and its tokens are not valid.",
    "client.enabled.v1": "The client may act again.",
    "client.deleted.v1": "The client's registration ended for good.",
    "registration.token_issued.v1": "An initial access token was given out, for {uses} clients.",
    "registration.token_used.v1": "The initial access token let client {client_id} in.",
    "registration.token_revoked.v1": "The initial access token was revoked.",
    "claim.defined.v1": "The claim {name} ({value_type}) was defined; these scopes release it: {scopes}.",
    "claim.retired.v1": "The claim {name} was retired: no client is told it any more.",
    "account.created.v1": "The account {subject} was made.",
    "account.password_set.v1": "The account's password was set.",
    "account.claims_changed.v1": "The person's data was replaced: {names}.",
    "account.disabled.v1": "The account was disabled: it may not sign in, and its tokens are not valid.",
    "account.enabled.v1": "The account may sign in again.",
    "account.consent_remembered.v1": "The person's agreement with client {client_id} is kept: {scope}.",
    "account.consent_withdrawn.v1": "The person's agreement with client {client_id} ended.",
    "account.grants_ended.v1": "What clients had been granted for the person ended: {reason}.",
    "account.hold_placed.v1": "A hold forbids to erase the person: {reason}.",
    "account.hold_released.v1": "A hold that forbade to erase the person ended: {reason}.",
    "account.erasure_requested.v1": "Somebody asked to erase the person: {reason}.",
    "account.erasure_withdrawn.v1": "The request to erase the person was taken back: {reason}.",
    "account.person_erased.v1": "The key of the person's data was destroyed: the data is gone for good.",
    "session.started.v1": "The person {subject} signed in with this browser.",
    "session.reauthenticated.v1": "The same person signed in again with this browser.",
    "session.ended.v1": "The browser's session ended.",
    "session.backchannel_logout_delivered.v1": "Client {client_id} was told that the session had ended.",
    "session.backchannel_logout_failed.v1": "Client {client_id} could not be told that the session had ended.",
    "key.created.v1": "The signing key {kid} ({alg}) was made.",
    "key.promoted.v1": "The key that was published for it took over at once.",
    "key.revoked.v1": "The signing key was taken out of use at once.",
    "role.granted.v1": "The person {subject} was given the role {role} of the server.",
    "role.taken.v1": "The person {subject} lost the role {role} of the server.",
    "resource.created.v1": "The resource server {uri} was registered.",
    "resource.updated.v1": "The resource server's settings were replaced.",
    "resource.retired.v1": "The resource server was retired: no more tokens are given out for it.",
    "scope.described.v1": "The scope value {scope} was described in {locale}: {title}",
    "scope.description_removed.v1": "The description of the scope value {scope} in {locale} was removed.",
    "setting.changed.v1": "A server process started with other settings than those recorded before.",
    "setting.master_key_replaced.v1": "The master key {key_id} was replaced by {replaced_by}, and seals nothing.",
    "setting.master_key_given_up.v1": "The lost master key {key_id} was given up: what it sealed is lost.",
    "log.checkpoint_key_created.v1": "A key was made that signs checkpoints of the log: {verifier_key}",
    "log.checkpoint_signed.v1": "A checkpoint of the log up to position {size} was signed.",
    "log.rollback_accepted.v1": "A log that ends at position {position} was accepted, although it may be older than "
    "another one ({known_by}: {lost_size} events). The reason given: {reason}",
    "log.contents_dropped.v1": "The contents of {events} events between the positions {first_position} and "
    "{last_position}, which are in archives, left the log. The reason given: {reason}",
    "refusal.request_refused.v1": "A request to {endpoint} was refused with {error}: {description}",
    "audit.question_asked.v1": "Somebody asked a question that is recorded ({question}). They gave as reason: {reason}",
    "audit.rule_broken.v1": "The monitor found a rule broken ({rule}) in {stream}, at the positions {positions}.",
    "audit.rule_break_acknowledged.v1": "Somebody looked into the broken rule. They gave as reason: {reason}",
    "audit.access_reviewed.v1": "Somebody reviewed who can do what, up to position {position}. They gave as reason: "
    "{reason}",
    "audit.evidence_scheduled.v1": "The schedule of evidence has {schedule} at these times: {times}",
    "audit.evidence_written.v1": "Evidence was written by the schedule {schedule}: {name}",
    "audit.evidence_failed.v1": "Evidence of the schedule {schedule} was not written, at attempt {attempt}: {cause}",
    "incident.opened.v1": "Somebody began to end what an incident touched. They gave as reason: {reason}",
    "incident.continued.v1": "The incident was continued.",
    "incident.ended.v1": "Of what the incident touched, these {kind} were ended: {ids}",
    "outbox.retried.v1": "An operator had messages to {receiver} ({kind}) delivered again.",
    "outbox.discarded.v1": "An operator discarded messages to {receiver} ({kind}). They gave as reason: {reason}",
    "webhook.created.v1": "An administrator declared a webhook at {host}, which is told of {event_types}.",
    "webhook.secret_rotated.v1": "An administrator gave the webhook another secret.",
    "webhook.deleted.v1": "An administrator deleted the webhook. They gave as reason: {reason}",
    "incident.closed.v1": "The incident was closed: all that it ends is over.",
    "signal.stream_created.v1": "Client {client_id} asked for security event tokens, by {method}.",
    "signal.stream_changed.v1": "The receiver changed its stream of security event tokens: by {method}.",
    "signal.stream_status_set.v1": "The receiver set its stream of security event tokens to {status}.",
    "signal.stream_deleted.v1": "The receiver gave up its stream of security event tokens.",
    "signal.subject_removed.v1": "The receiver wants to hear no more of a person.",
    "signal.subject_added.v1": "The receiver wants to hear of a person again.",
    "signal.verification_requested.v1": "The receiver asked for a token that proves that its stream works.",
    "signal.delivered.v1": "The receiver got {count} security event tokens, and so all of before {through}.",
    "refusal.counted.v1": "{count} more requests to {endpoint} were refused with {error} in one minute.",
}

#: By what allowed a change (``Metadata.authority``).
_AUTHORITIES: Final[dict[str, str]] = {
    COMMAND_LINE: "on the command line",
    SERVER_START: "at the start of a server process",
    OPEN_REGISTRATION: "by registration that is open to all",
    INITIAL_ACCESS_TOKEN: "with an initial access token",
    REGISTRATION_ACCESS_TOKEN: "with its registration access token",
    METADATA_DOCUMENT: "by its metadata document",
    SELF_REGISTRATION: "on the page for new accounts",
    CONSENT_PAGE: "on the consent page",
}

#: By the ``reason`` of a refusal that has details.
_DETAILED_REASONS: Final[dict[str, str]] = {
    "method_not_registered": "The client authenticated with {used}, and is registered for {registered}.",
    "methods_at_once": "The client authenticated with {used} in one request.",
    "secret_wrong": "The client's secret was wrong, or has expired. It was sent by {used}.",
}


def sentence(type_: str, fields: Mapping[str, Any]) -> str:
    """What happened, in one sentence. ``fields`` are all the event's fields."""
    return SENTENCES[type_].format_map({name: shown(value) for name, value in fields.items()})


def authority_in_words(authority: str, credential: str = "") -> str:
    """What allowed a change, in words; one of a later version as it is."""
    words = _AUTHORITIES.get(authority, shown(authority))
    return f"{words} {shown(credential)}" if credential else words


def value_in_words(name: str, value: Any, most: int) -> str:
    """The value of a field for people, cut off after ``most`` characters."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.endswith(_TIMES):
        return "never" if not value else f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S}"
    text = shown(value[:most] if isinstance(value, list | tuple) else value)
    return text if len(text) <= most else f"{text[:most]}…"


def shown(value: Any) -> str:
    """The value of a field on one line, without control characters for the terminal (A226)."""
    if isinstance(value, list | tuple):
        return " ".join(shown(item) for item in value) or "nothing"
    if isinstance(value, dict):
        return shown([f"{name}={shown(member)}" for name, member in value.items()])
    return scrub_text(str(value))


def reason_in_words(reason: str, details: Mapping[str, str] | None = None) -> str:
    """A reason in plain words, or as it is when there are none for it. ``details`` are those of a refusal; refusals of
    earlier versions have none."""
    if details and reason in _DETAILED_REASONS:
        return _DETAILED_REASONS[reason].format_map({name: shown(value) for name, value in details.items()})
    return REASONS.get(reason, reason)
