"""``authrim serve``: the server, with settings from the environment and a file."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import structlog

from authrim.clients.attesters import AttestersUnreadable
from authrim.commands._common import failures_told, settings_of
from authrim.commands._server_logs import reread_log_settings, send_log_lines
from authrim.core.master_proof import master_keys_of, prove_master_keys
from authrim.memory.free_memory import keep_one_heap
from authrim.protocol.client_chain import UnusableAnchors
from authrim.protocol.software_statement import IssuersUnreadable
from authrim.server.background_child import BackgroundCommand
from authrim.server.certificates import acme_order_of
from authrim.server.child import own_command
from authrim.server.heartbeat import Worker
from authrim.server.metrics import (
    BACKGROUND,
    SERVER,
    ProcessMetrics,
    ServerMetrics,
    inherited,
    processes_of,
)
from authrim.server.optional_tracing import NoOpenTelemetry, tracing_wanted
from authrim.server.rollback import StartRefused, refuse_rollback
from authrim.server.serve import Surroundings, tls_of
from authrim.server.serve import serve as serve_until_stopped
from authrim.server.service_manager import ServiceManager
from authrim.server.supervisor import Shared, reserve_port, supervise
from authrim.settings import Settings
from authrim.store.opening import open_store
from authrim.wire.acme import obtain_first
from authrim.wire.certificate_order import AcmeOrder, NoCertificate
from authrim.wire.listener import ListenError, unix_socket
from authrim.wire.passed_sockets import PassedSockets, passed_sockets, sockets_of
from authrim.wire.tls import UnusableCertificate

log = structlog.get_logger(__name__)


class NoFirstCertificate(click.ClickException):
    """There is no certificate, and none was obtained. A service manager does not try again at once (EX_CONFIG)."""

    exit_code = 78


class Accepted(NamedTuple):
    """What an operator says to an older log: why it is accepted, and whether what was granted goes on."""

    reason: str | None
    keep: bool


class Supervised(NamedTuple):
    """What a supervisor gives its worker, by options ``--worker-…``: the port, the sockets that are shared, two pipes
    (``Worker``), and where it counts. A process without a supervisor has no port here."""

    port: int | None
    sockets: tuple[int, ...]
    lifeline: int | None
    heartbeat: int | None
    metrics: str | None


class Command(NamedTuple):
    """The command that was given, with its options of TLS, whom it tells how the server is, and what it reads again."""

    context: click.Context
    tls: Mapping[str, Any]
    manager: ServiceManager
    reread: Callable[[], None]


_FILE: Final = click.Path(dir_okay=False, path_type=Path)
#: The setting that each option stands for.
_SETTINGS: Final = {
    "tls_cert": "tls_certificate",
    "tls_key": "tls_key",
    "tls_client_certs": "tls_client_certificates",
    "mtls_port": "mtls_port",
}


@click.command()
@click.option("--workers", type=click.IntRange(1, 256), help="Server processes (PostgreSQL only).")
@click.option(
    "--no-background",
    is_flag=True,
    help="Answer requests only. `authrim background` does the background work, here or on another machine.",
)
@click.option("--worker-port", type=int, hidden=True, help="Set by the supervisor for its workers.")
@click.option(
    "--worker-socket", "worker_sockets", type=int, multiple=True, hidden=True,
    help="A socket, as the supervisor opened it; repeatable.",
)  # fmt: skip
@click.option("--worker-lifeline", type=int, hidden=True, help="A pipe that ends with the supervisor.")
@click.option("--worker-heartbeat", type=int, hidden=True, help="A pipe for signs of life.")
@click.option("--worker-metrics", hidden=True, help="Where a worker counts, as the supervisor made it.")
@click.option("--tls-cert", type=_FILE, help="Serve TLS with this certificate chain (PEM).")
@click.option("--tls-key", type=_FILE, help="The certificate's private key (PEM).")
@click.option(
    "--tls-client-certs",
    type=click.Choice(["none", "request"]),
    help="Whether clients are asked for a certificate.",
)
@click.option(
    "--mtls-port", type=click.IntRange(1, 65535), help="A second port that asks clients for a certificate."
)
@click.option(
    "--accept-rollback",
    metavar="REASON",
    help="Start on a log that is older than one that was signed, such as a restored backup. All sessions, grants and "
    "tokens end. The reason is recorded; nothing personal.",
)
@click.option(
    "--keep-grants",
    is_flag=True,
    help="With --accept-rollback: nothing ends. For a restored backup after which nothing was recorded. Refused when "
    "the state file or a witness knows of more events.",
)
@click.pass_context
def serve(
    context: click.Context,
    /,
    workers: int | None,
    no_background: bool,
    accept_rollback: str | None,
    keep_grants: bool,
    **options: Any,
) -> None:
    """Start the server and run until SIGTERM."""
    if keep_grants and accept_rollback is None:
        raise click.UsageError("--keep-grants goes with --accept-rollback")
    supervised = Supervised(**{name: options.pop(f"worker_{name}") for name in Supervised._fields})
    tls = {name: value for name, value in options.items() if value is not None}
    overrides = {_SETTINGS[name]: value for name, value in tls.items()}
    overrides |= {} if workers is None else {"workers": workers}
    overrides |= {"background": "none"} if no_background else {}
    settings: Settings = settings_of(context, **overrides)
    send_log_lines(settings)
    reread = reread_log_settings(context, **overrides)
    command = Command(context, tls, ServiceManager.of_environment(), reread)
    accepted = Accepted(accept_rollback, keep_grants)
    try:
        if supervised.port is None:
            context.exit(_serve_unsupervised(settings, command, accepted))
        _serve_supervised(settings, command, supervised, accepted)
    except (
        ListenError, UnusableCertificate, UnusableAnchors, AttestersUnreadable, IssuersUnreadable, StartRefused,
        NoOpenTelemetry,
    ) as error:  # fmt: skip
        raise click.ClickException(str(error)) from None


def _serve_supervised(
    settings: Settings, command: Command, supervised: Supervised, accepted: Accepted
) -> None:
    """As one of several workers."""
    settings = settings.model_copy(update={"port": supervised.port, "workers": 1})
    worker = Worker.of_options(supervised.lifeline, supervised.heartbeat)
    own = ProcessMetrics.of_option(supervised.metrics)
    passed = sockets_of(supervised.sockets)
    _run(settings, Surroundings(worker, passed, command.manager, None, command.reread, own), accepted)


def _serve_unsupervised(settings: Settings, command: Command, accepted: Accepted) -> int:
    """As the only process, or as the supervisor of several; returns the exit status."""
    if settings.passed_over:
        log.warning(
            "settings.passed_over", variables=settings.passed_over, reason="made by a container platform"
        )
    if (order := acme_order_of(settings)) is not None:
        _obtain_first(order)
    passed = passed_sockets()
    if settings.workers > 1:
        return _serve_by_workers(settings, command, passed, accepted)
    metrics = ServerMetrics.open(settings, processes_of(settings))
    own = metrics and metrics.own(SERVER)
    background = _background(settings, command, metrics)
    _run(settings, Surroundings(None, passed, command.manager, background, command.reread, own), accepted)
    return 0


def _run(settings: Settings, around: Surroundings, accepted: Accepted) -> None:
    with failures_told(settings):
        asyncio.run(_serve(settings, around, accepted))


def _obtain_first(order: AcmeOrder) -> None:
    try:
        obtain_first(order)
    except NoCertificate as error:
        raise NoFirstCertificate(str(error)) from None


def _serve_by_workers(settings: Settings, command: Command, passed: PassedSockets, accepted: Accepted) -> int:
    """Open the ports and keep the workers alive until the server is stopped; returns the exit status."""
    # What no worker could use ends the command here: they would be started again and again.
    tls_of(settings)
    tracing_wanted(settings)
    with failures_told(settings):
        asyncio.run(_prove_database(settings, accepted))
    held = [] if passed.ports else reserve_port(settings.host, settings.port)
    second = reserve_port(settings.host, settings.mtls_port) if settings.mtls_port else []
    if settings.listen_socket and passed.unix is None:
        passed = passed._replace(unix=unix_socket(settings.listen_socket))
    port = (*passed.ports, *held)[0].getsockname()[1]
    arguments = ["serve", "--worker-port", str(port)]
    metrics = ServerMetrics.open(settings, processes_of(settings))
    background = _background(settings, command, metrics)
    if settings.background_place != "inside":
        arguments.append("--no-background")
    for descriptor in passed.descriptors:
        arguments += ["--worker-socket", str(descriptor)]
    for name, value in command.tls.items():
        arguments += [f"--{name.replace('_', '-')}", str(value)]
    worker = own_command([*_config_option(command.context), *arguments])
    try:
        shared = Shared(passed.descriptors, metrics)
        return supervise(worker, settings.workers, shared, command.manager, background, command.reread)
    finally:
        for one in (*held, *second):
            one.close()
        passed.close()


def _background(
    settings: Settings, command: Command, metrics: ServerMetrics | None
) -> BackgroundCommand | None:
    """How the process of the background work is started, where there is to be one."""
    if settings.background_place != "process":
        return None
    changed = {f"AUTHRIM_{_SETTINGS[name].upper()}": str(value) for name, value in command.tls.items()}
    arguments = [*_config_option(command.context), "background"]
    return BackgroundCommand(arguments, changed, inherited(metrics, BACKGROUND))


def _config_option(context: click.Context) -> list[str]:
    config = context.find_root().params.get("config")
    return [] if config is None else ["--config", str(config)]


async def _prove_database(settings: Settings, accepted: Accepted) -> None:
    """Check that the database is there and has our schema, that the master keys belong to it, and that its log is not
    an older one."""
    store = open_store(settings)
    await store.open()
    try:
        await prove_master_keys(store, master_keys_of(settings))
        await refuse_rollback(settings, store, accepted.reason, keep=accepted.keep)
    finally:
        await store.close()


async def _serve(settings: Settings, around: Surroundings, accepted: Accepted) -> None:
    keep_one_heap()
    store = open_store(settings, exclusive=True)
    await store.open()
    if store.doubt:
        log.warning("store.doubtful", reason=store.doubt)
    try:
        await refuse_rollback(settings, store, accepted.reason, keep=accepted.keep)
        await serve_until_stopped(settings, store, around)
    finally:
        await store.close()
