"""One server process: open the store, listen, answer until it is stopped, and finish what was begun."""

import asyncio
import gc
import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Final, NamedTuple

import structlog
from aiohttp import web

from authrim.core.parts import Parts
from authrim.core.recorded_settings import record_settings
from authrim.metrics.catalogue import CERTIFICATE_EXPIRY
from authrim.pages.pages import Pages
from authrim.people.part import PEOPLE
from authrim.server.app import background_work, make_app
from authrim.server.background import kept_running
from authrim.server.background_child import BackgroundCommand, KeptBackground
from authrim.server.certificates import acme_order_of
from authrim.server.heartbeat import Worker, live_until, stop_signs
from authrim.server.metrics import ProcessMetrics
from authrim.server.metrics_page import measured
from authrim.server.optional_tracing import tracing_wanted
from authrim.server.service_manager import ServiceManager
from authrim.server.wiring import make_parts
from authrim.settings import Settings
from authrim.store.read_back import ReadBack
from authrim.web.call import CORE, PAGES
from authrim.wire.acme import kept_certificate
from authrim.wire.limits import Limits
from authrim.wire.listener import ListeningSite, start_site, unix_socket
from authrim.wire.passed_sockets import PassedSockets
from authrim.wire.tls import Tls, UnusableCertificate
from domain.stream import DEFAULT_TENANT

log = structlog.get_logger(__name__)

#: New container objects between two collections of the youngest (Python's own default is 700).
YOUNG_OBJECTS: Final = 20_000

#: Requests in flight have this long to finish after SIGTERM (F33).
GRACE_SECONDS: Final = 10.0


class Surroundings(NamedTuple):
    """What is around a server process. ``worker``: it has a supervisor, and shares its ports. ``passed`` are sockets
    that are open already: from a service manager, or shared with other processes. ``manager`` is told how the server
    is. ``background``: how the process of the background work is started, where it is this one that does so.
    ``reread`` reads the settings again that can change while the server runs. ``metrics``: where it counts for the page
    of metrics."""

    worker: Worker | None = None
    passed: PassedSockets = PassedSockets()
    manager: ServiceManager = ServiceManager()
    background: BackgroundCommand | None = None
    reread: Callable[[], None] = lambda: None
    metrics: ProcessMetrics | None = None


_ALONE: Final = Surroundings()


async def serve(
    settings: Settings,
    store: ReadBack,
    around: Surroundings = _ALONE,
    *,
    on_ready: Callable[[Parts, ListeningSite], None] = lambda _parts, _running: None,
) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP reads the TLS certificate and the level of log lines again. Who opened
    ``store`` closes it."""
    worker, manager = around.worker, around.manager
    stop = stop_signs(worker)
    async with AsyncExitStack() as stack:
        parts = await make_parts(settings, store)
        await record_settings(store, settings, parts[CORE].master, DEFAULT_TENANT)
        await stack.enter_async_context(background_work(parts))
        behind_proxy = settings.trusted_proxies or settings.client_cert_proxies
        limits = Limits(connections_per_address=0) if behind_proxy else Limits()
        app = _make_app(parts, limits, stack)
        tls, mtls = tls_of(settings)
        reuse_port = worker is not None
        first, *others = around.passed.ports or (None,)
        running = await start_site(
            app, settings.host, settings.port, limits=limits, reuse_port=reuse_port, sock=first, tls=tls
        )
        for sock in others:
            await running.listen(None, None, sock=sock, tls=tls)
        if mtls is not None:
            await running.listen(settings.host, settings.mtls_port, reuse_port=reuse_port, tls=mtls)
        if settings.listen_socket is not None:
            await running.listen(None, None, sock=around.passed.unix or unix_socket(settings.listen_socket))
        kept = [] if around.background is None else [KeptBackground(around.background)]
        reloads = [around.reread, lambda: _reload_tls([tls, mtls]), *(one.reload for one in kept)]
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reload, reloads, manager)
        _settle_garbage_collector()
        log.info("server.ready", issuer=settings.issuer, port=running.port)
        on_ready(parts, running)
        manager.ready()
        measures = [running.measure, parts[PEOPLE].passwords.measure, lambda: _measure_tls(tls, mtls)]
        await stack.enter_async_context(measured(around.metrics, parts[CORE], measures))
        works = [lambda: _make_pages_ready(parts[PAGES]), *(one.keep for one in kept)]
        if (order := acme_order_of(settings)) is not None:
            works.append(lambda: kept_certificate(order, lambda: _reload_tls([tls, mtls])))
        async with kept_running(works):
            await live_until(stop, worker, manager)
            manager.stopping()
            log.info("server.stopping")
        await running.stop(GRACE_SECONDS)


async def _make_pages_ready(pages: Pages) -> None:
    await asyncio.to_thread(pages.make_ready)
    await asyncio.get_running_loop().create_future()  # what ends would be started again


def _make_app(parts: Parts, limits: Limits, stack: AsyncExitStack) -> web.Application:
    """The application, with spans around its requests where they are traced. Raises NoOpenTelemetry."""
    settings = parts[CORE].settings
    wanted = tracing_wanted(settings)
    if wanted is None:
        return make_app(parts, limits)
    tracing = wanted.of(settings)
    stack.push_async_callback(tracing.close)
    tracing.surround(parts)
    return make_app(parts, limits, [tracing.middleware()], tracing.trace_id)


def tls_of(settings: Settings) -> tuple[Tls | None, Tls | None]:
    """TLS of the first port and of ``mtls_port``, as far as it is wanted. Raises UnusableCertificate."""
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None or key is None:
        return None, None
    mtls = Tls(certificate, key, ask_clients=True) if settings.mtls_port else None
    if settings.issuer.startswith("http:"):
        return None, mtls  # a development server: plain HTTP, with TLS beside it
    return Tls(certificate, key, ask_clients=settings.tls_client_certificates == "request"), mtls


def _measure_tls(tls: Tls | None, mtls: Tls | None) -> None:
    for name, one in (("port", tls), ("mtls_port", mtls)):
        if one is not None:
            CERTIFICATE_EXPIRY.set(one.expires_at, name)


def _reload(reloads: Sequence[Callable[[], None]], manager: ServiceManager) -> None:
    """SIGHUP: read again what can be read again."""
    manager.reloading()
    for reload in reloads:
        reload()
    manager.ready()


def _reload_tls(listeners: Iterable[Tls | None]) -> None:
    """Load the renewed certificate. If it cannot be used, keep the old one."""
    try:
        for tls in listeners:
            if tls is not None:
                tls.reload()
    except UnusableCertificate as error:
        log.error("tls.not_reloaded", reason=str(error))
        return
    log.info("tls.reloaded")


def _settle_garbage_collector() -> None:
    """Leave what was made at the start alone, and look for cycles less often: a request makes hardly any, and each
    of the frequent small collections walks what the other requests in flight hold."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
