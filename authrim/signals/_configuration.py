"""The configuration of a stream as JSON: what a receiver sends, and what it is answered (SSF 1.0 §8.1.1)."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from authrim.core.parts import Core
from authrim.signals.event_types import SUPPORTED
from authrim.signals.receivers import Receiver
from domain.errors import Refusal, invalid_request
from domain.signal.stream import POLL, PUSH, Delivery

PUSH_METHOD: Final = "urn:ietf:rfc:8935"
POLL_METHOD: Final = "urn:ietf:rfc:8936"
METHODS: Final[Mapping[str, str]] = {PUSH_METHOD: PUSH, POLL_METHOD: POLL}

_SECTION: Final = "SSF 1.0 §8.1.1"
_MOST_TYPES: Final = 64
_LONGEST_TYPE: Final = 255
_LONGEST_DESCRIPTION: Final = 200
_LONGEST_HEADER: Final = 4096


class Configuration(msgspec.Struct, frozen=True):
    """What a receiver wants. ``authorization`` None: nothing is said of it; empty: no header."""

    delivery: Delivery
    authorization: str | None = None

    def __repr__(self) -> str:
        return "Configuration()"


def read_configuration(
    core: Core, receiver: Receiver, document: Mapping[str, Any], before: Delivery | None
) -> Configuration | Refusal:
    """The configuration that a request asks for. ``before``: members that are left out stay as they were (§8.1.1.3)."""
    refusal = _transmitter_members(core, receiver, document)
    if refusal is not None:
        return refusal
    kept = before or Delivery(POLL)
    delivery = _delivery(core, document["delivery"]) if "delivery" in document else Configuration(kept)
    if isinstance(delivery, Refusal):
        return delivery
    requested = document.get("events_requested", list(kept.events_requested))
    if not _are_types(requested):
        return _wrong("events_requested is no array of URIs.")
    description = document.get("description", kept.description)
    if not isinstance(description, str) or len(description) > _LONGEST_DESCRIPTION:
        return _wrong(f"description is no text of at most {_LONGEST_DESCRIPTION} characters.")
    if not description.isprintable():
        return _wrong("description has characters that cannot be seen.")
    made = Delivery(
        delivery.delivery.method, delivery.delivery.endpoint_url, tuple(dict.fromkeys(requested)), description
    )
    authorization = delivery.authorization
    if authorization is None and made.endpoint_url != kept.endpoint_url:
        authorization = ""  # A299: the secret of one address is never sent to another
    return Configuration(made, authorization)


def shown(core: Core, receiver: Receiver) -> dict[str, Any]:
    """The whole configuration. The header for pushes is a secret, and never told again."""
    stream = receiver.stream
    delivery = stream.delivery
    if delivery.method == PUSH:
        delivered_by = {"method": PUSH_METHOD, "endpoint_url": delivery.endpoint_url}
    else:
        delivered_by = {"method": POLL_METHOD, "endpoint_url": core.url(f"/ssf/poll/{stream.stream_id}")}
    document: dict[str, Any] = {
        "stream_id": stream.stream_id,
        "iss": core.issuer,
        "aud": receiver.client.client_id,
        "events_supported": SUPPORTED,
        "events_delivered": [uri for uri in SUPPORTED if stream.wants(uri)],
        "delivery": delivered_by,
        "min_verification_interval": core.settings.signals_verification_seconds,
    }
    if delivery.events_requested:
        document["events_requested"] = delivery.events_requested
    if delivery.description:
        document["description"] = delivery.description
    return document


def _transmitter_members(core: Core, receiver: Receiver, document: Mapping[str, Any]) -> Refusal | None:
    """What is ours to say may be repeated, and not changed (§8.1.1.3)."""
    for name, value in (("iss", core.issuer), ("aud", receiver.client.client_id)):
        if name in document and document[name] != value:
            return _wrong(f"{name} cannot be changed.")
    return None


def _delivery(core: Core, given: Any) -> Configuration | Refusal:
    if not isinstance(given, dict) or given.get("method") not in METHODS:
        return _wrong(f"delivery has no method that is supported: {' or '.join(METHODS)}.")
    if METHODS[given["method"]] == POLL:
        return Configuration(Delivery(POLL), "")
    url, header = given.get("endpoint_url"), given.get("authorization_header")
    if not isinstance(url, str) or not core.egress.permits(url):
        return _wrong("delivery.endpoint_url is no https address that may be pushed to.")
    if header is None:
        return Configuration(Delivery(PUSH, url))
    if not isinstance(header, str) or len(header) > _LONGEST_HEADER:
        return _wrong("delivery.authorization_header is too long.")
    if not (header.isascii() and header.isprintable()):
        return _wrong("delivery.authorization_header is no header value.")
    return Configuration(Delivery(PUSH, url), header)


def _are_types(requested: Any) -> bool:
    return (
        isinstance(requested, list)
        and len(requested) <= _MOST_TYPES
        and all(
            isinstance(uri, str) and len(uri) <= _LONGEST_TYPE and uri.isascii() and uri.isprintable()
            for uri in requested
        )
    )


def _wrong(what: str) -> Refusal:
    return invalid_request(what, section=_SECTION)
