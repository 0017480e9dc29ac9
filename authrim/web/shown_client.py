"""A client as the pages show it to a person."""

from urllib.parse import urlsplit

from authrim.core.parts import Core
from authrim.pages.display import redirect_host
from authrim.pages.views import ClientView
from domain.client import client_id_url
from domain.client.client import Client


def shown_client(core: Core, client: Client, redirect_uri: str) -> ClientView:
    """The client as the pages show it. ``redirect_uri``: where the browser goes from the page, validated."""
    metadata = client.metadata
    return ClientView(
        name=_shown_name(client),
        redirect_uri=redirect_uri,
        logo_url=_logo_path(core, client),
        client_uri=metadata.client_uri,
        policy_uri=metadata.policy_uri,
        tos_uri=metadata.tos_uri,
    )


def _shown_name(client: Client) -> str:
    """The client's name, with its host if only a document at that host vouches for it."""
    name = client.metadata.client_name
    host = redirect_host(client.client_id) if client_id_url.looks_like_one(client.client_id) else ""
    return f"{name} ({host})" if name and host else name or host or client.client_id


def _logo_path(core: Core, client: Client) -> str | None:
    """Where on our origin the client's logo is, below the issuer's own path (decisions.md 29)."""
    if client.metadata.logo_digest is None:
        return None
    return urlsplit(core.url(f"/logos/{client.client_id}/{client.metadata.logo_digest}.png")).path
