"""PKCS #11 (OASIS, 3.0): signing keys that never leave a token, such as a hardware security module (HSM).

The token is in the way of a request only in threads of its own, a few at a time and for a few seconds (F25). When it
does not answer, ``TokenUnavailable`` says so, and what needs no signature goes on (F29). The package ``pkcs11`` is an
optional part of the installation.
"""

from time import monotonic
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from authrim.crypto import base64url
from authrim.crypto.ids import begins_like_an_id
from authrim.crypto.jwk import jwk_of, published, thumbprint
from authrim.crypto.jws import header_prefix, joined
from authrim.crypto.key_pair import KeyPair
from authrim.crypto.pkcs11_access import NoPkcs11, TokenAccess, TokenUnavailable
from authrim.crypto.verification_keys import VerificationKey
from authrim.crypto.waiting_threads import Busy, WaitingThreads
from domain.key.key import NewKey

#: Signatures that a process asks a token for at the same time, and how many more may wait.
SESSIONS: Final = 4
MOST_WAITING: Final = 64
#: Seconds that a token may take for a signature, and for a new key.
SIGNING_TIME: Final = 5.0
MAKING_TIME: Final = 60.0
#: Seconds for which a signature shows that the token is alive.
ALIVE: Final = 1.0
#: A reference to a key is such an address (RFC 7512), in the place of a private half.
SCHEME: Final = b"pkcs11:"


def reference_to(label: str, key_id: bytes) -> bytes:
    """The address of a private key in a token (RFC 7512 §2.3)."""
    escaped = "".join(f"%{byte:02X}" for byte in key_id)
    return f"pkcs11:token={quote(label, safe='')};id={escaped};type=private".encode("ascii")


def read_reference(private: bytes) -> tuple[str, bytes] | None:
    """The token's label and the id of the key; None when it is a private half itself."""
    if not private.startswith(SCHEME):
        return None
    parts = dict(part.split("=", 1) for part in private[len(SCHEME) :].decode("ascii").split(";"))
    return unquote_to_bytes(parts["token"]).decode(), unquote_to_bytes(parts["id"])


class Pkcs11Token:
    """One token, as a process uses it. Nothing is opened before the first signature."""

    def __init__(self, access: TokenAccess) -> None:
        """Raises NoPkcs11."""
        try:
            from authrim.crypto._pkcs11_sessions import Sessions
        except ModuleNotFoundError:
            raise NoPkcs11 from None
        self.label = access.label
        self._sessions = Sessions(access)
        self._threads = WaitingThreads("authrim-pkcs11", SESSIONS, MOST_WAITING)
        self._alive_until = 0.0

    @property
    def is_alive(self) -> bool:
        """Whether the token made a signature a moment ago, and none has failed since."""
        return monotonic() < self._alive_until

    async def sign(self, key_id: bytes, alg: str, message: bytes) -> bytes:
        """The signature of JWS (RFC 7518 §3). Raises TokenUnavailable."""
        try:
            signature: bytes = await self._run(SIGNING_TIME, self._sessions.sign, key_id, alg, message)
        except TokenUnavailable:
            self._alive_until = 0.0
            raise
        self._alive_until = monotonic() + ALIVE
        return signature

    async def new_key_pair(self, alg: str) -> KeyPair:
        """Make a key in the token, which does not let it out. Raises TokenUnavailable."""
        while True:
            key_id, public = await self._run(MAKING_TIME, self._sessions.generate, alg)
            kid = thumbprint(jwk_of(public))
            reference = reference_to(self.label, key_id)
            jwk = published({**jwk_of(public), "kid": kid, "use": "sig", "alg": alg})
            pair = KeyPair(NewKey(kid, alg, jwk, self.label), reference)
            if begins_like_an_id(kid):
                return pair
            await self.discard(pair)

    async def discard(self, pair: KeyPair) -> None:
        """Destroy a key that nothing was signed with. Raises TokenUnavailable."""
        reference = read_reference(pair.private)
        assert reference is not None, "a key of the token"
        await self._run(MAKING_TIME, self._sessions.destroy, reference[1])

    async def _run(self, seconds: float, work: Any, *arguments: Any) -> Any:
        try:
            return await self._threads.run(seconds, work, *arguments)
        except TimeoutError:
            raise TokenUnavailable(f"the token {self.label} does not answer") from None
        except Busy:
            raise TokenUnavailable(f"too many signatures wait for the token {self.label}") from None


class TokenSigner:
    """A ``Signer`` whose private half is in a token."""

    def __init__(self, key_id: bytes, token: Pkcs11Token, kid: str, alg: str, jwk: dict[str, Any]) -> None:
        self.kid = kid
        self.alg = alg
        self.public_jwk = published(jwk)
        self._key_id = key_id
        self._token = token
        self._verified: VerificationKey | None = VerificationKey.from_jwk(self.public_jwk)

    async def signed(self, payload: bytes, typ: str | None) -> str:
        """``payload`` as a compact JWS. Raises TokenUnavailable."""
        signing_input = header_prefix(self.alg, self.kid, typ) + base64url.encode(payload).encode("ascii")
        signature = await self._token.sign(self._key_id, self.alg, signing_input)
        if self._verified is not None:  # the first signature shows that the token has this very key
            if not self._verified.verifies(self.alg, signature, signing_input):
                raise TokenUnavailable(f"the token {self._token.label} signs {self.kid} with another key")
            self._verified = None
        return joined(signing_input, signature)

    async def ready(self) -> None:
        """Let the token sign something that is thrown away, if this key never did or no key did a moment ago."""
        if self._verified is not None or not self._token.is_alive:
            await self.signed(b"{}", "authrim-ready")

    def __repr__(self) -> str:
        return f"TokenSigner({self.kid}, {self.alg})"
