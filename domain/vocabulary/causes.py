"""Why something was refused, failed or ended, in plain words: the one home of them for the auditor's pages and for
reports."""

from typing import Final

#: By the ``reason`` of an event or a refusal, and by the kinds that a report counts by. One that is not here speaks for
#: itself.
REASONS: Final[dict[str, str]] = {
    "account_disabled": "An administrator disabled the account.",
    "account_not_active": "The account is disabled or erased.",
    "administrator": "An administrator ended it.",
    "archive_wanted": "Contents had left the log, and the directory of archives was not named.",
    "assertion_iss_sub_not_client": "The client assertion names another client than the one it was sent for.",
    "assertion_type": "The client_assertion_type is missing or not the one of RFC 7523.",
    "basic_malformed": "The Authorization header could not be read as client id and secret.",
    "cancelled_by_person": "The person chose to cancel.",
    "checkpoint_unusable": "No checkpoint of the log could be signed.",
    "client_changed": "The client was changed while the person was signing in, and may not have this any more.",
    "client_deleted": "The client was deleted.",
    "client_disabled": "An administrator disabled the client.",
    "client_id_mismatch": "The request names one client and authenticates as another.",
    "client_not_active": "The client is disabled or deleted.",
    "client_unknown": "There is no client of this id.",
    "code_expired": "The code came after the end of its life.",
    "code_replayed": "The code had been exchanged before. Somebody may have stolen it, so its tokens are revoked.",
    "code_unknown": "The code was never given out by this server, or not to this client.",
    "code_voided": "The code had been made worthless by an earlier wrong attempt.",
    "code_wrong_client": "Another client than the one it was given to presented the code.",
    "command_failed": "The command that reports are handed to ended with an error.",
    "command_not_started": "The command that reports are handed to could not be started.",
    "command_timed_out": "The command that reports are handed to took too long.",
    "consent_withdrawn": "The person, or an administrator, withdrew what the client had been allowed.",
    "credentials_missing": "The request says nothing of who the client is.",
    "csrf": "The form did not come from our own page, or its page was open for too long.",
    "directory_unusable": "The directory for reports could not be written.",
    "framework_unknown": "There is no framework of this name.",
    "framework_unusable": "Something is wrong with the file of a framework.",
    "given_in_words": "Somebody wrote a reason in words of their own; the events have it.",
    "grant_not_live": "The grant was revoked, or its client, account or session is not active.",
    "grants_of_a_person": "An administrator ended what clients had been granted for a person.",
    "incident": "An administrator ended what an incident had touched.",
    "interaction_at_other_host": "The browser came by another name than the issuer's, where it has no cookie.",
    "interaction_done": "The sign-in had been answered already.",
    "interaction_expired": "The sign-in was open for too long.",
    "interaction_not_of_browser": "The sign-in was begun in another browser.",
    "interaction_signed_out": "The session or the account's password ended before the person answered.",
    "interaction_unknown": "There never was a sign-in at this address.",
    "interaction_without_cookies": "The browser keeps no cookies.",
    "key_revoked": "A signing key was taken out of use at once, and what it had signed is not valid.",
    "log_damaged": "The log did not match its chain of hashes.",
    "login_unknown": "There is no account with this login.",
    "logout": "The person signed out.",
    "logout_hint_not_ours": "The id_token_hint is not an ID token of this server, or was changed.",
    "logout_hint_of_other_client": "The id_token_hint was given to another client than the one of the request.",
    "method_not_registered": "The client used another way of authenticating than its registered one.",
    "new_password": "A person got a new password, which ends what was granted before.",
    "password_changed": "The person got a new password.",
    "password_wrong": "The password was wrong.",
    "period_unusable": "The clock of the database was behind.",
    "person_erased": "The person was erased.",
    "post_logout_redirect_uri_not_registered": "The client has not registered where it wanted the browser sent.",
    "post_logout_redirect_uri_without_client": "Nothing in the request shows which client that is.",
    "redirect_uri_mismatch": "The redirect_uri is not the one that the authorization request had.",
    "refresh_expired": "The refresh token came after the end of its life.",
    "refresh_reused": "A replaced refresh token was used again. Somebody may have stolen it, so all tokens of the "
    "grant are revoked.",
    "refresh_unknown": "The refresh token was never given out by this server, or not to this client.",
    "replaced": "Another sign-in with the same browser took its place.",
    "revocation_wrong_client": "A client tried to revoke a token that was given to another one.",
    "revoked_by_client": "The client revoked it.",
    "rollback": "An older log was accepted, such as a backup: what had been revoked since then was not known any more.",
    "scheme_not_basic": "The Authorization header uses a scheme that is not for clients.",
    "secret_wrong": "The client's secret was wrong, or has expired.",
    "session_ended": "The browser's session is over.",
    "signing_key_gone": "The key that signed the token was revoked, or is no longer in the key set.",
    "store_unavailable": "The database was away.",
    "subjects_changed": "The client got other names for people, so nothing from before is valid.",
    "token_not_active": "The access token is unknown, expired, revoked, or not for this resource.",
    "token_of_a_person": "The access token is for a person; the resource takes tokens that a client gets for itself.",
    "too_many_accounts": "Too many new accounts were asked for; the next one has to wait.",
    "too_many_attempts": "There were too many failed sign-ins; the next one has to wait.",
    "too_many_failures": "The client failed to authenticate too often; the next attempt has to wait.",
    "unexpected": "A fault of the server, which its own log tells of.",
    "unreachable": "The address could not be reached, or may not be: the server's own log says more.",
    "verifier_missing": "The request for the code had a code_challenge, but the code came without its verifier.",
    "verifier_without_challenge": "A code_verifier came for a request that had no code_challenge.",
    "wrong_verifier": "The code_verifier does not belong to the request's code_challenge.",
}


def short(cause: str) -> str:
    """A cause as a part of a title: its own words, apart."""
    return cause.replace("_", " ")


def explained(cause: str) -> str:
    """A cause in a sentence, with the word that the log has for it."""
    told = f"The log calls it {cause}."
    return f"{REASONS[cause]} {told}" if cause in REASONS else told
