"""An auditor's page: who may see it, and what is done before it answers.

Each page is two steps, one that shows it and one that takes its form (docs/designs/0017). What comes before is done
here, once, in this order:

1. Somebody signed in with this browser who has the role ``auditor`` now. To everybody else there is nothing here, as at
   any unknown address (A286); a browser without a session is led to the sign-in while there is an auditor at all.
2. The sign-in is recent (A289), and this auditor has not asked too much in this minute.
3. A form came from our own page of this session (A288).
4. The page gets its turn: few read the log at the same time.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from aiohttp import web

from authrim.audit.past.moments import Time, place_of
from authrim.audit.readings import Reading
from authrim.auditor.asking import Asker
from authrim.auditor.part import AUDITING
from authrim.core.call import Call
from authrim.core.rate_limits import Policy
from authrim.people.server_roles import holders_of
from authrim.people.sessions.browser import BrowserSession, signed_in_browser
from authrim.web.answers import page_settings, refuse_on_page, see_other
from authrim.web.call import call_of
from authrim.web.cookies import session_cookie
from authrim.web.limited import limited
from authrim.web.own_form import csrf_token, read_own_form
from authrim.web.params import Params, read_params
from domain.client.client import NO_CLIENT
from domain.errors import Refusal, invalid_request, temporarily_unavailable
from domain.person.role import AUDITOR

ENDPOINT: Final = "audit"
#: Characters of one field of a form.
LONGEST: Final = 512
#: Events or changes on one page.
LINES: Final = 50

#: Fields that name a place of the log, which the answer is read up to at least.
_PLACES: Final = ("from", "to", "at")

_SLOW: Final = temporarily_unavailable(
    "The log could not be read in time. Ask for less, or on the command line."
)
UNUSABLE: Final = invalid_request(
    "A field holds what cannot be asked for.", hint="Use short text that can be seen."
)
NO_PLACE: Final = invalid_request(
    "This is neither a position nor a time.",
    hint="Write a number, or a time (UTC) such as 2026-11-29T14:00:00.",
)


class Visit(msgspec.Struct, frozen=True):
    """An auditor at a page. ``asked``: the fields of the form that are not empty, or of the query when the page is
    shown. ``log``: where the answer is read."""

    request: web.Request
    call: Call
    csrf: str
    asked: Mapping[str, str]
    log: Reading

    @property
    def asker(self) -> Asker:
        """Who asks, for the record of a question."""
        core = self.call.core
        return Asker(core.store, self.log, core.master, self.call.tenant, self.call)

    @property
    def copying_asker(self) -> Asker:
        """The same where the answer is a file, which leaves the pages."""
        return msgspec.structs.replace(self.asker, exported=True)

    @property
    def after(self) -> int:
        """The position after which the page goes on."""
        text = self.asked.get("after", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0

    @property
    def reason(self) -> str:
        """Why the auditor asks."""
        return self.asked.get("reason", "")

    def place(self, name: str) -> int | Time | Refusal | None:
        """A field that holds a time or a position."""
        text = self.asked.get(name)
        try:
            return None if text is None else place_of(text)
        except ValueError:
            return NO_PLACE

    def settings(self, current: str, refusal: Refusal | None = None) -> dict[str, Any]:
        """What each page is made with. ``current``: which one it is; ``refusal``: why it has no answer."""
        core = self.call.core
        return {
            "home": core.url("/audit"),
            "current": current,
            "csrf_token": self.csrf,
            "auditor": self.call.subject,
            "logout_url": core.url("/logout"),
            "asked": dict(self.asked),
            "error_message": None if refusal is None else refusal.description,
            "error_hint": "" if refusal is None else refusal.hint,
            "read_up_to": None if self.log.reached is None else self.log.reached.position,
            **page_settings(self.request),
        }


Step = Callable[[Visit], Awaitable[web.StreamResponse]]
_Admit = Call | web.StreamResponse


class AuditorPage(msgspec.Struct, frozen=True):
    """A page below ``/audit``. ``takes`` None: it has no form. ``shows`` None: it is the answer to a form elsewhere."""

    shows: Step | None = None
    takes: Step | None = None

    async def show(self, request: web.Request) -> web.StreamResponse:
        """GET: changes nothing. The fields of the query are only filled into the form."""
        call = await _admitted(request)
        if isinstance(call, web.StreamResponse):
            return call
        assert self.shows is not None
        query = await read_params(request)
        if isinstance(query, Refusal):
            return await refuse_on_page(request, call, ENDPOINT, query)
        return await _in_turn(_visit(request, call, query), self.shows)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """POST: the auditor asks."""
        call = await _admitted(request)
        if isinstance(call, web.StreamResponse):
            return call
        form = await read_own_form(request, _csrf(request, call))
        if isinstance(form, Refusal):
            return await refuse_on_page(request, call, ENDPOINT, form)
        assert self.takes is not None
        return await _in_turn(_visit(request, call, form), self.takes)


async def signed_in_auditor(request: web.Request, call: Call) -> BrowserSession | None:
    """The session of this browser, when it is one of an auditor. Raises HTTPNotFound for anybody else's, and where
    there is no auditor."""
    signed_in = await signed_in_browser(request, call, NO_CLIENT)
    if signed_in is None or not signed_in.browser.account_active:
        if await call.parts[AUDITING].is_on(call.core.store, call.tenant):
            return None
        raise web.HTTPNotFound
    if signed_in.browser.session.subject not in await holders_of(call.core.store, call.tenant, AUDITOR):
        raise web.HTTPNotFound
    return signed_in


def is_recent(call: Call, signed_in: BrowserSession) -> bool:
    """Whether the auditor proved lately who they are."""
    return signed_in.now < signed_in.browser.session.auth_time + call.core.settings.audit_sign_in_age


async def _admitted(request: web.Request) -> _Admit:
    """The call of the auditor, or where to go."""
    call = call_of(request)
    signed_in = await signed_in_auditor(request, call)
    if signed_in is None or not is_recent(call, signed_in):
        return see_other(call.core.url("/audit/sign-in"))
    call = call.of_person(signed_in.browser.session.subject, "subject")
    policy = Policy("audit-account", call.core.settings.audit_requests_per_minute)
    refusal = await limited(request, call, policy, call.subject, is_page=True)
    return call if refusal is None else await refuse_on_page(request, call, ENDPOINT, refusal)


def _csrf(request: web.Request, call: Call) -> str:
    cookie = session_cookie(request)
    assert cookie is not None
    return csrf_token(call.core, ENDPOINT, cookie.secret)


def _visit(request: web.Request, call: Call, params: Params) -> Visit:
    given = {
        name: text for name, value in params.values.items() if name != "csrf" and (text := value.strip())
    }
    return Visit(request, call, _csrf(request, call), given, call.core.readings.reading())


async def _in_turn(visit: Visit, step: Step) -> web.StreamResponse:
    if any(len(value) > LONGEST or not value.isprintable() for value in visit.asked.values()):
        return await refuse_on_page(visit.request, visit.call, ENDPOINT, UNUSABLE)
    with visit.log:
        visit.log.needs(visit.after, *(visit.place(name) for name in _PLACES))
        answer = await visit.call.parts[AUDITING].in_turn(lambda: step(visit))
    return answer or await refuse_on_page(visit.request, visit.call, ENDPOINT, _SLOW)
