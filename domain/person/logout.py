"""OpenID Connect RP-Initiated Logout 1.0: the client that a logout request is for, whether the person is asked, and
where the browser is sent afterwards."""

from typing import Final

import msgspec

from domain.client import redirect_uri as redirect_uris
from domain.client.client import Client
from domain.errors import Refusal, invalid_request
from domain.liveness import ACTIVE

SECTION: Final = "OIDC RP-Initiated Logout 1.0 §2"

MAX_STATE: Final = 4096


class Hint(msgspec.Struct, frozen=True):
    """The contents of a valid ID token: its audience, its subject, its ``sid`` and its ``auth_time``."""

    audience: tuple[str, ...]
    subject: str
    session_id: str | None = None
    auth_time: int | None = None


class CurrentSession(msgspec.Struct, frozen=True):
    """The session of this browser, with the identifiers that the client of the request gets. ``session_id`` None: the
    client gets no ``sid``."""

    session_id: str | None
    subject: str
    auth_time: int


class LogoutRequest(msgspec.Struct, frozen=True):
    """A logout request that can continue. ``client`` is the client that it is for, None when it proves none. ``hint``
    None: there is none, or (``hint_refused``) it is not valid."""

    client: Client | None = None
    hint: Hint | None = None
    hint_refused: bool = False
    post_logout_redirect_uri: str | None = None
    state: str | None = None
    ui_locales: tuple[str, ...] = ()


OTHER_CLIENT: Final = Refusal(
    "invalid_request",
    "The id_token_hint was issued to another client than client_id.",
    hint="Send the client's own ID token.",
    section=SECTION,
    reason="logout_hint_of_other_client",
)
NOT_REGISTERED: Final = Refusal(
    "invalid_request",
    "The post_logout_redirect_uri is not registered for this client.",
    hint="Register it in post_logout_redirect_uris, and send exactly that URI.",
    section="OIDC RP-Initiated Logout 1.0 §3",
    reason="post_logout_redirect_uri_not_registered",
)
NO_CLIENT: Final = Refusal(
    "invalid_request",
    "The request proves no client for the post_logout_redirect_uri.",
    hint="Send an ID token as id_token_hint, or the client_id.",
    section="OIDC RP-Initiated Logout 1.0 §3",
    reason="post_logout_redirect_uri_without_client",
)
BAD_HINT: Final = Refusal(
    "invalid_request",
    "The id_token_hint is not an ID token of this server.",
    hint="Send the signed ID token as it was issued; decrypt it first if it was encrypted.",
    section=SECTION,
    reason="logout_hint_not_ours",
)
STATE_TOO_LONG: Final = invalid_request(
    "The parameter state is too long.", hint=f"Send at most {MAX_STATE} characters.", section=SECTION
)


def client_id_of(hint: Hint | None, client_id: str | None) -> str | Refusal | None:
    """The client that the request is for: that of the hint. If there is also a ``client_id``, both must match."""
    if hint is None:
        return client_id
    if client_id is not None:
        return client_id if client_id in hint.audience else OTHER_CLIENT
    return hint.audience[0] if len(hint.audience) == 1 else None


def return_uri(request: LogoutRequest) -> str | Refusal | None:
    """The URI that the browser is sent to; None when the request has none; or why the browser is not sent there.

    A refusal never keeps anybody signed in: the logout continues and ends on our own page (A189). With an invalid hint
    nothing in the request can be trusted, not even the ``client_id`` (§4).
    """
    uri, client = request.post_logout_redirect_uri, request.client
    if request.hint_refused:
        return BAD_HINT
    if uri is None:
        return None
    if client is None or client.status != ACTIVE:
        return NO_CLIENT
    if uri not in client.metadata.post_logout_redirect_uris or redirect_uris.shape_problem(uri) is not None:
        return NOT_REGISTERED
    return uri


def next_client(request: LogoutRequest) -> Client | None:
    """The client whose own addresses the page offers as links, if the request proves one."""
    client = request.client
    if client is None or request.hint_refused:
        return None
    return client if client.may_be_offered(proved=request.hint is not None) else None


def with_state(uri: str, state: str | None) -> str:
    """The URI for the browser, with the client's ``state`` if it sent one (§3)."""
    return uri if state is None else redirect_uris.append_parameters(uri, {"state": state})


def frontchannel_uri(uri: str, issuer: str, session_id: str) -> str:
    """The client's page with ``iss`` and ``sid`` added to its query (Front-Channel Logout 1.0 §2)."""
    return redirect_uris.append_parameters(uri, {"iss": issuer, "sid": session_id})


def needs_confirmation(request: LogoutRequest, session: CurrentSession | None) -> bool:
    """Whether the person MUST be asked, because there is no valid ID token of this browser's session (§2, A191). A
    token without ``sid`` belongs to the session if subject and sign-in are the same. ``session`` None: nobody is signed
    in, so there is nothing to ask."""
    hint = request.hint
    if hint is None:
        return True
    if session is None:
        return False
    if hint.session_id is not None:
        return hint.session_id != session.session_id
    return (hint.subject, hint.auth_time) != (session.subject, session.auth_time)
