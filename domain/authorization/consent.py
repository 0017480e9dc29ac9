"""What a consent covers, and whether the person has to be asked (OIDC Core §3.1.2.4, RFC 8252 §8.6, RFC 9700 §4.11)."""

from collections.abc import Iterable

from domain.claim.catalogue import Catalogue
from domain.client.client import Client
from domain.client.told_claims import Agreed, agreed_names
from domain.grant.events import AuthorizationRequested


def covers(remembered: Iterable[str] | None, requested: Iterable[str]) -> bool:
    """Whether an earlier consent, if there is one, includes everything that is requested."""
    return remembered is not None and set(requested) <= set(remembered)


def can_be_impersonated(client: Client) -> bool:
    """Whether another application on the device could impersonate this client: it has no secret, and a redirect URI
    that nobody owns. Earlier consent proves nothing for such a client (RFC 8252 §8.6, A023)."""
    return (
        client.is_public
        and client.metadata.application_type == "native"
        and not all(uri.startswith("https:") for uri in client.metadata.redirect_uris)
    )


def must_ask(
    client: Client, prompt: Iterable[str], requested: Iterable[str], remembered: Iterable[str] | None
) -> bool:
    """Whether the consent page has to be shown for the ``requested`` scope."""
    if "consent" in prompt or can_be_impersonated(client):
        return True
    return not client.metadata.skip_consent and not covers(remembered, requested)


def scope_to_agree_to(
    request: AuthorizationRequested, client: Client, catalogue: Catalogue
) -> tuple[str, ...]:
    """The scope that the person is asked to consent to: the requested one, and the scope values of the requested
    claims."""
    by_name = catalogue.scope_for(_by_name(request), request.scope, client.metadata.scope)
    return tuple(dict.fromkeys((*request.scope, *by_name)))


def claims_to_agree_to(request: AuthorizationRequested, catalogue: Catalogue) -> tuple[str, ...]:
    """The defined claims that the request would release. They are agreed to one by one: what a scope stands for may
    grow, and an agreement never does (A262)."""
    wanted = Agreed(request.scope, _by_name(request), tuple(catalogue.defined))
    return tuple(name for name in agreed_names(catalogue, wanted) if name in catalogue.defined)


def _by_name(request: AuthorizationRequested) -> tuple[str, ...]:
    return (*request.id_token_claims, *request.userinfo_claims)
