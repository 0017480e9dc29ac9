"""A summary holds all of a grant, in a form that outlives every renaming of the grant's fields."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.grant import summary as grant_summary
from domain.grant.events import AuthorizationRequested, GrantSummarized
from domain.grant.grant import Code, Grant, Refresh, _of_summary, _summary_of, fold
from domain.vocabulary.confirmation import Confirmation

#: A grant with a value of its own in every field, and in every field of its parts.
FULL = Grant(
    client_id="shop",
    request=AuthorizationRequested("shop", "https://shop.example/cb", "code", "query", ("openid",), 1, 2),
    subject="person",
    session_id="session",
    auth_time=3,
    acr="acr",
    amr=("pwd",),
    browser_hash="browser",
    scope=("openid",),
    refused="access_denied",
    answered_at=4,
    code=Code("code-hash", 5, redeemed_at=6, voided="reason"),
    refresh=Refresh(7, "token-hash", "key", 8, 9, 10, "key-before", Confirmation("jkt", "x5t"), "instance"),
    revoked_at=11,
    revocation_reason="reused",
    account_epoch=12,
    another_account=True,
    agreed_claims=("department",),
)

#: Fields that a summary leaves out on purpose: it is where the count begins again.
LEFT_OUT = {"events_since_summary"}

#: What the stored example holds and nobody reads any more.
NOT_KEPT = {"signed_in_here", "events_since_summary"}


@pytest.mark.parametrize("part", [FULL, FULL.code, FULL.refresh], ids=["grant", "code", "refresh token"])
def test_every_field_is_in_the_summary(part: Any) -> None:
    """A field that somebody adds to a grant and forgets in its summary is found here."""
    fields = msgspec.structs.fields(type(part))
    unfilled = [f.name for f in fields if not f.required and getattr(part, f.name) == f.default]
    assert set(unfilled) <= LEFT_OUT
    assert _of_summary(_summary_of(FULL)) == FULL


def test_a_summary_of_the_first_release_is_read() -> None:
    """The stored example folds to the grant that it was made of; what is not known any more is passed over."""
    golden = json.loads(Path(__file__).with_name("golden_events.json").read_text("utf-8"))
    state = golden["grant.summarized.v1"]["state"]
    grant = fold([GrantSummarized(state=state)])
    assert (grant.client_id, grant.subject, grant.session_id) == ("shop", "person", "session")
    assert grant.request is not None
    assert grant.request.nonce == "n"
    kept = json.loads(json.dumps(grant_summary.stored(_summary_of(grant))))
    assert kept == {name: value for name, value in state.items() if name not in NOT_KEPT}
