"""The section on consents: given events, its figures."""

from domain.client.events import ClientDeleted
from domain.event import Event
from domain.grant.events import AuthorizationRefused, ConsentGranted
from domain.log_entry import LogEntry
from domain.person.account_events import ConsentRemembered, ConsentWithdrawn, PersonErased
from domain.report.sections.consents import Consents
from tests.domain.report.folding import entry, told


def _of(position: int, person: str, event: Event) -> LogEntry:
    return entry(position, f"account:{person}", event)


def test_what_stands_at_both_ends() -> None:
    """A consent stands until it is withdrawn, replaced by a newer one, or its person or client is gone."""
    before = [
        _of(1, "ann", ConsentRemembered("shop", ("openid",), 1)),
        _of(2, "bob", ConsentRemembered("shop", ("openid",), 1)),
        _of(3, "eve", ConsentRemembered("shop", ("openid",), 1)),
        _of(4, "eve", ConsentRemembered("bank", ("openid",), 1)),
    ]
    during = [
        _of(5, "ann", ConsentRemembered("shop", ("openid", "email"), 2)),
        _of(6, "bob", ConsentWithdrawn("shop", 2, ends_grants=True)),
        _of(7, "bob", ConsentRemembered("bank", ("openid",), 2)),
        _of(8, "eve", PersonErased(2)),
        entry(9, "client:bank", ClientDeleted(2)),
    ]
    said = told(Consents, before, during)
    assert said.values["consents.standing_before"] == 4
    assert said.positions("consents.standing_before") == "1-4"
    assert said.values["consents.standing"] == 1
    assert said.positions("consents.standing") == "5"
    assert said.values["consents.withdrawn"] == said.values["consents.withdrawn_with_grants"] == 1
    assert said.rows("consents.by_client") == [("bank", 1, 0, 0), ("shop", 1, 1, 1)]
    assert said.rows("consents.by_scope") == [("email", 1), ("openid", 1)]


def test_given_remembered_and_declined() -> None:
    """Agreeing on the page, an earlier consent, and a request that was declined are three figures."""
    during = [
        entry(1, "grant:a", ConsentGranted(("openid",))),
        entry(2, "grant:b", ConsentGranted(("openid",), remembered=True)),
        entry(3, "grant:c", AuthorizationRefused("access_denied", "", 1)),
        entry(4, "grant:d", AuthorizationRefused("login_required", "", 1)),
    ]
    said = told(Consents, [], during)
    assert said.values["consents.given"] == said.values["consents.remembered"] == 1
    assert said.positions("consents.declined") == "3"


def test_a_period_without_events_has_what_stood_before() -> None:
    """What stands at the beginning stands at the end when nothing happened."""
    said = told(Consents, [_of(1, "ann", ConsentRemembered("shop", ("openid",), 1))], [])
    assert said.values["consents.standing_before"] == said.values["consents.standing"] == 1
