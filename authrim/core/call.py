"""A request on its way through the server: the caller, and the parts of the server."""

from typing import Self

import msgspec

from authrim.core.origin import Origin
from authrim.core.parts import Core, Parts


class Call(Origin, frozen=True, kw_only=True):
    """One request. It never changes: new information makes a new call.

    ``core`` is shared by all packages; ``parts`` holds the part of each other package under its key. ``around``: keyed
    hashes of the networks around ``address``, the widest last.
    """

    core: Core
    parts: Parts
    around: tuple[str, ...] = ()

    @property
    def networks(self) -> tuple[str, ...]:
        """What the request counts against: its address, and the networks around it."""
        return (self.address, *self.around)

    def of_client(self, client_id: str) -> Self:
        """The call after its client is known."""
        return msgspec.structs.replace(self, client_id=client_id)

    def of_person(self, subject: str, actor: str | None = None) -> Self:
        """The call after its person is known. ``actor`` ``subject``: the person acts, not a client."""
        return msgspec.structs.replace(self, subject=subject, actor=actor or self.actor)
