"""TLS between asyncio's TCP and aiohttp's protocol, by pyOpenSSL over memory (RFC 8446, RFC 5246, BCP 195).

The stdlib cannot ask for a client certificate without also judging it, and kills the handshake of a self-signed one
(decisions.md 25). Here every certificate whose key the client holds gets through; ``protocol/mtls.py`` judges it.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL, crypto

from authrim.metrics.catalogue import TLS_FAILURES

#: FAPI 1 Advanced §8.5, FAPI 2 §5.2.2: for TLS 1.2 nothing but these. With an ECDSA certificate there is TLS 1.3 only.
_TLS12_CIPHERS: Final = b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"
_HTTP11: Final = b"http/1.1"
#: A resumed session would bring no certificate; nothing is renegotiated, nor compressed (RFC 9325 §3.3, §3.5).
_OPTIONS: Final = (
    SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE
)
#: The most plain text of one record (RFC 8446 §5.1), in bytes.
_RECORD: Final = 16384
_FLUSHED_AT_ONCE: Final = 65536
#: With what a method begins (RFC 9110 §9.1); a record of a handshake begins with the byte 22 (RFC 8446 §5.1).
_METHOD_BEGINS: Final = frozenset(bytes((letter,)) for letter in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_HINT: Final = b"This port speaks TLS: begin the address with https://.\n"
_PLAIN_HTTP: Final = (
    b"HTTP/1.1 400 Bad Request\r\nServer: Authrim\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\nConnection: close\r\n"
    b"Content-Length: " + str(len(_HINT)).encode() + b"\r\n\r\n" + _HINT
)

CLIENT_CERTIFICATES: Final = "client_certificates"
"""``get_extra_info`` of it: what the client proved to hold the key of, as DER, its own certificate first."""

_log = structlog.get_logger("authrim.tls")


class UnusableCertificate(Exception):
    """The server's certificate or key cannot be used. The text names the file and what to do."""


class _NoCommonProtocol(SSL.Error):
    """The client does not speak HTTP/1.1 (RFC 7301 §3.2)."""


class Tls:
    """What a listener serves TLS with. ``ask_clients``: they may show a certificate, and need not.

    ``certificate`` is a PEM file with the server's certificate and those that issued it, ``key`` one with its
    private key, not encrypted. Raises UnusableCertificate.
    """

    def __init__(self, certificate: Path, key: Path, *, ask_clients: bool) -> None:
        self._certificate = certificate
        self._key = key
        self._ask_clients = ask_clients
        #: When the certificate expires, in seconds since 1970.
        self.expires_at = 0.0
        self._context = self._load()

    def reload(self) -> None:
        """Read the files again, for new connections. Raises UnusableCertificate, and then keeps the old certificate."""
        self._context = self._load()

    def over(self, protocol_factory: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        """A factory of connections that ``protocol_factory``'s protocols talk through."""
        return lambda: TlsConnection(self._context, protocol_factory())

    def _load(self) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_cipher_list(_TLS12_CIPHERS)
        context.set_options(_OPTIONS)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_alpn_select_callback(_select_protocol)
        if self._ask_clients:
            context.set_verify(SSL.VERIFY_PEER, _judged_later)
            # Whatever OpenSSL finds is let through, so it shall not verify signature after signature of a long chain
            # on the event loop: it looks at the client's own certificate and at no other (A222).
            context.set_verify_depth(0)
        own = _use_certificate(context, self._certificate)
        _use_key(context, self._key)
        self.expires_at = own.not_valid_after_utc.timestamp()
        return context


def _use_certificate(context: SSL.Context, file: Path) -> x509.Certificate:
    try:
        own, *issuers = x509.load_pem_x509_certificates(file.read_bytes())
    except OSError as error:
        raise UnusableCertificate(f"tls_certificate: {file} cannot be read: {error.strerror}") from None
    except ValueError:
        raise UnusableCertificate(f"tls_certificate: {file} holds no certificate in PEM form") from None
    context.use_certificate(own)
    for issuer in issuers:
        context.add_extra_chain_cert(issuer)
    return own


def _use_key(context: SSL.Context, file: Path) -> None:
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise UnusableCertificate(f"tls_key: {file} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError):  # TypeError: it is encrypted
        raise UnusableCertificate(
            f"tls_key: {file} holds no private key in PEM form without a password"
        ) from None
    try:
        context.use_privatekey(cast(Any, key))
        context.check_privatekey()
    except (SSL.Error, TypeError):
        raise UnusableCertificate(f"tls_key: {file} is not the key of the certificate") from None


def _judged_later(*_certificate: object) -> bool:
    """Whoever is asked for a certificate may show any; that its key is there, the handshake itself has shown."""
    return True


def _select_protocol(_connection: SSL.Connection, offered: list[bytes]) -> bytes:
    if _HTTP11 not in offered:
        raise _NoCommonProtocol
    return _HTTP11


class TlsConnection(asyncio.Protocol, asyncio.Transport):
    """The protocol of the TCP connection below, and the transport of the HTTP connection above.

    The one above begins before the handshake: its deadline for the first head, and its caps, are the handshake's too.
    What it writes before the end of the handshake is thrown away.
    """

    _wire: asyncio.Transport

    def __init__(self, context: SSL.Context, above: asyncio.Protocol) -> None:
        super().__init__()
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()
        self._above = above
        self._has_begun = False
        self._is_open = False
        self._closing = False
        self._paused_above = False
        self._paused_below = False
        self._certificates: tuple[bytes, ...] | None = None

    # The protocol of what is below.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The TCP connection is open; TLS has not begun."""
        self._wire = cast(asyncio.Transport, transport)
        self._above.connection_made(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection is closed, and with it everything above."""
        self._closing = True
        self._above.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Records, or parts of them."""
        if self._closing:
            return
        if not self._has_begun:
            self._has_begun = True
            if data[:1] in _METHOD_BEGINS:
                self._answer_plain_http()
                return
        self._tls.bio_write(data)
        self._advance()

    def eof_received(self) -> bool | None:
        """The client sends no more. HTTP says itself where a message ends, so a missing close_notify cuts nothing off
        unnoticed (RFC 9112 §9.8)."""
        self._end_of_data()
        return None

    def pause_writing(self) -> None:
        """The client does not read; so nothing is read from it either that would have to be answered, if only by a
        KeyUpdate (RFC 8446 §4.6.3)."""
        self._paused_below = True
        self._wire.pause_reading()
        self._above.pause_writing()

    def resume_writing(self) -> None:
        """The client has read everything."""
        self._paused_below = False
        self._read_on()
        self._above.resume_writing()

    # The transport of what is above.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What aiohttp asks of a transport with TLS, and ``CLIENT_CERTIFICATES``."""
        if name == "sslcontext":
            return self._tls.get_context()
        if name == CLIENT_CERTIFICATES:
            return self._client_certificates()
        return self._wire.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """Whether the transport is closing, so that nothing more is sent."""
        return self._closing or self._wire.is_closing()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Switch to another protocol."""
        self._above = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol above."""
        return self._above

    def is_reading(self) -> bool:
        """Whether the protocol above wants data."""
        return not self._paused_above

    def pause_reading(self) -> None:
        """Give the protocol above no data for now."""
        self._paused_above = True
        self._wire.pause_reading()

    def resume_reading(self) -> None:
        """Give it data again, first what was decrypted already."""
        self._paused_above = False
        self._read_on()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When to pause the writer: counted in encrypted bytes, as they are what waits."""
        self._wire.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        """How many encrypted bytes the client has not read yet."""
        return self._wire.get_write_buffer_size()

    def write(self, data: Any) -> None:
        """Send ``data``, in records."""
        if self._closing or not self._is_open:
            return
        view = memoryview(data)
        try:
            while view:
                view = view[self._tls.send(view[:_RECORD]) :]
        except SSL.Error as error:
            self._fail(error)
            return
        self._flush()

    def write_eof(self) -> None:
        """Say that no more is sent (RFC 8446 §6.1); here that ends the connection."""
        self.close()

    def can_write_eof(self) -> bool:
        """Whether one direction can be closed alone. HTTP/1.1 does not need that."""
        return False

    def close(self) -> None:
        """Send what was written, then close_notify, and close the connection."""
        if self._closing:
            return
        if not self._is_open:
            self.abort()
            return
        self._closing = True
        with contextlib.suppress(SSL.Error):
            self._tls.shutdown()
        self._flush()
        self._wire.close()

    def abort(self) -> None:
        """End the connection at once."""
        self._closing = True
        self._wire.abort()

    # Between the two.

    def _advance(self) -> None:
        """Go as far as what has arrived allows: the handshake first, then records up."""
        try:
            if not self._is_open:
                self._tls.do_handshake()
                self._is_open = True
            while not self._paused_above and not self._closing:
                self._above.data_received(self._tls.recv(_RECORD))
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self._end_of_data()
        except SSL.SysCallError as error:
            # OpenSSL (4.0) does not know a close_notify again after user_canceled, as Java ends (RFC 8446 §6.1).
            if self._is_open and self._tls.get_shutdown() & SSL.RECEIVED_SHUTDOWN:
                self._end_of_data()
            else:
                self._fail(error)
        except SSL.Error as error:
            self._fail(error)
        self._flush()

    def _read_on(self) -> None:
        asyncio.get_running_loop().call_soon(self._continue_reading)

    def _continue_reading(self) -> None:
        if self._closing:
            return
        self._advance()
        if not self.is_closing() and not self._paused_above and not self._paused_below:
            self._wire.resume_reading()

    def _end_of_data(self) -> None:
        """As asyncio does it: the protocol may finish an answer only if it says so, and aiohttp's never does."""
        if not self._closing and self._is_open and not self._above.eof_received():
            self.close()

    def _answer_plain_http(self) -> None:
        """A client that sent plain HTTP by mistake would otherwise see a closed connection and no reason."""
        self._closing = True
        _log.info("tls.plain_http", hint="This port speaks TLS: begin the address with https://.")
        self._wire.write(_PLAIN_HTTP)
        self._wire.close()

    def _fail(self, error: SSL.Error) -> None:
        """The alert that says why is sent, and no more (RFC 8446 §6.2)."""
        if not self._closing:
            self._closing = True
            reason = _reason(error)
            TLS_FAILURES.add(reason)
            _log.info("tls.failed", handshake=not self._is_open, reason=reason)
            self._flush()
            self._wire.close()

    def _flush(self) -> None:
        """Write the pending TLS records to TCP."""
        while True:
            try:
                records = self._tls.bio_read(_FLUSHED_AT_ONCE)
            except SSL.WantReadError:
                return
            self._wire.write(records)
            if len(records) < _FLUSHED_AT_ONCE:
                return  # that was all; asking again would cost an exception

    def _client_certificates(self) -> tuple[bytes, ...]:
        if self._certificates is None:
            own = self._tls.get_peer_certificate()
            shown = [own, *(self._tls.get_peer_cert_chain() or ())] if own is not None else []
            der = (crypto.dump_certificate(crypto.FILETYPE_ASN1, one) for one in shown)
            self._certificates = tuple(dict.fromkeys(der))
        return self._certificates


def _reason(error: SSL.Error) -> str:
    """OpenSSL's own word for what went wrong; it quotes nothing that was sent."""
    reasons = error.args[0] if error.args else None
    if isinstance(reasons, list) and reasons:
        return str(reasons[0][-1])
    return type(error).__name__
