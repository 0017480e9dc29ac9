"""The settings that the newest process started with: the fold of their stream."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from domain.decision import Decision
from domain.event import Event, folding
from domain.setting.events import SettingsChanged

#: By name, as JSON values.
RecordedSettings = Mapping[str, Any]
NOTHING_RECORDED: Final[RecordedSettings] = {}


#: Before the keyed hash that stands for a secret.
HIDDEN: Final = "hmac:"


def is_hidden(value: Any) -> bool:
    """Whether a recorded value stands for a secret. It says nothing to a reader but that it is another one."""
    parts = value if isinstance(value, list) else [value]
    return any(isinstance(part, str) and part.startswith(HIDDEN) for part in parts)


def apply(settings: RecordedSettings, event: Event) -> RecordedSettings:
    """The settings after one more event."""
    match event:
        case SettingsChanged():
            kept = {name: value for name, value in settings.items() if name not in event.removed}
            return {**kept, **event.changed}
        case _:
            return settings


#: The settings after some events.
fold: Final = folding(apply, NOTHING_RECORDED)


def digest_of(settings: RecordedSettings) -> str:
    """The digest of all settings, in the form of the other digests in events."""
    text = msgspec.json.encode(settings, order="sorted")
    return urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()


def decide_start(
    recorded: RecordedSettings, started_with: RecordedSettings, now: int
) -> Decision[RecordedSettings]:
    """A process starts. Only what differs from the settings recorded last is an event."""
    changed = {
        name: value for name, value in started_with.items() if name not in recorded or recorded[name] != value
    }
    removed = tuple(sorted(recorded.keys() - started_with.keys()))
    if not changed and not removed:
        return Decision((), recorded)
    event = SettingsChanged(digest_of(started_with), changed, now, removed)
    return Decision((event,), started_with)
