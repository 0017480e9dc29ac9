"""The application: every route of every feature."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import msgspec
from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from authrim.auditor.hidden import nothing_here
from authrim.clients.authentication.shown_certificate import CERTIFICATE_PROXIES, CertificateProxies
from authrim.clients.logo_endpoint import LOGOS, Logos
from authrim.clients.part import CLIENTS
from authrim.core.parts import Parts
from authrim.core.readiness import Readiness
from authrim.features import Route, enabled, server_metadata
from authrim.pages.headers import asks_for_page
from authrim.pages.views import ErrorPage
from authrim.pages.words import words_for
from authrim.people.part import PEOPLE
from authrim.server.background import Work, kept_running, own_work
from authrim.web.answers import error_page
from authrim.web.authority import OWN_NAMES, OwnNames
from authrim.web.call import CORE, PAGES, PARTS
from authrim.web.cors import FOR_SCRIPTS
from authrim.web.discovery_endpoint import METADATA, Metadata, document_of
from authrim.web.errors import json_refusal
from authrim.web.health_endpoint import READINESS
from authrim.web.middleware import middleware
from authrim.web.overload import OVERLOAD, OVERLOADED, URGENCIES, Overload, Urgencies
from authrim.web.overload_gate import GatedRoute, OverloadGate, Target
from authrim.web.preflight_endpoint import preflight
from authrim.web.proxies import PROXIES
from authrim.web.ready_answers import ReadyAnswer
from authrim.web.sent_forms import FORMS, SentForms
from authrim.web.trace_context import TraceId, trace_id_of
from authrim.wire.endless import ENDLESS, EndlessAnswers
from authrim.wire.forwarded import Proxies
from authrim.wire.gate import GATE
from authrim.wire.limits import Limits
from domain.errors import Refusal

#: Routes that a person's browser shows: what goes wrong there is a page.
_PAGES = frozenset(
    {
        "authorize",
        "authorize_post",
        "authorize_resume",
        "login",
        "login_post",
        "create_account",
        "create_account_post",
        "consent",
        "consent_post",
        "consent_another_account",
        "logout",
        "logout_post",
        "logout_confirm",
    }
)

#: Routes that show a page to people and are not there for programs.
_FRONT = frozenset({"front", "front_head", "front_bare", "front_bare_head"})


#: Appends shall wait no longer than one in so many parts of the time after which they are refused.
_APPENDS_AIM: Final = 4


#: The names of routes that are there for few: to others, nothing is at their addresses.
HIDDEN = web.AppKey("hidden", frozenset)


def make_app(
    parts: Parts, limits: Limits, around: Sequence[Middleware] = (), trace_id: TraceId = trace_id_of
) -> web.Application:
    """The application: every route of every feature, below the issuer's path. ``around`` surrounds each request, and
    ``trace_id`` names its trace."""
    own = middleware(_answer_failure, trace_id)
    app = web.Application(middlewares=[*around, own], client_max_size=limits.body_bytes)
    core = parts[CORE]
    app[PARTS] = parts
    app[FORMS] = SentForms()
    app[PROXIES] = Proxies(
        core.settings.trusted_proxies,
        core.settings.trusted_proxy_depth,
        by_socket=core.settings.trusted_proxy_socket,
    )
    app[CERTIFICATE_PROXIES] = CertificateProxies.of(core.settings)
    app[OWN_NAMES] = OwnNames.of(core.settings)
    app[LOGOS] = Logos()
    app[READINESS] = Readiness()
    app[ENDLESS] = EndlessAnswers()
    app[OVERLOAD] = Overload(
        core.settings.overload_milliseconds / 1000,
        core.settings.append_wait_seconds / _APPENDS_AIM,
        lambda: core.store.append_wait,
    )
    app[URGENCIES] = Urgencies()
    app[METADATA] = Metadata(core, lambda: msgspec.json.encode(server_metadata(core)))
    prefix = urlsplit(core.issuer).path
    for_scripts: set[str] = set()
    hidden: dict[str, str] = {}
    gated: dict[Target, GatedRoute] = {}
    for feature in enabled(core.settings):
        for route in feature.routes:
            for number, path in enumerate(_paths(route, prefix)):
                name = f"{route.name}_other_form" if number else route.name
                _add(app, route, path, name)
                if "{" not in path and not route.hidden and name not in _FRONT:
                    # A request that is traced has to be made, and to get its span.
                    document = None if around else document_of(route.handler)
                    ready = None if document is None else ReadyAnswer(app, name, document)
                    gated[route.method, path] = GatedRoute(name, feature.urgency, name in _PAGES, ready)
                app[URGENCIES] |= dict.fromkeys((name, f"{name}_head", f"{name}_preflight"), feature.urgency)
                if route.hidden:
                    hidden |= {name: path, f"{name}_head": path}
                if route.scripts and path not in for_scripts:
                    for_scripts.add(path)
                    app.router.add_route(hdrs.METH_OPTIONS, path, preflight, name=f"{name}_preflight")
    for path in dict.fromkeys(hidden.values()):
        app.router.add_route(hdrs.METH_ANY, path, nothing_here)
    app[HIDDEN] = frozenset(hidden)
    app[GATE] = OverloadGate(
        app[OVERLOAD], gated, partial(_overloaded_page, parts), core.settings.default_locale
    )
    app[FOR_SCRIPTS] = frozenset(for_scripts)
    app.router.add_routes(parts[PAGES].static_routes())
    app.cleanup_ctx.append(_looking_at_overload)
    return app


async def _looking_at_overload(app: web.Application) -> AsyncIterator[None]:
    async with kept_running([app[OVERLOAD].look_until_cancelled]):
        yield


def _add(app: web.Application, route: Route, path: str, name: str) -> None:
    app.router.add_route(route.method, path, route.handler, name=name)
    if route.head:
        app.router.add_route(hdrs.METH_HEAD, path, route.handler, name=f"{name}_head")


def _paths(route: Route, prefix: str) -> tuple[str, ...]:
    before, behind = route.path + prefix + route.behind, prefix + route.path
    first, other = (before, behind) if route.at_root else (behind, before)
    paths = (first, other) if route.both_forms and prefix else (first,)
    return tuple(path for path in paths if path)


def _answer_failure(request: web.Request, refusal: Refusal, error_id: str) -> web.StreamResponse:
    name = request.match_info.route.name
    is_page = name in _PAGES or (name in request.app[HIDDEN] and refusal.status != HTTPStatus.NOT_FOUND)
    if is_page or _is_lost_person(request):
        return error_page(request, refusal, error_id)
    return json_refusal(refusal, error_id=error_id)


def _is_lost_person(request: web.Request) -> bool:
    """Whether a browser shows this answer to a person who followed a link to none of our pages. Scripts send an Origin
    and get JSON (A198)."""
    route = request.match_info.route
    nothing_there = request.match_info.http_exception is not None or route.handler is nothing_here
    return (
        (nothing_there or route.name in _FRONT or route.name in request.app[HIDDEN])
        and hdrs.ORIGIN not in request.headers
        and asks_for_page(request.headers.get(hdrs.ACCEPT, ""))
    )


def _overloaded_page(parts: Parts, locale: str) -> web.Response:
    """The page that says that there is too much to do. No record has an error id of it."""
    page = ErrorPage(
        refusal=OVERLOADED,
        words=words_for(OVERLOADED),
        error_id="",
        locale=locale,
        development=parts[CORE].settings.development,
    )
    return parts[PAGES].error(page)


@asynccontextmanager
async def background_work(parts: Parts) -> AsyncIterator[None]:
    """The work of a serving process beside its answers. Other processes may do what is to be done once for all."""
    core = parts[CORE]
    shared: list[Work] = []
    if core.settings.background_place == "inside":
        from authrim.server.shared_work import shared_work

        shared = shared_work(core, parts[CLIENTS].keys)
    try:
        async with kept_running([*own_work(core), *shared]):
            yield
    finally:
        await core.refusals.flush()
        parts[PEOPLE].passwords.close()
        await core.egress.close()
