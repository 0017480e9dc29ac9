"""``docs/events.md``: every event, from its docstring and its fields."""

import inspect
from typing import Any, Final

import msgspec

from authrim.store.codec import REGISTRIES
from domain.event import Event

_OPENING: Final = """# Events

<!-- Generated from the event classes in domain/ by `make docs`. -->

Every event that Authrim writes, by kind of stream. A stream id is `<tenant>:<kind>:<id>`. The `type` of a stored event
is its tag, and its payload is JSON text with these fields. A field with its default value is omitted from the payload.
A released event never changes: a new version has a new tag, and the old one stays readable forever.

Times named `…_at` are seconds since 1970 (UTC). Digests are SHA-256 in base64url without padding. No event holds
personal data, a secret or a token.
"""


def page() -> str:
    """The whole of ``docs/events.md``."""
    return "\n".join([_OPENING, *(_stream(kind, registry) for kind, registry in REGISTRIES.items())])


def _stream(kind: str, registry: dict[str, type[Event]]) -> str:
    return "\n".join([f"## {kind}", "", *(_event(tag, registry[tag]) for tag in registry)])


def _event(tag: str, event_class: type[Event]) -> str:
    fields = msgspec.structs.fields(event_class)
    rows = [f"| `{field.name}` | {_type(field.type)} | {_default(field)} |" for field in fields]
    heading = [f"### {tag}", "", f"`{event_class.__name__}`: {_meaning(event_class)}", ""]
    return "\n".join([*heading, "| field | value | default |", "|---|---|---|", *rows, ""])


def _meaning(event_class: type[Event]) -> str:
    """The event's docstring, in one line of Markdown."""
    return " ".join((inspect.getdoc(event_class) or "").split()).replace("``", "`")


def _type(annotation: Any) -> str:
    """The JSON type of a field."""
    described = msgspec.inspect.type_info(annotation)
    return " or ".join(_in_words(part) for part in _alternatives(described))


def _alternatives(described: msgspec.inspect.Type) -> tuple[msgspec.inspect.Type, ...]:
    return described.types if isinstance(described, msgspec.inspect.UnionType) else (described,)


def _in_words(described: msgspec.inspect.Type) -> str:
    if isinstance(described, msgspec.inspect.VarTupleType):
        return f"list of {_in_words(described.item_type)}"
    return _WORDS[type(described)]


_WORDS: Final[dict[type[msgspec.inspect.Type], str]] = {
    msgspec.inspect.StrType: "text",
    msgspec.inspect.IntType: "number",
    msgspec.inspect.BoolType: "true or false",
    msgspec.inspect.NoneType: "null",
    msgspec.inspect.DictType: "object",
    msgspec.inspect.StructType: "object",
}


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
    return f"`{msgspec.json.encode(default).decode()}`"
