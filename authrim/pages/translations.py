"""The languages of the pages: the available ones, the choice for a request, and their texts.

Messages are written in English in the templates and in ``texts.py``; ``locales/<language>.po`` has their translations.
The catalogs are compiled in memory when a process first shows a page, so there is no build step, and a new language
needs only a new file.
"""

from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babel.support import NullTranslations

SOURCE_LOCALE = "en"
_CATALOGS = Path(__file__).parent / "locales"

LOCALES: tuple[str, ...] = (SOURCE_LOCALE, *sorted(path.stem for path in _CATALOGS.glob("*.po")))
"""All languages of the pages, the source first."""


@cache
def load_translations(locale: str) -> "NullTranslations":
    """The texts of one of ``LOCALES``. The source language needs no catalog."""
    from babel.messages.mofile import write_mo  # which a process without pages never needs
    from babel.messages.pofile import read_po
    from babel.support import NullTranslations, Translations

    if locale == SOURCE_LOCALE:
        return NullTranslations()
    with (_CATALOGS / f"{locale}.po").open("rb") as source:
        catalog = read_po(source, locale=locale)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Translations(compiled)


def choose_locale(ui_locales: str, accept_language: str, otherwise: str = SOURCE_LOCALE) -> str:
    """The page's language: the first known one of ``ui_locales`` (OIDC Core §3.1.2.1), then of the browser's languages.

    ``ui_locales`` is the space-separated request parameter, ``accept_language`` the header (RFC 9110 §12.5.4); either
    can be empty or invalid. If neither names a known language, ``otherwise`` is used, and at last English. An unknown
    language is not an error.
    """
    for tag in [*ui_locales.split(), *_by_preference(accept_language), otherwise]:
        language = tag.partition("-")[0].lower()
        if language in LOCALES:
            return language
    return SOURCE_LOCALE


def _by_preference(accept_language: str) -> list[str]:
    """The tags of an Accept-Language header in order of preference, without refused ones (``q=0``)."""
    weighted = [weighted_item(item) for item in accept_language.split(",")]
    wanted = [(tag, weight) for tag, weight in weighted if tag and weight > 0]
    return [tag for tag, _ in sorted(wanted, key=lambda pair: -pair[1])]


def weighted_item(item: str) -> tuple[str, float]:
    """The value and weight of a member of an Accept header (RFC 9110 §12.4.2); the weight is 0 when it is not a
    number."""
    value, *parameters = (part.strip() for part in item.split(";"))
    weight = 1.0
    for parameter in parameters:
        name, _, number = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                weight = float(number)
            except ValueError:
                return value, 0.0
    return value, weight if 0.0 <= weight <= 1.0 else 0.0
