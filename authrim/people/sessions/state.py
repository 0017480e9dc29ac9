"""OpenID Connect Session Management 1.0: the state of a browser, which clients watch through our frame.

The browser state is a keyed hash of the session's id: it changes with every new session and tells nothing of it. What a
client gets is a salted hash of that and of its own name (§2), which it can compare and cannot take apart (A194).
"""

import hashlib

from aiohttp import web

from authrim.core.parts import Core
from authrim.crypto import base64url
from authrim.crypto.base64url import NotBase64url
from authrim.crypto.ids import new_secret
from authrim.crypto.keyed_hash import keyed_hash
from authrim.web import cookies
from authrim.web.call import core_of
from domain.client import redirect_uri as redirect_uris
from domain.client.client import Client
from domain.vocabulary.features import SESSION_MANAGEMENT

#: Clients that a browser remembers as watching it: the newest ones. A cookie has some 4,000 characters.
MOST_WATCHERS = 16
_LONGEST_COOKIE = 3500


def session_state(core: Core, client: Client, redirect_uri: str, session_id: str | None) -> dict[str, str]:
    """The parameter ``session_state`` of an authorization response (§2), for a web page of a client with a session."""
    origin = redirect_uris.web_origin(redirect_uri)
    if SESSION_MANAGEMENT not in core.features or session_id is None or origin is None:
        return {}
    salt = new_secret(128)
    said = f"{client.client_id} {origin} {_browser_state(core, session_id)} {salt}"
    hashed = base64url.encode(hashlib.sha256(said.encode()).digest())
    return {"session_state": f"{hashed}.{salt}"}


def begin_browser_state(core: Core, response: web.Response, session_id: str) -> None:
    """From now on the browser is in the state of this session."""
    if SESSION_MANAGEMENT in core.features:
        cookies.set_browser_state(core, response, _browser_state(core, session_id))


def let_client_watch(
    request: web.Request, response: web.Response, client: Client, session_id: str | None
) -> None:
    """Let the client's pages show our frame in this browser, and put right a state that was lost."""
    core = core_of(request)
    if session_id is not None:
        begin_browser_state(core, response, session_id)
    others = [one for one in _watching(request) if one != client.client_id]
    newest = [client.client_id, *others][:MOST_WATCHERS]
    while len(value := base64url.encode("\n".join(newest).encode())) > _LONGEST_COOKIE and len(newest) > 1:
        newest.pop()
    cookies.set_watchers(core, response, value)


async def watching_origins(request: web.Request, tenant: str) -> tuple[str, ...]:
    """The registered origins of the clients that watch this browser: they alone may show our frame (decisions 28)."""
    core = core_of(request)
    found: list[str] = []
    for client_id in _watching(request):
        client = await core.configuration.client(tenant, client_id)
        if client is not None and client.exists:
            origins = map(redirect_uris.web_origin, client.metadata.redirect_uris)
            found += [origin for origin in origins if origin is not None and "[" not in origin]
    return tuple(found)


def _watching(request: web.Request) -> list[str]:
    """The clients that the cookie names. Nothing hangs on its being true: what counts is what they registered."""
    try:
        kept = base64url.decode(cookies.watchers(request)).decode()
    except (NotBase64url, UnicodeDecodeError):
        return []
    return kept.split("\n")[:MOST_WATCHERS] if kept else []


def _browser_state(core: Core, session_id: str) -> str:
    return base64url.encode(keyed_hash(core.master.derive_lasting("browser-state"), session_id.encode()))
