"""Which claims are told where: the person's agreement, the scope, the place and the audience (A261, A260, A262)."""

from typing import Any

import msgspec
import pytest

from domain.authorization.consent import claims_to_agree_to, scope_to_agree_to
from domain.authorization.steps import (
    AuthorizationFacts,
    Browser,
    ConsentStep,
    decide_consented,
    decide_request,
)
from domain.claim.catalogue import BUILT_IN, Catalogue, catalogue_of
from domain.claim.definitions import fold
from domain.claim.events import ClaimDefined, ClaimRetired
from domain.claim.values import MAX_DEFINED_BYTES, TYPES
from domain.client.claim_mapping import ACCESS_TOKEN, ID_TOKEN, INTROSPECTION, USERINFO, ClaimMapping
from domain.client.client import fold as fold_client
from domain.client.events import ClientRegistered
from domain.client.told_claims import Agreed, for_audience, for_reader, released
from domain.errors import Refusal
from domain.grant.code import decide_redeem
from domain.grant.events import AccessTokenIssued, ConsentGranted, IdTokenIssued
from domain.grant.front_channel import AuthorizationResponse
from domain.grant.grant import fold as fold_grant
from domain.person.session import Session
from domain.registration.judgement import Terms, judged
from domain.registration.policy import check
from domain.resource.resource import ACTIVE, Resource, Resources, ResourceSettings
from tests.domain import grant_samples as samples
from tests.domain.client_samples import NOW, changed
from tests.domain.grant_samples import API, AUTHENTICATED, CODE, FILES, ISSUER

DEFINED = tuple(ClaimDefined(f"c_{type_}", type_, ("hr",), NOW) for type_ in TYPES)
CATALOGUE = catalogue_of(
    fold(
        (
            *DEFINED,
            ClaimDefined("department", "string", ("hr", "profile"), NOW, "Your department"),
            ClaimDefined("salary", "number", ("payroll",), NOW),
            ClaimDefined("old", "string", ("hr",), NOW),
            ClaimRetired("old", NOW),
        )
    )
)
PERSON = {"department": "R&D", "salary": 1, "groups": ["staff"], "old": "x", "email": "a@example.com"}
EVERYWHERE = ClaimMapping(
    "groups", "memberOf", places=(ID_TOKEN, USERINFO, ACCESS_TOKEN, INTROSPECTION), audiences=(API,)
)


def test_catalogue_follows_the_definitions() -> None:
    """What is in use is released by its scopes, beside what the standard puts there; what is retired by none."""
    assert CATALOGUE.by_scope(("profile",))[-1] == "department"
    assert "old" not in CATALOGUE.by_scope(("hr",))
    assert BUILT_IN.by_scope(("hr",)) == ()
    assert CATALOGUE.select(PERSON, ("old", "salary")) == {"salary": 1}


def test_asking_by_name_asks_for_one_scope() -> None:
    """Of the scopes that release a claim one is asked for: that of the request, else one that the client may have."""
    assert CATALOGUE.scope_for(("department",), ("openid", "profile")) == ("profile",)
    assert CATALOGUE.scope_for(("department",), ("openid",), ("hr",)) == ("hr",)
    assert CATALOGUE.permitted(("department", "salary"), ("profile",)) == ("department",)


@pytest.mark.parametrize(
    ("type_", "good", "bad"),
    [
        ("string", ["x"], [1, True, None, ["x"], "", "x" * 1025, "a\nb"]),
        ("number", [0, -1.5, 2**53 - 1], ["1", True, 2**53, float("inf"), float("nan"), None]),
        ("boolean", [True, False], ["true", 0, None]),
        ("array", [["a", "b"], []], ["a", [1], [""], ["a", "a"], ["x" * 129], ["x"] * 129, {}]),
        (
            "object",
            [{}, {"a": {"b": [1]}}],
            [[], "{}", {"a": {"b": {"c": {"d": {"e": {}}}}}}, {"a": "x" * 4096}],
        ),
    ],
)
def test_values_have_the_type(type_: str, good: list[Any], bad: list[Any]) -> None:
    """A value of another type, or too large a one, is refused by a refusal that names the claim."""
    for value in good:
        assert CATALOGUE.check_person({f"c_{type_}": value}) is None
    for value in bad:
        refusal = CATALOGUE.check_person({f"c_{type_}": value})
        assert isinstance(refusal, Refusal), value
        assert f"c_{type_}" in refusal.description


def test_one_person_has_not_too_much() -> None:
    """All defined claims of a person together are bounded, so that tokens stay within headers."""
    large = catalogue_of(fold(ClaimDefined(f"c{i}", "string", ("hr",), NOW) for i in range(10)))
    whole = {f"c{i}": "x" * 1000 for i in range(10)}
    refusal = large.check_person(whole)
    assert isinstance(refusal, Refusal)
    assert str(MAX_DEFINED_BYTES) in refusal.hint


@pytest.mark.parametrize("name", ["old", "unheard-of"])
def test_no_value_without_a_definition_in_use(name: str) -> None:
    """A retired or unknown claim gets no value, and the refusal names it."""
    refusal = CATALOGUE.check_person({name: "x"})
    assert isinstance(refusal, Refusal)
    assert name in refusal.description


@pytest.mark.parametrize("place", [ID_TOKEN, USERINFO])
def test_no_claim_without_its_scope(place: str) -> None:
    """A260: scope and agreement are both needed; a mapping releases nothing."""
    mapping = (ClaimMapping("salary", "pay"),)
    agreed = Agreed(("openid", "hr"), defined=("department", "salary"))
    assert released(CATALOGUE, agreed, place, mapping).told(PERSON) == {"department": "R&D"}
    assert released(CATALOGUE, Agreed(("hr",)), place, mapping).names == ()


def test_an_agreement_does_not_grow() -> None:
    """A262: a claim that was added to a scope after the person agreed is not told, neither by the scope nor by name."""
    agreed = Agreed(("openid", "profile"), by_name=("department",))
    assert "department" not in released(CATALOGUE, agreed, USERINFO, ()).names


@pytest.mark.parametrize("place", [ACCESS_TOKEN, INTROSPECTION])
def test_resource_servers_get_what_was_chosen(place: str) -> None:
    """A261: a place that resource servers read holds the mapped claims alone."""
    agreed = Agreed(("openid", "email", "groups"))
    assert released(CATALOGUE, agreed, place, ()).names == ()
    assert released(CATALOGUE, agreed, place, (EVERYWHERE,)).told(PERSON) == {"memberOf": ["staff"]}
    assert released(CATALOGUE, Agreed(("openid",)), place, (EVERYWHERE,)).names == ()


@pytest.mark.parametrize(
    ("audience", "chosen"),
    [
        ((API,), True),
        ((API, ISSUER), True),
        ((FILES,), False),
        ((API, FILES), False),
        ((ISSUER,), False),
        ((f"{ISSUER}/userinfo",), False),
        ((), False),
    ],
)
def test_every_reader_of_the_token_was_chosen(audience: tuple[str, ...], chosen: bool) -> None:
    """A261: one resource in the audience that was not chosen keeps the claim out of the whole token."""
    assert bool(for_audience((EVERYWHERE,), audience, ISSUER)) is chosen


def test_issuer_can_be_chosen() -> None:
    """Where tokens have no other audience, the issuer itself is named."""
    own = ClaimMapping("groups", places=(ACCESS_TOKEN,), audiences=(ISSUER,))
    assert for_audience((own,), (ISSUER,), ISSUER) == (own,)
    assert for_audience((own,), (ISSUER, API), ISSUER) == ()


def test_who_asks_was_chosen() -> None:
    """A261: of two resources in the audience, introspection tells the one that was chosen."""
    assert for_reader((EVERYWHERE,), (API, "api")) == (EVERYWHERE,)
    assert for_reader((EVERYWHERE,), (FILES,)) == ()
    assert for_reader((EVERYWHERE,), ()) == ()


def choosing(*uris: str, claims: tuple[str, ...] = ("groups",)) -> Resources:
    return {uri: Resource(uri, ResourceSettings(claims=claims), ACTIVE) for uri in uris}


def told_to(
    audience: tuple[str, ...],
    resources: Resources,
    *mappings: ClaimMapping,
    scope: str = "openid groups email",
) -> dict[str, Any]:
    """What a token for this audience holds."""
    chosen = for_audience(mappings, audience, ISSUER, resources)
    return released(CATALOGUE, Agreed(tuple(scope.split())), ACCESS_TOKEN, chosen).told(PERSON)


def test_a_resource_server_chooses_its_claims() -> None:
    """A254: it is told what it names, under the claim's own name, whichever client asks; and only what is released."""
    assert told_to((API,), choosing(API)) == {"groups": ["staff"]}
    assert told_to((API, ISSUER), choosing(API)) == {"groups": ["staff"]}
    assert told_to((API,), choosing(API), scope="openid email") == {}
    assert told_to((API,), choosing(API, claims=("department",))) == {}
    assert told_to((API,), choosing(API, claims=())) == {}


@pytest.mark.parametrize("audience", [(FILES,), (API, FILES), (ISSUER,)])
def test_what_one_resource_server_chooses_no_other_is_told(audience: tuple[str, ...]) -> None:
    """A254: neither alone in the audience nor beside it."""
    assert told_to(audience, choosing(API)) == {}
    assert "groups" not in told_to(audience, {**choosing(API), **choosing(FILES, claims=("email",))})


def test_what_both_choose_both_are_told() -> None:
    """Of one token for two resource servers each reads all of it."""
    assert told_to((API, FILES), choosing(API, FILES)) == {"groups": ["staff"]}


def test_a_client_says_the_name_and_chooses_no_more() -> None:
    """A254: its mapping for the resource server renames the claim; what the resource server does not name is out."""
    named = ClaimMapping("groups", "memberOf", places=(ACCESS_TOKEN,), audiences=(API,))
    more = ClaimMapping("email", places=(ACCESS_TOKEN,), audiences=(API,))
    elsewhere = ClaimMapping("groups", "memberOf", places=(ACCESS_TOKEN,), audiences=(FILES,))
    assert told_to((API,), choosing(API), named, more) == {"memberOf": ["staff"]}
    assert told_to((API,), choosing(API), elsewhere) == {"groups": ["staff"]}
    assert told_to((API, FILES), choosing(API), elsewhere) == {"memberOf": ["staff"]}
    taken = ClaimMapping("email", "groups", places=(ACCESS_TOKEN,), audiences=(API,))
    assert told_to((API,), choosing(API, claims=("groups", "email")), taken) == {"groups": PERSON["email"]}


def test_introspection_tells_who_chose() -> None:
    """A254: of two resource servers in the audience, only the one that names the claim is told."""
    assert [one.claim for one in for_reader((), (API,), choosing(API))] == ["groups", "groups"]
    assert for_reader((), (FILES,), choosing(API)) == ()
    assert for_reader((EVERYWHERE,), (API,), choosing(API, claims=("email",)))[0].claim == "email"


def issued(claim_mapping: tuple[ClaimMapping, ...], **fields: Any) -> AccessTokenIssued:
    """The access token of a redeemed code, whose person agreed to groups."""
    scope = ("openid", "groups", "hr")
    given = fold_grant(
        (samples.requested(scope=scope), AUTHENTICATED, ConsentGranted(scope, claims=("department",)), CODE)
    )
    client = samples.client(scope=scope, claim_mapping=claim_mapping, **fields)
    decision = decide_redeem(
        given, samples.redemption(resource=(API,)), samples.facts(client=client, catalogue=CATALOGUE)
    )
    return next(event for event in decision.events if isinstance(event, AccessTokenIssued))


def test_access_token_holds_what_was_chosen() -> None:
    """Given a grant of groups, the token for the chosen audience holds them, and its event says which and no value."""
    event = issued((EVERYWHERE,))
    assert (event.audience, event.claims, event.agreed_claims) == (
        (API, ISSUER),
        ("groups",),
        ("department",),
    )
    assert issued(()).claims == ()
    assert issued((EVERYWHERE,), access_token_format="opaque").claims == ()


REQUEST = samples.requested(scope=("openid", "hr"))
SESSION = Session("person", "hash", NOW - 60, "pwd-acr", ("pwd",), NOW + 3600, "active")


def facts(remembered: tuple[str, ...] = (), **fields: Any) -> AuthorizationFacts:
    browser = Browser(
        "session",
        SESSION,
        account_active=True,
        remembered_scope=("openid", "hr"),
        remembered_claims=remembered,
    )
    client = samples.client(scope=("openid", "hr"), **fields)
    return AuthorizationFacts(NOW, client, "code-hash", 60, browser, catalogue=CATALOGUE)


def test_a_new_claim_of_an_old_scope_is_asked_for() -> None:
    """A262: given an agreement to the scope from before the definition, the person is asked again; once they agreed to
    each of its claims, they are not."""
    names = claims_to_agree_to(REQUEST, CATALOGUE)
    assert "department" in names
    assert "old" not in names
    wanted = ConsentStep(scope_to_agree_to(REQUEST, facts().client, CATALOGUE))
    assert decide_request(REQUEST, facts()).answer == wanted
    assert decide_request(REQUEST, facts(names[1:])).answer == wanted
    answered = decide_request(REQUEST, facts(names))
    assert isinstance(answered.answer, AuthorizationResponse)
    assert fold_grant(answered.events).agreed_claims == names


def test_without_a_question_what_there_is_now_is_agreed() -> None:
    """A client that the administrator lets in without a question has the claims of today, not those of tomorrow."""
    decision = decide_request(REQUEST, facts(skip_consent=True))
    assert fold_grant(decision.events).agreed_claims == claims_to_agree_to(REQUEST, CATALOGUE)


def test_agreed_to_what_the_page_named() -> None:
    """A262: the consent names the claims that the page showed, and the ID token has no other."""
    given = fold_grant((REQUEST, AUTHENTICATED))
    agreed = fold_grant(decide_consented(given, facts(), claims=("department",)).events, given)
    client = samples.client(scope=("openid", "hr"), id_token_claims="scopes")
    code = samples.redemption(code_hash="code-hash")
    decision = decide_redeem(agreed, code, samples.facts(client=client, catalogue=CATALOGUE))
    identity = next(event for event in decision.events if isinstance(event, IdTokenIssued))
    assert identity.claims == ("department",)


@pytest.mark.parametrize(
    ("mapping", "catalogue", "fine"),
    [
        (ClaimMapping("department", "dept"), CATALOGUE, True),
        (ClaimMapping("department", "dept"), BUILT_IN, False),
        (ClaimMapping("old", "legacy"), CATALOGUE, True),
        (ClaimMapping("groups", "salary"), CATALOGUE, False),
        (ClaimMapping("salary", separator=","), CATALOGUE, False),
        (EVERYWHERE, CATALOGUE, True),
        (ClaimMapping("groups", places=(ACCESS_TOKEN,)), CATALOGUE, False),
        (ClaimMapping("groups", places=(INTROSPECTION,), audiences=("no uri",)), CATALOGUE, False),
        (ClaimMapping("groups", audiences=(API,)), CATALOGUE, False),
        (ClaimMapping("groups", places=()), CATALOGUE, False),
        (ClaimMapping("groups", places=("elsewhere",)), CATALOGUE, False),
        (ClaimMapping("groups", places=(ID_TOKEN, ID_TOKEN)), CATALOGUE, False),
    ],
)
def test_mappings_are_checked(mapping: ClaimMapping, catalogue: Catalogue, fine: bool) -> None:
    """A mapping names a claim that there is or was, places that there are, and the audience of what others read."""
    assert (check(changed(claim_mapping=(mapping,)), catalogue=catalogue) is None) is fine


def test_one_claim_in_two_forms() -> None:
    """A claim may have a form for each place, and two forms in one place are refused."""
    text = ClaimMapping("groups", separator=",", places=(ACCESS_TOKEN,), audiences=(API,))
    assert check(changed(claim_mapping=(ClaimMapping("groups", prefix="oidc:"), text))) is None
    assert isinstance(check(changed(claim_mapping=(EVERYWHERE, text))), Refusal)


def test_a_name_given_away_stays_so() -> None:
    """A claim that is defined under a name that a mapping gave to groups is not told under it."""
    catalogue = catalogue_of(fold((ClaimDefined("memberOf", "string", ("hr",), NOW),)))
    agreed = Agreed(("groups", "hr"), defined=("memberOf",))
    told = released(catalogue, agreed, USERINFO, (EVERYWHERE,)).told({"groups": ["staff"], "memberOf": "x"})
    assert told == {"memberOf": ["staff"]}


def test_old_mappings_are_for_the_client() -> None:
    """A mapping that was recorded without a place goes where it went."""
    recorded = {"claim_mapping": [{"claim": "groups", "name": "memberOf"}]}
    (mapping,) = fold_client((ClientRegistered("c", recorded, NOW),)).metadata.claim_mapping
    assert (mapping.places, mapping.audiences) == ((ID_TOKEN, USERINFO), ())


def test_old_mapping_stands_in_no_ones_way() -> None:
    """A client whose mapping gave a name to groups before a claim of that name was defined can still be updated; a new
    mapping to that name is refused."""
    mapped = changed(claim_mapping=(ClaimMapping("groups", "memberOf"),))
    terms = Terms(catalogue=catalogue_of(fold((ClaimDefined("memberOf", "string", ("hr",), NOW),))))
    renamed = msgspec.structs.replace(mapped, client_name="Other")
    assert judged(renamed, terms, mapped) == renamed
    assert isinstance(judged(renamed, terms, changed()), Refusal)
    assert isinstance(judged(renamed, terms), Refusal)


def test_scope_of_a_defined_claim_reaches_userinfo() -> None:
    """Given a resource server that understands one scope, its token for us too keeps the scopes that userinfo answers,
    those of defined claims among them."""
    resources = {API: Resource(API, ResourceSettings(scope=("read",)), "active")}
    scope = ("openid", "hr", "read", "write")
    facts = samples.facts(
        client=samples.client(scope=scope, audiences=(API,)), catalogue=CATALOGUE, resources=resources
    )
    given = fold_grant(
        (samples.requested(scope=scope, resource=(API,)), AUTHENTICATED, ConsentGranted(scope), CODE)
    )
    decision = decide_redeem(given, samples.redemption(), facts)
    event = next(event for event in decision.events if isinstance(event, AccessTokenIssued))
    assert event.scope == ("openid", "hr", "read")
