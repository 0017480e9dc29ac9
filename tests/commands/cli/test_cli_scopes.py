"""``authrim scope`` on a real store."""

from tests.support.command_line import CommandLine


def test_from_the_first_to_the_last(authrim: CommandLine) -> None:
    """Described in two languages, listed, shown, replaced, and removed; what cannot be shown is refused."""
    describe = ("scope", "describe", "invoices:read")
    authrim.json(*describe, "--locale", "de", "Ihre Rechnungen sehen", "--detail", "Auch die bezahlten.")
    made = authrim.json(*describe, "See your invoices", "--locale", "en")
    assert made == {
        "scope": "invoices:read",
        "texts": {
            "de": {"title": "Ihre Rechnungen sehen", "detail": "Auch die bezahlten."},
            "en": {"title": "See your invoices", "detail": ""},
        },
    }
    shown = authrim.run("scope", "show", "invoices:read").stdout
    assert "de: Ihre Rechnungen sehen (Auch die bezahlten.)" in shown
    assert authrim.json("scope", "show", "invoices:read") == made
    assert authrim.json("scope", "list")["scopes"] == [{**made, "languages": ["de", "en"]}]
    authrim.json(*describe, "Read your invoices", "--locale", "en")
    left = authrim.json("scope", "remove", "invoices:read", "--locale", "de")
    assert left["texts"] == {"en": {"title": "Read your invoices", "detail": ""}}
    assert authrim.json("scope", "remove", "invoices:read")["texts"] == {}
    for words in (("scope", "show", "invoices:read"), (*describe, "two\nlines", "--locale", "en")):
        assert authrim.run(*words, status=1).stdout == ""
    assert authrim.run(*describe, "Text", "--locale", "xx", status=2).stdout == ""
    assert authrim.json("scope", "list")["scopes"] == []
