"""The answers that carry the pages, over real HTTP: status, headers, JSON, static files."""

import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from authrim.pages.headers import prefers_json
from authrim.pages.views import ErrorPage, FormPostPage, SignInPage
from authrim.pages.words import words_for
from authrim.web.answers import page_or_json
from domain.errors import Refusal
from tests.browser.sample_site import HOSTILE, Site, running_site

PAGES = ("login", "login-wrong", "create-account", "consent", "error", "form-post")
BASE_POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
}


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    async with running_site() as site:
        yield site


def policy_of(header: str) -> dict[str, str]:
    return dict(directive.split(" ", 1) for directive in header.split("; "))


@pytest.mark.parametrize("page", PAGES)
async def test_a180_every_page_refuses_frames_caches_and_third_parties(site: Site, page: str) -> None:
    """A036, A180, A195: the headers of decisions 28 are on every page."""
    async with ClientSession() as session, session.get(f"{site.url}/{page}") as answer:
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "geolocation=()" in answer.headers["Permissions-Policy"]
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = policy_of(answer.headers["Content-Security-Policy"])
        assert BASE_POLICY.items() <= policy.items()
        # A web client may lead on anywhere from its callback (docs/designs/0020).
        assert policy.get("form-action") == ("'none'" if page == "error" else None)
        scripts = policy.get("script-src")
        with_script = page in {"form-post", "login", "login-wrong", "create-account"}
        assert re.fullmatch(r"'nonce-[\w-]{22}'", scripts or "") if with_script else scripts is None


@pytest.mark.parametrize("page", ["form-post", "login", "create-account"])
async def test_a196_each_page_with_a_script_has_a_nonce_of_its_own(site: Site, page: str) -> None:
    """A195, A196: a nonce that has been seen allows no other script."""
    policies = {site.show(page).headers["Content-Security-Policy"] for _ in range(3)}
    assert len(policies) == 3


async def test_a_native_apps_scheme_is_a_form_action_source(site: Site) -> None:
    """A sign-in for ``com.example.app:/cb`` (RFC 8252 §7.1) may end in that scheme."""
    page = SignInPage(
        action_url="/login", csrf_token="t", client=site.client(redirect_uri="com.example.app:/cb")
    )
    policy = policy_of(site.pages.sign_in(page).headers["Content-Security-Policy"])
    assert policy["form-action"] == "'self' com.example.app:"


@pytest.mark.parametrize(
    "action", ["javascript:alert(1)", "data:text/html,x", "https://a.example; script-src *"]
)
async def test_a196_an_answer_is_never_posted_to_what_is_no_address(site: Site, action: str) -> None:
    """A196: such an action gives the error page, without the code and without the action."""
    answer = site.pages.form_post(FormPostPage(action=action, fields=(("code", "c0de"),), error_id="e1"))
    assert answer.status == 400
    assert "c0de" not in str(answer.text)
    assert action not in str(answer.text)


async def test_an_error_is_json_for_who_prefers_json(site: Site) -> None:
    """The same refusal as ``error`` and ``error_description`` (RFC 6749 §5.2), with the same status."""
    refusal = Refusal("temporarily_unavailable", HOSTILE, hint="Wait.", status=429, retry_after=7)
    page = ErrorPage(refusal=refusal, words=words_for(refusal), error_id="e1")
    answer = page_or_json(site.pages, page, "application/json, text/html;q=0.5")
    assert (answer.status, answer.content_type) == (429, "application/json")
    assert answer.headers["Retry-After"] == "7"
    assert answer.headers["Authrim-Error-Id"] == "e1"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.text
    assert body is not None
    assert set(json.loads(body)) == {"error", "error_description"}


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,application/xhtml+xml,*/*;q=0.8", False),
        ("application/json", True),
        ("application/json;q=0.5, text/html", False),
        ("text/html;q=0.5, application/json", True),
        ("application/json;q=nonsense", False),
    ],
)
def test_json_only_on_request(accept: str, wanted: bool) -> None:
    """A browser gets a page; JSON is for who names it and wants it more."""
    assert prefers_json(accept) is wanted


async def test_static_files_are_kept_for_ever_under_their_hash(site: Site) -> None:
    """The style sheet, the mark and the script come with an immutable cache, exact type and no other path."""
    text = str(site.show("login").text)
    paths = set(re.findall(r'"(/static/[^"]+)"', text))
    assert len(paths) == 3
    async with ClientSession() as session:
        for path in paths:
            async with session.get(site.url + path) as answer:
                assert answer.status == 200
                assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
                assert answer.content_type in {"text/css", "image/svg+xml", "text/javascript"}
        async with session.get(f"{site.url}/static/authrim-0000000000000000.css") as answer:
            assert answer.status == 404


async def test_every_page_speaks_its_language(site: Site) -> None:
    """``lang`` and Content-Language name the language the text is in."""
    for locale, heading in {"en": "Sign in", "de": "Anmelden", "fr": "Se connecter"}.items():
        answer = site.show("login", locale)
        assert answer.headers["Content-Language"] == locale
        assert f'<html lang="{locale}">' in str(answer.text)
        assert f"<h1>{heading}</h1>" in str(answer.text)


async def test_texts_a_caller_gives_are_translated_but_never_trusted(site: Site) -> None:
    """A195: a known message is shown in the page's language, any other as escaped text."""
    assert "Der Anmeldename oder das Passwort stimmt nicht." in str(site.show("login-wrong", "de").text)
    assert "<script>window" not in str(site.show("hostile-login").text)
