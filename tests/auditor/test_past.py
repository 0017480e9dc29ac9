"""Time travel, changes and the graph on the auditor's pages."""

import re
from xml.etree import ElementTree

from authrim.audit.follow import Follower
from authrim.people.accounts import disable_account
from domain.question_events import QuestionAsked
from domain.stream import DEFAULT_TENANT
from projections.audit import AUDIT
from tests.auditor.test_questions import ask, positions, text
from tests.support.browser import Browser
from tests.support.log import events_of_type
from tests.support.running import RunningServer


async def test_the_state_as_of_then(
    server: RunningServer, audit: Browser, auditor: str, browser: Browser
) -> None:
    """A237: the form shows what held at a position, by the slider too; each question is recorded with who asked."""
    await browser.code_flow(await server.client())
    before = (await server.core.store.head()).position
    await disable_account(server.core.store, DEFAULT_TENANT, server.subject, "ticket")
    shown = await ask(audit, "/audit/state", kind="account", id=server.subject)
    assert " disabled " in text(shown)
    # The slider is the last form of the page, and its own fields name the account.
    shown = await audit.submit(shown, at=str(before))
    assert " active " in text(shown)
    assert f"position {before}" in text(shown)
    asked = await events_of_type(server, QuestionAsked)
    assert [(one.question, one.subject, one.operator) for one in asked] == [  # type: ignore[attr-defined]
        ("state", server.subject, f"subject {auditor}")
    ] * 2


async def test_the_states_of_all_keys(server: RunningServer, audit: Browser) -> None:
    """Kinds of which there are few need no id; others do, and what there never was is refused."""
    shown = await ask(audit, "/audit/state", kind="key")
    assert shown.body.count("in_key_set") >= 2
    assert "Name one by its id" in text(await ask(audit, "/audit/state", kind="client"))
    assert (await ask(audit, "/audit/state", kind="grant", id="none")).status == 400
    assert "in the future" in text(await ask(audit, "/audit/state", kind="key", at="2999-01-01T00:00:00"))


async def test_a_grant_leads_through_its_time(
    server: RunningServer, audit: Browser, browser: Browser
) -> None:
    """The page of a grant has a slider over its time and draws what caused what; the drawing runs nothing, and counts
    as a copy in the record."""
    client = await server.client()
    await browser.code_flow(client)
    await Follower(server.core.store, AUDIT).catch_up()
    found = await ask(audit, "/audit", client=client.client_id, type="grant.code_redeemed.v1")
    link = re.search(r'href="([^"]+/audit/grant/([^"]+))"', found.body)
    assert link is not None
    shown = await audit.request("GET", link[1])
    assert re.search(r'type="range" min="\d+" max="\d+"', shown.body)
    _, hidden = shown.form
    drawn = await audit.request(
        "POST", server.url("/audit/lineage"), {"csrf": hidden["csrf"], "grant": link[2]}
    )
    assert drawn.status == 200
    assert drawn.headers["Content-Type"].startswith("image/svg+xml")
    assert "script" not in drawn.headers["Content-Security-Policy"]
    assert ElementTree.fromstring(drawn.body).tag.endswith("svg")
    (asked,) = await events_of_type(server, QuestionAsked)
    assert isinstance(asked, QuestionAsked)
    assert (asked.question, asked.exported, asked.subject) == ("lineage", True, server.subject)
    assert (await audit.request("GET", server.url("/audit/lineage"))).status == 404
    refused = await audit.request(
        "POST", server.url("/audit/lineage"), {"csrf": hidden["csrf"], "grant": "none"}
    )
    assert refused.status == 400
    last = (await events_of_type(server, QuestionAsked))[-1]
    assert isinstance(last, QuestionAsked)
    assert last.conditions["id"] not in ("none", "")


async def test_who_changed_what(server: RunningServer, audit: Browser, auditor: str) -> None:
    """Each field with its old and new value, who, and how it was allowed; secrets only as changed."""
    client = await server.client()
    await Follower(server.core.store, AUDIT).catch_up()
    shown = await ask(audit, "/audit/changes", kind="client", id=client.client_id)
    assert positions(shown)
    assert "client_secret set" in text(shown)
    assert "administrator" in text(shown)
    assert client.secret not in shown.body if client.secret else True
    role = await ask(audit, "/audit/changes", kind="role")
    assert f"subjects – {auditor}" in text(role) or auditor in text(role)
    assert await events_of_type(server, QuestionAsked) == []
    person = await ask(audit, "/audit/changes", kind="account", id=server.login)
    assert "Say why" in text(person)
    person = await ask(audit, "/audit/changes", kind="account", id=server.login, reason="a complaint")
    assert positions(person)
    assert len(await events_of_type(server, QuestionAsked)) == 1
    assert (await ask(audit, "/audit/changes", kind="nothing")).status == 400
