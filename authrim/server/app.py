"""The one place of wiring: from settings and an open store to an application that answers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import structlog
from aiohttp import hdrs, web

from authrim.audit.follow import follow_all
from authrim.authorization.abandoned_requests import forget_until_cancelled
from authrim.clients.authentication.shown_certificate import CERTIFICATE_PROXIES, CertificateProxies
from authrim.clients.logo_endpoint import LOGOS, Logos
from authrim.core.access_tokens import AccessTokens
from authrim.core.client_attesters import client_attesters
from authrim.core.client_documents import CLIENT_ID_METADATA, ClientDocuments
from authrim.core.client_keys import ClientKeys
from authrim.core.client_secrets import ClientSecrets
from authrim.core.clients_and_keys import Configuration
from authrim.core.execute import Executor
from authrim.core.expired import drop_until_cancelled
from authrim.core.master_proof import prove_master_keys
from authrim.core.readiness import Readiness
from authrim.core.refusals import Refusals
from authrim.core.request_objects import RequestObjects
from authrim.core.runtime import RUNTIME, Runtime
from authrim.core.sealed_rows import PrivateData
from authrim.core.signing_keys import ensure_keys, key_ring_of
from authrim.core.source_limiter import SourceLimiter
from authrim.crypto.master import MasterKeys
from authrim.crypto.passwords import PasswordCost, Passwords
from authrim.features import Route, enabled, server_metadata
from authrim.outside.egress import Egress
from authrim.pages.pages import Pages
from authrim.people.logout.notices import tell_until_cancelled
from authrim.protocol.client_chain import ClientChains
from authrim.protocol.software_statement import SoftwareStatements
from authrim.settings import Settings
from authrim.store.read_back import ReadBack
from authrim.web.answers import error_page
from authrim.web.authority import OWN_NAMES, OwnNames
from authrim.web.discovery_endpoint import METADATA
from authrim.web.errors import json_refusal
from authrim.web.health_endpoint import READINESS
from authrim.web.middleware import middleware
from authrim.web.sent_forms import FORMS, SentForms
from authrim.wire.forwarded import PROXIES, Proxies
from authrim.wire.limits import Limits
from domain.errors import Refusal
from domain.stream import DEFAULT_TENANT

log = structlog.get_logger(__name__)

#: Between the end of some background work by an error and its next beginning.
RESTART_SECONDS: Final = 1.0

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
        "logout",
        "logout_post",
        "logout_confirm",
    }
)


async def make_runtime(settings: Settings, store: ReadBack) -> Runtime:
    """The parts of a server over an open store; its keys are made when there are none.

    Raises WrongMasterKeys, with nothing written, when the master keys are not those of the database.
    """
    master = MasterKeys.from_settings(settings.master_key_texts)
    private = PrivateData(store, master)
    cost = PasswordCost(settings.argon2_memory, settings.argon2_time_cost, settings.argon2_parallelism)
    key_ring = key_ring_of(settings, private)
    configuration = Configuration(store, key_ring)
    egress = Egress.from_settings(settings)
    await prove_master_keys(store, master)
    await configuration.open()
    await ensure_keys(store, private, configuration, settings, DEFAULT_TENANT)
    executor = Executor(store, configuration)
    features = frozenset(feature.name for feature in enabled(settings))
    return Runtime(
        settings=settings,
        store=store,
        configuration=configuration,
        executor=executor,
        key_ring=key_ring,
        master=master,
        private=private,
        refusals=Refusals(store),
        passwords=Passwords(settings.password_workers, settings.password_queue_limit, cost),
        access_tokens=AccessTokens(store, configuration, key_ring, settings.issuer),
        pages=Pages(),
        limiter=SourceLimiter(settings.authorize_requests_per_minute),
        request_objects=RequestObjects(egress),
        egress=egress,
        client_documents=ClientDocuments(
            store, egress, configuration, executor, settings, on=CLIENT_ID_METADATA in features
        ),
        client_keys=ClientKeys(egress, settings),
        client_chains=ClientChains(settings.tls_client_anchors, settings.tls_client_crls),
        client_secrets=ClientSecrets(store, master),
        client_attesters=client_attesters(settings),
        software_statements=SoftwareStatements.from_file(settings.software_statement_issuers),
        features=features,
    )


def make_app(runtime: Runtime, limits: Limits) -> web.Application:
    """The application: every route of every feature, below the issuer's path."""
    app = web.Application(middlewares=[middleware(_answer_failure)], client_max_size=limits.body_bytes)
    app[RUNTIME] = runtime
    app[FORMS] = SentForms()
    app[PROXIES] = Proxies(
        runtime.settings.trusted_proxies,
        runtime.settings.trusted_proxy_depth,
        by_socket=runtime.settings.trusted_proxy_socket,
    )
    app[CERTIFICATE_PROXIES] = CertificateProxies.of(runtime.settings)
    app[OWN_NAMES] = OwnNames.of(runtime.settings)
    app[LOGOS] = Logos()
    app[READINESS] = Readiness()
    app[METADATA] = msgspec.json.encode(server_metadata(runtime))
    prefix = urlsplit(runtime.issuer).path
    for feature in enabled(runtime.settings):
        for route in feature.routes:
            path = _path(route, prefix)
            app.router.add_route(route.method, path, route.handler, name=route.name)
            if route.head:
                app.router.add_route(hdrs.METH_HEAD, path, route.handler, name=f"{route.name}_head")
    app.router.add_routes(runtime.pages.static_routes())
    return app


def _path(route: Route, prefix: str) -> str:
    return route.path + prefix + route.behind if route.at_root else prefix + route.path


def _answer_failure(request: web.Request, refusal: Refusal, error_id: str) -> web.StreamResponse:
    if request.match_info.route.name in _PAGES:
        return error_page(request, refusal, error_id)
    return json_refusal(refusal, error_id=error_id)


@asynccontextmanager
async def background_work(runtime: Runtime) -> AsyncIterator[None]:
    """What runs beside the requests, for as long as the server does."""
    works: list[Callable[[], Coroutine[Any, Any, None]]] = [
        runtime.configuration.follow,
        runtime.refusals.flush_every_minute,
        lambda: follow_all(runtime.store),
        lambda: forget_until_cancelled(runtime),
        lambda: drop_until_cancelled(runtime),
    ]
    if "backchannel_logout" in runtime.features:
        works.append(lambda: tell_until_cancelled(runtime))
    tasks = [asyncio.create_task(_kept_running(work)) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await runtime.refusals.flush()
        runtime.passwords.close()
        await runtime.egress.close()


async def _kept_running(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Begin again what ended by an error that nobody foresaw: none of it may stop for good, or in silence."""
    while True:
        try:
            await work()
        except Exception as error:  # its kind is logged, its text may quote what it worked on
            log.error("background.failed", kind=type(error).__name__)
        await asyncio.sleep(RESTART_SECONDS)
