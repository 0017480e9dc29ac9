"""The origin of a change, which becomes the metadata of each event."""

import msgspec

from authrim import __version__
from projections.followed import Metadata

_encode = msgspec.json.Encoder().encode


class Origin(msgspec.Struct, frozen=True):
    """The origin of a change, for the metadata of each event.

    ``address`` is a keyed hash. ``error_id`` is sent to the client with a refusal, and is in the metadata of the
    events that record the refusal, so that an auditor can find them.
    """

    tenant: str
    trace: str = ""
    address: str = ""
    client_id: str = ""
    subject: str = ""
    actor: str = "client"
    error_id: str = ""

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
            )
        )
