"""The scope values of a request in words, for the consent page."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from authrim.pages import texts
from authrim.pages.display import display_name
from authrim.pages.translations import SOURCE_LOCALE, load_translations
from authrim.pages.views import ScopeLine
from domain.scope_text.scope_text import MAX_DETAIL, NO_TEXTS, ScopeTexts, text_in

NO_CLAIMS: Final[Mapping[str, tuple[str, ...]]] = {}


def scope_lines(
    scopes: Iterable[str],
    locale: str,
    claims: Mapping[str, tuple[str, ...]] = NO_CLAIMS,
    described: ScopeTexts = NO_TEXTS,
    otherwise: str = SOURCE_LOCALE,
) -> tuple[ScopeLine, ...]:
    """What each scope value allows, in words. ``claims``: by scope value, the labels of the defined claims that it
    releases. ``described`` are the administrator's descriptions; a value that has none in the page's language has
    the one in ``otherwise``, in English, or in any language that there is. A value without a description is shown
    by its name."""
    lines = []
    for scope in scopes:
        line = _scope_line(scope, locale, described, otherwise)
        named = tuple(map(display_name, claims.get(scope, ())))
        lines.append(msgspec.structs.replace(line, claims=named))
    return tuple(lines)


def _scope_line(scope: str, locale: str, described: ScopeTexts, otherwise: str) -> ScopeLine:
    translate = load_translations(locale).gettext
    own = texts.SCOPE_TEXTS.get(scope)
    # Our own words are in every language, so another language's description does not replace them.
    others = () if own else (otherwise, SOURCE_LOCALE, *sorted(described.get(scope, ())))
    found = text_in(described, scope, (locale, *others))
    if found is not None:
        language, text = found
        lang = "" if language == locale else language
        return ScopeLine(display_name(text.title), display_name(text.detail, MAX_DETAIL), lang=lang)
    if own is not None:
        title, detail = own
        return ScopeLine(translate(title), translate(detail))
    return ScopeLine(display_name(scope), translate(texts.UNKNOWN_SCOPE_TEXT))
