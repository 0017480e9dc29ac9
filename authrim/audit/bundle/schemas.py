"""JSON schemas of the events in a bundle."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from authrim.store.codec import REGISTRIES
from domain.event import Event
from domain.log_entry import Metadata

_BY_TYPE: Final[dict[str, type[Event]]] = {
    tag: event_class for registry in REGISTRIES.values() for tag, event_class in registry.items()
}


def schemas_of(types: Iterable[str]) -> dict[str, Any]:
    """The schema of the payload of each type that this version knows, and that of the metadata."""
    known = {type_: _BY_TYPE[type_] for type_ in sorted(types) if type_ in _BY_TYPE}
    return {
        "metadata": _schema_of(Metadata),
        "payloads": {type_: _schema_of(event_class) for type_, event_class in known.items()},
    }


def _schema_of(class_: type[msgspec.Struct]) -> dict[str, Any]:
    return msgspec.json.schema(class_, schema_hook=_any_value)


def _any_value(type_: type) -> dict[str, Any]:
    """A folded state (``grant.summarized.v1``) has values of any type."""
    if type_ is not object:
        raise NotImplementedError
    return {"description": "Any value."}
