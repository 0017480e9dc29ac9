"""The cookies: who is signed in with this browser, which requests it has open, whom we asked about logout, who is shown
the auditor's sign-in, that it has signed in before, and what our frame in other sites' pages needs.

``__Host-`` names and ``Secure`` everywhere but on ``authrim dev`` at http://localhost. Each holds an id and a
secret; the server keeps only the secret's digest.
"""

from typing import Final, NamedTuple

from aiohttp import web

from authrim.core.parts import Core
from authrim.crypto import base64url
from authrim.crypto.ids import constant_time_equal, digest, new_secret
from authrim.crypto.keyed_hash import keyed_hash
from authrim.web.call import core_of
from authrim.web.cookie_header import cookies_of
from domain.units import DAY

_SESSION: Final = "authrim-session"
_REQUEST: Final = "authrim-request-"
_LOGOUT: Final = "authrim-logout"
_AUDIT: Final = "authrim-audit"
_BROWSER_STATE: Final = "authrim-browser-state"
_WATCHERS: Final = "authrim-watchers"
_PROBE: Final = "authrim-cookie-probe"
_KNOWN_BROWSER: Final = "authrim-known-browser"
#: Seconds that a browser remembers which clients watch its state.
_WATCHERS_REMEMBERED: Final = 30 * DAY
#: The most requests that one browser has open at once.
MOST_OPEN_REQUESTS: Final = 20
#: The most cookies that one response drops. nginx takes 4 KiB of response headers by default, and answers 502 beyond.
_MOST_DROPPED: Final = 8
_SECRET_LENGTH: Final = 43
_ID_LENGTH: Final = 32


class SessionCookie(NamedTuple):
    """The content of the session cookie. It is believed only once the digest of its secret matches."""

    session_id: str
    secret: str


def session_cookie(request: web.Request) -> SessionCookie | None:
    """The session cookie, if it is well-formed."""
    value = cookies_of(request).get(_name(core_of(request), _SESSION), "")
    session_id, _, secret = value.partition(".")
    if len(session_id) != _ID_LENGTH or len(secret) != _SECRET_LENGTH or not value.isascii():
        return None
    return SessionCookie(session_id, secret)


def set_session_cookie(core: Core, response: web.Response, session_id: str, secret: str) -> None:
    """Sign the browser in, until the session's own end or the browser's."""
    _set(core, response, _name(core, _SESSION), f"{session_id}.{secret}", None)


def drop_session_cookie(request: web.Request, response: web.Response) -> None:
    """Sign the browser out."""
    _drop(request, response, _name(core_of(request), _SESSION))


def set_request_cookie(request: web.Request, response: web.Response, grant_id: str, secret: str) -> None:
    """Bind an open request to this browser. The oldest requests give way, before the cookies are more than a header
    may hold: browsers send the cookies of one path in the order of their making (RFC 6265 §5.4)."""
    core = core_of(request)
    name, prefix = _request_name(core, grant_id), _name(core, _REQUEST)
    open_ones = [sent for sent in cookies_of(request) if sent.startswith(prefix) and sent != name]
    too_many = max(0, len(open_ones) + 1 - MOST_OPEN_REQUESTS)
    for oldest in open_ones[: min(too_many, _MOST_DROPPED)]:  # tabs that opened at once may have left more
        _drop(request, response, oldest)
    _set(core, response, name, secret, core.settings.interaction_lifetime)


def drop_request_cookie(request: web.Request, response: web.Response, grant_id: str) -> None:
    """The request is over."""
    _drop(request, response, _request_name(core_of(request), grant_id))


def request_secret(request: web.Request, grant_id: str, browser_hash: str | None) -> str | None:
    """The secret of an open request, if the request belongs to this browser (A181)."""
    secret = cookies_of(request).get(_request_name(core_of(request), grant_id), "")
    if browser_hash is None or not secret.isascii() or not constant_time_equal(digest(secret), browser_hash):
        return None
    return secret


def new_fetched_secret(core: Core, tenant: str, grant_id: str) -> str:
    """A secret for a browser that presents a ``request_uri``: any number may, and nothing is kept of them, so the
    secret proves by itself that we gave it out for this request (decisions.md 20)."""
    random = new_secret()
    return f"{random}.{_fetched_proof(core, tenant, grant_id, random)}"


def fetched_secret(request: web.Request, tenant: str, grant_id: str) -> str | None:
    """The secret that this browser got when it fetched the pushed request before."""
    core = core_of(request)
    secret = cookies_of(request).get(_request_name(core, grant_id), "")
    random, _, proof = secret.partition(".")
    if len(random) != _SECRET_LENGTH or not secret.isascii():
        return None
    expected = _fetched_proof(core, tenant, grant_id, random)
    return secret if constant_time_equal(proof, expected) else None


def _fetched_proof(core: Core, tenant: str, grant_id: str, random: str) -> str:
    key = core.master.derive_lasting("pushed-request-browser")
    return base64url.encode(keyed_hash(key, tenant.encode(), grant_id.encode(), random.encode()))


def logout_secret(request: web.Request) -> str | None:
    """The secret that binds the question "log out?" to this browser, if it was asked before."""
    return _form_secret(request, _LOGOUT)


def set_logout_cookie(core: Core, response: web.Response, secret: str) -> None:
    """Bind the question "log out?" to this browser, for as long as a sign-in would wait."""
    _set(core, response, _name(core, _LOGOUT), secret, core.settings.interaction_lifetime)


def audit_secret(request: web.Request) -> str | None:
    """The secret that binds the auditor's sign-in form to this browser, if it was shown before."""
    return _form_secret(request, _AUDIT)


def set_audit_cookie(core: Core, response: web.Response, secret: str) -> None:
    """Bind the auditor's sign-in form to this browser, for as long as any sign-in would wait."""
    _set(core, response, _name(core, _AUDIT), secret, core.settings.interaction_lifetime)


def known_browser(request: web.Request) -> str:
    """The value of ``set_known_browser`` as the browser sends it back."""
    return cookies_of(request).get(_name(core_of(request), _KNOWN_BROWSER), "")


def set_known_browser(core: Core, response: web.Response, value: str, max_age: int) -> None:
    """Know the browser again when it next signs in (authrim/people/sign_in/known_browsers.py)."""
    _set(core, response, _name(core, _KNOWN_BROWSER), value, max_age)


def set_probe_cookie(core: Core, response: web.Response) -> None:
    """Set a cookie without meaning: if it comes back, the browser keeps cookies."""
    _set(core, response, _name(core, _PROBE), "1", 60)


def browser_state_name(core: Core) -> str:
    """The cookie that our own frame reads (Session Management 1.0 §3.2)."""
    return _name(core, _BROWSER_STATE)


def set_browser_state(core: Core, response: web.Response, value: str) -> None:
    """Say which state this browser is in, to our own script in other sites' pages: no secret of the session's."""
    _set_for_frames(response, browser_state_name(core), value, None, httponly=False)


def drop_browser_state(request: web.Request, response: web.Response) -> None:
    """Set the browser state to that of a browser in which nobody is signed in."""
    name = browser_state_name(core_of(request))
    if name in cookies_of(request):
        response.del_cookie(name, path="/", secure=True, samesite="None")


def watchers(request: web.Request) -> str:
    """The value of ``set_watchers`` as the browser sends it back."""
    return cookies_of(request).get(_name(core_of(request), _WATCHERS), "")


def set_watchers(core: Core, response: web.Response, value: str) -> None:
    """Keep with the browser which clients watch its state, so that their pages may show our frame."""
    _set_for_frames(response, _name(core, _WATCHERS), value, _WATCHERS_REMEMBERED, httponly=True)


def _set_for_frames(
    response: web.Response, name: str, value: str, max_age: int | None, *, httponly: bool
) -> None:
    # Browsers take SameSite=None with Secure alone, and Secure from http://localhost too.
    response.set_cookie(
        name, value, max_age=max_age, path="/", secure=True, httponly=httponly, samesite="None"
    )


def _form_secret(request: web.Request, cookie: str) -> str | None:
    secret = cookies_of(request).get(_name(core_of(request), cookie), "")
    return secret if len(secret) == _SECRET_LENGTH and secret.isascii() else None


def _request_name(core: Core, grant_id: str) -> str:
    """One cookie per open request, so that two tabs do not take each other's away."""
    return _name(core, _REQUEST) + grant_id[-12:]


def _name(core: Core, name: str) -> str:
    return f"__Host-{name}" if _is_secure(core) else name


def _is_secure(core: Core) -> bool:
    return core.issuer.startswith("https:")


def _set(core: Core, response: web.Response, name: str, value: str, max_age: int | None) -> None:
    response.set_cookie(
        name, value, max_age=max_age, path="/", secure=_is_secure(core), httponly=True, samesite="Lax"
    )


def _drop(request: web.Request, response: web.Response, name: str) -> None:
    if name in cookies_of(request):
        secure = _is_secure(core_of(request))
        response.del_cookie(name, path="/", secure=secure, httponly=True, samesite="Lax")
