"""Clients, keys, resource servers, initial access tokens, claim definitions, scope descriptions, the settings and the
server's roles as they were."""

from typing import Any

import msgspec

from authrim.audit.past.reading import Past
from authrim.audit.past.view import View, view_of, when
from domain.claim import definitions as claim_definitions
from domain.client import client as clients
from domain.client.client import Client
from domain.key import key as keys
from domain.key.key import Key, Life, is_published, life, successor_of
from domain.liveness import ACTIVE
from domain.person import role as roles
from domain.registration import initial_access_token
from domain.resource import resource as resources
from domain.scope_text import scope_text
from domain.setting import settings
from domain.stream import (
    CLAIM,
    CLIENT,
    KEY,
    REGISTRATION,
    RESOURCE,
    ROLE,
    SCOPE,
    SETTING,
    StreamId,
    claims_stream,
    client_stream,
    key_stream,
    registration_stream,
    resource_stream,
    role_stream,
    scope_stream,
)


async def client_state(past: Past, client_id: str) -> View | None:
    """The client and its whole registration."""
    stream = await past.stream(client_stream(past.tenant, client_id))
    if not stream.stored:
        return None
    client = clients.fold(await stream.events())
    return view_of(CLIENT, client_id, stream, (client.status, ""), _client(client, past.now))


def _client(client: Client, now: int) -> dict[str, Any]:
    live = client.live_secrets(now)
    secrets = [one for one in client.secrets if one.secret_hash in live]
    return {
        "registered_at": when(client.registered_at),
        "source": client.source,
        "generation": client.generation,
        "public": client.is_public,
        "secrets": [{"expires_at": when(one.expires_at or None)} for one in secrets],
        "may_manage_itself": bool(client.registration_token_hash),
        "metadata": msgspec.to_builtins(client.metadata),
    }


async def key_state(past: Past, kid: str) -> View | None:
    """The key, and where it was in its life: that depends on the other keys of its algorithm."""
    stream = await past.stream(key_stream(past.tenant, kid))
    if not stream.stored:
        return None
    key, successor, stage = await judged_key(past, kid)
    reason = "revoked" if key.status != ACTIVE else ""
    published = is_published(key, stage)
    return view_of(KEY, kid, stream, (stage, reason), _key(key, successor, published=published))


async def judged_key(past: Past, kid: str) -> tuple[Key, Key | None, Life]:
    """A key, the one that takes over from it, and where it was in its life. One that there was not yet is gone."""
    key = await past.state(key_stream(past.tenant, kid), keys.fold)
    others = [await past.state(key_stream(past.tenant, other), keys.fold) for other in await past.ids(KEY)]
    successor = successor_of(key, [other for other in others if other.kid])
    return key, successor, life(key, successor, past.now, await past.key_times())


def _key(key: Key, successor: Key | None, *, published: bool) -> dict[str, Any]:
    return {
        "alg": key.alg,
        "use": "enc" if key.is_for_encryption else "sig",
        "in_key_set": published,
        "created_at": when(key.created_at),
        "active_from": when(key.active_from),
        "revoked_at": when(key.revoked_at),
        "successor": None if successor is None else successor.kid,
        "public_jwk": key.public_jwk,
    }


async def resource_state(past: Past, uri: str) -> View | None:
    """The resource server and its settings."""
    stream = await past.stream(resource_stream(past.tenant, uri))
    if not stream.stored:
        return None
    resource = resources.fold(await stream.events())
    fields = {"created_at": when(resource.created_at), "settings": msgspec.to_builtins(resource.settings)}
    return view_of(RESOURCE, uri, stream, (resource.status, ""), fields)


async def registration_state(past: Past, token_id: str) -> View | None:
    """The initial access token, and whether it admitted another client."""
    stream = await past.stream(registration_stream(past.tenant, token_id))
    if not stream.stored:
        return None
    token = initial_access_token.fold(await stream.events())
    issued = token.issued
    fields: dict[str, Any] = {"used": token.used, "revoked_at": when(token.revoked_at)}
    if issued is not None:
        fields |= {
            "uses": issued.uses,
            "issued_at": when(issued.issued_at),
            "expires_at": when(issued.expires_at),
            "scope": list(issued.scope),
            "grant_types": list(issued.grant_types),
            "profile": issued.profile,
        }
    why_not = token.why_not(past.now)
    return view_of(REGISTRATION, token_id, stream, ("ended" if why_not else ACTIVE, why_not), fields)


async def claim_state(past: Past, name: str) -> View | None:
    """The definition of a claim. The last and next events are those of all definitions."""
    stream = await past.stream(claims_stream(past.tenant))
    definition = claim_definitions.fold(await stream.events()).by_name.get(name)
    if definition is None:
        return None
    fields = {
        "value_type": definition.type,
        "scopes": list(definition.scopes),
        "label": definition.label,
        "defined_at": when(definition.defined_at),
        "retired_at": when(definition.retired_at),
    }
    return view_of(CLAIM, name, stream, (ACTIVE if definition.in_use else "retired", ""), fields)


async def scope_state(past: Past, value: str) -> View | None:
    """What people read about a scope value. The last and next events are those of all descriptions."""
    stream = await past.stream(scope_stream(past.tenant))
    texts = scope_text.fold(await stream.events()).get(value)
    if not texts:
        return None
    fields = {locale: msgspec.to_builtins(text) for locale, text in sorted(texts.items())}
    return view_of(SCOPE, value, stream, ("described", ""), fields)


async def setting_state(past: Past, name: str) -> View | None:
    """The settings that the newest process had started with. Of a secret it says that it was set."""
    stream = await past.stream(str(StreamId(past.tenant, SETTING, name)))
    if not stream.stored:
        return None
    recorded = settings.fold(await stream.events())
    fields = {one: "set" if settings.is_hidden(value) else value for one, value in recorded.items()}
    return view_of(SETTING, name, stream, ("recorded", ""), fields)


async def role_state(past: Past, role: str) -> View | None:
    """The accounts that had a role of the server."""
    stream = await past.stream(role_stream(past.tenant, role))
    if not stream.stored:
        return None
    subjects = roles.fold(await stream.events()).subjects
    return view_of(ROLE, role, stream, ("held" if subjects else "nobody", ""), {"subjects": list(subjects)})


async def claim_names(past: Past) -> list[str]:
    """The claims that had been defined."""
    return sorted((await past.state(claims_stream(past.tenant), claim_definitions.fold)).by_name)


async def scope_values(past: Past) -> list[str]:
    """The scope values that had a description."""
    texts = await past.state(scope_stream(past.tenant), scope_text.fold)
    return sorted(texts)


async def setting_names(past: Past) -> list[str]:
    """The one record of settings."""
    return await past.ids(SETTING)


async def key_ids(past: Past) -> list[str]:
    """The ids of all keys, those of today too."""
    return await past.ids(KEY)
