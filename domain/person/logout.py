"""OpenID Connect RP-Initiated Logout 1.0: whom a logout request speaks for, whether the person is asked, and where
the browser may go afterwards."""

from typing import Final

import msgspec

from domain.client import redirect_uri as redirect_uris
from domain.client.client import Client
from domain.errors import Refusal, invalid_request
from domain.liveness import ACTIVE

SECTION: Final = "OIDC RP-Initiated Logout 1.0 §2"

MAX_STATE: Final = 4096


class Hint(msgspec.Struct, frozen=True):
    """What a genuine ID token says: its audience, its person as the client knows them, its ``sid`` and its
    ``auth_time``."""

    audience: tuple[str, ...]
    subject: str
    session_id: str | None = None
    auth_time: int | None = None


class CurrentSession(msgspec.Struct, frozen=True):
    """The session that this browser has, by the names that the client of the request knows it by. ``session_id`` None:
    the client is told none."""

    session_id: str | None
    subject: str
    auth_time: int


class LogoutRequest(msgspec.Struct, frozen=True):
    """A logout request that may go on. ``client`` is the one it speaks for, None when it names none that can be
    believed. ``hint`` None: there was none, or (``hint_refused``) it was not genuine."""

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
    hint="Register it in post_logout_redirect_uris, and send it byte for byte.",
    section="OIDC RP-Initiated Logout 1.0 §3",
    reason="post_logout_redirect_uri_not_registered",
)
NO_CLIENT: Final = Refusal(
    "invalid_request",
    "The post_logout_redirect_uri belongs to no client that the request proves.",
    hint="Send an ID token as id_token_hint, or the client_id.",
    section="OIDC RP-Initiated Logout 1.0 §3",
    reason="post_logout_redirect_uri_without_client",
)
BAD_HINT: Final = Refusal(
    "invalid_request",
    "The id_token_hint is not an ID token of this server.",
    hint="Send the signed ID token as it was issued; decrypt it first if it came encrypted.",
    section=SECTION,
    reason="logout_hint_not_ours",
)
STATE_TOO_LONG: Final = invalid_request(
    "The parameter state is too long.", hint=f"Send at most {MAX_STATE} characters.", section=SECTION
)


def client_id_of(hint: Hint | None, client_id: str | None) -> str | Refusal | None:
    """The client that the request speaks for: the hint's own, which ``client_id`` must be when both are there."""
    if hint is None:
        return client_id
    if client_id is not None:
        return client_id if client_id in hint.audience else OTHER_CLIENT
    return hint.audience[0] if len(hint.audience) == 1 else None


def return_uri(request: LogoutRequest) -> str | Refusal | None:
    """Where the browser goes afterwards, None when nowhere was asked for; or why it does not go where it was.

    A refusal keeps nobody signed in: the logout goes on and ends on our own page (A189). A hint that is not genuine
    makes the whole request unbelievable, the ``client_id`` beside it too (§4).
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
    """The client whose own addresses the page offers as links, if the request proves one. A client that registered
    itself has to show an ID token: everyone knows its ``client_id``, and could lend its address our name
    (RFC 9700 §4.11.2, A241)."""
    client = request.client
    if client is None or request.hint_refused or client.status != ACTIVE:
        return None
    return client if client.by_administrator or request.hint is not None else None


def with_state(uri: str, state: str | None) -> str:
    """The URI that the browser is sent to, with the client's ``state`` when it sent one (§3)."""
    return uri if state is None else redirect_uris.append_parameters(uri, {"state": state})


def frontchannel_uri(uri: str, issuer: str, session_id: str) -> str:
    """The client's page with ``iss`` and ``sid``, beside which the query it has stays (Front-Channel Logout 1.0 §2)."""
    return redirect_uris.append_parameters(uri, {"iss": issuer, "sid": session_id})


def needs_confirmation(request: LogoutRequest, session: CurrentSession | None) -> bool:
    """Whether the person MUST be asked: without a genuine ID token of the session that this browser has
    (§2, A191). A token without ``sid`` is of the session when it tells of the same sign-in of the same person.
    ``session`` None: nobody is signed in, and there is nothing to ask about."""
    hint = request.hint
    if hint is None:
        return True
    if session is None:
        return False
    if hint.session_id is not None:
        return hint.session_id != session.session_id
    return (hint.subject, hint.auth_time) != (session.subject, session.auth_time)
