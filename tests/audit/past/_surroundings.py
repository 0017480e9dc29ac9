"""What happens to people, clients, keys and the rest of the configuration in a random history."""

from collections.abc import Callable
from typing import Any

import msgspec

from domain.claim import definitions as claim_definitions
from domain.claim.events import ClaimDefined
from domain.client import client as clients
from domain.client.client import Client
from domain.decision import Decision
from domain.errors import Refusal
from domain.event import Event
from domain.key import key as keys
from domain.key.key import KeyTimes, NewKey
from domain.person import account as accounts
from domain.person import erasure
from domain.person import role as roles
from domain.person import session as sessions
from domain.person.session import Authentication
from domain.registration import initial_access_token as initial_tokens
from domain.registration import lifecycle as registration
from domain.registration.initial_access_token_events import InitialAccessTokenIssued
from domain.registration.lifecycle import RegisterClient, SetSecret
from domain.registration.policy import key_times
from domain.resource import resource as resources
from domain.resource.events import ResourceCreated, ResourceRetired, ResourceUpdated
from domain.scope_text import scope_text
from domain.scope_text.scope_text import ScopeText
from domain.setting import settings
from domain.stream import (
    DEFAULT_TENANT,
    account_stream,
    claims_stream,
    client_stream,
    key_stream,
    registration_stream,
    resource_stream,
    role_stream,
    scope_stream,
    session_stream,
    setting_stream,
)
from tests.audit.past._writing import Writing
from tests.domain import grant_samples as given
from tests.domain.client_samples import SERVICE

TIMES = KeyTimes(cache_seconds=900, longest_token_life=3600)
_RESOURCE = "https://api.example/"
KINDS: dict[str, Any] = {
    "shop": given.METADATA,
    "spa": msgspec.structs.replace(given.METADATA, token_endpoint_auth_method="none"),
    "bound": msgspec.structs.replace(given.METADATA, dpop_bound_access_tokens=True),
}


class Surroundings(Writing):
    """What grants depend on."""

    async def set_password(self) -> None:
        ends = self.random.choice(("none", "unbound", "all"))
        await self._of_person(accounts.decide_set_password, self.now, ends)

    async def disable_account(self) -> None:
        await self._of_person(accounts.decide_disable, "test", self.now)

    async def enable_account(self) -> None:
        await self._of_person(accounts.decide_enable, self.now)

    async def hold_account(self) -> None:
        """A hold is placed or ended, or an erasure is asked for or taken back."""
        match self.random.choice(("hold", "release", "ask", "withdraw")):
            case "hold":
                facts = (
                    self._new("hold"),
                    "test",
                    "uid 1",
                    self.random.choice((None, self.now + 600)),
                    self.now,
                )
                await self._of_person(erasure.decide_place_hold, *facts)
            case "release":
                await self._of_person(erasure.decide_release_hold, None, "test", "uid 1", self.now)
            case "ask":
                erasing, policy = (
                    erasure.Erasing("uid 1", "test"),
                    erasure.ErasurePolicy(60, two_persons=True),
                )
                await self._of_person(erasure.decide_ask_to_erase, self.now, erasing, policy)
            case _:
                await self._of_person(erasure.decide_withdraw_erasure, "test", "uid 1", self.now)

    async def erase_account(self) -> None:
        await self._of_person(erasure.decide_erase, self.now)

    async def remember_consent(self) -> None:
        client_id = self._any_client()
        generation = self.client(client_id).generation
        await self._of_person(accounts.decide_remember_consent, client_id, given.SCOPE, self.now, generation)

    async def withdraw_consent(self) -> None:
        await self._of_person(accounts.decide_withdraw_consent, self._any_client(), self.now)

    async def end_grants(self) -> None:
        which = self.random.choice((None, self._any_client()))
        await self._of_person(accounts.decide_end_grants, which, "administrator", self.now)

    async def _of_person(self, decide: Callable[..., Decision[Any]], *facts: Any) -> None:
        stream = account_stream(DEFAULT_TENANT, self.random.choice(self.people))
        await self._decide(stream, accounts.fold, decide, *facts)

    async def sign_in(self) -> str | None:
        """A person signs in, with a browser that has a session or with a new one."""
        person = self.random.choice(self.people)
        if self.account(person).status != "active":
            return None
        known = self.random.choice(self.sessions) if self.sessions and self.random.random() < 0.5 else ""
        signed_in = Authentication(person, self._new("cookie"), "acr", ("pwd",))
        session = self.session(known)
        if not known or not sessions.continues(session, signed_in, self.now):
            known, session = self._new("session"), sessions.NO_SESSION
            self.sessions.append(known)
        events = sessions.decide_sign_in(session, signed_in, self.now, self.random.choice((300, 43_200)))
        await self.write((session_stream(DEFAULT_TENANT, known), sessions.fold, events))
        return known

    async def sign_out(self) -> None:
        if self.sessions:
            name = self.random.choice(self.sessions)
            events = sessions.decide_end(self.session(name), "logout", self.now)
            await self.write((session_stream(DEFAULT_TENANT, name), sessions.fold, events))

    # To clients and the rest of the configuration

    async def _register(self, name: str) -> None:
        format_ = self.random.choice(("opaque", "opaque", "jwt"))
        metadata = msgspec.structs.replace(KINDS[name], access_token_format=format_)
        secret = None if metadata.token_endpoint_auth_method == "none" else self._new("secret")
        command = RegisterClient(name, metadata, secret)
        stream = client_stream(DEFAULT_TENANT, name)
        answer = await self._decide(stream, clients.fold, registration.decide_register, command, self.now)
        assert isinstance(answer, Client), answer
        self.clients.append(name)

    async def register_service(self) -> None:
        if "service" not in self.clients:
            command = RegisterClient("service", changed_service(), self._new("secret"))
            stream = client_stream(DEFAULT_TENANT, "service")
            await self._decide(stream, clients.fold, registration.decide_register, command, self.now)
            self.clients.append("service")

    async def update_client(self) -> None:
        client_id = self._any_client()
        before = self.client(client_id).metadata
        changes: dict[str, Any] = self.random.choice(
            (
                {"client_name": self._new("name")},
                {"subject_type": self.random.choice(("public", "pairwise"))},
                {"access_token_format": self.random.choice(("opaque", "jwt"))},
            )
        )
        metadata = msgspec.structs.replace(before, **changes)
        await self._of_client(registration.decide_update, metadata, self.now, client_id=client_id)

    async def rotate_secret(self) -> None:
        command = SetSecret(self._new("secret"), previous_until=self.now + 60)
        await self._of_client(registration.decide_set_secret, command, self.now)

    async def disable_client(self) -> None:
        await self._of_client(registration.decide_disable, "test", self.now)

    async def enable_client(self) -> None:
        await self._of_client(registration.decide_enable, self.now)

    async def delete_client(self) -> None:
        await self._of_client(registration.decide_delete, self.now)

    async def _of_client(
        self, decide: Callable[..., Decision[Any]], *facts: Any, client_id: str = ""
    ) -> None:
        stream = client_stream(DEFAULT_TENANT, client_id or self._any_client())
        await self._decide(stream, clients.fold, decide, *facts)

    async def rotate_key(self) -> None:
        kid = self._new("kid")
        made = NewKey(kid, "ES256", {"kid": kid, "use": "sig"})
        others = [self.state(key_stream(DEFAULT_TENANT, one), keys.fold) for one in self.keys]
        urgent = self.random.random() < 0.3
        decision = (
            keys.decide_rotate(made, others, self.now, self.times, urgent=urgent)
            if others
            else (keys.decide_create(made, (), self.now))
        )
        if isinstance(decision.answer, Refusal):
            return
        await self.write((key_stream(DEFAULT_TENANT, decision.answer.kid), keys.fold, decision.events))
        if decision.answer.kid == kid:
            self.keys.append(kid)

    async def revoke_key(self) -> None:
        if self.keys:
            stream = key_stream(DEFAULT_TENANT, self.random.choice(self.keys))
            await self._decide(stream, keys.fold, keys.decide_revoke, "leaked", self.now)

    async def change_resource(self) -> None:
        stream = resource_stream(DEFAULT_TENANT, _RESOURCE)
        known = self.state(stream, resources.fold)
        events: tuple[Event, ...] = (ResourceCreated(_RESOURCE, {"scope": ["read"]}, self.now),)
        if known.is_active:
            updated = ResourceUpdated({"access_token_lifetime": self.random.randrange(60, 600)}, self.now)
            events = self.random.choice(((updated,), (ResourceRetired("test", self.now),)))
        await self.write((stream, resources.fold, events))

    async def change_claims(self) -> None:
        stream, name = claims_stream(DEFAULT_TENANT), self.random.choice(("department", "badge"))
        defined = ClaimDefined(name, "string", ("profile",), self.now)
        if self.random.random() < 0.5:
            await self._decide(stream, claim_definitions.fold, claim_definitions.decide_define, defined)
        else:
            await self._decide(
                stream, claim_definitions.fold, claim_definitions.decide_retire, name, self.now
            )

    async def start_server(self) -> None:
        """A process starts, with the settings of before or others."""
        started_with = {
            "jwks_cache_seconds": self.random.choice((60, 900, 7200)),
            "id_token_lifetime": self.random.choice((600, 3600)),
        }
        stream = setting_stream(DEFAULT_TENANT)
        await self._decide(stream, settings.fold, settings.decide_start, started_with, self.now)

    @property
    def times(self) -> KeyTimes:
        """The times by which keys live, for the process that started last."""
        recorded = self.state(setting_stream(DEFAULT_TENANT), settings.fold)
        if not recorded:
            return TIMES
        return key_times(recorded["jwks_cache_seconds"], recorded["id_token_lifetime"])

    async def change_scope_texts(self) -> None:
        stream, value = scope_stream(DEFAULT_TENANT), self.random.choice(("read", "email"))
        if self.random.random() < 0.7:
            text = ScopeText(self._new("text"))
            facts = (value, self.random.choice(("en", "de")), text, self.now)
            await self._decide(stream, scope_text.fold, scope_text.decide_describe, *facts)
        else:
            await self._decide(stream, scope_text.fold, scope_text.decide_remove, value, None, self.now)

    async def change_auditors(self) -> None:
        """Somebody becomes an auditor, or is one no longer."""
        stream, name = role_stream(DEFAULT_TENANT, roles.AUDITOR), self.random.choice(self.people)
        if self.random.random() < 0.6:
            account = self.state(account_stream(DEFAULT_TENANT, name), accounts.fold)
            await self._decide(stream, roles.fold, roles.decide_grant, roles.AUDITOR, account, self.now)
        else:
            await self._decide(stream, roles.fold, roles.decide_take, roles.AUDITOR, name, self.now)

    async def use_initial_token(self) -> None:
        stream = registration_stream(DEFAULT_TENANT, "first")
        wanted = InitialAccessTokenIssued("first", "hash", 2, self.now, self.now + 600)
        decide: tuple[Callable[..., Decision[Any]], tuple[Any, ...]] = self.random.choice(
            (
                (initial_tokens.decide_issue, (wanted,)),
                (initial_tokens.decide_use, ("hash", "new", self.now)),
                (initial_tokens.decide_revoke, (self.now,)),
            )
        )
        await self._decide(stream, initial_tokens.fold, decide[0], *decide[1])


def changed_service() -> Any:
    """A client that acts for itself, with opaque tokens."""
    return msgspec.structs.replace(SERVICE, scope=("read",), access_token_format="opaque")
