"""Resource servers, as administrators register, change and retire them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec

from authrim.clients.records import ClientRead, change_client, read_client
from authrim.clients.terms import administrators_terms
from authrim.core.claim_definitions import read_catalogue
from authrim.core.execute import Outcome, carry_out, change_state, outcome_of
from authrim.core.paging import states_of
from authrim.core.stream_state import read_state
from authrim.crypto.jwe import EncryptionKey
from authrim.crypto.jwk import JwkRefused
from authrim.settings import Settings
from authrim.store.contract import Store
from domain.client.client import Client
from domain.decision import Decision, refuse
from domain.errors import Refusal, invalid_request
from domain.registration import lifecycle, resource_server
from domain.registration.resource_server import UNKNOWN, ResourceTerms
from domain.resource import resource as resources
from domain.resource.resource import Resource, ResourceSettings
from domain.stream import resource_stream
from projections.tables import RESOURCES

NO_FITTING_KEY: Final = invalid_request(
    "jwks has no key that access_token_encryption_alg can be used with.",
    hint="Give a public key of its type whose use, if it has one, is enc.",
    section="RFC 7517 §4.2",
)


async def create_resource(
    store: Store, tenant: str, uri: str, settings: ResourceSettings, server: Settings
) -> Resource | Refusal:
    """Register a resource server. ``server``: the settings of this server."""

    async def decide(resource: Resource, now: int) -> Decision[Resource]:
        terms = await _terms(store, tenant, uri, settings, server)
        if isinstance(terms, Refusal):
            return refuse(terms)
        return resource_server.decide_create(resource, uri, settings, terms, now)

    return await _change(store, tenant, uri, decide)


async def update_resource(
    store: Store, tenant: str, uri: str, changes: Mapping[str, Any], server: Settings
) -> Resource | Refusal:
    """Change some settings, named as in ``ResourceSettings``; the others stay as they are."""

    async def decide(resource: Resource, now: int) -> Decision[Resource]:
        settings = msgspec.structs.replace(resource.settings, **changes)
        terms = await _terms(store, tenant, uri, settings, server)
        if isinstance(terms, Refusal):
            return refuse(terms)
        return resource_server.decide_update(resource, settings, terms, now)

    return await _change(store, tenant, uri, decide)


async def allow_client(
    store: Store, tenant: str, uri: str, client_id: str, server: Settings
) -> Client | Refusal:
    """Add the resource server to the audiences of a client, whose other audiences stay."""
    resource = await show_resource(store, tenant, uri)
    if isinstance(resource, Refusal):
        return resource
    if not resource.is_active:
        return resource_server.RETIRED
    terms = administrators_terms(server.development, server.signing_algorithms)

    def decide(read: ClientRead) -> Decision[Client]:
        metadata = read.client.metadata
        audiences = tuple(dict.fromkeys((*metadata.audiences, uri)))
        allowed = msgspec.structs.replace(metadata, audiences=audiences)
        return lifecycle.decide_update(read.client, allowed, read.now, terms)

    return await change_client(store, tenant, client_id, decide)


async def retire_resource(store: Store, tenant: str, uri: str, reason: str) -> Resource | Refusal:
    """Issue no more tokens for the resource server. ``reason`` is for the log."""
    return await change_state(
        store,
        tenant,
        resource_stream(tenant, uri),
        resources.fold,
        lambda resource, now: resource_server.decide_retire(resource, reason, now),
    )


async def show_resource(store: Store, tenant: str, uri: str) -> Resource | Refusal:
    """The resource server as its events tell it."""
    resource = (await read_state(store, resource_stream(tenant, uri), resources.fold)).state
    return resource if resource.uri else UNKNOWN


async def list_resources(
    store: Store, tenant: str, after: str = "", limit: int = 100, *, retired_too: bool = False
) -> tuple[Resource, ...]:
    """At most ``limit`` resource servers in the order of their URIs, those after ``after``."""
    return await states_of(
        store, RESOURCES, tenant, Resource, after, limit, lambda resource: resource.is_active or retired_too
    )


async def _change(
    store: Store, tenant: str, uri: str, decide: Callable[[Resource, int], Awaitable[Decision[Resource]]]
) -> Resource | Refusal:
    stream = resource_stream(tenant, uri)

    async def attempt() -> Outcome[Resource]:
        resource, version, now = await read_state(store, stream, resources.fold)
        return outcome_of(stream, resource, version, await decide(resource, now))

    return await carry_out(store, tenant, attempt)


async def _terms(
    store: Store, tenant: str, uri: str, settings: ResourceSettings, server: Settings
) -> ResourceTerms | Refusal:
    """What the settings are judged by, and what only the keys themselves can tell."""
    if settings.jwks is not None and settings.access_token_encryption_alg is not None:
        keys = settings.jwks.get("keys")
        if isinstance(keys, list) and not any(
            _fits(key, settings.access_token_encryption_alg) for key in keys
        ):
            return NO_FITTING_KEY
    unfit = []
    for client_id in settings.introspection_clients:
        client = (await read_client(store, tenant, client_id)).client
        if not client.exists or client.is_public:
            unfit.append(client_id)
    catalogue = await read_catalogue(store, tenant)
    unknown = tuple(claim for claim in settings.claims if claim not in catalogue.names)
    same_id = (await read_client(store, tenant, uri)).client
    return ResourceTerms(
        server.issuer, server.signing_algorithms, tuple(unfit), unknown, same_id.exists, server.development
    )


def _fits(jwk: Any, alg: str) -> bool:
    try:
        EncryptionKey(jwk, alg)
    except (JwkRefused, AttributeError):
        return False
    return True
