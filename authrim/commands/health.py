"""``authrim health``: whether the server of this machine answers, for a container's HEALTHCHECK and for scripts.

It runs every few seconds for as long as the server does, so it imports little: no database, no cryptography.
"""

import http.client
import json
import ssl
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import click

from authrim.settings import BadSettings, Settings, load

#: A server that takes longer than this to say how it is has stopped answering.
_SECONDS: Final = 5.0
_MOST: Final = 65_536
#: What listens on every address listens on this one too.
_HERE: Final = {"::": "127.0.0.1", "0.0.0.0": "127.0.0.1"}  # noqa: S104 - compared, not listened on


@click.command()
@click.option(
    "--live", is_flag=True, help="Ask only whether the process answers, whatever the database does."
)
@click.option(
    "--url", metavar="URL", help="Ask the server at this address instead of the one of the settings."
)
@click.pass_context
def health(context: click.Context, *, live: bool, url: str | None) -> None:
    """Ask the server whether it is ready, and exit with status 1 if it is not.

    Without --url it asks the server of this machine, at the port of the settings. It answers within 5 seconds.
    """
    if url:
        connection, path = _connection_to(url), urlsplit(url).path
    else:
        settings = _settings(context)
        connection, path = _connection_here(settings), urlsplit(settings.issuer).path
    try:
        connection.request("GET", f"{path.rstrip('/')}/health/{'live' if live else 'ready'}")
        answer = connection.getresponse()
        said = _read(answer.read(_MOST))
    except (OSError, http.client.HTTPException, ValueError) as error:
        where = f"{connection.host}, port {connection.port}"
        raise click.ClickException(f"no answer from {where}: {error or type(error).__name__}") from None
    finally:
        connection.close()
    if answer.status != HTTPStatus.OK:
        raise click.ClickException(f"the server is not ready: {said.get('why', f'status {answer.status}')}")
    as_json = context.find_root().params.get("as_json")
    click.echo(json.dumps(said) if as_json else said.get("status", ""))


def _read(body: bytes) -> dict[str, Any]:
    """Raises ValueError where something else than the server answers."""
    read = json.loads(body)
    if not isinstance(read, dict):
        raise ValueError("the answer is no JSON object")
    return read


def _settings(context: click.Context) -> Settings:
    try:
        return load(context.find_root().params.get("config"))
    except BadSettings as error:
        raise click.UsageError(str(error)) from None


def _connection_here(settings: Settings) -> http.client.HTTPConnection:
    """A connection to the first port of the server, on this machine.

    The certificate there is for the public name, so it is not verified: no secret is sent, and nothing but whether
    there is an answer counts.
    """
    host = settings.host[0].strip("[]")
    here = _HERE.get(host, host)
    if settings.tls_certificate is None or settings.issuer.startswith("http:"):
        return http.client.HTTPConnection(here, settings.port, timeout=_SECONDS)
    anyone = ssl.create_default_context()
    anyone.check_hostname = False
    anyone.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(here, settings.port, timeout=_SECONDS, context=anyone)


def _connection_to(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.scheme not in ("http", "https"):
        raise click.UsageError("--url needs an address that begins with http:// or https://")
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=_SECONDS)
    return http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=ssl.create_default_context())
