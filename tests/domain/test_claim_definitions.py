"""Claims that an administrator defines: their names, their number, and what becomes of them (A263)."""

from collections.abc import Iterable

import pytest

from domain.claim.definitions import (
    MAX_IN_USE,
    MAX_NAMES,
    NOTHING_DEFINED,
    Definitions,
    decide_define,
    decide_retire,
    fold,
)
from domain.claim.events import ClaimDefined, ClaimRetired
from domain.claim.names import PROTOCOL_CLAIMS
from domain.errors import Refusal
from domain.vocabulary.claims import PERSON_CLAIMS

NOW = 1_700_000_000
DEPARTMENT = ClaimDefined("department", "string", ("hr",), NOW, "Your department")


def wanted(name: str = "level", type_: str = "number", scopes: tuple[str, ...] = ("hr",)) -> ClaimDefined:
    return ClaimDefined(name, type_, scopes, NOW)


def refused(definitions: Definitions, one: ClaimDefined) -> Refusal:
    decision = decide_define(definitions, one)
    assert isinstance(decision.answer, Refusal)
    assert decision.events == ()
    return decision.answer


def many(names: Iterable[str], *, retired: bool = False) -> Definitions:
    events = [event for name in names for event in _life(name, retired)]
    return fold(events)


def _life(name: str, retired: bool) -> tuple[ClaimDefined | ClaimRetired, ...]:
    return (wanted(name), ClaimRetired(name, NOW)) if retired else (wanted(name),)


def test_defined() -> None:
    """Given nothing, a claim is defined as it was asked for."""
    decision = decide_define(NOTHING_DEFINED, DEPARTMENT)
    assert decision.events == (DEPARTMENT,)
    assert isinstance(decision.answer, Definitions)
    assert decision.answer == fold((DEPARTMENT,))
    assert decision.answer.by_name["department"].in_use


@pytest.mark.parametrize(
    "name",
    [
        *sorted(PROTOCOL_CLAIMS), *PERSON_CLAIMS, "SUB", "Groups", "access_token", "error", "alg", "verified_claims",
        "urn:openid:params:jwt:claim:rt_hash", "urn:ietf:params:oauth:claim", "__proto__", "_sd", "a b", "name#de", "",
        "a=b", "a|b", 'a"b', "x" * 129, "é",
    ],
)  # fmt: skip
def test_names_that_no_claim_can_have(name: str) -> None:
    """A263: no definition takes the name of a claim of the protocol, of a person's known claims, of a response or of a
    JOSE header, whatever the case of its letters."""
    refused(NOTHING_DEFINED, wanted(name))


@pytest.mark.parametrize(
    "name", ["department", "https://example.com/claims/level", "costCenter", "a.b-c_d~1"]
)
def test_names_that_a_claim_can_have(name: str) -> None:
    """RFC 7519 §4.2: short names, and URIs of one's own."""
    assert decide_define(NOTHING_DEFINED, wanted(name)).events


@pytest.mark.parametrize(
    "one",
    [
        wanted(type_="date"),
        wanted(scopes=()),
        wanted(scopes=("hr", "hr")),
        wanted(scopes=tuple(f"s{i}" for i in range(9))),
        wanted(scopes=("h r",)),
        wanted(scopes=("x" * 129,)),
        wanted(scopes=("hr", "offline_access")),
        ClaimDefined("level", "number", ("hr",), NOW, "x" * 81),
        ClaimDefined("level", "number", ("hr",), NOW, "a\u202eb"),
    ],
)
def test_malformed_definitions(one: ClaimDefined) -> None:
    """An unknown type, scopes that release nothing, and a label that people cannot read are refused."""
    refused(NOTHING_DEFINED, one)


def test_defined_once() -> None:
    """Given a claim in use, the same name is refused, and so is one that differs by case alone."""
    given = fold((DEPARTMENT,))
    assert "department" in refused(given, DEPARTMENT).description
    assert "department" in refused(given, wanted("Department")).description


def test_retired() -> None:
    """Given a claim in use, it is retired; a second time has no effect; an unknown one is refused."""
    given = fold((DEPARTMENT,))
    decision = decide_retire(given, "department", NOW + 1)
    assert decision.events == (ClaimRetired("department", NOW + 1),)
    assert isinstance(decision.answer, Definitions)
    assert not decision.answer.by_name["department"].in_use
    assert decide_retire(decision.answer, "department", NOW + 2).events == ()
    assert isinstance(decide_retire(given, "level", NOW).answer, Refusal)


def test_defined_again_with_its_type_alone() -> None:
    """Given a retired claim, whose values people still have, it comes back with its type and with no other."""
    given = fold((DEPARTMENT, ClaimRetired("department", NOW)))
    assert "string" in refused(given, wanted("department", "number")).description
    decision = decide_define(given, wanted("department", "string", ("work",)))
    assert isinstance(decision.answer, Definitions)
    assert decision.answer.by_name["department"].scopes == ("work",)
    assert decision.answer.by_name["department"].in_use


def test_number_in_use() -> None:
    """Given as many claims as can be in use, the next is refused, and taken once one is retired."""
    given = many(f"c{i}" for i in range(MAX_IN_USE))
    assert str(MAX_IN_USE) in refused(given, wanted("one-more")).description
    after = decide_retire(given, "c0", NOW).answer
    assert isinstance(after, Definitions)
    assert decide_define(after, wanted("one-more")).events


def test_number_of_names() -> None:
    """Given as many names as there can ever be, no new one is taken, and an old one is."""
    given = many((f"c{i}" for i in range(MAX_NAMES)), retired=True)
    assert str(MAX_NAMES) in refused(given, wanted("one-more")).description
    assert decide_define(given, wanted("c0")).events
