"""The origin of a change, which becomes the metadata of each event."""

import os
from typing import Literal, Self

import msgspec

from authrim import __version__
from authrim.store.places import Place
from domain.log_entry import Metadata
from projections.followed import COMMAND_LINE, SERVER_START

_encode = msgspec.json.Encoder().encode


class Places(msgspec.Struct, frozen=True):
    """Collects the places in the log of what was appended for one request."""

    noted: list[Place]


class Origin(msgspec.Struct, frozen=True):
    """The origin of a change, for the metadata of each event.

    ``address`` is a keyed hash. ``error_id`` is sent to the client with a refusal, and is in the metadata of the
    events that record the refusal, so that an auditor can find them. ``places``: whoever asked wants to know where its
    events are. The other fields are those of ``Metadata``.
    """

    tenant: str
    trace: str = ""
    address: str = ""
    client_id: str = ""
    subject: str = ""
    actor: str = "client"
    error_id: str = ""
    authority: str = ""
    credential: str = ""
    operator: str = ""
    places: Places | None = None

    def allowed_by(self, authority: str, credential: str = "") -> Self:
        """The origin after it is known what allows the change."""
        return msgspec.structs.replace(self, authority=authority, credential=credential)

    def metadata(self, error_id: str = "") -> bytes:
        """The metadata in its stored form: JSON text without empty fields."""
        return _encode(
            Metadata(
                tenant=self.tenant,
                actor=self.actor,
                client_id=self.client_id,
                subject=self.subject,
                trace=self.trace,
                address=self.address,
                error_id=error_id,
                server=__version__,
                authority=self.authority,
                credential=self.credential,
                operator=self.operator,
            )
        )


def own_origin(tenant: str, actor: Literal["admin", "system"]) -> Origin:
    """The origin of what comes from no request: a command of an administrator, or the start of a server. It names the
    user id of the process, which the operating system vouches for, and no host or user name."""
    authority = COMMAND_LINE if actor == "admin" else SERVER_START
    return Origin(tenant, actor=actor, authority=authority, operator=operator())


def operator() -> str:
    """The user that this process runs as."""
    return f"uid {os.getuid()}"
