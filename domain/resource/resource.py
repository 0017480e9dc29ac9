"""A resource server that an administrator registered: the fold of its stream.

An audience that no administrator registered is a resource too, as long as a client lists it: then the client's own
registration says how its tokens are made.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from domain.event import Event, folding
from domain.resource.events import ResourceCreated, ResourceRetired, ResourceUpdated

ACTIVE: Final = "active"
RETIRED: Final = "retired"

#: The media type of a JWT access token (RFC 9068 §2.1), and what resource servers expect that are older than it.
AT_JWT: Final = "at+jwt"
PLAIN_JWT: Final = "JWT"
ACCESS_TOKEN_TYPS: Final = (AT_JWT, PLAIN_JWT)

JWT: Final = "jwt"
OPAQUE: Final = "opaque"
ACCESS_TOKEN_FORMATS: Final = (JWT, OPAQUE)


class ResourceSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """How access tokens for a resource server are made. A setting of None: as the client's registration says.

    ``scope`` are the scope values that it understands; empty: all. Its tokens are encrypted to a key of ``jwks`` or
    ``jwks_uri`` when there is an ``access_token_encryption_alg`` (RFC 9068 §6). ``introspection_clients`` are the
    clients by which it authenticates at the introspection endpoint. ``any_client``: every client may ask for its
    tokens, not only those that list it. ``claims`` about the person are told to it, in its JWTs and by introspection,
    when the granted scope releases them; empty: those that a client maps for it. Lifetimes in seconds.
    """

    name: str = ""
    access_token_format: str | None = None
    access_token_typ: str = AT_JWT
    access_token_signing_alg: str | None = None
    access_token_lifetime: int | None = None
    access_token_encryption_alg: str | None = None
    access_token_encryption_enc: str | None = None
    scope: tuple[str, ...] = ()
    jwks: dict[str, Any] | None = None
    jwks_uri: str | None = None
    introspection_clients: tuple[str, ...] = ()
    any_client: bool = False
    claims: tuple[str, ...] = ()


class Resource(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a resource server after its events so far. One that never was has no ``uri``."""

    uri: str = ""
    settings: ResourceSettings = ResourceSettings()
    status: str = ""
    created_at: int = 0

    @property
    def is_active(self) -> bool:
        """Whether tokens are issued for it."""
        return self.status == ACTIVE


NO_RESOURCE: Final = Resource()

#: The registered resource servers of a tenant by their URI, retired ones too.
Resources = Mapping[str, Resource]
NO_RESOURCES: Final[Resources] = {}


def apply(resource: Resource, event: Event) -> Resource:
    """The resource server after one more event."""
    match event:
        case ResourceCreated():
            return Resource(event.uri, _settings(event.settings), ACTIVE, event.created_at)
        case ResourceUpdated():
            return msgspec.structs.replace(resource, settings=_settings(event.settings))
        case ResourceRetired():
            return msgspec.structs.replace(resource, status=RETIRED)
        case _:
            return resource


def _settings(recorded: dict[str, Any]) -> ResourceSettings:
    return msgspec.convert(recorded, ResourceSettings)


#: The resource server after some events.
fold: Final = folding(apply, NO_RESOURCE)
