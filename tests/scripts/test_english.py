"""The check of wording: it finds "one query a request" and archaic phrases, and lets ordinary sentences pass."""

from pathlib import Path

import pytest

from scripts.english import findings, problems


@pytest.mark.parametrize(
    "text",
    [
        "without a query a request",
        "One row a stream: the folded state",
        "-- One row a batch",
        "the keys of a file, one key a line",
        "one transaction an append",
        "one token\n    # a request",
        "One row an access token",
    ],
)
def test_an_article_in_place_of_per_is_found(text: str) -> None:
    """Each of these has "a" where "per" is meant, also across the end of a line."""
    assert len(list(findings(text))) == 1


@pytest.mark.parametrize(
    ("text", "words", "instead"),
    [
        ("Read anew after a change.", "anew", '"again"'),
        ("A browser may keep it for ever.", "for ever", '"forever"'),
        ("# a key that cannot be\n# had here", "cannot be had", '"is not available"'),
        ("Again, it says nothing\n    new.", "says nothing new", '"has no effect"'),
    ],
)
def test_a_phrase_is_found_with_its_replacement(text: str, words: str, instead: str) -> None:
    """Archaic phrases are found, also across the end of a line, and each names what to write."""
    assert [finding[1:] for finding in findings(text)] == [(words, instead)]


@pytest.mark.parametrize(
    "text",
    [
        "one query per request",
        "It lasts forever.",
        "which one a request gets",
        "a thousand times a second",
        "once a minute",
        "a row of a client",
        "one file holds a key and a client",
        "each client has a request",
        "the key a token is bound to",
    ],
)
def test_ordinary_sentences_pass(text: str) -> None:
    """What English says with "a" is not found."""
    assert not list(findings(text))


def test_the_place_is_named_and_applied_migrations_are_left_alone(tmp_path: Path) -> None:
    """A finding has its file and line; a migration that databases have applied cannot be edited, so it is not read."""
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "0001_events.sql").write_text("-- One row a batch")
    (tmp_path / "domain").mkdir()
    (tmp_path / "domain" / "module.py").write_text('"""Text.\n\nOne row a stream."""')
    assert list(problems(tmp_path)) == [
        'domain/module.py:3: "One row a stream": write "per" in place of the second article'
    ]
