"""Claims under the names and in the forms that a client needs."""

import msgspec
import pytest

from domain.claim.names import PROTOCOL_CLAIMS
from domain.client.claim_mapping import ClaimMapping, mapped
from domain.client.client import fold
from domain.client.events import ClientRegistered
from domain.errors import Refusal
from domain.registration import documents
from domain.registration.policy import check
from tests.domain.client_samples import NOW, changed

PERSON = {"email": "a@example.com", "groups": ["staff", "on-call"]}


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        (
            ClaimMapping("groups", "https://example.com/groups"),
            {"https://example.com/groups": ["staff", "on-call"]},
        ),
        (ClaimMapping("groups", separator=","), {"groups": "staff,on-call"}),
        (ClaimMapping("groups", prefix="oidc:"), {"groups": ["oidc:staff", "oidc:on-call"]}),
        (ClaimMapping("groups", "memberOf", ";", "g-"), {"memberOf": "g-staff;g-on-call"}),
    ],
)
def test_forms(mapping: ClaimMapping, told: dict[str, object]) -> None:
    """A claim is told under another name, as one string, or with a prefix; the other claims stay as they are."""
    assert check(changed(claim_mapping=(mapping,))) is None
    assert mapped(PERSON, (mapping,)) == {"email": "a@example.com"} | told


def test_mapping_releases_nothing() -> None:
    """Given a claim that was not released, its mapping tells nothing."""
    assert mapped({"email": "a@example.com"}, (ClaimMapping("groups", "memberOf"),)) == {
        "email": "a@example.com"
    }


def test_no_group_becomes_two() -> None:
    """A group whose name holds the separator is left out: it would be read as a group that the person is not in."""
    mapping = (ClaimMapping("groups", separator=","),)
    assert mapped({"groups": ["staff", "x,admins"]}, mapping) == {"groups": "staff"}


@pytest.mark.parametrize("name", sorted(PROTOCOL_CLAIMS))
def test_no_claim_of_the_protocol_is_overwritten(name: str) -> None:
    """A client is not told a person's claim as ``sub`` or ``cnf``, and the refusal names the clash."""
    refusal = check(changed(claim_mapping=(ClaimMapping("groups", name),)))
    assert isinstance(refusal, Refusal)
    assert name in refusal.error_description


@pytest.mark.parametrize(
    "mappings",
    [
        (ClaimMapping("department"),),
        (ClaimMapping("groups", "email"),),
        (ClaimMapping("groups", "a b"),),
        (ClaimMapping("groups", "x" * 256),),
        (ClaimMapping("email", separator=","),),
        (ClaimMapping("groups", separator=""),),
        (ClaimMapping("email_verified", prefix="x"),),
        (ClaimMapping("groups", prefix="x" * 65),),
        (ClaimMapping("groups", "a"), ClaimMapping("groups", "b")),
        (ClaimMapping("groups", "a"), ClaimMapping("roles", "a")),
    ],
)
def test_bad_mappings_are_refused(mappings: tuple[ClaimMapping, ...]) -> None:
    """What is unknown, too long, without effect or said twice is refused."""
    assert isinstance(check(changed(claim_mapping=mappings)), Refusal)


def test_mapping_is_read_back_from_the_log() -> None:
    """What an event recorded of a mapping is the mapping again; an old event has none."""
    mapping = (ClaimMapping("groups", "memberOf", ";"),)
    recorded = msgspec.to_builtins(changed(claim_mapping=mapping))
    assert fold([ClientRegistered("c", recorded, NOW)]).metadata.claim_mapping == mapping
    del recorded["claim_mapping"]
    assert fold([ClientRegistered("c", recorded, NOW)]).metadata.claim_mapping == ()


def test_an_administrators_alone() -> None:
    """A202: a client does not set its own mapping."""
    assert isinstance(documents.read({"claim_mapping": []}), Refusal)
