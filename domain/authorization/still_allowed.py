"""Whether the client may still get what was accepted. Every later step of a request asks this."""

from domain.client import client as client_rules
from domain.client import redirect_uri as redirect_uris
from domain.client.client import Client
from domain.grant.events import AuthorizationRequested
from domain.liveness import ACTIVE
from domain.vocabulary import response_type as response_types


def is_still_allowed(
    client: Client, request: AuthorizationRequested, types: tuple[str, ...], modes: tuple[str, ...]
) -> bool:
    """Whether the client may still get what was accepted, within the response types and modes that are offered. Every
    later step asks this about the recorded request, never about what the browser sends (A017, A018, F31)."""
    return (
        client.status == ACTIVE
        and client.generation == request.client_generation
        and request.response_type in types
        and request.response_mode in modes
        and redirect_uris.matches(client, request.redirect_uri)
        and client_rules.response_type_refusal(client, request.response_type) is None
        and client_rules.response_mode_refusal(client, request.response_type, request.response_mode) is None
        and set(request.scope) <= set(client.metadata.scope)
        and _came_as_demanded(client, request)
    )


def _came_as_demanded(client: Client, request: AuthorizationRequested) -> bool:
    """Whether the request was sent as the client's registration and profile now require: pushed, signed, with PKCE."""
    pushed = request.request_uri_hash is not None
    has_pkce = request.code_challenge is not None or not response_types.gives_code(request.response_type)
    return (
        (pushed or not client_rules.must_push(client))
        and (request.request_object_hash is not None or not client_rules.must_sign_requests(client))
        and (has_pkce or not client_rules.requires_pkce(client, pushed))
    )
