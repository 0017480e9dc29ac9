"""A new client: what each kind begins with, and how one is registered with what its product needs."""

from typing import Any, Final, NamedTuple

from authrim.clients import records as clients
from authrim.clients.logos import LogoChange
from authrim.clients.records import ClientWithSecret
from authrim.commands._administering import Office
from authrim.commands._client_fields import EITHER_SECRET, auth_method_fields
from authrim.commands._client_recipes import ChosenRecipe
from domain.client.metadata import ClientMetadata
from domain.client.profile import PROFILES
from domain.client.profile_defaults import defaults_of
from domain.errors import Refusal
from domain.registration.signing import default_algorithms

_PERSON_SCOPES: Final = ("openid", "profile", "email", "address", "phone", "offline_access")
_WITH_PEOPLE: Final[dict[str, Any]] = {
    "grant_types": ("authorization_code", "refresh_token"),
    "scope": _PERSON_SCOPES,
}

#: What each kind of client begins with; every option overrides it.
PRESETS: Final[dict[str, dict[str, Any]]] = {
    "web": _WITH_PEOPLE,
    "spa": {**_WITH_PEOPLE, "token_endpoint_auth_method": "none"},
    "native": {**_WITH_PEOPLE, "token_endpoint_auth_method": "none", "application_type": "native"},
    "service": {"grant_types": ("client_credentials",), "response_types": ()},
}


class NewClient(NamedTuple):
    """A client that is wanted. ``options`` are fields of ``ClientMetadata`` that count more than what the kind or the
    recipe begins with. ``client_id`` None: a random one."""

    kind: str
    recipe: ChosenRecipe | None
    client_id: str | None
    options: dict[str, Any]


async def register_client(
    office: Office, wanted: NewClient, logo: LogoChange | None = None
) -> tuple[ClientWithSecret, str] | Refusal:
    """Register a client, with the API of its recipe; the note is for the administrator."""
    profile = PROFILES[wanted.options.get("profile", "oidc")]
    begun = (
        PRESETS[wanted.kind] if wanted.recipe is None else wanted.recipe.client_fields(office.settings.issuer)
    )
    fields = {
        **default_algorithms(office.settings.signing_algorithms, profile.name),
        **auth_method_fields(EITHER_SECRET),
        **begun,
        **defaults_of(profile),
        **wanted.options,
    }
    made = await clients.create_client(
        office.store,
        office.tenant,
        ClientMetadata(**fields),
        client_id=wanted.client_id,
        means=await office.registration_context(logo),
    )
    if isinstance(made, Refusal):
        return made
    note = await wanted.recipe.register_api(office) if wanted.recipe else ""
    if isinstance(note, Refusal):  # a client whose API cannot be is of no use
        await clients.delete_client(office.store, office.tenant, made.client.client_id)
        return note
    return made, note
