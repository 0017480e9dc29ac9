"""A browser in which an auditor is signed in."""

from typing import Final

import pytest

from authrim.people.server_roles import grant_role
from domain.errors import Refusal
from domain.person.role import AUDITOR
from domain.stream import DEFAULT_TENANT
from tests.support.accounts import add_account
from tests.support.browser import Browser
from tests.support.running import RunningServer

NAME: Final = "olga"


@pytest.fixture
async def auditor(server: RunningServer) -> str:
    """The subject of an account with the role, other than the server's first account."""
    subject = await add_account(server, NAME)
    granted = await grant_role(server.core.store, DEFAULT_TENANT, subject, AUDITOR)
    assert not isinstance(granted, Refusal)
    return subject


@pytest.fixture
async def audit(server: RunningServer, auditor: str) -> Browser:
    """The auditor's browser."""
    browser = Browser(server)
    shown = await browser.request("GET", server.url("/audit"))
    assert shown.url == server.url("/audit/sign-in")
    shown = await browser.submit(shown, login=NAME, password=server.password)
    assert (shown.status, shown.url) == (200, server.url("/audit"))
    return browser
