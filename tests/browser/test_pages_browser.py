"""The pages in a real browser: phone and desktop, light and dark, with and without JavaScript."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.browser.chromium import chromium
from tests.browser.sample_site import PAGES, Site, running_site
from tests.support.patience import PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PHONE, DESKTOP = {"width": 375, "height": 667}, {"width": 1280, "height": 800}

# WCAG 2.2 §1.4.3: the contrast of every visible text with the nearest painted background behind it. A button without a
# border is known by its text (§1.4.11).
TEXT_CONTRASTS = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b]
    .map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = channels(getComputedStyle(e).backgroundColor);
      if (colour.length === 3) return colour;
    }
    throw new Error("nothing painted behind " + element.outerHTML);
  };
  const ratio = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  const texts = [...document.querySelectorAll("body *")].filter((e) =>
    e.checkVisibility() && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()));
  const framed = (e) => channels(getComputedStyle(e).borderTopColor)[3] !== 0;
  const fields = [...document.querySelectorAll("input:not([type=hidden]), button")].filter(framed);
  return {
    texts: texts.map((e) => [e.textContent.trim(), ratio(channels(getComputedStyle(e).color), behind(e))]),
    borders: fields.map((e) =>
      [e.id, ratio(channels(getComputedStyle(e).borderTopColor), behind(e.parentElement))]),
    paper: behind(document.body),
  };
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Site]:
    async with running_site() as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.fixture(autouse=True)
def _forget(site: Site) -> None:
    site.posted.clear()
    site.leads_to = ""


@asynccontextmanager
async def a_page(browser: Browser, **options: Any) -> AsyncIterator[Page]:
    """A page in a context of its own."""
    context = await browser.new_context(**options)
    context.set_default_timeout(PATIENCE * 1000)
    try:
        yield await context.new_page()
    finally:
        await context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_every_page_can_be_read_and_touched(
    browser: Browser, site: Site, viewport: Any, scheme: Any
) -> None:
    """Text has 4.5:1, fields and buttons 3:1 and 44 pixels, nothing scrolls sideways, and dark is dark."""
    # Without JavaScript, or the form-post page would leave before anything is measured.
    options = {"viewport": viewport, "color_scheme": scheme, "java_script_enabled": False}
    async with a_page(browser, **options) as page:
        for name in PAGES:
            await page.goto(f"{site.url}/{name}")
            seen = await page.evaluate(TEXT_CONTRASTS)
            assert len(seen["texts"]) >= 3
            assert [text for text in seen["texts"] if text[1] < 4.5] == []
            assert [border for border in seen["borders"] if border[1] < 3] == []
            assert (sum(seen["paper"]) < 3 * 64) == (scheme == "dark")
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            for target in await page.locator("button, input:not([type=hidden])").all():
                box = await target.bounding_box()
                assert box is not None
                assert box["height"] >= 44


async def test_screen_readers_get_names_descriptions_and_the_language(browser: Browser, site: Site) -> None:
    """Fields have labels, the error is an alert and describes the fields, headings and lists have names."""
    async with a_page(browser) as page:
        await page.goto(f"{site.url}/login-wrong?locale=de")
        assert await page.get_attribute("html", "lang") == "de"
        for field, label, completion in [
            ("login", "Anmeldename", "username"),
            ("password", "Passwort", "current-password"),
        ]:
            control = page.get_by_label(label, exact=True)
            assert await control.get_attribute("id") == field
            assert await control.get_attribute("autocomplete") == completion
            assert await control.get_attribute("aria-invalid") == "true"
            described_by = await control.get_attribute("aria-describedby")
            assert await page.locator(f"#{described_by}").get_attribute("role") == "alert"
        assert "stimmt nicht" in await page.get_by_role("alert").inner_text()
        assert await page.get_by_role("heading", level=1).all_inner_texts() == ["Anmelden"]

        await page.goto(f"{site.url}/consent")
        assert await page.get_by_role("list", name="It will be able to").locator("li").count() == 5
        assert await page.get_by_role("img", name="Logo of Acme Invoices").is_visible()


async def test_the_sign_in_page_keeps_the_page_contract(browser: Browser, site: Site) -> None:
    """oidcc-prompt-login, registration-logo/policy/tos-uri: ids, "Sign-in", logo, links and the host."""
    async with a_page(browser) as page:
        for name, button in [("login", "login-submit"), ("consent", "consent-submit")]:
            await page.goto(f"{site.url}/{name}")
            assert await page.locator(f"#{button}, #cancel").count() == 2
            assert await page.evaluate("document.querySelector('.picture').naturalWidth") == 1
            for text, path in [("Privacy policy", "privacy"), ("Terms of service", "terms"), ("Website", "")]:
                link = page.get_by_role("link", name=text)
                assert await link.get_attribute("href") == f"https://acme.example/{path}"
            text = await page.inner_text("body")
            assert site.redirect_uri.split("/")[2] in text
            assert "Acme Invoices" in text
        await page.goto(f"{site.url}/login")
        assert "Sign-in" in await page.inner_text("body")
        assert "Sign-in" in await page.title()


async def test_development_is_marked_and_production_is_not(browser: Browser, site: Site) -> None:
    """A development server says so at the top of the page."""
    async with a_page(browser) as page:
        await page.goto(f"{site.url}/error")
        assert await page.get_by_text("Development server").is_visible()
        await page.goto(f"{site.url}/login")
        assert await page.get_by_text("Development server").count() == 0


async def test_the_keyboard_signs_in_and_focus_is_seen(browser: Browser, site: Site) -> None:
    """Focus starts in the first empty field, moves in order with a visible ring, and Enter signs in."""
    async with a_page(browser) as page:
        await page.goto(f"{site.url}/login-wrong")
        assert await page.evaluate("document.activeElement.id") == "password"
        await page.goto(f"{site.url}/login")
        for field in ("login", "password", "show-password", "login-submit", "cancel"):
            assert await page.evaluate("document.activeElement.id") == field
            outline = "(() => { const s = getComputedStyle(document.activeElement);"
            outline += " return s.outlineStyle + parseFloat(s.outlineWidth) })()"
            assert await page.evaluate(outline) in {"solid2", "solid3"}
            await page.keyboard.press("Tab")
        await page.fill("#login", "alice")
        await page.fill("#password", "secret")
        await page.press("#password", "Enter")
        await page.wait_for_url("**/login")
        await page.get_by_text("received").wait_for()
    form = {"csrf": "t0ken", "login": "alice", "password": "secret", "action": "sign-in"}
    assert site.posted == [("/login", form)]


async def test_an_account_is_made_by_keyboard_and_without_javascript(browser: Browser, site: Site) -> None:
    """The page for a new account: focus in order, the rule read with the password, Enter makes the account, the
    browser itself asks for what is missing, and what was wrong describes the field."""
    async with a_page(browser, java_script_enabled=False) as page:
        await page.goto(f"{site.url}/login")
        await page.click("#create-account")
        for field in ("login", "name", "password", "password-repeated", "create-submit", "cancel"):
            assert await page.locator(f"#{field}").evaluate("e => e === document.activeElement"), field
            await page.keyboard.press("Tab")
        rule = await page.locator("#password").get_attribute("aria-describedby")
        assert await page.locator(f"#{rule}").inner_text() == "At least 8 characters"
        await page.click("#create-submit")
        assert site.posted == [], "a sign-in name is required"
        for field, text in (("login", "bob"), ("password", "pass word"), ("password-repeated", "pass word")):
            await page.fill(f"#{field}", text)
        await page.press("#password-repeated", "Enter")
        await page.get_by_text("received").wait_for()
        form = {"csrf": "t0ken", "login": "bob", "name": "", "password": "pass word"}
        form |= {"password_repeated": "pass word", "action": "create"}
        assert site.posted == [("/create-account", form)]
        await page.goto(f"{site.url}/create-account")
        await page.click("#cancel")
        await page.get_by_text("received").wait_for()
        assert site.posted[1][1]["action"] == "cancel"

        await page.goto(f"{site.url}/create-account-wrong?locale=fr")
        password = page.get_by_label("Mot de passe", exact=True)
        assert await password.get_attribute("aria-invalid") == "true"
        assert await password.get_attribute("aria-describedby") == "password-rule create-error"
        assert await password.evaluate("e => e === document.activeElement")
        assert "identiques" in await page.get_by_role("alert").inner_text()
        await page.click("#sign-in")
        assert page.url == f"{site.url}/login"


@pytest.mark.parametrize("name", ["login", "create-account"])
async def test_a_password_can_be_shown(browser: Browser, site: Site, name: str) -> None:
    """The script offers a button at each password; it shows and hides, keeps the focus, and what is sent is a password
    again. Without the script there is no button."""
    async with a_page(browser) as page:
        await page.goto(f"{site.url}/{name}?locale=de")
        field, button = page.locator("#password"), page.locator("#show-password")
        assert await page.locator("[data-show]").count() == await page.locator(".secret button").count()
        await field.fill("pass word")
        assert await field.get_attribute("type") == "password"
        for action, kind in [("anzeigen", "text"), ("verbergen", "password"), ("anzeigen", "text")]:
            assert await page.get_by_role("button", name=f"Passwort {action}", exact=True).first.is_visible()
            assert await button.locator("[aria-hidden]").inner_text() == action.capitalize()
            await button.click()
            assert await field.get_attribute("type") == kind
            assert await field.input_value() == "pass word"
        assert await field.get_attribute("spellcheck") == "false"
        # A form that is not sent, so that the page stays.
        await page.evaluate("document.forms[0].addEventListener('submit', (event) => event.preventDefault())")
        await page.evaluate("document.forms[0].requestSubmit(document.getElementById('cancel'))")
        assert await field.get_attribute("type") == "password"
    async with a_page(browser, java_script_enabled=False) as page:
        await page.goto(f"{site.url}/{name}")
        assert await page.locator("#show-password").count() == 0


@pytest.mark.parametrize("locale", ["en", "de", "fr"])
async def test_the_answer_is_in_sight_whatever_is_asked_for(
    browser: Browser, site: Site, locale: str
) -> None:
    """Every scope at once at 1280 by 800, and on a phone: "Allow" is seen without scrolling, "Cancel" is the lesser."""
    for viewport in (PHONE, DESKTOP):
        async with a_page(browser, viewport=viewport) as page:
            await page.goto(f"{site.url}/consent-all?locale={locale}")
            allow, cancel = page.locator("#consent-submit"), page.locator("#cancel")
            for button in (allow, cancel):
                box = await button.bounding_box()
                assert box is not None
                assert box["y"] >= 0
                assert box["y"] + box["height"] <= viewport["height"]
            painted = "e => getComputedStyle(e).backgroundColor"
            assert await allow.evaluate(painted) != await cancel.evaluate(painted)
            assert await cancel.evaluate("e => getComputedStyle(e).borderTopColor") == "rgba(0, 0, 0, 0)"


@pytest.mark.parametrize(
    "name", ["consent", "error", "busy", "nothing", "dead-end", "leaving", "logout-unproved"]
)
async def test_the_words_of_the_protocol_are_folded_away(browser: Browser, site: Site, name: str) -> None:
    """A person reads none of the protocol's terms, in any language; who opens the details, also by keyboard and without
    a script, reads all of them."""
    async with a_page(browser, java_script_enabled=False) as page:
        for locale in ("en", "de", "fr"):
            await page.goto(f"{site.url}/{name}?locale={locale}")
            text = await page.locator("main").inner_text()
            assert not re.search(r"\b[a-z]+_[a-z_]+\b|RFC|\bscope|\bclient\b", text), text
            await page.locator("summary").focus()
            await page.keyboard.press("Enter")
            text = await page.locator("details").inner_text()
            assert re.search(r"\b(error|error_id|client_id)\b", text), text


async def test_everything_works_without_javascript(browser: Browser, site: Site) -> None:
    """Sign-in, consent, cancel with empty fields and the form-post page's button need no script."""
    async with a_page(browser, java_script_enabled=False) as page:
        await page.goto(f"{site.url}/login")
        await page.fill("#login", "alice")
        await page.fill("#password", "secret")
        for name, button in [
            ("login", "#login-submit"),
            ("login", "#cancel"),
            ("consent", "#consent-submit"),
            ("consent", "#cancel"),
            ("form-post", "button"),
        ]:
            if button != "#login-submit":
                await page.goto(f"{site.url}/{name}")
            await page.click(button)
            await page.get_by_text("received").wait_for()
    assert [(path, form.get("action")) for path, form in site.posted] == [
        ("/login", "sign-in"),
        ("/login", "cancel"),
        ("/consent", "allow"),
        ("/consent", "cancel"),
        ("/callback", None),
    ]


async def test_a196_the_answer_posts_itself_unchanged(browser: Browser, site: Site) -> None:
    """A196: the nonce'd script submits, and markup in the state arrives as it was."""
    async with a_page(browser) as page:
        await page.goto(f"{site.url}/form-post")
        await page.get_by_text("received").wait_for()
    fields = {"code": "c0de", "state": "a&b=\"c\" <d>'e'", "iss": "https://op.example"}
    assert site.posted == [("/callback", fields)]


@pytest.mark.parametrize("name", ["login", "create-account", "consent", "error", "form-post", "logout"])
async def test_a195_markup_in_any_value_stays_text(browser: Browser, site: Site, name: str) -> None:
    """A195, A196: script in names, links, hints, state and the action neither runs nor becomes an element."""
    async with a_page(browser, java_script_enabled=name != "form-post") as page:
        await page.goto(f"{site.url}/hostile-{name}")
        assert await page.locator("[onerror], [onmouseover], img[src=x], a[href^=javascript]").count() == 0
        own = name in ("login", "create-account", "form-post")
        assert await page.locator("script").count() == (1 if own else 0)
        if name == "form-post":
            await page.click("button")
            await page.get_by_text("received").wait_for()
            ((path, fields),) = site.posted
            assert path == "/callback"
            assert list(fields) == list(fields.values())
            assert "<script>" in fields.popitem()[1]
        else:
            assert await page.evaluate("window.hacked") is None
            assert "<script>window.hacked=1</script>" in await page.inner_text("body")


async def test_a195_the_policy_stops_a_script_that_got_in(browser: Browser, site: Site) -> None:
    """A195: even a script element inside the page does not run, nor an inline handler."""
    async with a_page(browser) as page:
        for name in ("login", "consent", "error"):
            await page.goto(f"{site.url}/{name}")
            async with page.expect_console_message(lambda said: "Content Security Policy" in said.text):
                await page.evaluate(
                    "() => { const s = document.createElement('script'); s.textContent = 'window.hacked = 1';"
                    " document.body.append(s); document.body.setAttribute('onclick', 'window.hacked = 1');"
                    " document.body.click() }"
                )
            assert await page.evaluate("window.hacked") is None


async def test_a_form_leads_to_the_client_and_on_from_there(browser: Browser, site: Site) -> None:
    """Decisions 28: the redirect after the form reaches the client, and the next one another origin without TLS."""
    async with a_page(browser) as page:
        for leads_to in (site.redirect_uri, site.redirect_uri.replace("127.0.0.1", "localhost")):
            site.leads_to = leads_to + "?code=c0de"
            await page.goto(f"{site.url}/consent")
            await page.click("#consent-submit")
            await page.get_by_text("back at the client").wait_for()


async def test_a_native_app_gets_its_answer_and_no_other_app(
    browser: Browser, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 8252 §7.1: the policy lets the form end in the app's address, and stops any other."""
    monkeypatch.setattr(site, "redirect_uri", "com.example.app:/cb")
    async with a_page(browser) as page:
        site.leads_to = "com.example.app:/cb?code=c0de"
        await page.goto(f"{site.url}/consent")
        # No app answers here; that the browser set out for it is what counts.
        async with page.expect_request(lambda request: request.url == site.leads_to):
            await page.click("#consent-submit")

    async with a_page(browser) as page:
        site.leads_to = "com.other.app:/cb"
        await page.goto(f"{site.url}/consent")
        async with page.expect_console_message(lambda said: "form-action" in said.text):
            await page.click("#consent-submit")


async def test_reduced_motion_is_honoured(browser: Browser, site: Site) -> None:
    """Who asks for less motion gets none."""
    async with a_page(browser, reduced_motion="reduce") as page:
        await page.goto(f"{site.url}/login")
        assert (
            await page.evaluate("getComputedStyle(document.querySelector('button')).transitionProperty")
            == "none"
        )
