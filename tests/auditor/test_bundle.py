"""Bundles that an auditor takes away from the pages."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from authrim.audit.bundle import verify_bundle
from authrim.store.contract import Store
from domain.question_events import QuestionAsked
from tests.audit.bundle.bundles import files_of
from tests.support.browser import Browser
from tests.support.log import events_of_type
from tests.support.running import RunningServer, running_server

LOG_NAME: Final = "log.example/of-authrim"


@pytest.fixture
async def server(store: Store) -> AsyncIterator[RunningServer]:
    """A server whose log has a name of its own."""
    async with running_server(store, log_name=LOG_NAME) as running:
        yield running


async def test_a_bundle_is_verified_elsewhere(
    server: RunningServer, audit: Browser, browser: Browser, tmp_path: Path
) -> None:
    """The verifier finds no fault in the bundle of a grant, and wants a checkpoint, as of any bundle; taking it is
    recorded as a copy. Its log has the name that its checkpoints have."""
    tokens = await browser.code_flow(await server.client(), scope="openid offline_access")
    grant = tokens["refresh_token"].split(".")[1]
    shown = await audit.request("GET", server.url(f"/audit/grant/{grant}"))
    form = {"csrf": shown.form[1]["csrf"], "grant": grant}
    cookies = "; ".join(f"{name}={value}" for name, value in audit.cookies.items())
    url, headers = server.url("/audit/bundle"), {"Cookie": cookies}
    async with server.http.post(url, data=form, headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        (tmp_path / "grant.tar").write_bytes(await answer.read())
    assert json.loads(files_of((tmp_path / "grant.tar").read_bytes())["manifest.json"])["origin"] == LOG_NAME
    verified = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, verify_bundle.__file__, str(tmp_path / "grant.tar")],
        capture_output=True,
    )
    assert b"NO FAULT FOUND" in verified.stdout, verified
    assert verified.returncode == 3
    (asked,) = await events_of_type(server, QuestionAsked)
    assert isinstance(asked, QuestionAsked)
    assert (asked.question, asked.exported, asked.conditions["grant"]) == ("export", True, grant)
    assert (await audit.request("POST", url, form | {"grant": "none"})).status == 400
