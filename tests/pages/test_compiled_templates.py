"""The templates are compiled once for all languages, and yet each language shows its own words."""

from authrim.pages import texts
from authrim.pages.pages import ErrorPage, Pages
from authrim.pages.translations import LOCALES


def test_each_language_shows_its_own_words_whoever_came_first() -> None:
    """The code of a template is shared; a text that was translated while it was compiled would be too."""
    shown = [
        Pages()
        .error(
            ErrorPage(
                status=400,
                error="invalid_request",
                title=texts.LOGGED_OUT,
                description=texts.NOT_DELIVERABLE,
                error_id="e",
                locale=locale,
            )
        )
        .text
        for locale in (*LOCALES, *LOCALES)
    ]
    assert len(set(shown)) == len(LOCALES)
    assert shown[: len(LOCALES)] == shown[len(LOCALES) :]
