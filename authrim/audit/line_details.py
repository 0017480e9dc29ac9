"""What stands beside the sentence of an event, for people: its request, what it is about, and its other fields."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from authrim.audit.sentences import SENTENCES, reason_in_words, shown
from authrim.audit.timeline import Line

#: Fields that are for comparing by machine; ``--json`` has them.
_DIGESTS: Final = ("_hash", "_digest", "_jwk", "hmac_key_id", "state")
_TIMES: Final = ("_at", "_until", "auth_time", "active_from")


def request_of(line: Line) -> str:
    """The actor of an event, and its request."""
    named = {"trace": line.metadata.trace, "error id": line.metadata.error_id}
    return " · ".join([line.by, *(f"{name} {shown(value)}" for name, value in named.items() if value)])


def place_of(line: Line) -> tuple[str, str]:
    """The stream of an event, as its commands name it: kind and id."""
    _, kind, identifier = line.stream.split(":", 2)
    return shown(kind), shown(identifier)


def details_of(line: Line) -> Iterable[str]:
    """The fields that the sentence does not name. When it happened is in the row already."""
    for name, value in line.fields.items():
        if name == "reason":
            yield reason_in_words(shown(value)).removesuffix(".")
        elif name == "expires_at" or (name.endswith(_TIMES) and not name.endswith("_at")):
            yield f"{name} {datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S}"
        elif not name.endswith((*_DIGESTS, *_TIMES)) and f"{{{name}}}" not in SENTENCES.get(line.type, ""):
            yield f"{name} {shown(value)}"
