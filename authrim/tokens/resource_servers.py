"""Resource servers, as administrators register, change and retire them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from authrim.clients.keys import has_key_for
from authrim.clients.records import ClientRead, RegistrationContext, change_client, read_client
from authrim.core.claim_definitions import read_catalogue
from authrim.core.execute import Outcome, carry_out, change_state, outcome_of
from authrim.core.paging import states_of
from authrim.core.stream_state import read_state
from authrim.protocol.registered_keys import weak_keys_refusal
from authrim.settings import Settings
from authrim.store.contract import Store
from domain.client.client import Client
from domain.decision import Decision
from domain.errors import Refusal
from domain.registration import lifecycle, resource_server
from domain.registration.resource_server import UNKNOWN, ResourceTerms
from domain.resource import resource as resources
from domain.resource.resource import Resource, ResourceSettings
from domain.stream import resource_stream
from projections.tables import RESOURCES


async def create_resource(
    store: Store, tenant: str, uri: str, settings: ResourceSettings, server: Settings
) -> Resource | Refusal:
    """Register a resource server. ``server``: the settings of this server."""

    async def decide(resource: Resource, now: int) -> Decision[Resource]:
        terms = await _terms(store, tenant, uri, settings, resource.settings, server)
        return resource_server.decide_create(resource, uri, settings, terms, now)

    return await _change(store, tenant, uri, decide)


async def update_resource(
    store: Store, tenant: str, uri: str, changes: Mapping[str, Any], server: Settings
) -> Resource | Refusal:
    """Change some settings, named as in ``ResourceSettings``; the others stay as they are."""

    async def decide(resource: Resource, now: int) -> Decision[Resource]:
        settings = msgspec.structs.replace(resource.settings, **changes)
        terms = await _terms(store, tenant, uri, settings, resource.settings, server)
        return resource_server.decide_update(resource, settings, terms, now)

    return await _change(store, tenant, uri, decide)


async def allow_client(
    store: Store, tenant: str, uri: str, client_id: str, means: RegistrationContext
) -> Client | Refusal:
    """Add the resource server to the audiences of a client, whose other audiences stay."""
    resource = await show_resource(store, tenant, uri)
    if isinstance(resource, Refusal):
        return resource
    if not resource.is_active:
        return resource_server.RETIRED

    def decide(read: ClientRead) -> Decision[Client]:
        metadata = read.client.metadata
        audiences = tuple(dict.fromkeys((*metadata.audiences, uri)))
        allowed = msgspec.structs.replace(metadata, audiences=audiences)
        return lifecycle.decide_update(read.client, allowed, read.now, means.terms)

    return await change_client(store, tenant, client_id, decide, means=means)


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
    store: Store,
    tenant: str,
    uri: str,
    settings: ResourceSettings,
    before: ResourceSettings,
    server: Settings,
) -> ResourceTerms:
    """What the settings are judged by. A claim or a client that was named ``before`` stays: it may have been retired
    since, and then hinders no other change."""
    unfit = []
    for client_id in settings.introspection_clients:
        client = (await read_client(store, tenant, client_id)).client
        if client_id not in before.introspection_clients and (not client.exists or client.is_public):
            unfit.append(client_id)
    known = {*(await read_catalogue(store, tenant)).names, *before.claims}
    same_id = (await read_client(store, tenant, uri)).client
    return ResourceTerms(
        server.issuer,
        server.signing_algorithms,
        weak_keys_refusal(settings.jwks),
        has_key_for(settings.jwks, settings.access_token_encryption_alg),
        tuple(unfit),
        tuple(claim for claim in settings.claims if claim not in known),
        same_id.exists,
        server.development,
    )
