"""Documents for people as one HTML file: no script, nothing from elsewhere, light and dark, and good to print."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES: Final = Path(__file__).parent / "document_templates"


class Part(msgspec.Struct, frozen=True):
    """A part of a document: a table, with what it is about. Without columns the first cell of a row is its name."""

    title: str
    rows: tuple[tuple[str, ...], ...]
    columns: tuple[str, ...] = ()
    about: str = ""


class Document(msgspec.Struct, frozen=True):
    """A document: ``about`` are its first paragraphs."""

    title: str
    about: tuple[str, ...]
    sections: tuple[Part, ...]


def render_document(document: Document) -> bytes:
    """The HTML file. Every value is escaped; the same document gives the same bytes."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("document.html").render(document=document).encode()


def fields_part(title: str, fields: Mapping[str, Any], about: str = "") -> Part:
    """A part with one field per row."""
    return Part(title, tuple((name, text_of(value)) for name, value in fields.items()), (), about)


def rows_part(title: str, rows: list[dict[str, Any]], about: str = "") -> Part:
    """A part with one thing per row; its columns are the names of all fields, in the order in which they come."""
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    cells = tuple(tuple(text_of(row.get(name)) for name in names) for row in rows)
    return Part(title, cells, tuple(name.replace("_", " ") for name in names), about)


def text_of(value: Any) -> str:
    """A value as people read it."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(text_of(one) for one in value) or "–"
        case dict():
            return "; ".join(f"{name}: {text_of(one)}" for name, one in value.items()) or "–"
        case _:
            return str(value)
