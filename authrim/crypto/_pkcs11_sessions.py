"""The sessions of a process with one token: one per thread, opened when it is first needed and again after a failure.

After a failure the library is initialised once more, because a token that went away comes back only then. No thread may
be inside the library meanwhile (PKCS #11 §5.4).
"""

import os
import threading
from collections.abc import Callable
from hashlib import sha256
from time import monotonic
from typing import Any, Final, TypeVar

import pkcs11
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pkcs11 import MGF, Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import (
    FunctionNotSupported,
    KeyTypeInconsistent,
    MechanismInvalid,
    MechanismParamInvalid,
    MultipleObjectsReturned,
    NoSuchKey,
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    UserAlreadyLoggedIn,
)
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

from authrim.crypto.algorithms import PublicKey
from authrim.crypto.pkcs11_access import TokenAccess, TokenUnavailable

T = TypeVar("T")

#: Seconds after a failure for which the token is not asked again, and that a thread waits for others to leave.
_PAUSE: Final = 1.0
_LEAVING: Final = 2.0
_RSA_BITS: Final = 2048
#: RFC 8410 §3, as a DER object identifier.
_ED25519: Final = "1.3.101.112"
_ED25519_BYTES: Final = 32
_LABEL: Final = "authrim"
#: The PIN is not taken. Another try could lock the token.
_PIN_REFUSED: Final = (PinExpired, PinIncorrect, PinInvalid, PinLenRange, PinLocked)
#: What a token says that is well: it cannot do what it was asked for, and another session would not change that.
_ANSWERS: Final = (
    FunctionNotSupported, KeyTypeInconsistent, MechanismInvalid, MechanismParamInvalid,
    MultipleObjectsReturned, NoSuchKey, *_PIN_REFUSED,
)  # fmt: skip


class Sessions:
    """What the threads of ``Pkcs11Token`` call. Raises TokenUnavailable."""

    def __init__(self, access: TokenAccess) -> None:
        self._access = access
        self._mine = threading.local()
        self._outside = threading.Condition()
        self._inside = 0
        self._library: Any = None
        self._generation = 0
        self._not_before = 0.0
        self._refused_pin = False

    def sign(self, key_id: bytes, alg: str, message: bytes) -> bytes:
        """A signature as JWS has it."""
        return self._do(lambda session: _signature(self._private_key(session, key_id), alg, message))

    def generate(self, alg: str) -> tuple[bytes, PublicKey]:
        """A new key that does not leave the token: its id and its public half."""
        return self._do(lambda session: _generated(session, alg))

    def destroy(self, key_id: bytes) -> None:
        """Take a key out of the token."""

        def work(session: Any) -> None:
            self._mine.keys.pop(key_id, None)
            for kind in (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY):
                session.get_key(object_class=kind, id=key_id).destroy()

        self._do(work)

    def _private_key(self, session: Any, key_id: bytes) -> Any:
        key = self._mine.keys.get(key_id)
        if key is None:
            key = session.get_key(object_class=ObjectClass.PRIVATE_KEY, id=key_id)
            self._mine.keys[key_id] = key
        return key

    def _do(self, work: Callable[[Any], T]) -> T:
        """Do some work in this thread's session, once more in a new one when the first is no good any more."""
        if monotonic() < self._not_before:
            raise TokenUnavailable(f"the token {self._access.label} failed a moment ago")
        seen = self._generation
        try:
            return self._within(work)
        except _ANSWERS as answer:
            raise self._unavailable(answer) from None
        except PKCS11Error:
            self._begin_again(seen)
        try:
            return self._within(work)
        except PKCS11Error as failed:
            if not isinstance(failed, _ANSWERS):
                self._not_before = monotonic() + _PAUSE
            raise self._unavailable(failed) from None

    def _unavailable(self, failed: PKCS11Error) -> TokenUnavailable:
        return TokenUnavailable(f"the token {self._access.label}: {_cause(failed)}")

    def _within(self, work: Callable[[Any], T]) -> T:
        with self._outside:
            self._inside += 1
        try:
            return work(self._session())
        finally:
            with self._outside:
                self._inside -= 1
                self._outside.notify_all()

    def _session(self) -> Any:
        mine = self._mine
        if getattr(mine, "generation", None) != self._generation:
            with self._outside:
                mine.session = self._opened()
                mine.keys = {}
                mine.generation = self._generation
        return mine.session

    def _opened(self) -> Any:
        if self._refused_pin:  # here, because other threads wait for the one that tries it
            raise TokenUnavailable(f"the token {self._access.label} refused the PIN: correct it and restart")
        if self._library is None:
            self._library = pkcs11.lib(str(self._access.module))
        token = self._library.get_token(token_label=self._access.label)
        try:
            return token.open(rw=True, user_pin=self._access.pin)
        except UserAlreadyLoggedIn:  # by another thread: whoever is logged in is so in all sessions (§5.6)
            return token.open(rw=True)
        except _PIN_REFUSED:
            self._refused_pin = True
            raise

    def _begin_again(self, seen: int) -> None:
        """Initialise the library once more, unless another thread has done so since ``seen``."""
        with self._outside:
            alone = self._outside.wait_for(
                lambda: self._inside == 0 or self._generation != seen, timeout=_LEAVING
            )
            if self._generation != seen or self._library is None:
                return
            if not alone:
                raise TokenUnavailable(f"the token {self._access.label} does not answer")
            self._generation += 1
            try:
                self._library.reinitialize()
            except PKCS11Error as failed:
                self._not_before = monotonic() + _PAUSE
                raise self._unavailable(failed) from None


def _cause(failed: PKCS11Error) -> str:
    """How it failed: the name of the error, without its text, which may repeat what was asked for."""
    if isinstance(failed, NoSuchKey):
        return "it has no such key"
    if isinstance(failed, MultipleObjectsReturned):
        return "it has several keys with one id"
    return type(failed).__name__


def _signature(key: Any, alg: str, message: bytes) -> bytes:
    """RFC 7518 §3.3 to §3.5, RFC 8037 §3.1. A token gives r and s of ECDSA as JWS wants them."""
    match alg:
        case "ES256":
            return bytes(key.sign(sha256(message).digest(), mechanism=Mechanism.ECDSA))
        case "RS256":
            return bytes(key.sign(message, mechanism=Mechanism.SHA256_RSA_PKCS))
        case "PS256":
            salted = (Mechanism.SHA256, MGF.SHA256, sha256().digest_size)
            return bytes(key.sign(message, mechanism=Mechanism.SHA256_RSA_PKCS_PSS, mechanism_param=salted))
        case _:
            return bytes(key.sign(message, mechanism=Mechanism.EDDSA))


def _generated(session: Any, alg: str) -> tuple[bytes, PublicKey]:
    key_id = os.urandom(16)
    kept: dict[str, Any] = {
        "store": True, "id": key_id, "label": _LABEL,
        "private_template": {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False},
    }  # fmt: skip
    match alg:
        case "ES256":
            curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
            parameters = session.create_domain_parameters(KeyType.EC, curve, local=True)
            public, _private = parameters.generate_keypair(**kept)
            return key_id, load_der_public_key(encode_ec_public_key(public))  # type: ignore[return-value]
        case "RS256" | "PS256":
            public, _private = session.generate_keypair(KeyType.RSA, _RSA_BITS, **kept)
            numbers = (
                int.from_bytes(public[one], "big") for one in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS)
            )
            return key_id, RSAPublicNumbers(*numbers).public_key()
        case _:
            curve = {Attribute.EC_PARAMS: encode_named_curve_parameters(_ED25519)}
            parameters = session.create_domain_parameters(KeyType.EC_EDWARDS, curve, local=True)
            public, _private = parameters.generate_keypair(
                mechanism=Mechanism.EC_EDWARDS_KEY_PAIR_GEN, **kept
            )
            # An octet string around the point, or with some tokens the point alone.
            point = bytes(public[Attribute.EC_POINT])[-_ED25519_BYTES:]
            return key_id, Ed25519PublicKey.from_public_bytes(point)
