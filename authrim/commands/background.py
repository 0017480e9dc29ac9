"""``authrim background``: the background work of a server, in a process that answers no requests."""

import asyncio
from collections.abc import Callable

import click
import structlog

from authrim.commands._common import failures_told, settings_of
from authrim.commands._server_logs import reread_log_settings, send_log_lines
from authrim.server.background_process import work_in_background
from authrim.server.heartbeat import Worker
from authrim.server.metrics import BACKGROUND, ProcessMetrics, ServerMetrics
from authrim.server.rollback import StartRefused, refuse_rollback
from authrim.server.service_manager import ServiceManager
from authrim.settings import Settings
from authrim.store.opening import open_store
from authrim.wire.listener import ListenError

log = structlog.get_logger(__name__)


@click.command()
@click.option(
    "--worker-lifeline", type=int, hidden=True, help="A pipe that ends with the process that watches."
)
@click.option("--worker-heartbeat", type=int, hidden=True, help="A pipe for signs of life.")
@click.option("--worker-metrics", hidden=True, help="Where it counts, as the process that watches made it.")
@click.pass_context
def background(
    context: click.Context,
    /,
    worker_lifeline: int | None,
    worker_heartbeat: int | None,
    worker_metrics: str | None,
) -> None:
    """Do the background work of a server until SIGTERM, and answer no requests.

    Followed projections, notices to clients, checkpoints, and deleting expired rows. `authrim serve` starts such a
    process itself on PostgreSQL. Run one of your own, on any machine, for servers with `--no-background`.
    """
    settings = settings_of(context)
    send_log_lines(settings)
    worker = Worker.of_options(worker_lifeline, worker_heartbeat)
    try:
        own = ProcessMetrics.of_option(worker_metrics)
        if worker is None:
            metrics = ServerMetrics.open(settings, (BACKGROUND,))
            own = metrics and metrics.own(BACKGROUND)
        with failures_told(settings):
            asyncio.run(_work(settings, worker, reread_log_settings(context), own))
    except (ListenError, StartRefused) as error:
        raise click.ClickException(str(error)) from None


async def _work(
    settings: Settings, worker: Worker | None, reread: Callable[[], None], metrics: ProcessMetrics | None
) -> None:
    manager = ServiceManager.of_environment()
    store = open_store(settings)
    await store.open()
    try:
        await refuse_rollback(settings, store, None)
        await work_in_background(settings, store, worker, manager, reread, metrics)
    finally:
        await store.close()
