"""A TLS 1.3 client that also sends records which the stdlib's never would, for instance certain alerts."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

ALERT, APPLICATION_DATA = 21, 23
#: RFC 8446 §6: the level (warning), then what it says.
USER_CANCELED, CLOSE_NOTIFY = bytes((1, 90)), bytes((1, 0))


class RecordClient:
    """After the handshake it encrypts its records itself, with the key that the stdlib has logged for debuggers.

    So nothing may be sent through ``tls``; answers are read there.
    """

    def __init__(self, tls: ssl.SSLSocket, secret: bytes) -> None:
        self.tls = tls
        self._cipher = AESGCM(_expanded(secret, b"key", 32))
        self._iv = int.from_bytes(_expanded(secret, b"iv", 12))
        self._sent = 0

    def send(self, *records: tuple[int, bytes]) -> None:
        """Send records, each with its type, in one piece (RFC 8446 §5.2, §5.3)."""
        written = b""
        for kind, content in records:
            plain = content + bytes((kind,))
            head = bytes((23, 3, 3)) + (len(plain) + 16).to_bytes(2)
            nonce = (self._iv ^ self._sent).to_bytes(12)
            written += head + self._cipher.encrypt(nonce, plain, head)
            self._sent += 1
        socket.socket.sendall(self.tls, written)


def _expanded(secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label without a context (RFC 8446 §7.1)."""
    named = b"tls13 " + label
    info = length.to_bytes(2) + bytes((len(named),)) + named + b"\0"
    return HKDFExpand(SHA384(), length, info).derive(secret)


@contextmanager
def record_client(port: int, context: ssl.SSLContext, folder: Path) -> Iterator[RecordClient]:
    """A client that is connected; the server prefers AES-256 with SHA-384, as OpenSSL does."""
    keys = folder / "keys.log"
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.keylog_filename = str(keys)
    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        # suppress_ragged_eofs: without a close_notify, reading raises.
        context.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False) as tls,
    ):
        assert tls.cipher() == ("TLS_AES_256_GCM_SHA384", "TLSv1.3", 256)
        lines = (line.split() for line in keys.read_text().splitlines())
        (secret,) = (line[2] for line in lines if line[0] == "CLIENT_TRAFFIC_SECRET_0")
        yield RecordClient(tls, bytes.fromhex(secret))
