"""A client: its registration (the metadata of RFC 7591), and what it may do.

Registration and updates are in ``domain/registration/lifecycle.py``, the policy for metadata in
``domain/registration/policy.py``.
"""

# ruff: noqa: S105 - RFC 7591's names hold the word token, their values are no passwords

from collections.abc import Collection
from functools import cached_property
from typing import Final

import msgspec

from domain.client.events import (
    ClientDeleted,
    ClientDisabled,
    ClientEnabled,
    ClientRegistered,
    ClientSecretSet,
    ClientUpdated,
    RegistrationTokenRevoked,
    RegistrationTokenSet,
)
from domain.client.metadata import ClientMetadata
from domain.client.profile import ATTESTED_METHODS, PROFILES, SECRET_ALGORITHM, PkceRule, Profile
from domain.errors import Refusal, invalid_request, unauthorized_client
from domain.event import Event, folding
from domain.liveness import ACTIVE, SUBJECTS_CHANGED
from domain.resource.resource import NO_RESOURCES, Resources
from domain.vocabulary import response_mode as response_modes
from domain.vocabulary import response_type as response_types
from domain.vocabulary.algorithm_names import names_of
from domain.vocabulary.features import DPOP, MTLS, PUSHED_REQUESTS, REQUEST_OBJECTS

DISABLED: Final = "disabled"
DELETED: Final = "deleted"

SIGNED_SECRET: Final = "client_secret_jwt"
#: The two ways to send a secret (RFC 6749 §2.3.1).
SENT_SECRET_METHODS: Final = ("client_secret_basic", "client_secret_post")
SECRET_METHODS: Final = frozenset({*SENT_SECRET_METHODS, SIGNED_SECRET})


class Secret(msgspec.Struct, frozen=True, omit_defaults=True):
    """The SHA-256 of a client secret, and when it expires (seconds since 1970; 0: never)."""

    secret_hash: str
    expires_at: int = 0


class Client(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """The state of a client. A client without events has no ``client_id``.

    ``source``: where its metadata comes from (``ClientRegistered``). ``generation`` counts the changes that voided all
    earlier consents. Since ``subjects_generation``, which began at ``subjects_changed_at``, the client gets its present
    subjects for people. ``registration_token_hash`` is empty when nobody can manage the client from outside.
    """

    client_id: str = ""
    metadata: ClientMetadata = ClientMetadata()
    status: str = ""
    secrets: tuple[Secret, ...] = ()
    registered_at: int = 0
    source: str = "admin"
    generation: int = 0
    registration_token_hash: str = ""
    subjects_generation: int = 0
    subjects_changed_at: int = 0

    @property
    def by_administrator(self) -> bool:
        """Whether an administrator registered it."""
        return self.source == "admin"

    def may_be_offered(self, *, proved: bool) -> bool:
        """Whether one of our pages may offer its addresses as links. A client that registered itself has to be
        ``proved`` by an ID token of its own: everyone knows its id, and could lend its address our name (RFC 9700
        §4.11.2, A241)."""
        return self.status == ACTIVE and (self.by_administrator or proved)

    @property
    def exists(self) -> bool:
        """Whether the client is registered. It may be disabled; a deleted client no longer exists."""
        return bool(self.client_id) and self.status != DELETED

    def status_for(self, generation: int) -> str:
        """The client's status for a grant that was made to its generation ``generation``. Grants from before its
        subjects changed are over: they were not made for the new subjects."""
        renamed = self.status == ACTIVE and generation < self.subjects_generation
        return SUBJECTS_CHANGED if renamed else self.status

    @property
    def hears_of_sessions(self) -> bool:
        """Whether the client can use a ``sid``: to be notified of a logout, or to request one."""
        metadata = self.metadata
        return bool(
            metadata.frontchannel_logout_uri
            or metadata.backchannel_logout_uri
            or metadata.post_logout_redirect_uris
        )

    @property
    def profile(self) -> Profile:
        """The rules for the client."""
        return PROFILES[self.metadata.profile]

    @property
    def is_public(self) -> bool:
        """Whether the client has no credentials, so anybody can act in its name (RFC 6749 §2.1)."""
        return self.metadata.token_endpoint_auth_method == "none"

    @property
    def authentication_methods(self) -> tuple[str, ...]:
        """The methods that the client may authenticate with, the registered one first. There are two only where its
        registration names neither of the ways to send a secret, and its profile allows both."""
        method = self.metadata.token_endpoint_auth_method
        if not self.metadata.either_secret_method or method not in SENT_SECRET_METHODS:
            return (method,)
        others = (name for name in SENT_SECRET_METHODS if name != method)
        return (method, *(name for name in others if name in self.profile.client_auth_methods))

    @property
    def uses_secret(self) -> bool:
        """Whether the client authenticates with a client secret (RFC 6749 §2.3.1)."""
        return self.metadata.token_endpoint_auth_method in SECRET_METHODS

    @property
    def signs_with_secret(self) -> bool:
        """Whether the client signs with its secret instead of sending it (OIDC Core §9)."""
        return self.metadata.token_endpoint_auth_method == SIGNED_SECRET

    @property
    def is_attested(self) -> bool:
        """Whether each instance of the client authenticates with its own key, which an attester vouches for."""
        return self.metadata.token_endpoint_auth_method in ATTESTED_METHODS

    @property
    def assertion_algorithms(self) -> frozenset[str]:
        """The algorithms for client assertions: the registered one, or else any of the profile. With a secret only
        HMAC, which is never used with a public key (A086)."""
        if self.signs_with_secret:
            return frozenset({SECRET_ALGORITHM})
        registered = self.metadata.token_endpoint_auth_signing_alg
        return names_of(registered) if registered else frozenset(self.profile.signing_algorithms)

    @property
    def request_object_algorithms(self) -> frozenset[str]:
        """The algorithms for request objects: the registered one, or else any of the profile."""
        registered = self.metadata.request_object_signing_alg
        return names_of(registered) if registered else frozenset(self.profile.signing_algorithms)

    @cached_property
    def sender_constraints(self) -> tuple[frozenset[str], ...]:
        """How the client's access tokens must be bound: in at least one way of each set. Empty: they need not be
        bound."""
        metadata = self.metadata
        demanded = (
            self.profile.sender_constraints,
            frozenset({DPOP} if metadata.dpop_bound_access_tokens else ()),  # RFC 9449 §5.2
            frozenset({MTLS} if metadata.tls_client_certificate_bound_access_tokens else ()),  # RFC 8705 §3.4
        )
        return tuple(ways for ways in demanded if ways)

    @property
    def response_algorithm(self) -> str:
        """The algorithm for the client's authorization responses: the registered one, else RS256 (JARM §3), or the
        algorithm of its ID tokens if the profile does not allow RS256."""
        if self.metadata.authorization_signed_response_alg is not None:
            return self.metadata.authorization_signed_response_alg
        id_token_alg = self.metadata.id_token_signed_response_alg
        return "RS256" if "RS256" in self.profile.signing_algorithms else id_token_alg

    def live_secrets(self, now: int) -> tuple[str, ...]:
        """The hashes of the secrets that are accepted at ``now``."""
        return tuple(one.secret_hash for one in self.secrets if one.expires_at == 0 or now < one.expires_at)


NO_CLIENT: Final = Client()


def apply(client: Client, event: Event) -> Client:
    """The client after one more event."""
    match event:
        case ClientRegistered():
            metadata = msgspec.convert(event.metadata, ClientMetadata)
            return Client(
                event.client_id, metadata, ACTIVE, registered_at=event.registered_at, source=event.source
            )
        case ClientUpdated():
            return _updated(client, event)
        case ClientSecretSet():
            return msgspec.structs.replace(client, secrets=_with_secret(client, event))
        case RegistrationTokenSet():
            return msgspec.structs.replace(client, registration_token_hash=event.token_hash)
        case RegistrationTokenRevoked():
            return msgspec.structs.replace(client, registration_token_hash="")
        case ClientDisabled():
            return msgspec.structs.replace(client, status=DISABLED)
        case ClientEnabled():
            return msgspec.structs.replace(client, status=ACTIVE)
        case ClientDeleted():
            return msgspec.structs.replace(client, status=DELETED, secrets=(), registration_token_hash="")
        case _:
            return client


#: The client after some events.
fold: Final = folding(apply, NO_CLIENT)


def _updated(client: Client, event: ClientUpdated) -> Client:
    """A client that changes from secrets to another method loses its secrets for good. One that starts to sign with its
    secret needs a new one, because the server has only a digest of the old one."""
    metadata = msgspec.convert(event.metadata, ClientMetadata)
    generation = client.generation + event.consents_void
    updated = msgspec.structs.replace(
        client,
        metadata=metadata,
        generation=generation,
        subjects_generation=generation if event.subjects_changed else client.subjects_generation,
        subjects_changed_at=event.updated_at if event.subjects_changed else client.subjects_changed_at,
    )
    turns_to_signing = updated.signs_with_secret and not client.signs_with_secret
    if updated.uses_secret and not turns_to_signing:
        return updated
    return msgspec.structs.replace(updated, secrets=())


def _with_secret(client: Client, event: ClientSecretSet) -> tuple[Secret, ...]:
    """The new secret, and the previous one for as long as the event says, but not longer than its own lifetime."""
    newest = Secret(event.secret_hash, event.expires_at)
    if not client.secrets or event.previous_until <= event.set_at:
        return (newest,)
    previous = client.secrets[0]
    until = min(previous.expires_at or event.previous_until, event.previous_until)
    return (newest, Secret(previous.secret_hash, until))


def may_use_grant(client: Client, grant_type: str) -> bool:
    """Whether the client is registered for this grant type."""
    return grant_type in client.metadata.grant_types


def cannot_be_served(client: Client, offered: Collection[str]) -> Refusal | None:
    """Why the client gets no tokens: its profile or registration requires a feature that is off (pushed or signed
    requests, tokens bound as in RFC 8705 or RFC 9449). ``offered`` are the features that are on."""
    if must_push(client) and PUSHED_REQUESTS not in offered:
        return _not_offered("pushed requests")
    if must_sign_requests(client) and REQUEST_OBJECTS not in offered:
        return _not_offered("signed requests")
    if any(ways.isdisjoint(offered) for ways in client.sender_constraints):
        return _not_offered("sender-constrained tokens")
    return None


def _not_offered(what: str) -> Refusal:
    return unauthorized_client(
        f"The client's profile or registration requires {what}, which this server does not offer.",
        hint="Switch the feature on, or change the registration.",
    )


def grant_refusal(client: Client, grant_type: str, offered: Collection[str]) -> Refusal | None:
    """Why the client may not use this grant type. Every attempt of a request asks this (F31). Whether the client is
    active is checked by each decision (``Liveness``)."""
    unserved = cannot_be_served(client, offered)
    if unserved is not None:
        return unserved
    if not may_use_grant(client, grant_type):
        return unauthorized_client(
            "The client may not use this grant_type.", hint="Register it in grant_types."
        )
    return None


def response_type_refusal(client: Client, response_type: str) -> Refusal | None:
    """Why the client may not use this response type: the type and its grant types must be registered (A017). The order
    of its words does not matter (OAuth MRT §3)."""
    wanted = response_types.spelled(response_type)
    if wanted not in map(response_types.spelled, client.metadata.response_types):
        if wanted in client.profile.jarm_only:
            return Refusal(
                "unsupported_response_type",
                "The client's profile allows this response_type only with a signed response.",
                hint="Register it, and a response_mode of JARM.",
                section="FAPI 1 Advanced §5.2.2",
            )
        return unauthorized_client("The client may not use this response_type.", hint="Register it.")
    if not all(may_use_grant(client, grant_type) for grant_type in response_types.grant_types_of(wanted)):
        return unauthorized_client(
            "The client may not use the grant of this response_type.", hint="Register it in grant_types."
        )
    return None


def response_mode_refusal(client: Client, response_type: str, response_mode: str) -> Refusal | None:
    """Why responses of this type cannot be sent to the client in this mode."""
    registered = client.metadata.response_modes
    in_full = response_modes.in_full(response_mode, response_type)
    if response_type in client.profile.jarm_only and not response_modes.is_jarm(in_full):
        return invalid_request(
            "The client's profile requires a signed response.",
            hint="Send response_mode=jwt.",
            section="JARM §2.3",
        )
    if registered and not {response_mode, in_full} & set(registered):
        return unauthorized_client("The client may not use this response_mode.", hint="Register it.")
    if response_types.gives_tokens(response_type) and _stays_in_the_url(client, in_full):
        return invalid_request(
            "Tokens are not sent in a query.", hint="Use fragment or form_post.", section="OAuth MRT §3"
        )
    return None


def is_answered_signed(client: Client, response_type: str) -> bool:
    """Whether responses of this type are sent to the client only by JARM."""
    registered = client.metadata.response_modes
    has_only_jarm = bool(registered) and all(map(response_modes.is_jarm, registered))
    return has_only_jarm or response_type in client.profile.jarm_only


def _stays_in_the_url(client: Client, mode_in_full: str) -> bool:
    """Whether the response would be visible in the browser's history, in logs and in Referer headers. In a query only
    encrypted responses are hidden (JARM §2.3.1)."""
    if response_modes.encoding_of(mode_in_full) != response_modes.QUERY:
        return False
    return not (response_modes.is_jarm(mode_in_full) and client.metadata.authorization_encrypted_response_alg)


def may_omit_redirect_uri(client: Client) -> bool:
    """Whether a plain OAuth request may omit the redirect URI, because only one is registered (RFC 6749 §3.1.2.3)."""
    return len(client.metadata.redirect_uris) == 1 and not client.profile.redirect_uri_required


def must_push(client: Client) -> bool:
    """Whether the client must push its authorization requests (RFC 9126), by its registration (§6) or its profile."""
    return client.profile.require_pushed or client.metadata.require_pushed_authorization_requests


def must_sign_requests(client: Client) -> bool:
    """Whether the client's authorization requests must be request objects, by its registration (RFC 9101 §10.5) or its
    profile."""
    return client.profile.request_objects.required or client.metadata.require_signed_request_object


def requires_pkce(client: Client, pushed: bool = False) -> bool:
    """Whether the authorization request must have a ``code_challenge``. ``pushed``: it was pushed (RFC 9126)."""
    match client.profile.pkce:
        case PkceRule.EVERY_CLIENT:
            return True
        case PkceRule.PUSHED_REQUESTS:
            return pushed or client.is_public
        case PkceRule.PUBLIC_CLIENTS:
            return client.is_public


def rotates_refresh_tokens(client: Client) -> bool:
    """Whether each refresh token can be used once: all except those of confidential clients with bound tokens (RFC 9700
    §2.2.2, decisions.md 5)."""
    return client.is_public or not client.sender_constraints


def may_introspect(
    client: Client, issued_to: str, audience: Collection[str], resources: Resources = NO_RESOURCES
) -> bool:
    """Whether the client may learn about a token: it was issued to the client, or is meant for it, or for a resource
    server that authenticates by it (decisions.md 24, A131). Never a public client, which anybody can pretend to be
    (A130)."""
    if client.is_public:
        return False
    if client.client_id == issued_to:
        return True
    return bool(names_as_resource(client, audience, resources))


def names_as_resource(client: Client, audience: Collection[str], resources: Resources) -> frozenset[str]:
    """The members of the audience that the client is, as a resource server: by its own registration, or by that of the
    resource server."""
    named = frozenset(audience)
    registered = {
        uri
        for uri in named
        if uri in resources and client.client_id in resources[uri].settings.introspection_clients
    }
    its_own = {client.client_id, *client.metadata.protected_resources}
    return (named & its_own if client.metadata.may_introspect else frozenset()) | registered
