"""The descriptions of scope values: the fold of their stream, and what an administrator may change."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from domain.decision import Decision, refuse
from domain.errors import Refusal, invalid_request, invalid_scope
from domain.event import Event, folding
from domain.scope_text.events import ScopeDescribed, ScopeDescriptionRemoved
from domain.vocabulary import scope as scopes

#: In characters. A title is a line of the consent page.
MAX_TITLE: Final = 80
MAX_DETAIL: Final = 200
#: Scope values with a description. Every process keeps all of them in memory.
MAX_DESCRIBED: Final = 500

_LOCALE: Final = re.compile("[a-z]{2,3}")
#: Spaces that do not break, which French sets before some signs (U+00A0, U+202F).
_SPACES: Final = str.maketrans("\u00a0\u202f", "  ")

NOT_A_SCOPE: Final = invalid_scope(
    "This is not a scope value.",
    hint="Name one value in printable ASCII, without space, quote and backslash.",
)
NOT_A_LOCALE: Final = invalid_request(
    "This is not a language.", hint="Name one as de or fr.", section="RFC 5646 §2.1"
)
UNUSABLE: Final = invalid_request(
    "The text cannot be shown on a page.",
    hint=f"Write one line of up to {MAX_TITLE} printable characters, and {MAX_DETAIL} for the detail.",
    section="RFC 6749 §3.3",
)
TOO_MANY: Final = invalid_request(
    "Too many scope values have a description.", hint=f"At most {MAX_DESCRIBED} may.", section="RFC 6749 §3.3"
)
UNKNOWN: Final = invalid_request(
    "This scope value has no such description.", hint="See authrim scope list.", section="RFC 6749 §3.3"
)


class ScopeText(msgspec.Struct, frozen=True):
    """What a person reads about one scope value."""

    title: str
    detail: str = ""


#: By scope value, then by language.
ScopeTexts = Mapping[str, Mapping[str, ScopeText]]
NO_TEXTS: Final[ScopeTexts] = {}


def apply(texts: ScopeTexts, event: Event) -> ScopeTexts:
    """The descriptions after one more event."""
    match event:
        case ScopeDescribed():
            said = {**texts.get(event.scope, {}), event.locale: ScopeText(event.title, event.detail)}
            return {**texts, event.scope: said}
        case ScopeDescriptionRemoved():
            left = {
                locale: text for locale, text in texts.get(event.scope, {}).items() if locale != event.locale
            }
            others = {scope: said for scope, said in texts.items() if scope != event.scope}
            return {**others, event.scope: left} if left else others
        case _:
            return texts


#: The descriptions after some events.
fold: Final = folding(apply, NO_TEXTS)


def text_in(texts: ScopeTexts, scope: str, locales: Sequence[str]) -> tuple[str, ScopeText] | None:
    """The description in the first of these languages that has one, and the language; None if none has."""
    said = texts.get(scope, {})
    return next(((locale, said[locale]) for locale in locales if locale in said), None)


def decide_describe(
    texts: ScopeTexts, scope: str, locale: str, text: ScopeText, now: int
) -> Decision[ScopeTexts]:
    """Describe a scope value in a language. The same description again is no event."""
    refusal = _why_not(scope, locale, text)
    if refusal is not None:
        return refuse(refusal)
    if scope not in texts and len(texts) >= MAX_DESCRIBED:
        return refuse(TOO_MANY)
    if texts.get(scope, {}).get(locale) == text:
        return Decision((), texts)
    described = ScopeDescribed(scope, locale, text.title, now, text.detail)
    return Decision((described,), apply(texts, described))


def decide_remove(texts: ScopeTexts, scope: str, locale: str | None, now: int) -> Decision[ScopeTexts]:
    """Remove the description in a language, or in all of them."""
    said = texts.get(scope, {})
    locales = sorted(said) if locale is None else [locale]
    if not locales or not said.keys() >= set(locales):
        return refuse(UNKNOWN)
    events = tuple(ScopeDescriptionRemoved(scope, one, now) for one in locales)
    return Decision(events, fold(events, texts))


def _why_not(scope: str, locale: str, text: ScopeText) -> Refusal | None:
    if not scopes.is_value(scope) or len(scope) > scopes.MAX_LENGTH:
        return NOT_A_SCOPE
    if not _LOCALE.fullmatch(locale):
        return NOT_A_LOCALE
    usable = _is_line(text.title, MAX_TITLE) and (not text.detail or _is_line(text.detail, MAX_DETAIL))
    return None if usable else UNUSABLE


def _is_line(text: str, longest: int) -> bool:
    """Whether people can read it on one line: no control, direction or line characters. Markup is text like any other,
    because the pages escape it (A195)."""
    return 0 < len(text) <= longest and bool(text.strip()) and text.translate(_SPACES).isprintable()
