"""What pages say and in which language; no browser needed."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from authrim.authorization import dead_ends
from authrim.pages import audit_texts, display, texts, words
from authrim.pages.display import (
    display_name,
    form_action_source,
    form_action_sources,
    initial,
    own_image,
    redirect_host,
    secure_link,
    web_link,
)
from authrim.pages.scope_lines import scope_lines
from authrim.pages.translations import LOCALES, choose_locale

SOURCE = Path(display.__file__).parent


@pytest.mark.parametrize(
    ("registered", "shown"),
    [
        ("Acme", "Acme"),
        ("Cafe\u0301", "Café"),
        ("Acme\u202egnp.exe\u202c", "Acmegnp.exe"),
        ("\u2066Acme\u2069", "Acme"),
        ("Ac\u200bm\u200de\ufeff", "Acme"),
        ("A\u3164c\u115fm\ufe0fe", "Acme"),
        ("Acme\r\n\x00 \x1b[31m  Bank", "Acme [31m Bank"),
        ("\u00a0 Acme\u2028Bank ", "Acme Bank"),
        ("\u202e\u200b", ""),
        ("日本 \U0001f600", "日本 \U0001f600"),
    ],
)
def test_a038_a_shown_name_holds_nothing_invisible(registered: str, shown: str) -> None:
    """A038: a name is NFC and has no bidi, control, zero-width or filler character."""
    assert display_name(registered) == shown


def test_a038_a_shown_name_stays_nfc_when_something_between_two_characters_goes() -> None:
    """A038: the name is normalised after the invisible is gone, not before."""
    assert display_name("Cafe\u200b\u0301") == "Café"


def test_a_long_name_is_cut_with_an_ellipsis() -> None:
    """A name cannot push the question off the page."""
    assert display_name("x" * 500) == "x" * 79 + "…"


@pytest.mark.parametrize(
    ("name", "letter"), [("acme", "A"), ("  “école”", "É"), ("\u200b", "·"), ("7up", "7")]
)
def test_a_client_without_a_logo_gets_its_initial(name: str, letter: str) -> None:
    """The initial is the first letter or digit one sees."""
    assert initial(name) == letter


@pytest.mark.parametrize(
    ("redirect_uri", "host", "source"),
    [
        ("https://app.example/cb?x=1", "app.example", "https://app.example"),
        ("https://APP.example:8443/cb", "app.example:8443", "https://app.example:8443"),
        ("https://bank.example@evil.example/cb", "evil.example", "https://evil.example"),
        ("http://127.0.0.1:5001/cb", "127.0.0.1:5001", "http://127.0.0.1:5001"),
        ("http://[::1]:5001/cb", "[::1]:5001", "http://*:5001"),
        ("com.example.app:/oauth2redirect", "com.example.app:", "com.example.app:"),
        ("javascript:alert(1)//https://app.example", "", ""),
        ("data:text/html,x", "", ""),
        ("https://a.example; script-src *", "", ""),
        ("https://a.example;script-src/", "", ""),
        ("https://a.example,b/", "", ""),
        ("https://a.example\r\nX: y", "", ""),
        ("https://a.example\\@b.example/", "", ""),
        ("https://*/cb", "", ""),
        ("https://a.example:99999/", "", ""),
        ("https:///cb", "", ""),
        ("/relative", "", ""),
        ("", "", ""),
    ],
)
def test_a196_a_redirect_uri_names_one_host_and_one_source(redirect_uri: str, host: str, source: str) -> None:
    """A038, A196: the host shown is the real one, and no URI writes a policy into the header."""
    assert redirect_host(redirect_uri) == host
    assert form_action_source(redirect_uri) == source


def test_a196_where_a_form_may_lead() -> None:
    """A196: from a callback on the web anywhere; from an application's own scheme nowhere; to no URI at all nowhere."""
    assert form_action_sources("https://app.example/cb") is None
    assert form_action_sources("http://127.0.0.1:8080/cb") is None
    assert form_action_sources("com.example.app:/cb") == ("com.example.app:",)
    assert form_action_sources("javascript:alert(1)") == ()


@pytest.mark.parametrize(
    "uri", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "java\nscript:x", None]
)
def test_a195_a_link_is_http_or_no_link(uri: str | None) -> None:
    """A195: a registered address that could run is not offered as a link."""
    assert web_link(uri) is None
    assert web_link("https://acme.example/privacy") == "https://acme.example/privacy"


@pytest.mark.parametrize(
    ("uri", "always", "in_development"),
    [
        ("https://acme.example/", True, True),
        ("http://acme.example/", False, False),
        ("http://localhost:8080/", False, True),
        ("http://localhost.evil.example/", False, False),
        ("http://localhost@evil.example/", False, False),
        ("com.example.app:/", False, False),
        ("javascript:alert(1)", False, False),
        (None, False, False),
    ],
)
def test_a241_a_button_leads_to_https(uri: str | None, always: bool, in_development: bool) -> None:
    """A241: where a button leads is safe on the way too; plain http is for this machine, in development."""
    assert secure_link(uri) == (uri if always else None)
    assert secure_link(uri, development=True) == (uri if in_development else None)


@pytest.mark.parametrize(
    "url", ["https://evil.example/x.png", "//evil.example/x.png", "/\\evil.example", "x.png", None]
)
def test_a036_a_logo_is_on_our_origin_or_not_shown(url: str | None) -> None:
    """A036: no page loads anything from a third party."""
    assert own_image(url) is None
    assert own_image("/logos/1.png") == "/logos/1.png"


@pytest.mark.parametrize(
    ("ui_locales", "accept_language", "locale"),
    [
        ("", "", "en"),
        ("se", "", "en"),
        ("se de", "fr", "de"),
        ("de-CH", "", "de"),
        ("FR", "", "fr"),
        ("se", "de;q=0.5, fr;q=0.9", "fr"),
        ("", "en-GB, de;q=0.9", "en"),
        ("", "de;q=0, fr;q=nonsense, *", "en"),
        ("../../etc/passwd", ";;;,,q=", "en"),
    ],
)
def test_the_language_is_asked_for_then_the_browsers_then_english(
    ui_locales: str, accept_language: str, locale: str
) -> None:
    """oidcc-ui-locales: ``ui_locales`` before Accept-Language, an unknown language ("se") is no error."""
    assert choose_locale(ui_locales, accept_language) == locale


@pytest.mark.parametrize(("setting", "locale"), [("de", "de"), ("de-AT", "de"), ("se", "en")])
def test_who_asks_for_no_language_gets_the_servers(setting: str, locale: str) -> None:
    """The setting ``default_locale`` is used where nothing else names a known language."""
    assert choose_locale("", "", setting) == locale
    assert choose_locale("fr", "", setting) == "fr"


def _messages() -> Iterator[str]:
    """Every text the templates and ``texts.py`` hold."""
    for template in (SOURCE / "templates").glob("*.html"):
        with template.open("rb") as source:
            yield from (str(found[1]) for found in extract(babel_extract, source, keywords={"_": None}))
    for module in (texts, audit_texts, words, dead_ends):
        with Path(module.__file__).open("rb") as source:
            yield from (str(found[1]) for found in extract("python", source, keywords={"message": None}))


@pytest.mark.parametrize("locale", [locale for locale in LOCALES if locale != "en"])
def test_every_text_is_translated_and_nothing_else(locale: str) -> None:
    """A catalog has exactly the texts of the pages, each with the same placeholders and the same markup."""
    with (SOURCE / "locales" / f"{locale}.po").open("rb") as source:
        catalog = {str(entry.id): str(entry.string) for entry in read_po(source, locale=locale) if entry.id}
    assert set(catalog) == set(_messages())
    for text, translation in catalog.items():
        parts = re.compile(r"%\(\w+\)s|<[^>]*>")
        assert translation
        assert sorted(parts.findall(translation)) == sorted(parts.findall(text)), text


def test_each_language_is_a_locale() -> None:
    """German and French are there besides the source."""
    assert LOCALES == ("en", "de", "fr")


def test_scopes_are_explained_in_the_pages_language() -> None:
    """Standard scopes have words of their own, an unknown one keeps its name, made safe to show (A038)."""
    openid, unknown = scope_lines(("openid", "invoices:\u202eread"), "de")
    assert openid.title == "Sie wiedererkennen"
    assert unknown.title == "invoices:read"
    assert unknown.detail != texts.UNKNOWN_SCOPE_TEXT


def test_the_templates_ask_for_no_unescaped_value() -> None:
    """A195: no template switches escaping off."""
    templates = list((SOURCE / "templates").glob("*.html"))
    assert templates
    for template in templates:
        text = template.read_text()
        assert not re.search(r"\|\s*safe\b|autoescape\s+false", text), template.name
