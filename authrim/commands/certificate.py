"""``authrim certificate``: the server's certificate by ACME (RFC 8555)."""

from typing import Any

import click
from cryptography import x509

from authrim.commands._administering import print_fields
from authrim.commands._common import UnusableSettings, settings_of
from authrim.outside.telemetry import configure_command
from authrim.server.certificates import acme_order_of
from authrim.wire.acme import names_in, renew
from authrim.wire.certificate_order import AcmeOrder, NoCertificate


@click.group()
def certificate() -> None:
    """Obtain, renew or show the certificate of the server, where it comes by ACME."""


@certificate.command("renew")
@click.option(
    "--now",
    is_flag=True,
    help="Renew whatever life the certificate has. Authorities limit how often.",
)
@click.pass_context
def renew_(context: click.Context, *, now: bool) -> None:
    """Obtain a certificate, or renew it when less than a third of its life is left.

    A running server does that by itself, and loads what this command has obtained within half a minute.
    """
    order = _order(context)
    configure_command()
    try:
        renewed = renew(order, at_once=now)
    except NoCertificate as failed:
        raise click.ClickException(f"No certificate was obtained: {failed}.") from None
    print_fields(context, {"renewed": renewed, **_shown(order)})


@certificate.command("show")
@click.pass_context
def show(context: click.Context) -> None:
    """Show the names of the certificate, who issued it, and until when it is good."""
    print_fields(context, _shown(_order(context)))


def _order(context: click.Context) -> AcmeOrder:
    order = acme_order_of(settings_of(context))
    if order is None:
        raise UnusableSettings("acme_directory: is not set, so the certificate does not come by ACME")
    return order


def _shown(order: AcmeOrder) -> dict[str, Any]:
    try:
        found = x509.load_pem_x509_certificates(order.certificate.read_bytes())[0]
    except (OSError, ValueError):
        raise click.ClickException(
            f"There is no certificate at {order.certificate}: run `authrim certificate renew`."
        ) from None
    return {
        "names": names_in(found),
        "issuer": found.issuer.rfc4514_string(),
        "not_before": found.not_valid_before_utc.isoformat(),
        "not_after": found.not_valid_after_utc.isoformat(),
    }
