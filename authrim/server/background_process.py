"""The process of the background work: it answers nobody, holds no port, and lets the servers answer."""

import asyncio
import signal
from collections.abc import Callable

import structlog

from authrim.clients.keys import ClientKeys
from authrim.server.background import kept_running, own_work
from authrim.server.heartbeat import Worker, live_until, stop_signs
from authrim.server.metrics import ProcessMetrics
from authrim.server.metrics_page import measured
from authrim.server.service_manager import ServiceManager
from authrim.server.shared_work import shared_work
from authrim.server.wired_core import make_core
from authrim.settings import Settings
from authrim.store.read_back import ReadBack

log = structlog.get_logger(__name__)


async def work_in_background(
    settings: Settings,
    store: ReadBack,
    worker: Worker | None,
    manager: ServiceManager,
    reread: Callable[[], None],
    metrics: ProcessMetrics | None = None,
) -> None:
    """Do the background work until SIGTERM or SIGINT; SIGHUP calls ``reread``. Who opened ``store`` closes it.

    Signing needs the master keys: logout tokens and checkpoints are signed here.
    """
    stop = stop_signs(worker)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reload, reread, manager)
    core = await make_core(settings, store)
    keys = ClientKeys(core.egress, settings)
    try:
        works = [*own_work(core), *shared_work(core, keys)]
        async with kept_running(works), measured(metrics, core, ()):
            log.info("background.ready")
            manager.ready()
            await live_until(stop, worker, manager)
            manager.stopping()
            log.info("background.stopping")
    finally:
        await core.refusals.flush()
        await core.egress.close()


def _reload(reread: Callable[[], None], manager: ServiceManager) -> None:
    manager.reloading()
    reread()
    manager.ready()
