"""The languages of the pages: which there are, which one a request gets, and their texts.

Messages are written in English in the templates and in ``texts.py``; ``locales/<language>.po`` holds their
translations. The catalogs are compiled in memory when the process starts, so nothing has to be built first
and a new language is a new file.
"""

from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

SOURCE_LOCALE = "en"
_CATALOGS = Path(__file__).parent / "locales"

LOCALES: tuple[str, ...] = (SOURCE_LOCALE, *sorted(path.stem for path in _CATALOGS.glob("*.po")))
"""Every language the pages are written in, the source first."""


def load_translations(locale: str) -> NullTranslations:
    """The texts of one of ``LOCALES``; the source language needs no catalog."""
    if locale == SOURCE_LOCALE:
        return NullTranslations()
    with (_CATALOGS / f"{locale}.po").open("rb") as source:
        catalog = read_po(source, locale=locale)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    compiled.seek(0)
    return Translations(compiled)


def choose_locale(ui_locales: str, accept_language: str, otherwise: str = SOURCE_LOCALE) -> str:
    """The page's language: the first known of ``ui_locales`` (OIDC Core §3.1.2.1), then of the browser's.

    ``ui_locales`` is the space-separated request parameter, ``accept_language`` the header (RFC 9110
    §12.5.4); either may be empty or nonsense. Where neither names a known language it is ``otherwise``, and
    English at last, for an unknown language is no error.
    """
    for tag in [*ui_locales.split(), *_by_preference(accept_language), otherwise]:
        language = tag.partition("-")[0].lower()
        if language in LOCALES:
            return language
    return SOURCE_LOCALE


def _by_preference(accept_language: str) -> list[str]:
    """The tags of an Accept-Language header, the most wanted first; unwanted (``q=0``) ones left out."""
    weighted = [weighted_item(item) for item in accept_language.split(",")]
    wanted = [(tag, weight) for tag, weight in weighted if tag and weight > 0]
    return [tag for tag, _ in sorted(wanted, key=lambda pair: -pair[1])]


def weighted_item(item: str) -> tuple[str, float]:
    """Value and weight of a member of an Accept header (RFC 9110 §12.4.2); 0 when the weight is no number."""
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
