"""A client gets access on its own behalf, in a short grant stream (RFC 6749 §4.4)."""

import msgspec

from domain.client.resource import audience_for
from domain.decision import Decision, refuse
from domain.errors import Refusal, invalid_grant, invalid_scope, unauthorized_client
from domain.grant import issue
from domain.grant.events import ClientCredentialsGranted
from domain.grant.issue import IssuedTokens, IssueFacts
from domain.grant.sender_constraint import binding_of
from domain.liveness import why_not
from domain.vocabulary import scope as scopes
from domain.vocabulary.claims import PERSONAL_SCOPES
from domain.vocabulary.confirmation import UNBOUND, Confirmation


class GrantClientCredentials(msgspec.Struct, frozen=True):
    """An authenticated confidential client asks for a token. ``scope`` None: everything that it is allowed."""

    client_id: str
    scope: tuple[str, ...] | None
    resource: tuple[str, ...]
    client_auth_method: str
    client_key_id: str | None = None
    proof: Confirmation = UNBOUND


def decide_client_credentials(command: GrantClientCredentials, facts: IssueFacts) -> Decision[IssuedTokens]:
    """Issue a token for what the client's registration allows; an empty allow-list allows nothing."""
    if command.client_auth_method == "none":
        return refuse(
            unauthorized_client(
                "A public client has no credentials.", hint="Register the client with a secret or a key."
            )
        )
    if why_not(facts.liveness):
        return refuse(invalid_grant("The client is not active.", reason="client_not_active"))
    binding = binding_of(facts.client, command.proof)
    if isinstance(binding, Refusal):
        return refuse(binding)
    scope = _allowed_scope(command, facts)
    if isinstance(scope, Refusal):
        return refuse(scope)
    audience = audience_for(facts.client, command.resource, scope, facts.issuer, resources=facts.resources)
    if isinstance(audience, Refusal):
        return refuse(audience)
    target = issue.target_of_audience(facts, audience, scope)
    if isinstance(target, Refusal):
        return refuse(target)
    granted = ClientCredentialsGranted(
        client_id=command.client_id,
        scope=target.scope,
        audience=audience,
        client_auth_method=command.client_auth_method,
        granted_at=facts.now,
        client_key_id=command.client_key_id,
        jkt=command.proof.jkt,
        x5t_s256=command.proof.x5t_s256,
    )
    access = issue.access_token(facts, target, binding=binding)
    return Decision((granted, access), IssuedTokens(access))


def _allowed_scope(command: GrantClientCredentials, facts: IssueFacts) -> tuple[str, ...] | Refusal:
    """A scope that speaks of a person is none of a client on its own behalf (OIDC Core §11)."""
    allowed = tuple(value for value in facts.client.metadata.scope if value not in PERSONAL_SCOPES)
    if not allowed:
        return invalid_scope(
            "The client has no scope of its own.", hint="Add one to the client's registration."
        )
    if command.scope is None:
        return allowed
    beyond = [value for value in command.scope if value not in allowed]
    if beyond:
        return invalid_scope(
            f"The scope has more than the client is allowed: {scopes.shown(beyond)}.",
            hint=scopes.hint_for(beyond, "Ask for what is registered."),
        )
    return command.scope
