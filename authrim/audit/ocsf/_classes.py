"""Which class of OCSF an event belongs to, and what it is there: one row per type of event.

A type without a row is a change of what its stream is about: Entity Management, with the activity that its name says.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

#: Severities (``severity_id``).
INFORMATIONAL: Final = 1
LOW: Final = 2
MEDIUM: Final = 3
HIGH: Final = 4
SEVERITIES: Final[Mapping[int, str]] = {1: "Informational", 2: "Low", 3: "Medium", 4: "High"}

#: The activity that has no number of its own.
OTHER: Final = 99


class OcsfClass(NamedTuple):
    """A class: its number, its caption, that of its category, and its activities."""

    uid: int
    name: str
    category_uid: int
    category: str
    activities: Mapping[int, str]


_IAM: Final = (3, "Identity & Access Management")
ACCOUNT_CHANGE: Final = OcsfClass(
    3001,
    "Account Change",
    *_IAM,
    {1: "Create", 2: "Enable", 3: "Password Change", 4: "Password Reset", 5: "Disable", 6: "Delete"},
)
AUTHENTICATION: Final = OcsfClass(3002, "Authentication", *_IAM, {1: "Logon", 2: "Logoff"})
AUTHORIZE_SESSION: Final = OcsfClass(3003, "Authorize Session", *_IAM, {1: "Assign Privileges"})
ENTITY_MANAGEMENT: Final = OcsfClass(
    3004,
    "Entity Management",
    *_IAM,
    {1: "Create", 2: "Read", 3: "Update", 4: "Delete", 8: "Enable", 9: "Disable"},
)
USER_ACCESS: Final = OcsfClass(
    3005, "User Access Management", *_IAM, {1: "Assign Privileges", 2: "Revoke Privileges"}
)
API_ACTIVITY: Final = OcsfClass(6003, "API Activity", 6, "Application Activity", {})

CLASSES: Final = (
    ACCOUNT_CHANGE,
    AUTHENTICATION,
    AUTHORIZE_SESSION,
    ENTITY_MANAGEMENT,
    USER_ACCESS,
    API_ACTIVITY,
)


class Meaning(NamedTuple):
    """What an event is in OCSF. ``other``: the name of an activity that OCSF has none for. ``alert``: somebody should
    look at it."""

    ocsf_class: OcsfClass
    activity: int
    other: str = ""
    failed: bool = False
    severity: int = INFORMATIONAL
    alert: bool = False


_ENTITY_OTHER: Final = Meaning(ENTITY_MANAGEMENT, OTHER)


def _request(
    name: str, *, failed: bool = False, severity: int = INFORMATIONAL, alert: bool = False
) -> Meaning:
    return Meaning(API_ACTIVITY, OTHER, name, failed, severity, alert)


def _account(name: str) -> Meaning:
    return Meaning(ACCOUNT_CHANGE, OTHER, name)


MEANINGS: Final[Mapping[str, Meaning]] = {
    "session.started.v1": Meaning(AUTHENTICATION, 1),
    "session.reauthenticated.v1": Meaning(AUTHENTICATION, 1),
    "session.ended.v1": Meaning(AUTHENTICATION, 2),
    "grant.sign_in_failed.v1": Meaning(AUTHENTICATION, 1, failed=True, severity=LOW),
    "grant.subject_authenticated.v1": Meaning(AUTHENTICATION, OTHER, "Known to a client"),
    "grant.another_account_requested.v1": _request("Another account was asked for"),
    "grant.client_credentials_granted.v1": Meaning(AUTHENTICATION, 1),
    "grant.access_token_issued.v1": Meaning(AUTHORIZE_SESSION, 1),
    "grant.consent_granted.v1": Meaning(USER_ACCESS, 1),
    "account.consent_remembered.v1": Meaning(USER_ACCESS, 1),
    "account.consent_withdrawn.v1": Meaning(USER_ACCESS, 2),
    "account.grants_ended.v1": Meaning(USER_ACCESS, 2),
    "grant.revoked.v1": Meaning(USER_ACCESS, 2),
    "grant.access_token_revoked.v1": Meaning(USER_ACCESS, 2),
    "role.granted.v1": Meaning(USER_ACCESS, 1, severity=MEDIUM),
    "role.taken.v1": Meaning(USER_ACCESS, 2, severity=LOW),
    "account.created.v1": Meaning(ACCOUNT_CHANGE, 1),
    "account.password_set.v1": Meaning(ACCOUNT_CHANGE, 3),
    "account.claims_changed.v1": _account("Claims changed"),
    "account.disabled.v1": Meaning(ACCOUNT_CHANGE, 5, severity=LOW),
    "account.enabled.v1": Meaning(ACCOUNT_CHANGE, 2),
    "account.person_erased.v1": Meaning(ACCOUNT_CHANGE, 6, severity=LOW),
    "account.hold_placed.v1": _account("Legal hold placed"),
    "account.hold_released.v1": _account("Legal hold released"),
    "account.erasure_requested.v1": _account("Erasure requested"),
    "account.erasure_withdrawn.v1": _account("Erasure withdrawn"),
    "grant.authorization_requested.v1": _request("Authorization requested"),
    "grant.authorization_refused.v1": _request("Authorization refused", failed=True),
    "grant.authorization_answered.v1": _request("Authorization answered"),
    "grant.code_issued.v1": _request("Code issued"),
    "grant.code_redeemed.v1": _request("Code redeemed"),
    "grant.code_replayed.v1": _request("Code replayed", failed=True, severity=HIGH, alert=True),
    "grant.code_voided.v1": _request("Code voided", failed=True, severity=LOW),
    "grant.id_token_issued.v1": _request("ID token issued"),
    "grant.refresh_token_issued.v1": _request("Refresh token issued"),
    "grant.refresh_token_rotated.v1": _request("Refresh token rotated"),
    "grant.refresh_token_used.v1": _request("Refresh token used"),
    "grant.refresh_token_repeated.v1": _request("Refresh token repeated", severity=LOW),
    "grant.refresh_token_reused.v1": _request("Refresh token reused", failed=True, severity=HIGH, alert=True),
    "refusal.request_refused.v1": _request("Request refused", failed=True, severity=LOW),
    "refusal.counted.v1": _request("Requests refused", failed=True, severity=MEDIUM),
    "session.backchannel_logout_delivered.v1": _request("Logout notice delivered"),
    "session.backchannel_logout_failed.v1": _request("Logout notice failed", failed=True, severity=LOW),
    "audit.question_asked.v1": Meaning(ENTITY_MANAGEMENT, 2),
    "audit.rule_broken.v1": _ENTITY_OTHER._replace(severity=HIGH, alert=True, other="Rule broken"),
    "log.rollback_accepted.v1": _ENTITY_OTHER._replace(severity=HIGH, alert=True, other="Older log accepted"),
    "log.contents_dropped.v1": _ENTITY_OTHER._replace(severity=MEDIUM, other="Archived contents dropped"),
    "incident.opened.v1": _ENTITY_OTHER._replace(severity=HIGH, alert=True, other="Incident opened"),
    "setting.changed.v1": Meaning(ENTITY_MANAGEMENT, 3, severity=MEDIUM),
    "setting.master_key_replaced.v1": Meaning(ENTITY_MANAGEMENT, 3),
    "setting.master_key_given_up.v1": Meaning(ENTITY_MANAGEMENT, 4, severity=HIGH, alert=True),
    "key.revoked.v1": Meaning(ENTITY_MANAGEMENT, 4, severity=MEDIUM),
    "key.promoted.v1": Meaning(ENTITY_MANAGEMENT, 3),
    "client.secret_set.v1": Meaning(ENTITY_MANAGEMENT, 3),
    "client.registration_token_set.v1": Meaning(ENTITY_MANAGEMENT, 3),
    "webhook.secret_rotated.v1": Meaning(ENTITY_MANAGEMENT, 3),
}

#: The activity of Entity Management that the last words of a type say.
_VERBS: Final[Mapping[str, int]] = {
    "created": 1,
    "registered": 1,
    "defined": 1,
    "described": 1,
    "issued": 1,
    "updated": 3,
    "changed": 3,
    "set": 3,
    "deleted": 4,
    "removed": 4,
    "retired": 4,
    "revoked": 4,
    "discarded": 4,
    "enabled": 8,
    "disabled": 9,
}


def meaning_of(event_type: str) -> Meaning:
    """What an event of this type is in OCSF."""
    known = MEANINGS.get(event_type)
    if known is not None:
        return known
    name = event_type.split(".")[1] if "." in event_type else event_type
    verb = name.rpartition("_")[2]
    if verb in _VERBS:
        return Meaning(ENTITY_MANAGEMENT, _VERBS[verb])
    return _ENTITY_OTHER._replace(other=name.replace("_", " ").capitalize())
