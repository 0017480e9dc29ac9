"""A242: what people read about scope values, over real HTTP."""

import asyncio
import re

import pytest

from authrim.authorization.scope_texts import describe_scope, remove_scope_text
from authrim.people.part import PEOPLE
from authrim.server.wiring import make_parts
from authrim.web.call import CORE
from domain.errors import Refusal
from domain.scope_text.scope_text import ScopeText
from domain.stream import DEFAULT_TENANT
from tests.support.browser import Browser, BrowserPage
from tests.support.patience import PATIENCE
from tests.support.running import RunningServer

SQLITE = pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
SCOPE = "invoices:read"


async def describe(
    server: RunningServer, locale: str, title: str, detail: str = "", scope: str = SCOPE
) -> None:
    """Describe a scope value as the command does, beside the running server."""
    done = await describe_scope(server.core.store, DEFAULT_TENANT, scope, locale, ScopeText(title, detail))
    assert not isinstance(done, Refusal), done.error_description


async def consent_page(
    server: RunningServer, browser: Browser, ui_locales: str, scope: str = f"openid {SCOPE}"
) -> BrowserPage:
    """The consent page of a new request, in a language."""
    client = await server.client("web", scope=("openid", "profile", SCOPE))
    shown, _ = await browser.authorize(client, scope=scope, ui_locales=ui_locales, prompt="consent")
    return await browser.sign_in(shown) if "/login/" in shown.url else shown


def lines(page: BrowserPage) -> list[tuple[str, str]]:
    """The language of each line, where it is another than the page's, and its title."""
    return re.findall(r'<strong(?: lang="(\w+)")?>(.*?)</strong>', page.body.partition('class="scopes"')[2])


async def test_people_read_the_administrators_words(server: RunningServer, browser: Browser) -> None:
    """The running server follows the log: a description shows, changes and goes without a restart, in the language of
    the page, or else in English with its ``lang``. A server that starts later knows it too."""
    page = await consent_page(server, browser, "de")
    assert lines(page)[1] == ("", SCOPE)
    await describe(server, "en", "See your invoices", "Paid ones too.")
    await _until(server, "See your invoices")
    page = await consent_page(server, browser, "de")
    assert lines(page)[1] == ("en", "See your invoices")
    assert '<span lang="en">Paid ones too.</span>' in page.body
    await describe(server, "de", "Ihre Rechnungen sehen")
    await _until(server, "Ihre Rechnungen sehen")
    assert lines(await consent_page(server, browser, "de"))[1] == ("", "Ihre Rechnungen sehen")
    assert lines(await consent_page(server, browser, "fr"))[1] == ("en", "See your invoices")
    later = await make_parts(server.core.settings, server.core.store)
    assert set(later[CORE].configuration.scope_texts(DEFAULT_TENANT)[SCOPE]) == {"de", "en"}
    later[PEOPLE].passwords.close()
    await later[CORE].egress.close()
    await remove_scope_text(server.core.store, DEFAULT_TENANT, SCOPE)
    await _until(server, None)
    assert lines(await consent_page(server, browser, "de"))[1] == ("", SCOPE)


@SQLITE
async def test_our_own_words_stay_in_the_other_languages(server: RunningServer, browser: Browser) -> None:
    """A standard scope that is described in one language has our own words in the others."""
    await describe(server, "de", "Ihren Steckbrief sehen", scope="profile")
    await server.core.configuration.catch_up()
    for locale, title in (
        ("de", "Ihren Steckbrief sehen"),
        ("en", "See your profile"),
        ("fr", "Voir votre profil"),
    ):
        page = await consent_page(server, browser, locale, scope="openid profile")
        assert lines(page)[1] == ("", title)


@SQLITE
async def test_a242_a_description_is_never_markup(server: RunningServer, browser: Browser) -> None:
    """A195, A242: an administrator's text is shown as it is written, whatever is in it."""
    hostile = '"><script>alert(1)</script>&<b onclick=x>'
    await describe(server, "en", hostile, hostile)
    await server.core.configuration.catch_up()
    page = await consent_page(server, browser, "en")
    assert "<script" not in page.body
    assert "<b " not in page.body
    assert page.body.count("&lt;script&gt;alert(1)&lt;/script&gt;&amp;&lt;b onclick=x&gt;") == 2


@SQLITE
async def test_a_description_disturbs_no_decision(server: RunningServer, browser: Browser) -> None:
    """F31: words for people are no change that a decision hangs on: the guard of appends does not move."""
    web = await server.client("web")
    before = await server.core.store.head()
    await describe(server, "en", "See your invoices")
    after = await server.core.store.head()
    assert (after.changed_at, after.position) == (before.changed_at, before.position + 1)
    await browser.code_flow(web)


async def _until(server: RunningServer, title: str | None) -> None:
    """Wait until the server has followed the log to this text."""
    async with asyncio.timeout(PATIENCE):
        while True:
            said = server.core.configuration.scope_texts(DEFAULT_TENANT).get(SCOPE, {})
            if title in {text.title for text in said.values()} or (title is None and not said):
                return
            await asyncio.sleep(0.05)
