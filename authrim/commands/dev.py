"""``authrim dev``: a development server with clients and an account, on this machine only."""

import asyncio
import json
from pathlib import Path

import click
from pydantic import SecretStr

from authrim.commands._common import failures_told
from authrim.commands._dev_certificates import tls_settings
from authrim.commands.dev_workplace import (
    DATABASE,
    WORKPLACE,
    UnusableFolder,
    Workplace,
    furnish,
    open_workplace,
    write_config,
)
from authrim.core.master_proof import prove_master_keys
from authrim.core.parts import Parts
from authrim.crypto.master import MasterKeys
from authrim.outside import telemetry
from authrim.protocol.client_chain import UnusableAnchors
from authrim.server.serve import serve
from authrim.settings import Settings
from authrim.store.migrate import migrate
from authrim.store.opening import open_store
from authrim.wire.listener import ListenError, ListeningSite
from authrim.wire.tls import UnusableCertificate


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="The port.")
@click.option(
    "--mtls-port",
    type=click.IntRange(1, 65535),
    help="A second port, with TLS, that asks for client certificates. Its authority is in DATA/tls.",
)
@click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), default=Path(".data"), show_default=True,
    help="The folder for the log and the secrets. Use it again to continue with the same data.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line when ready.")
@click.pass_context
def dev(context: click.Context, port: int, mtls_port: int | None, data: Path, *, as_json: bool) -> None:
    """Create and start a development server: three clients, one account, loopback only."""
    as_json = as_json or bool(context.find_root().params.get("as_json"))
    telemetry.configure(development=not as_json)
    try:
        workplace = open_workplace(data)
        tls = {} if mtls_port is None else tls_settings(data, mtls_port)
    except UnusableFolder as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"cannot make certificates in {data}: {error.strerror}") from None
    settings = Settings(
        issuer=f"http://localhost:{port}",
        development=True,
        host="localhost",
        port=port,
        database=SecretStr(str((data / DATABASE).absolute())),
        master_keys=(SecretStr(workplace.master_key),),
        signing_algorithms=("ES256", "RS256", "PS256", "EdDSA"),
        authorize_requests_per_minute=100_000,
        **tls,
        registration="open",
        registrations_per_minute=100_000,
        registrations_per_hour=1_000_000,
    )
    settings.read_from(str(data / WORKPLACE))
    try:
        with failures_told(settings):
            asyncio.run(_dev(settings, data, workplace, as_json=as_json))
    except (ListenError, UnusableFolder, UnusableAnchors, UnusableCertificate) as error:
        raise click.ClickException(str(error)) from None


async def _dev(settings: Settings, data: Path, workplace: Workplace, *, as_json: bool) -> None:
    await migrate(settings)
    store = open_store(settings, exclusive=True)
    await store.open()
    try:
        await prove_master_keys(store, MasterKeys.from_settings(settings.master_key_texts))
        write_config(data, settings)
        await furnish(settings, store, data, workplace)

        def announce(_parts: Parts, _running: ListeningSite) -> None:
            _announce(workplace, settings.issuer, as_json=as_json)

        await serve(settings, store, on_ready=announce)
    finally:
        await store.close()


def _announce(workplace: Workplace, issuer: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(workplace.announcement(issuer)))
        return
    web, spa, service = (workplace.clients[name] for name in ("web", "spa", "service"))
    # Plain lines, which a narrow terminal wraps and a file keeps: a frame would cut a secret off.
    lines = [
        "Development server: plain HTTP, this machine only, never for real people.",
        "",
        f"issuer          {issuer}",
        f"web client      {web['client_id']}",
        f"                secret {web['client_secret']}",
        f"                redirect {web['redirect_uris'][0]}",
        f"spa client      {spa['client_id']}   no secret, PKCE",
        f"                redirect {spa['redirect_uris'][0]}",
        f"service client  {service['client_id']}",
        f"                secret {service['client_secret']}",
        f"account         {workplace.account['login']}   password {workplace.account['password']}",
        "",
        "Try a first token:",
        f"  curl -u {service['client_id']}:{service['client_secret']} "
        f"-d grant_type=client_credentials {issuer}/token",
    ]
    click.echo("\n".join(lines))
