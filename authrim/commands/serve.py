"""``authrim serve``: the server, by settings from the environment and a file."""

import asyncio
import logging

import click

from authrim.commands.common import settings_of
from authrim.outside import telemetry
from authrim.serving import serve as serve_until_stopped
from authrim.settings import Settings
from authrim.store.contract import StoreError
from authrim.store.opening import open_store
from authrim.supervisor import reserve_port, supervise, worker_command
from authrim.web.server import CannotListen


@click.command()
@click.option("--workers", type=click.IntRange(1, 256), help="Server processes (PostgreSQL only).")
@click.option("--worker-port", type=int, hidden=True, help="Set by the supervisor for its workers.")
@click.pass_context
def serve(context: click.Context, workers: int | None, worker_port: int | None) -> None:
    """Start the server and answer until SIGTERM."""
    overrides = {} if workers is None else {"workers": workers}
    settings: Settings = settings_of(context, **overrides)
    telemetry.configure(
        development=settings.log_format == "pretty", level=getattr(logging, settings.log_level.upper())
    )
    try:
        if worker_port is None and settings.workers > 1:
            context.exit(_serve_by_workers(context, settings))
        if worker_port is not None:
            settings = settings.model_copy(update={"port": worker_port, "workers": 1})
        asyncio.run(_serve(settings, reuse_port=worker_port is not None))
    except (CannotListen, StoreError) as error:
        raise click.ClickException(str(error)) from None


def _serve_by_workers(context: click.Context, settings: Settings) -> int:
    """Hold the port and keep the workers alive until told to stop; the exit status."""
    held = reserve_port(settings.host, settings.port)
    arguments = ["serve", "--worker-port", str(held.getsockname()[1])]
    config = context.find_root().params.get("config")
    if config is not None:
        arguments = ["--config", str(config), *arguments]
    return supervise(worker_command(arguments), settings.workers)


async def _serve(settings: Settings, *, reuse_port: bool) -> None:
    store = open_store(settings, exclusive=True)
    await store.open()
    try:
        await serve_until_stopped(settings, store, reuse_port=reuse_port)
    finally:
        await store.close()
