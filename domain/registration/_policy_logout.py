"""The logout fields: OpenID Connect RP-Initiated Logout 1.0 §3.1, Front-Channel Logout 1.0 §2, Back-Channel Logout 1.0
§2.2. As with every policy, the rules check the whole resulting client."""

from collections.abc import Iterable

from domain.client import redirect_uri
from domain.client.metadata import ClientMetadata
from domain.client.redirect_uri import Problem
from domain.errors import Refusal


def checks(metadata: ClientMetadata, development: bool) -> Iterable[Refusal | None]:
    """The rules of the logout fields. ``development``: loopback http is allowed."""
    yield from _post_logout_redirect_uris(metadata, development)
    yield _frontchannel_logout_uri(metadata, development)
    yield _backchannel_logout_uri(metadata, development)


def _post_logout_redirect_uris(metadata: ClientMetadata, development: bool) -> Iterable[Refusal | None]:
    """A browser is sent to these URIs, so the rules of redirect URIs apply (A006)."""
    for index, uri in enumerate(metadata.post_logout_redirect_uris):
        problem = redirect_uri.registration_problem(
            uri, metadata.application_type, development, metadata.plain_http_redirect_uris
        )
        if problem is not None:
            yield _invalid(
                f"post_logout_redirect_uris[{index}]", problem, "OIDC RP-Initiated Logout 1.0 §3.1"
            )


def _frontchannel_logout_uri(metadata: ClientMetadata, development: bool) -> Refusal | None:
    """Our page loads it in a frame, so its origin must be that of a registered redirect URI."""
    uri = metadata.frontchannel_logout_uri
    if uri is None:
        return None
    problem = redirect_uri.registration_problem(uri, "web", development)
    if problem is None and redirect_uri.web_origin(uri) not in map(
        redirect_uri.web_origin, metadata.redirect_uris
    ):
        problem = Problem(
            "has an origin that no redirect URI has.",
            "Use the scheme, host and port of a registered redirect URI.",
        )
    return _refused("frontchannel_logout_uri", problem, "OIDC Front-Channel Logout 1.0 §2")


def _backchannel_logout_uri(metadata: ClientMetadata, development: bool) -> Refusal | None:
    """The server itself posts to it, always over TLS. Which addresses it can reach is the task of the egress guard
    (A119)."""
    uri = metadata.backchannel_logout_uri
    if uri is None:
        return None
    problem = redirect_uri.registration_problem(uri, "web", development)
    return _refused("backchannel_logout_uri", problem, "OIDC Back-Channel Logout 1.0 §2.2")


def _refused(field: str, problem: Problem | None, section: str) -> Refusal | None:
    return None if problem is None else _invalid(field, problem, section)


def _invalid(field: str, problem: Problem, section: str) -> Refusal:
    return Refusal("invalid_client_metadata", f"{field} {problem.what}", hint=problem.fix, section=section)
