"""What can happen to the settings of the server, and to its master keys. Their values come from outside the log; it
records what they were."""

from typing import Any

from domain.event import Event, registry


class SettingsChanged(Event, frozen=True, tag="setting.changed.v1"):
    """A process of the server started with settings that matter for security other than those recorded before.
    ``changed`` has the settings that differ with their new values; the first event has all of them. ``removed`` are
    those that the started version no longer has. ``digest`` is that of all settings from now on: SHA-256 over JSON with
    sorted names and without spaces. A secret is a keyed hash, a file the SHA-256 of its content, a master key its
    id."""

    digest: str
    changed: dict[str, Any]
    started_at: int
    removed: tuple[str, ...] = ()


class MasterKeyGivenUp(Event, frozen=True, tag="setting.master_key_given_up.v1"):
    """An administrator goes on without a lost master key: what it sealed is lost. ``key_id`` is its id."""

    key_id: str
    given_up_at: int


class MasterKeyReplaced(Event, frozen=True, tag="setting.master_key_replaced.v1"):
    """Everything that a master key had sealed is sealed under another one: the key is no longer needed. ``key_id`` is
    its id, ``replaced_by`` that of the key that took over."""

    key_id: str
    replaced_by: str
    replaced_at: int


SETTING_EVENTS = registry(SettingsChanged, MasterKeyGivenUp, MasterKeyReplaced)
