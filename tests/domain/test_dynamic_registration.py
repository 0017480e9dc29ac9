"""A client changes itself, and an initial access token lets clients in: decisions without I/O (RFC 7591, RFC 7592)."""

from typing import Any

import msgspec
import pytest

from domain.client import client as clients
from domain.client.client import Client
from domain.client.events import (
    ClientDeleted,
    ClientRegistered,
    ClientSecretSet,
    ClientUpdated,
    RegistrationTokenSet,
)
from domain.decision import Decision
from domain.errors import Refusal
from domain.registration import (
    dynamic as dynamic_registration,
)
from domain.registration import (
    initial_access_token as registration_token,
)
from domain.registration.admission import RegistrationRules
from domain.registration.dynamic import ReplaceMetadata
from domain.registration.initial_access_token import RegistrationToken
from domain.registration.initial_access_token_events import (
    InitialAccessTokenIssued,
    InitialAccessTokenUsed,
)
from domain.registration.judgement import Terms
from domain.registration.lifecycle import decide_update

NOW = 1_000
RULES = RegistrationRules(("openid",), ("authorization_code",))
FIELDS: dict[str, Any] = {"redirect_uris": ("https://rp.example/cb",)}
REGISTERED = ClientRegistered("shop", {**FIELDS, "scope": ["openid"]}, 1, "registration")
ISSUED = InitialAccessTokenIssued("id", "hash", uses=2, issued_at=0, expires_at=2_000)


def given(*events: Any) -> Client:
    return clients.fold((REGISTERED, *events))


def replace(client: Client, **changes: Any) -> Decision[Client]:
    command = ReplaceMetadata(FIELDS, {}, "new-hash", token_hash="next")
    terms = Terms(rules=RULES)
    return dynamic_registration.decide_replace(
        client, msgspec.structs.replace(command, **changes), terms, NOW
    )


@pytest.mark.parametrize(
    ("expires_at", "renews"), [(0, False), (NOW + 900, False), (NOW + 400, True), (NOW - 1, True)]
)
def test_a_secret_that_ends_soon_is_renewed(expires_at: int, renews: bool) -> None:
    """In the second half of its life, or behind it; the one before works until its own end and no longer."""
    client = given(ClientSecretSet("old-hash", 1, expires_at))
    decision = replace(client, secret_expires_at=NOW + 1_000, renew_secret_before=NOW + 500)
    renewed = [event for event in decision.events if isinstance(event, ClientSecretSet)]
    assert bool(renewed) is renews
    if renews:
        assert renewed[0].secret_hash == "new-hash"
        assert renewed[0].previous_until == expires_at
        assert not isinstance(decision.answer, Refusal)
        assert ("old-hash" in decision.answer.live_secrets(NOW)) is (expires_at > NOW)


def test_nothing_new_is_no_update() -> None:
    """The same metadata again: the next token, and no event that says the client changed."""
    same = ClientUpdated({**FIELDS, "scope": ["openid"], "either_secret_method": True}, 1, by_itself=True)
    client = given(ClientSecretSet("hash", 1), same)
    assert replace(client).events == (RegistrationTokenSet("next", NOW),)


def test_generations_count_what_voids_consents() -> None:
    """A206: a client's generation moves with its own new addresses, not with the administrator's or a new name."""
    client = given(ClientSecretSet("hash", 1))
    assert client.generation == 0
    named = replace(client, fields={**FIELDS, "client_name": "Shop"})
    moved = replace(client, fields={"redirect_uris": ("https://other.example/cb",)})
    assert not isinstance(named.answer, Refusal)
    assert not isinstance(moved.answer, Refusal)
    assert (named.answer.generation, moved.answer.generation) == (0, 1)
    updates = [event for event in moved.events if isinstance(event, ClientUpdated)]
    assert [event.consents_void for event in updates] == [True]


def test_people_are_asked_again_where_an_administrator_had_them_not_asked() -> None:
    """A202, A206: ``skip_consent`` was for the addresses that the administrator saw. Who gets hold of a registration
    access token would otherwise have every person's code sent to an address of their own, without a page."""
    trusted = clients.fold(
        (msgspec.structs.replace(REGISTERED, metadata={**REGISTERED.metadata, "skip_consent": True}),)
    )
    named = replace(trusted, fields={**FIELDS, "client_name": "Shop"})
    moved = replace(trusted, fields={"redirect_uris": ("https://other.example/cb",)})
    assert not isinstance(named.answer, Refusal)
    assert not isinstance(moved.answer, Refusal)
    assert (named.answer.metadata.skip_consent, moved.answer.metadata.skip_consent) == (True, False)
    by_administrator = decide_update(trusted, moved.answer.metadata, NOW)
    assert not isinstance(by_administrator.answer, Refusal)
    assert by_administrator.answer.generation == 0


def test_a_logo_stays_with_its_address() -> None:
    """The picture of before is shown only while logo_uri is the one that it came from."""
    before = clients.fold(
        (msgspec.structs.replace(REGISTERED, metadata={**REGISTERED.metadata, "logo_digest": "A" * 43}),)
    )
    assert not isinstance(kept := replace(before).answer, Refusal)
    assert kept.metadata.logo_digest == "A" * 43
    fields = {**FIELDS, "logo_uri": "https://rp.example/logo.png"}
    assert not isinstance(moved := replace(before, fields=fields).answer, Refusal)
    assert moved.metadata.logo_digest is None


def test_a_deleted_client_is_nobodys() -> None:
    """Its token is gone with it, and none is given out."""
    client = given(RegistrationTokenSet("token", 2), ClientDeleted(3))
    assert client.registration_token_hash == ""
    assert dynamic_registration.management_refusal(client, genuine=True) is dynamic_registration.NOT_MANAGED
    for decision in (
        dynamic_registration.decide_new_token(client, "x", NOW),
        dynamic_registration.decide_revoke_token(client, "x", NOW),
        replace(client),
    ):
        assert isinstance(decision.answer, Refusal)
        assert decision.events == ()


@pytest.mark.parametrize(
    ("events", "token_hash", "now", "reason"),
    [
        ((), "hash", NOW, "initial_token"),
        ((ISSUED,), "other", NOW, "initial_token"),
        ((ISSUED,), "hash", 2_000, "initial_token_expired"),
        (
            (ISSUED, InitialAccessTokenUsed("a", 1), InitialAccessTokenUsed("b", 2)),
            "hash",
            NOW,
            "initial_token_used_up",
        ),
    ],
)
def test_an_initial_token_that_lets_nobody_in(events: Any, token_hash: str, now: int, reason: str) -> None:
    """A201: unknown, wrong, expired, used up; the caller hears the same, the log hears why."""
    decision = registration_token.decide_use(registration_token.fold(events), token_hash, "shop", now)
    assert decision.events == ()
    assert isinstance(decision.answer, Refusal)
    assert (decision.answer.error, decision.answer.status, decision.answer.reason) == (
        "invalid_token",
        401,
        reason,
    )


def test_an_initial_token_lets_in_as_often_as_it_says() -> None:
    """Each use is an event; revoking it ends the rest."""
    token: RegistrationToken | Refusal = registration_token.fold((ISSUED,))
    for name in ("a", "b"):
        assert isinstance(token, RegistrationToken)
        decision = registration_token.decide_use(token, "hash", name, NOW)
        assert decision.events == (InitialAccessTokenUsed(name, NOW),)
        token = decision.answer
    assert isinstance(token, RegistrationToken)
    assert token.why_not(NOW) == "used_up"
    revoked = registration_token.decide_revoke(registration_token.fold((ISSUED,)), NOW).answer
    assert isinstance(revoked, RegistrationToken)
    assert revoked.why_not(NOW) == "revoked"
    assert registration_token.decide_revoke(revoked, NOW + 1).events == ()


@pytest.mark.parametrize(
    "changes", [{"uses": 0}, {"uses": 1_001}, {"expires_at": 0}, {"expires_at": 367 * 86_400}]
)
def test_an_initial_token_has_bounds(changes: dict[str, int]) -> None:
    """No token without end, and none whose stream would grow without end."""
    decision = registration_token.decide_issue(
        registration_token.NO_TOKEN, msgspec.structs.replace(ISSUED, **changes)
    )
    assert isinstance(decision.answer, Refusal)
