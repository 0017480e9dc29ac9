"""The session that a sign-in begins or renews, in the sign-in's own append.

A renewed session has a new secret, so one that somebody planted in the browser before is worth nothing (A181).
"""

from aiohttp import web

from authrim.core.call import Call
from authrim.core.execute import Change
from authrim.crypto.ids import digest, new_id, new_secret
from authrim.crypto.sealing import login_hmacs
from authrim.people.sessions.browser import signed_in_browser
from authrim.people.sessions.state import begin_browser_state
from authrim.people.sign_in.known_browsers import REMEMBERED, kept_after_sign_in
from authrim.web.cookies import known_browser, set_known_browser, set_session_cookie
from domain.client.client import Client
from domain.inputs import SessionInputs
from domain.person import session as sessions
from domain.person.session import NO_SESSION, Authentication
from domain.stream import session_stream
from domain.vocabulary.acr import PASSWORD_ACR, PASSWORD_AMR


class SessionBeginning:
    """A person has proved with a password who they are. The cookie's secret is made once, however often it is decided;
    ``session_id`` is the session of the last decision."""

    def __init__(self, request: web.Request, call: Call, subject: str, login: str) -> None:
        self._request, self._call, self._login = request, call, login
        self._secret, self._new_session_id = new_secret(), new_id()
        self._proof = Authentication(subject, digest(self._secret), PASSWORD_ACR, PASSWORD_AMR)
        self.session_id = self._new_session_id

    async def decide(self, client: Client, now: int) -> tuple[Change, ...]:
        """Renew the session of the same person, or end another person's and start a new one."""
        lifetime = self._call.core.settings.session_lifetime
        inputs = SessionInputs(now, lifetime)
        current = await signed_in_browser(self._request, self._call, client)
        session = NO_SESSION if current is None else current.browser.session
        if current is not None and sessions.continues(session, self._proof, now):
            self.session_id = current.browser.session_id
            renewed = sessions.decide_sign_in(session, self._proof, now, lifetime)
            version = current.session_version
            return (Change(self._stream(self.session_id), version, renewed, session, inputs),)
        # Also when an earlier try would have renewed one that has ended since.
        self.session_id = self._new_session_id
        events = sessions.decide_sign_in(NO_SESSION, self._proof, now, lifetime)
        started = Change(self._stream(self.session_id), 0, events, inputs=inputs)
        if current is None:
            return (started,)
        ended = sessions.decide_end(session, "replaced", now)
        replaced = self._stream(current.browser.session_id)
        return (Change(replaced, current.session_version, ended, session), started)

    def tell(self, response: web.Response) -> None:
        """Sign the browser in, now that the log says so, and know it again the next time."""
        core = self._call.core
        set_session_cookie(core, response, self.session_id, self._secret)
        begin_browser_state(core, response, self.session_id)
        hashes = login_hmacs(core.master, self._call.tenant, self._login)
        kept = kept_after_sign_in(
            core.master, self._call.tenant, hashes, known_browser(self._request), core.now()
        )
        set_known_browser(core, response, kept, REMEMBERED)

    def _stream(self, session_id: str) -> str:
        return session_stream(self._call.tenant, session_id)
