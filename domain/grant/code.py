"""The authorization code: it is redeemed once, and a replay is refused (RFC 6749 §4.1.3, §10.5; decisions.md 1 to
3)."""

import msgspec

from domain.client import redirect_uri
from domain.decision import Decision, refuse
from domain.errors import Refusal, invalid_grant
from domain.grant import issue
from domain.grant.events import CodeRedeemed, CodeReplayed, CodeVoided, GrantRevoked
from domain.grant.grant import Code, Grant
from domain.grant.issue import IssuedTokens, IssueFacts
from domain.grant.revocation import ended_with_others
from domain.grant.sender_constraint import WRONG_INSTANCE, WrongKey, binding_of, wrong_key
from domain.liveness import why_not
from domain.vocabulary import pkce
from domain.vocabulary.confirmation import UNBOUND, Confirmation


class RedeemCode(msgspec.Struct, frozen=True):
    """An authenticated client presents a code. ``code_hash`` is the digest of the whole string, ``verifier_challenge``
    the challenge of the ``code_verifier`` (``pkce.challenge_of``), and ``proof`` the keys that the request proved
    possession of."""

    client_id: str
    code_hash: str
    redirect_uri: str | None
    verifier_challenge: str | None
    resource: tuple[str, ...]
    client_auth_method: str
    client_key_id: str | None = None
    proof: Confirmation = UNBOUND


UNKNOWN = invalid_grant(
    "The authorization code is not valid.", reason="code_unknown", hint="Start a new authorization request."
)
EXPIRED = invalid_grant(
    "The authorization code has expired.",
    reason="code_expired",
    hint="Redeem a code within its lifetime.",
    section="RFC 6749 §4.1.2",
)
REPLAYED = invalid_grant(
    "The authorization code was redeemed before.",
    reason="code_replayed",
    hint="A code can be used once; its tokens are revoked when it is used again.",
    section="RFC 6749 §4.1.2",
)
VOIDED = invalid_grant(
    "The authorization code is no longer valid.", reason="code_voided", hint="Start a new request."
)
ENDED = invalid_grant(
    "The grant is no longer valid.", reason="grant_not_live", hint="Start a new authorization request."
)


def decide_redeem(grant: Grant, command: RedeemCode, facts: IssueFacts) -> Decision[IssuedTokens]:
    """Exchange the code for tokens. The order of the checks is that of decisions.md 1: a replay is detected long after
    the code expired."""
    code = grant.code
    if code is None or command.code_hash != code.code_hash:
        return refuse(UNKNOWN)
    if command.client_id != grant.client_id:
        return _wrong_client(code, facts.now)
    if code.redeemed_at is not None:
        return _replayed(grant, command, facts.now)
    if code.voided is not None:
        return refuse(VOIDED)
    if facts.now >= code.expires_at:
        return refuse(EXPIRED)
    if _client_has_changed(grant, facts):
        return refuse(VOIDED, CodeVoided("client_changed", facts.now))
    mismatch = _redirect_uri_mismatch(grant, command)
    if mismatch is not None:
        return refuse(mismatch)
    wrong = _wrong_verifier(grant, command)
    if wrong is not None:
        return _refuse_verifier(wrong, facts.now)
    binding = _binding(grant, command, facts)
    if isinstance(binding, Refusal):
        return _refuse_key(binding, facts.now)
    if grant.revoked_at is not None or why_not(facts.liveness):
        return refuse(ENDED, *ended_with_others(grant, facts))
    return _redeem(grant, command, facts, binding)


def _redeem(
    grant: Grant, command: RedeemCode, facts: IssueFacts, binding: Confirmation
) -> Decision[IssuedTokens]:
    scope = grant.scope or ()
    target = issue.target(facts, grant, command.resource, scope)
    if isinstance(target, Refusal):
        return refuse(target)
    redeemed = CodeRedeemed(
        command.client_auth_method,
        facts.now,
        command.client_key_id,
        command.proof.jkt,
        command.proof.x5t_s256,
    )
    access = issue.access_token(facts, target, grant, binding)
    identity = issue.id_token(facts, grant, scope)
    instance = command.client_key_id if facts.client.is_attested else None
    refresh = issue.first_refresh_token(facts, scope, binding, instance)
    events = issue.present(redeemed, access, identity, refresh)
    return Decision(events, issue.answer(grant, access, identity, refresh.generation if refresh else None))


def _wrong_client(code: Code, now: int) -> Decision[IssuedTokens]:
    """Another client's attempt voids an unredeemed code, but never revokes a redeemed grant (decisions.md 3)."""
    if code.redeemed_at is not None or code.voided is not None:
        return refuse(UNKNOWN)
    return refuse(UNKNOWN, CodeVoided("code_wrong_client", now))


def _replayed(grant: Grant, command: RedeemCode, now: int) -> Decision[IssuedTokens]:
    """Revoke the grant, once. A public client must send the right verifier, so that a leaked old code alone cannot
    revoke a grant (decisions.md 2)."""
    if grant.revoked_at is not None:
        return refuse(REPLAYED)
    if command.client_auth_method == "none" and not _proves_possession(grant, command):
        return refuse(REPLAYED)
    return refuse(REPLAYED, CodeReplayed(now), GrantRevoked("code_replayed", now))


def _proves_possession(grant: Grant, command: RedeemCode) -> bool:
    challenge = grant.request.code_challenge if grant.request else None
    return bool(challenge and pkce.matches(command.verifier_challenge or "", challenge))


def _client_has_changed(grant: Grant, facts: IssueFacts) -> bool:
    """Whether the client has new redirect URIs or keys since the request (A206), or the redirect URI that the code was
    sent to is no longer registered (F31)."""
    request = grant.request
    return request is not None and (
        facts.client.generation != request.client_generation
        or not redirect_uri.matches(facts.client, request.redirect_uri)
    )


def _redirect_uri_mismatch(grant: Grant, command: RedeemCode) -> Refusal | None:
    """The redirect URI must be that of the request, and must be sent if the request had one (RFC 6749 §4.1.3)."""
    assert grant.request is not None
    if command.redirect_uri is None and not grant.request.redirect_uri_given:
        return None
    if command.redirect_uri == grant.request.redirect_uri:
        return None
    return invalid_grant(
        "The redirect_uri differs from that of the authorization request.",
        reason="redirect_uri_mismatch",
        hint="Send the same redirect_uri, byte for byte.",
        section="RFC 6749 §4.1.3",
    )


class WrongVerifier(Refusal, frozen=True, kw_only=True):
    """The verifier is not that of the client that requested the code (RFC 7636 §4.6)."""


def _wrong_verifier(grant: Grant, command: RedeemCode) -> Refusal | None:
    """A challenge requires a verifier, and a verifier requires a challenge (RFC 9700 §4.8.2)."""
    assert grant.request is not None
    challenge, verifier = grant.request.code_challenge, command.verifier_challenge
    if challenge is None and verifier is None:
        return None
    if challenge is None:
        return invalid_grant(
            "A code_verifier was sent for a request without a code_challenge.",
            reason="verifier_without_challenge",
            hint="Send code_challenge in the authorization request.",
            section="RFC 9700 §4.8.2",
        )
    if verifier is None:
        return invalid_grant(
            "The code_verifier is missing.",
            reason="verifier_missing",
            hint="Send the verifier of the code_challenge.",
            section="RFC 7636 §4.5",
        )
    if not pkce.matches(verifier, challenge):
        return WrongVerifier(
            "invalid_grant",
            "The code_verifier does not match the code_challenge.",
            reason="wrong_verifier",
            hint="The code is void now; start a new authorization request.",
            section="RFC 7636 §4.6",
        )
    return None


def _refuse_verifier(wrong: Refusal, now: int) -> Decision[IssuedTokens]:
    """A wrong verifier voids the code, a missing one does not (decisions.md 3)."""
    if isinstance(wrong, WrongVerifier):
        return refuse(wrong, CodeVoided("wrong_verifier", now))
    return refuse(wrong)


def _binding(grant: Grant, command: RedeemCode, facts: IssueFacts) -> Confirmation | Refusal:
    """The keys that the access token is bound to. They must include the code's own key (RFC 9449 §10)."""
    assert grant.request is not None
    if facts.client.is_attested and grant.request.client_key_id not in (None, command.client_key_id):
        return WRONG_INSTANCE
    refusal = wrong_key(Confirmation(grant.request.dpop_jkt), command.proof)
    return refusal or binding_of(facts.client, command.proof, grant.request.sender_constraints)


def _refuse_key(refusal: Refusal, now: int) -> Decision[IssuedTokens]:
    """A wrong key voids the code, a missing proof does not (decisions.md 3)."""
    if isinstance(refusal, WrongKey):
        return refuse(refusal, CodeVoided("wrong_key", now))
    return refuse(refusal)
