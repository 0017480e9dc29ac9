"""Whether the person has to be asked for consent (OIDC Core §3.1.2.4, RFC 8252 §8.6, RFC 9700 §4.11)."""

from collections.abc import Iterable

from domain.client.client import Client


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
