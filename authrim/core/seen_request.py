"""What a server saw of a request of ``authrim doctor``: the answer of one, and what the other reads."""

import json
from typing import Any, Final

import msgspec

from authrim.core.recorded_settings import settings_for_the_log
from authrim.crypto import base64url
from authrim.crypto.keyed_hash import keyed_hash
from authrim.crypto.master import MasterKeys
from authrim.settings import Settings

#: The most bytes of a header that the doctor may ask for, to learn whether a proxy passes it on.
MOST_PADDING: Final = 8000
PADDING_HEADER: Final = "Authrim-Padding"
#: A certificate that cannot be read, in place of its thumbprint.
MALFORMED: Final = "malformed"


class SeenRequest(msgspec.Struct, frozen=True):
    """The request as the server saw it.

    ``source`` is what it counts against. ``peer`` and ``peer_port`` are the other end of the connection, empty and 0 by
    the Unix socket; ``peer_is_proxy`` says that the settings trust its forwarding headers. ``client_certificate`` is
    the thumbprint of the certificate that the server believes in. ``headers`` are the names that arrived.
    ``settings`` has a keyed hash of each setting that the process runs with.
    """

    version: str
    now: float
    source: str
    peer: str
    peer_port: int
    peer_is_proxy: bool
    forwarded_for: tuple[str, ...]
    host: str
    secure: bool
    client_certificate: str
    headers: tuple[str, ...]
    query_bytes: int
    body_bytes: int
    settings: dict[str, str]


class AskedOfServer(msgspec.Struct, frozen=True):
    """What the doctor sends. ``padding`` makes the body long, ``answer_bytes`` the head of the answer."""

    answer_bytes: int = 0
    padding: str = ""


def hashed_settings(settings: Settings, master: MasterKeys, key_id: str) -> dict[str, str]:
    """A hash of each setting that all processes of a server have alike, under a key of the master key ``key_id``."""
    key = master.derive("doctor settings", key_id)
    return {
        name: base64url.encode(keyed_hash(key, name.encode(), _text(value))[:16])
        for name, value in settings_for_the_log(settings, master).items()
    }


def _text(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
