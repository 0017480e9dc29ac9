"""The policy that decisions are made with again: the recorded one, or another one where it is named.

Another policy names settings by their names, and members of a client's registration. What it does not name stays as it
was recorded.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.inputs import Lifetimes
from domain.vocabulary import features
from domain.vocabulary.response_mode import RESPONSE_MODES
from domain.vocabulary.response_type import RESPONSE_TYPES

_EVERY_FEATURE: Final = frozenset(
    value for name, value in vars(features).items() if name.isupper() and isinstance(value, str)
)

#: The settings that a policy may name: lifetimes in seconds, and a number.
SETTINGS: Final = (
    "code_lifetime",
    "access_token_lifetime",
    "id_token_lifetime",
    "refresh_token_lifetime",
    "refresh_grace_seconds",
    "refresh_grace_count",
    "session_lifetime",
)


class Policy(msgspec.Struct, frozen=True):
    """``settings``: those that differ, by name. ``offered``: the names of the features that are on, and the
    ``response_types`` and ``response_modes`` that go with them. ``clients``: by client id, the members of the
    registration that differ."""

    settings: Mapping[str, int] = {}
    offered: frozenset[str] = _EVERY_FEATURE
    response_types: tuple[str, ...] = RESPONSE_TYPES
    response_modes: tuple[str, ...] = RESPONSE_MODES
    clients: Mapping[str, Mapping[str, Any]] = {}

    def code_lifetime(self, recorded: int) -> int:
        """The lifetime of codes."""
        return self.settings.get("code_lifetime", recorded)

    def session_lifetime(self, recorded: int) -> int:
        """The lifetime of sessions."""
        return self.settings.get("session_lifetime", recorded)

    def lifetimes(self, recorded: Lifetimes) -> Lifetimes:
        """The lifetimes of tokens."""
        named = self.settings
        return Lifetimes(
            named.get("access_token_lifetime", recorded.access_token),
            named.get("id_token_lifetime", recorded.id_token),
            named.get("refresh_token_lifetime", recorded.refresh_token),
        )

    def grace(self, recorded: tuple[int, int]) -> tuple[int, int]:
        """How long, and how often, a used refresh token is still accepted."""
        seconds, count = recorded
        named = self.settings
        return named.get("refresh_grace_seconds", seconds), named.get("refresh_grace_count", count)

    def client(self, client: Client) -> Client:
        """A client as it would have been registered."""
        changed = self.clients.get(client.client_id)
        if changed is None or not client.client_id:
            return client
        metadata = msgspec.convert({**msgspec.to_builtins(client.metadata), **changed}, ClientMetadata)
        return msgspec.structs.replace(client, metadata=metadata)


AS_RECORDED: Final = Policy()
