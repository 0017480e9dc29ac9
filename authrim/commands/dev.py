"""``authrim dev``: a development server with clients and an account, on this machine only."""

import asyncio
import json
from pathlib import Path

import click

from authrim.clients.attesters import AttestersUnreadable
from authrim.commands._common import failures_told
from authrim.commands._dev_certificates import tls_settings
from authrim.commands._dev_clients import RedirectUris, WantedClients, read_clients, read_redirect_uris
from authrim.commands._dev_settings import DEFAULT_PORT, dev_settings
from authrim.commands._server_logs import send_log_lines
from authrim.commands.dev_workplace import (
    CLIENTS_FILE,
    UnusableFolder,
    Workplace,
    furnish,
    open_workplace,
    write_announcement,
    write_config,
)
from authrim.core.master_proof import master_keys_of, prove_master_keys
from authrim.core.parts import Parts
from authrim.protocol.client_chain import UnusableAnchors
from authrim.protocol.software_statement import IssuersUnreadable
from authrim.server.metrics import SERVER, ServerMetrics
from authrim.server.optional_tracing import NoOpenTelemetry
from authrim.server.serve import Surroundings, serve
from authrim.settings import Settings
from authrim.store.migrate import migrate
from authrim.store.opening import open_store
from authrim.wire.listener import ListenError, ListeningSite
from authrim.wire.tls import UnusableCertificate


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535),
    help=f"The port. Default: that of the settings, else {DEFAULT_PORT}.",
)  # fmt: skip
@click.option(
    "--mtls-port",
    type=click.IntRange(1, 65535),
    help="A second port, with TLS, that asks for client certificates. Its authority is in DATA/tls.",
)
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), default=Path(".data"), show_default=True,
    help="The folder for the log and the secrets. Use it again to continue with the same data.",
)  # fmt: skip
@click.option(
    "--redirect-uri", "redirect_uris", multiple=True, metavar="[CLIENT=]URI", callback=read_redirect_uris,
    help="A further redirect URI of the client web, or of another one, such as spa=URI; repeatable.",
)  # fmt: skip
@click.option(
    "--client", "clients", multiple=True, metavar="ID=URI", callback=read_clients,
    help="A client of your own with a secret: its id and its redirect URI; repeatable.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready.")
@click.pass_context
def dev(
    context: click.Context, port: int | None, mtls_port: int | None, data: Path,
    redirect_uris: RedirectUris, clients: RedirectUris, *, as_json: bool,
) -> None:  # fmt: skip
    """Create and start a development server: three clients, one account, loopback only.

    Its settings are those of --config and of the environment (AUTHRIM_…), except for its database and master key.
    """
    as_json = as_json or bool(context.find_root().params.get("as_json"))
    try:
        workplace = open_workplace(data)
        tls = {} if mtls_port is None else tls_settings(data, mtls_port)
    except UnusableFolder as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot make certificates in {data}: {error.strerror}") from None
    settings = dev_settings(context, data, workplace, port, tls, as_json=as_json)
    send_log_lines(settings)
    try:
        with failures_told(settings):
            asyncio.run(
                _dev(settings, data, workplace, WantedClients(clients, redirect_uris), as_json=as_json)
            )
    except (
        ListenError, UnusableFolder, UnusableAnchors, UnusableCertificate, AttestersUnreadable, IssuersUnreadable,
        NoOpenTelemetry,
    ) as error:  # fmt: skip
        raise click.ClickException(str(error)) from None


async def _dev(
    settings: Settings, data: Path, workplace: Workplace, wanted: WantedClients, *, as_json: bool
) -> None:
    await migrate(settings)
    store = open_store(settings, exclusive=True)
    await store.open()
    try:
        await prove_master_keys(store, master_keys_of(settings))
        write_config(data, settings)
        await furnish(settings, store, data, workplace, wanted)
        write_announcement(data, workplace, settings.issuer)

        def announce(_parts: Parts, _running: ListeningSite) -> None:
            if as_json:
                click.echo(json.dumps(workplace.announcement(settings.issuer)))
            else:
                _announce(workplace, settings.issuer, data / CLIENTS_FILE)

        metrics = ServerMetrics.open(settings, (SERVER,))
        around = Surroundings(metrics=metrics and metrics.own(SERVER))
        await serve(settings, store, around, on_ready=announce)
    finally:
        await store.close()


def _announce(workplace: Workplace, issuer: str, file: Path) -> None:
    service = workplace.clients["service"]
    # Plain lines, which a narrow terminal wraps and a file keeps: a frame would cut a secret off.
    lines = [
        "Development server: plain HTTP, this machine only, never for real people.",
        "",
        f"issuer          {issuer}",
    ]
    for name, client in workplace.clients.items():
        secret = client.get("client_secret")
        note = "" if secret else "   no secret, PKCE"
        lines.append(f"{f'{name} client':<15} {client['client_id']}{note}")
        lines += [f"                secret {secret}"] if secret else []
        lines += [f"                redirect {uri}" for uri in client["redirect_uris"]]
    lines += [
        f"account         {workplace.account['login']}   password {workplace.account['password']}",
        f"all of this     {file}",
        "",
        "Try a first token:",
        f"  curl -u {service['client_id']}:{service['client_secret']} "
        f"-d grant_type=client_credentials {issuer}/token",
    ]
    click.echo("\n".join(lines))
