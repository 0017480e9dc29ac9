"""Compliance reports on the auditor's pages."""

import asyncio
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Final

import pytest

from authrim.auditor import reports_endpoint
from authrim.reports.findings import Anchor, Findings
from authrim.reports.opening import open_report
from authrim.reports.recounting import recount_log
from authrim.transparency.keys import public_keys
from domain.question_events import QuestionAsked
from tests.support.browser import Browser
from tests.support.log import events_of_type
from tests.support.running import RunningServer

#: What the page shows of the sign-in of the auditor.
SHOWN: Final = ("Sign-ins and failures", "What is asked.", "This server cannot show:", "Sign-ins of people")


async def form_of(server: RunningServer, audit: Browser) -> dict[str, str]:
    """The form of the page, filled in."""
    shown = await audit.request("GET", server.url("/audit/reports"))
    assert "SOC 2" in shown.body
    return {"csrf": shown.form[1]["csrf"], "framework": "soc2", "to": "4", "reason": "audit of 2026"}


async def test_a_report_is_shown_and_taken_away(
    server: RunningServer, audit: Browser, tmp_path: Path
) -> None:
    """An auditor sees the report of a period, and takes it away as a zip file that is the same bytes each time and that
    the command verifies; both are recorded first, with the positions and the reason (A303)."""
    form = await form_of(server, audit)
    shown = await audit.request("POST", server.url("/audit/reports"), form)
    assert shown.status == 200
    assert all(text in shown.body for text in SHOWN)
    cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in audit.cookies.items())}
    files = []
    for _ in range(2):
        async with server.http.post(server.url("/audit/report"), data=form, headers=cookies) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Disposition"] == 'attachment; filename="soc2-1-4.zip"'
            files.append(await answer.read())
    assert files[0] == files[1]
    await asyncio.to_thread(zipfile.ZipFile(BytesIO(files[0])).extractall, tmp_path / "report")
    assert {"report.json", "report.html", "checkpoint"} <= {
        path.name for path in (tmp_path / "report").iterdir()
    }
    keys = tuple(key.encoded() for key in await public_keys(server.core.store))
    findings = Findings()
    opened = open_report(tmp_path / "report", Anchor(keys, "the log"), findings)
    assert opened is not None
    await recount_log(server.core.store, opened, findings, lambda *_: None)
    assert findings.result == "proved", findings.as_json()
    asked = [
        event for event in await events_of_type(server, QuestionAsked) if isinstance(event, QuestionAsked)
    ]
    assert [(one.question, one.exported) for one in asked] == [
        ("report", False),
        ("report", True),
        ("report", True),
    ]
    assert {one.conditions["framework"] for one in asked} == {"soc2"}
    assert {(one.conditions["from"], one.conditions["to"], one.reason) for one in asked} == {
        ("1", "4", "audit of 2026")
    }


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_a_page_makes_no_report_that_takes_long(
    server: RunningServer, audit: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too long for a page, not a framework, or not a period is refused with the way on, and nothing is recorded
    or read (A303)."""
    form = await form_of(server, audit)
    monkeypatch.setattr(reports_endpoint, "MOST_POSITIONS", 3)
    wrong = (form, form | {"framework": "soc3"}, form | {"to": "soon"}, form | {"from": "3", "to": "2"})
    for path in ("/audit/reports", "/audit/report"):
        for one in wrong:
            shown = await audit.request("POST", server.url(path), one)
            assert shown.status == 400
    shown = await audit.request("POST", server.url("/audit/reports"), form)
    assert "Use authrim report on the command line" in shown.body
    assert await events_of_type(server, QuestionAsked) == []
