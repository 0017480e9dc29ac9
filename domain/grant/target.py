"""Whom an access token is for, and how it is made for them: what the registered resource servers among its audience
say, and the client's own registration where they say nothing (RFC 8707 §2.2, RFC 9068 §2, §3)."""

from collections.abc import Collection

import msgspec

from domain.claim.catalogue import BUILT_IN, Catalogue
from domain.client.client import Client
from domain.client.profile import PROFILES
from domain.client.resource import is_ours
from domain.client.told_claims import for_reader
from domain.errors import Refusal, invalid_scope, invalid_target
from domain.resource.resource import AT_JWT, JWT, Resources, ResourceSettings
from domain.vocabulary import scope as scopes
from domain.vocabulary.claims import PERSONAL_SCOPES


class TokenForm(msgspec.Struct, frozen=True):
    """How a token is made. ``signing_alg`` and ``typ`` are for a JWT. ``encrypted_to`` is the resource server whose key
    it is encrypted to, None when it is sent as it is signed."""

    format: str
    typ: str
    signing_alg: str
    encrypted_to: str | None = None


class Target(msgspec.Struct, frozen=True):
    """The audience of an access token, the part of the scope that it understands, and the token's form. ``lifetime``:
    in seconds; None when no resource server among the audience has one of its own."""

    audience: tuple[str, ...]
    scope: tuple[str, ...]
    form: TokenForm
    lifetime: int | None = None


ONE_AT_A_TIME = invalid_target(
    "The resources need tokens of different forms.",
    hint="Ask for one token per resource: send one resource in each token request.",
)


def target_of(
    client: Client, audience: tuple[str, ...], scope: tuple[str, ...], resources: Resources, issuer: str,
    catalogue: Catalogue = BUILT_IN,
) -> Target | Refusal:  # fmt: skip
    """How a token for this audience is made. ``catalogue``: which claims scope values release. Resources that want
    tokens of different forms get none together: what was made for one would be read by another (RFC 9068 §5, A251)."""
    others = tuple(uri for uri in audience if not is_ours(uri, issuer))
    forms = {_form(client, uri, resources) for uri in others} or {_own_form(client)}
    if len(forms) > 1 or (len(others) > 1 and any(form.encrypted_to for form in forms)):
        return ONE_AT_A_TIME
    form = forms.pop()
    if form.format == JWT and form.signing_alg not in PROFILES[client.metadata.profile].signing_algorithms:
        return invalid_target(
            "The tokens of this resource are signed with an algorithm that the client's profile does not allow.",
            hint="Give the resource server another signing algorithm.",
        )
    settings = [resources[uri].settings for uri in others if uri in resources]
    understood = scope
    if len(settings) == len(others) > 0 and all(one.scope for one in settings):
        ours = PERSONAL_SCOPES.union(catalogue.scopes) if len(others) < len(audience) else frozenset()
        mapping = client.metadata.claim_mapping
        told = {one.claim for uri in others for one in for_reader(mapping, (uri,), resources)}
        understood = _understood(scope, settings, told, ours, catalogue)
    if scope and not understood:
        return invalid_scope(
            f"The resource understands nothing of the scope {scopes.shown(scope)}.",
            hint="Ask for a scope of the resource.",
        )
    return Target(audience, understood, form, _lifetime(client, settings))


def _understood(
    scope: tuple[str, ...], settings: list[ResourceSettings], told: Collection[str], ours: Collection[str],
    catalogue: Catalogue,
) -> tuple[str, ...]:  # fmt: skip
    """The part of the scope that means something to the audience (RFC 9068 §2.2.3, §3): what a resource server names,
    what releases a claim that it is ``told``, and ``ours``, what userinfo answers where the token is for us too. Asked
    only where each resource server names some: one that names nothing understands all."""
    named = {value for one in settings for value in one.scope}.union(ours)
    claims = frozenset(told)
    return tuple(
        value for value in scope if value in named or not claims.isdisjoint(catalogue.by_scope((value,)))
    )


def _own_form(client: Client) -> TokenForm:
    metadata = client.metadata
    return TokenForm(metadata.access_token_format, AT_JWT, metadata.access_token_signing_alg)


def _form(client: Client, uri: str, resources: Resources) -> TokenForm:
    own, resource = _own_form(client), resources.get(uri)
    if resource is None:
        return own
    settings = resource.settings
    is_encrypted = settings.access_token_encryption_alg is not None  # which only a JWT can be (RFC 9068 §6)
    return TokenForm(
        JWT if is_encrypted else settings.access_token_format or own.format,
        settings.access_token_typ,
        settings.access_token_signing_alg or own.signing_alg,
        uri if is_encrypted else None,
    )


def _lifetime(client: Client, settings: list[ResourceSettings]) -> int | None:
    """The shortest that a resource server names, and never longer than the client's own."""
    named = [one.access_token_lifetime for one in settings if one.access_token_lifetime is not None]
    own = client.metadata.access_token_lifetime
    return min([*named, *([] if own is None else [own])]) if named else None
