"""What an administrator tells people about scope values: given events, when they describe, then this."""

import pytest

from domain.decision import Decision
from domain.errors import Refusal
from domain.scope_text import scope_text
from domain.scope_text.events import ScopeDescribed, ScopeDescriptionRemoved
from domain.scope_text.scope_text import (
    MAX_DESCRIBED,
    MAX_DETAIL,
    MAX_TITLE,
    NO_TEXTS,
    NOT_A_LOCALE,
    NOT_A_SCOPE,
    TOO_MANY,
    UNKNOWN,
    UNUSABLE,
    ScopeText,
    decide_describe,
    decide_remove,
    fold,
    text_in,
)

GERMAN = ScopeDescribed("invoices:read", "de", "Ihre Rechnungen sehen", 1)
ENGLISH = ScopeDescribed("invoices:read", "en", "See your invoices", 2, "Paid ones too.")


def test_a_description_is_written_replaced_and_removed() -> None:
    """Each language has one text; the same again is no event; without the last one the value is unknown."""
    first = decide_describe(NO_TEXTS, "invoices:read", "de", ScopeText("Ihre Rechnungen sehen"), 1)
    assert first == Decision((GERMAN,), {"invoices:read": {"de": ScopeText("Ihre Rechnungen sehen")}})
    texts = fold((GERMAN, ENGLISH))
    assert decide_describe(
        texts, "invoices:read", "en", ScopeText("See your invoices", "Paid ones too."), 3
    ) == Decision((), texts)
    removed = decide_remove(texts, "invoices:read", "en", 4)
    assert removed == Decision((ScopeDescriptionRemoved("invoices:read", "en", 4),), fold((GERMAN,)))
    assert decide_remove(texts, "invoices:read", None, 4).answer == NO_TEXTS
    for scope, locale in (("invoices:read", "fr"), ("other", None), ("other", "de")):
        assert decide_remove(texts, scope, locale, 4) == Decision((), UNKNOWN)


def test_the_first_language_that_has_one_is_taken() -> None:
    """The languages come in the order of the person's preference."""
    texts = fold((GERMAN, ENGLISH))
    for locales, found in ((("fr", "en", "de"), "en"), (("de", "en"), "de"), (("fr",), None), ((), None)):
        told = text_in(texts, "invoices:read", locales)
        assert (told[0] if told else None) == found
    assert text_in(texts, "other", ("de",)) is None


@pytest.mark.parametrize(
    ("scope", "locale", "title", "detail", "refusal"),
    [
        ("two values", "de", "x", "", NOT_A_SCOPE),
        ("", "de", "x", "", NOT_A_SCOPE),
        ('quo"te', "de", "x", "", NOT_A_SCOPE),
        ("x" * 1025, "de", "x", "", NOT_A_SCOPE),
        ("read", "de-AT", "x", "", NOT_A_LOCALE),
        ("read", "DE", "x", "", NOT_A_LOCALE),
        ("read", "", "x", "", NOT_A_LOCALE),
        ("read", "de", "", "", UNUSABLE),
        ("read", "de", " \u00a0", "", UNUSABLE),
        ("read", "de", "x" * (MAX_TITLE + 1), "", UNUSABLE),
        ("read", "de", "x", "y" * (MAX_DETAIL + 1), UNUSABLE),
        ("read", "de", "two\nlines", "", UNUSABLE),
        ("read", "de", "x", "a\u2028b", UNUSABLE),
        ("read", "de", "\u202ereversed", "", UNUSABLE),
        ("read", "de", "zero\u200bwidth", "", UNUSABLE),
        ("read", "de", "\x1b[31m", "", UNUSABLE),
    ],
)
def test_a242_what_cannot_be_shown_is_refused(
    scope: str, locale: str, title: str, detail: str, refusal: Refusal
) -> None:
    """A242: text has bounds, and no character that hides, turns or breaks a line."""
    assert decide_describe(NO_TEXTS, scope, locale, ScopeText(title, detail), 1) == Decision((), refusal)


def test_what_people_write_is_taken() -> None:
    """French spaces that do not break, other scripts, and signs of markup are text."""
    for title in ("Vos factures\u202f: lire", "請求書を見る", "a < b & c", "x" * MAX_TITLE):
        assert decide_describe(NO_TEXTS, "read", "fr", ScopeText(title, "y" * MAX_DETAIL), 1).events


def test_a242_the_descriptions_fit_into_memory() -> None:
    """A242: so many scope values have a description at most; one that has one may get another language."""
    texts = fold(ScopeDescribed(f"scope{number}", "de", "Text", 1) for number in range(MAX_DESCRIBED))
    assert decide_describe(texts, "one-more", "de", ScopeText("x"), 2) == Decision((), TOO_MANY)
    assert decide_describe(texts, "scope1", "en", ScopeText("x"), 2).events
    assert scope_text.apply(texts, ScopeDescriptionRemoved("never", "de", 3)) == texts
