"""Registering, changing and retiring a resource server. Its settings are judged whole, at creation and at every update
alike, as a client's are."""

from collections.abc import Collection, Iterable
from typing import Final

import msgspec

from domain.client.resource import is_ours, is_resource
from domain.decision import Decision, refuse
from domain.errors import Refusal, invalid_request
from domain.event import Event
from domain.registration._policy_keys import fetched_uri, jwks_refusal
from domain.registration._policy_texts import MAX_NAME
from domain.registration.encryption import CONTENT_ENCRYPTION, KEY_MANAGEMENT
from domain.registration.invalid_metadata import invalid
from domain.registration.policy import LONGEST_ACCESS_TOKEN, MAX_ENTRIES
from domain.resource.events import ResourceCreated, ResourceRetired, ResourceUpdated
from domain.resource.resource import (
    ACCESS_TOKEN_FORMATS,
    ACCESS_TOKEN_TYPS,
    AT_JWT,
    OPAQUE,
    Resource,
    Resources,
    ResourceSettings,
    fold,
)
from domain.vocabulary import scope as scopes

_SECTION: Final = "RFC 8707 §2"

UNKNOWN: Final = invalid_request(
    "There is no such resource server.", hint="See authrim resource list.", section=_SECTION
)


RETIRED: Final = invalid_request(
    "The resource server is retired.",
    hint="Register it again with authrim resource create.",
    section=_SECTION,
)


NO_FITTING_KEY: Final = invalid_request(
    "jwks has no key that access_token_encryption_alg can be used with.",
    hint="Give a public key of its type whose use, if it has one, is enc.",
    section="RFC 7517 §4.2",
)


class ResourceTerms(msgspec.Struct, frozen=True):
    """What a resource server is judged by: the ``algorithms`` that this server keeps keys for; why a key of ``jwks``
    cannot be used (``unfit_keys``), and whether one of them is for ``access_token_encryption_alg`` (``has_key``); the
    ``introspection_clients`` that may not be such (``unfit_clients``) and the claims that nobody defined
    (``unknown_claims``), of those that it did not name before; whether its URI is the id of a client
    (``is_client_id``), and whether keys may be behind loopback http (``development``)."""

    issuer: str
    algorithms: tuple[str, ...]
    unfit_keys: Refusal | None = None
    has_key: bool = True
    unfit_clients: tuple[str, ...] = ()
    unknown_claims: tuple[str, ...] = ()
    is_client_id: bool = False
    development: bool = False


def decide_create(
    resource: Resource, uri: str, settings: ResourceSettings, terms: ResourceTerms, now: int
) -> Decision[Resource]:
    """Register a resource server, or register a retired one again."""
    if resource.is_active:
        return refuse(
            invalid_request("The resource server exists.", hint="Update it instead.", section=_SECTION)
        )
    if not is_resource(uri):
        return refuse(
            invalid_request(
                "The resource is not an absolute URI without fragment.",
                hint="Use the URI by which clients ask for it, such as https://api.example.com/.",
                section=_SECTION,
            )
        )
    if is_ours(uri, terms.issuer):
        return refuse(
            invalid_request(
                "The URI is that of this server.",
                hint="Use the URI of the resource server.",
                section=_SECTION,
            )
        )
    refusal = settings_refusal(settings, terms)
    if refusal is not None:
        return refuse(refusal)
    return _accept(resource, ResourceCreated(uri, msgspec.to_builtins(settings), now))


def decide_update(
    resource: Resource, settings: ResourceSettings, terms: ResourceTerms, now: int
) -> Decision[Resource]:
    """Replace the settings; to change one, replace it in ``resource.settings`` first."""
    if not resource.is_active:
        return refuse(RETIRED if resource.uri else UNKNOWN)
    refusal = settings_refusal(settings, terms)
    if refusal is not None:
        return refuse(refusal)
    if settings == resource.settings:
        return Decision((), resource)
    return _accept(resource, ResourceUpdated(msgspec.to_builtins(settings), now))


def decide_retire(resource: Resource, reason: str, now: int) -> Decision[Resource]:
    """Issue no more tokens for it; again, it appends nothing."""
    if not resource.uri:
        return refuse(UNKNOWN)
    if not resource.is_active:
        return Decision((), resource)
    return _accept(resource, ResourceRetired(reason, now))


def _accept(resource: Resource, *events: Event) -> Decision[Resource]:
    return Decision(events, fold(events, resource))


def settings_refusal(settings: ResourceSettings, terms: ResourceTerms) -> Refusal | None:
    """Why a resource server cannot have these settings, or None."""
    return next((refusal for refusal in _checks(settings, terms) if refusal is not None), None)


def _checks(settings: ResourceSettings, terms: ResourceTerms) -> Iterable[Refusal | None]:
    yield _unlike("access_token_format", settings.access_token_format, ACCESS_TOKEN_FORMATS)
    yield _unlike("access_token_typ", settings.access_token_typ, ACCESS_TOKEN_TYPS)
    yield _name(settings.name)
    yield _lifetime(settings.access_token_lifetime)
    yield from _scope(settings.scope)
    yield from _signing(settings, terms)
    yield from _encryption(settings, terms)
    if len(settings.introspection_clients) > MAX_ENTRIES:
        yield _invalid("introspection_clients", "has too many entries.", f"Use at most {MAX_ENTRIES}.")
    if len(settings.claims) > MAX_ENTRIES:
        yield _invalid("claims", "has too many entries.", f"Use at most {MAX_ENTRIES}.")
    if terms.unknown_claims:
        yield _invalid(
            "claims",
            f"names {scopes.shown(terms.unknown_claims)}, which is no claim that is known.",
            "Use those of OIDC Core 5.1, groups and roles, or define it: authrim claim define.",
        )
    if terms.unfit_clients:
        yield _invalid(
            "introspection_clients",
            f"names {scopes.shown(terms.unfit_clients)}, which is no client that authenticates.",
            "Register a client with a secret or a key, by authrim client create --service.",
        )


def _name(name: str) -> Refusal | None:
    if len(name) <= MAX_NAME and (name.isprintable() or not name):
        return None
    return _invalid("name", "cannot be shown.", f"Use up to {MAX_NAME} printable characters.")


def _lifetime(seconds: int | None) -> Refusal | None:
    if seconds is None or 1 <= seconds <= LONGEST_ACCESS_TOKEN:
        return None
    return _invalid("access_token_lifetime", "is out of range.", f"Use 1 to {LONGEST_ACCESS_TOKEN} seconds.")


def _scope(values: Collection[str]) -> Iterable[Refusal | None]:
    if not all(scopes.is_value(value) for value in values):
        yield _invalid(
            "scope", "has a malformed value.", "Use printable ASCII without space, quote and backslash."
        )
    if len(" ".join(values)) > scopes.MAX_LENGTH or len(values) > MAX_ENTRIES:
        yield _invalid(
            "scope",
            "is too long.",
            f"Use at most {MAX_ENTRIES} values, {scopes.MAX_LENGTH} characters together.",
        )


def _signing(settings: ResourceSettings, terms: ResourceTerms) -> Iterable[Refusal | None]:
    opaque = settings.access_token_format == OPAQUE
    algorithm = settings.access_token_signing_alg
    if algorithm is not None and algorithm not in terms.algorithms:
        yield _invalid(
            "access_token_signing_alg",
            "is an algorithm that this server keeps no key for.",
            f"Use {', '.join(terms.algorithms)}, or add it to signing_algorithms.",
        )
    if opaque and (algorithm is not None or settings.access_token_typ != AT_JWT):
        yield _invalid(
            "access_token_format", "is opaque, so nothing is signed.", "Leave out algorithm and typ."
        )
    if terms.is_client_id and has_typ_of_id_tokens(settings):
        yield _invalid(
            "access_token_typ", "is that of ID tokens, and the URI is the id of a client.", f"Use {AT_JWT}."
        )


def has_typ_of_id_tokens(settings: ResourceSettings) -> bool:
    """Whether a client whose id is the URI, and that compares ``aud`` alone, would take its access tokens for ID tokens
    (RFC 9068 §5)."""
    return settings.access_token_typ != AT_JWT


def client_id_refusal(client_id: str, resources: Resources) -> Refusal | None:
    """Why no client can have this id, or None."""
    resource = resources.get(client_id)
    if resource is None or not resource.is_active or not has_typ_of_id_tokens(resource.settings):
        return None
    return invalid(
        "client_id",
        "is the URI of a resource server whose access tokens have the typ of ID tokens.",
        hint=f"Use another address, or give the resource server the typ {AT_JWT}.",
    )


def _encryption(settings: ResourceSettings, terms: ResourceTerms) -> Iterable[Refusal | None]:
    alg, enc = settings.access_token_encryption_alg, settings.access_token_encryption_enc
    yield _unlike("access_token_encryption_alg", alg, KEY_MANAGEMENT)
    yield _unlike("access_token_encryption_enc", enc, CONTENT_ENCRYPTION)
    if settings.jwks is not None and settings.jwks_uri is not None:
        yield _invalid("jwks", "is there together with jwks_uri.", "Give one of the two.")
    if settings.jwks is not None:
        yield _as_of_resource(jwks_refusal(settings.jwks))
        yield _as_of_resource(terms.unfit_keys)
    if settings.jwks_uri is not None:
        yield _as_of_resource(fetched_uri("jwks_uri", settings.jwks_uri, terms.development))
    if enc is not None and alg is None:
        yield _invalid("access_token_encryption_enc", "is there without the alg.", "Give the alg too.")
    if alg is not None and settings.jwks is None and settings.jwks_uri is None:
        yield _invalid("access_token_encryption_alg", "has no key to encrypt to.", "Give jwks or jwks_uri.")
    if alg is not None and settings.jwks is not None and not terms.has_key:
        yield NO_FITTING_KEY
    if alg is not None and settings.access_token_format == OPAQUE:
        yield _invalid("access_token_encryption_alg", "is for JWTs, not for opaque tokens.", "Use jwt.")


def _as_of_resource(refusal: Refusal | None) -> Refusal | None:
    """The rule is the same as for a client's keys, but nothing here is a client's."""
    if refusal is None:
        return None
    return msgspec.structs.replace(refusal, error="invalid_request", section=_SECTION)


def _unlike(field: str, value: str | None, allowed: tuple[str, ...]) -> Refusal | None:
    if value is None or value in allowed:
        return None
    return _invalid(field, "has an unknown value.", f"Use {', '.join(allowed)}.")


def _invalid(field: str, problem: str, hint: str) -> Refusal:
    return invalid_request(f"{field} {problem}", hint=hint, section=_SECTION)
