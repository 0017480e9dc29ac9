"""The names of changes and of other acts in tables and figures, in plain words, by the event's tag."""

from typing import Final

#: Every event of ``what_changed.CHANGES``, and what else an administrator does.
NAMES: Final = {
    "client.registered.v1": "client registered",
    "client.updated.v1": "client changed",
    "client.secret_set.v1": "client secret set",
    "client.registration_token_set.v1": "registration access token set",
    "client.registration_token_revoked.v1": "registration access token revoked",
    "client.disabled.v1": "client disabled",
    "client.enabled.v1": "client enabled",
    "client.deleted.v1": "client deleted",
    "account.created.v1": "account created",
    "account.password_set.v1": "password set",
    "account.claims_changed.v1": "data of a person replaced",
    "account.disabled.v1": "account disabled",
    "account.enabled.v1": "account enabled",
    "account.consent_withdrawn.v1": "consent withdrawn",
    "account.grants_ended.v1": "access of clients to a person ended",
    "account.hold_placed.v1": "legal hold placed",
    "account.hold_released.v1": "legal hold released",
    "account.erasure_requested.v1": "erasure requested",
    "account.erasure_withdrawn.v1": "erasure request withdrawn",
    "account.person_erased.v1": "person erased",
    "key.created.v1": "key created",
    "key.promoted.v1": "key began to sign early",
    "key.revoked.v1": "key revoked",
    "setting.changed.v1": "settings changed",
    "setting.master_key_given_up.v1": "master key given up",
    "resource.created.v1": "resource server registered",
    "resource.updated.v1": "resource server changed",
    "resource.retired.v1": "resource server retired",
    "scope.described.v1": "scope text set",
    "scope.description_removed.v1": "scope text removed",
    "claim.defined.v1": "claim defined",
    "claim.retired.v1": "claim retired",
    "role.granted.v1": "role given",
    "role.taken.v1": "role taken",
    "registration.token_issued.v1": "initial access token issued",
    "registration.token_used.v1": "initial access token used",
    "registration.token_revoked.v1": "initial access token revoked",
    "session.ended.v1": "session ended",
    "grant.revoked.v1": "access of a client revoked",
    "grant.access_token_revoked.v1": "access token revoked",
    "incident.opened.v1": "incident opened",
    "incident.continued.v1": "incident continued",
    "incident.ended.v1": "keys, sessions or grants ended for an incident",
    "incident.closed.v1": "incident closed",
    "audit.rule_break_acknowledged.v1": "broken rule acknowledged",
    "audit.access_reviewed.v1": "access reviewed",
    "log.checkpoint_key_created.v1": "checkpoint key created",
    "log.rollback_accepted.v1": "older log accepted",
}


def name_of(tag: str) -> str:
    """The name of an event; one without a name has its tag."""
    return NAMES.get(tag, tag)
