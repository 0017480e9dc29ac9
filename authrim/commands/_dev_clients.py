"""The clients of ``authrim dev``: its three examples, and the clients and redirect URIs of the command line."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import click
import msgspec

from authrim.clients.records import RegistrationContext, create_client, show_client, update_client
from authrim.store.contract import Store
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from domain.registration.signing import default_algorithms
from domain.stream import DEFAULT_TENANT

API: Final = "https://api.example.com"

_PERSON_SCOPES: Final = ("openid", "profile", "email", "address", "phone", "offline_access")

CLIENTS: Final[dict[str, ClientMetadata]] = {
    "web": ClientMetadata(
        client_name="Example Web Application",
        redirect_uris=("http://localhost:3000/callback", "http://127.0.0.1:3000/callback"),
        grant_types=("authorization_code", "refresh_token"),
        scope=_PERSON_SCOPES,
        either_secret_method=True,
    ),
    "spa": ClientMetadata(
        client_name="Example Single-Page Application",
        redirect_uris=("http://localhost:5173/callback", "http://127.0.0.1:5173/callback"),
        token_endpoint_auth_method="none",  # noqa: S106 - the name of a method
        grant_types=("authorization_code", "refresh_token"),
        scope=_PERSON_SCOPES,
    ),
    "service": ClientMetadata(
        client_name="Example Service",
        grant_types=("client_credentials",),
        response_types=(),
        scope=("reports.read", "reports.write"),
        audiences=(API,),
        default_audience=API,
        protected_resources=(API,),
        may_introspect=True,
        either_secret_method=True,
    ),
}
#: The client that a redirect URI is for when it names none.
_USUAL: Final = "web"
_NAMED: Final = re.compile(r"([A-Za-z0-9\-._~]+)=(.+)", re.DOTALL)
_MEANS: Final = RegistrationContext(development=True)

#: Redirect URIs by the name of a client.
RedirectUris = Mapping[str, tuple[str, ...]]


class WantedClients(msgspec.Struct, frozen=True):
    """What the command line asks for: clients by their id, and further redirect URIs of clients that exist."""

    clients: RedirectUris = {}
    redirect_uris: RedirectUris = {}


def read_redirect_uris(
    _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
) -> RedirectUris:
    """``[CLIENT=]URI``. A URI has a colon before its first equals sign, a client has none."""
    named = (_NAMED.fullmatch(value) for value in values)
    return _by_client(
        (one[1], one[2]) if one else (_USUAL, value) for one, value in zip(named, values, strict=True)
    )


def read_clients(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> RedirectUris:
    """``ID=URI``, for a client that is not one of the examples."""
    pairs = []
    for value in values:
        named = _NAMED.fullmatch(value)
        if named is None:
            raise click.BadParameter("write ID=URI, such as shop=http://localhost:9000/callback")
        if named[1] in CLIENTS:
            raise click.BadParameter(f"{named[1]} is an example: use --redirect-uri {named[1]}=URI")
        pairs.append((named[1], named[2]))
    return _by_client(pairs)


def _by_client(pairs: Iterable[tuple[str, str]]) -> RedirectUris:
    found: dict[str, tuple[str, ...]] = {}
    for name, uri in pairs:
        found[name] = tuple(dict.fromkeys((*found.get(name, ()), uri)))
    return found


async def example_client(store: Store, name: str, algorithms: tuple[str, ...]) -> dict[str, Any] | Refusal:
    """Create one of the examples."""
    return await _created(store, CLIENTS[name], algorithms)


async def own_client(
    store: Store, client_id: str, redirect_uris: tuple[str, ...], algorithms: tuple[str, ...]
) -> dict[str, Any] | Refusal:
    """Create a client like the example ``web``, with its own id and redirect URIs."""
    metadata = msgspec.structs.replace(CLIENTS["web"], client_name=client_id, redirect_uris=redirect_uris)
    return await _created(store, metadata, algorithms, client_id)


async def _created(
    store: Store, metadata: ClientMetadata, algorithms: tuple[str, ...], client_id: str | None = None
) -> dict[str, Any] | Refusal:
    """The client as it is announced."""
    metadata = msgspec.structs.replace(metadata, **default_algorithms(algorithms, metadata.profile))
    created = await create_client(store, DEFAULT_TENANT, metadata, client_id=client_id, means=_MEANS)
    if isinstance(created, Refusal):
        return created
    described: dict[str, Any] = {"client_id": created.client.client_id}
    if created.secret is not None:
        described["client_secret"] = created.secret
    return described | {"redirect_uris": list(metadata.redirect_uris)}


async def with_redirect_uris(
    store: Store, described: Mapping[str, Any], more: tuple[str, ...]
) -> dict[str, Any] | Refusal:
    """Add redirect URIs to those that a client has, if it lacks any; the client is returned as it is announced."""
    client = await show_client(store, DEFAULT_TENANT, described["client_id"])
    if isinstance(client, Refusal):
        return client
    known = client.metadata.redirect_uris
    uris = tuple(dict.fromkeys((*known, *more)))
    if uris != known:
        changed = await update_client(
            store, DEFAULT_TENANT, client.client_id, {"redirect_uris": uris}, means=_MEANS
        )
        if isinstance(changed, Refusal):
            return changed
    return {**described, "redirect_uris": list(uris)}
