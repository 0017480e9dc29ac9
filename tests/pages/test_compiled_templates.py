"""The templates are compiled once for all languages, and yet each language shows its own words."""

import msgspec

from authrim.pages.pages import Pages
from authrim.pages.translations import LOCALES
from authrim.pages.views import ErrorPage
from authrim.pages.words import words_for
from domain.errors import Refusal


def test_each_language_shows_its_own_words_whoever_came_first() -> None:
    """The code of a template is shared; a text that was translated while it was compiled would be too."""
    refusal = Refusal("invalid_request", "It is wrong.")
    page = ErrorPage(refusal=refusal, words=words_for(refusal), error_id="e")
    shown = [
        Pages().error(msgspec.structs.replace(page, locale=locale)).text for locale in (*LOCALES, *LOCALES)
    ]
    assert len(set(shown)) == len(LOCALES)
    assert shown[: len(LOCALES)] == shown[len(LOCALES) :]
