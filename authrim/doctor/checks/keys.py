"""The keys that sign tokens and that clients encrypt to: there, opened, and not too old."""

from collections.abc import Iterator, Sequence
from typing import Final

from authrim.core.signing_keys import ListedKey, list_keys
from authrim.crypto.jws import CannotSign
from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs
from domain.stream import DEFAULT_TENANT
from domain.units import DAY

#: Days after which a key that still signs should have a successor (NIST SP 800-57 part 1 §5.3.6: one to three years).
OLD_DAYS: Final = 366

MISSING: Final = Problem(
    "keys.missing",
    "fault",
    "There is no key for an algorithm of the settings.",
    "Start the server, which makes it; or authrim keys rotate --alg with the algorithm.",
)
NONE_YET: Final = Problem(
    "keys.none_yet",
    "note",
    "The server has no keys yet.",
    "Start the server, which makes them.",
)
UNOPENED: Final = Problem(
    "keys.unopened",
    "fault",
    "The private half of a key cannot be opened, so nothing can be signed with it.",
    "Put the master key back that sealed it; where that is lost, authrim keys revoke with the id of the key.",
)
TOKEN: Final = Problem(
    "keys.token",
    "fault",
    "The token (HSM) does not sign, so no tokens are issued. What needs no signature goes on.",
    "Start what the cause names, and look at pkcs11_module, pkcs11_token and the PIN (docs/operations/keys.md).",
)
OLD: Final = Problem(
    "keys.old",
    "warning",
    f"A key has been in use for more than {OLD_DAYS} days.",
    "authrim keys rotate: the next key signs when every cache can know it.",
)
NO_RS256: Final = Problem(
    "keys.no_rs256",
    "note",
    "There is no RS256 key, which OpenID Connect Core §15.1 asks of every provider.",
    "Add RS256 to signing_algorithms, unless all clients ask for another algorithm.",
)


async def _examine(examined: Examined) -> Sequence[Finding]:
    core, now = examined.read_core, examined.now()
    known = list_keys(core.configuration, DEFAULT_TENANT, now)
    if not known:
        return [NONE_YET.found()]
    found = [*_of_algorithms(examined, known, now), *await _token(examined, now)]
    if "RS256" not in examined.settings.signing_algorithms:
        found.append(NO_RS256.found())
    return found


async def _token(examined: Examined, now: int) -> list[Finding]:
    """Let each key that signs now sign something, where it is in a token."""
    ring = examined.read_core.key_ring
    for alg in ring.algorithms(DEFAULT_TENANT, now):
        try:
            await ring.signer(DEFAULT_TENANT, alg, now).ready()
        except CannotSign as failed:
            return [TOKEN.found(f"{alg}: {failed}")]
    return []


def _of_algorithms(examined: Examined, known: Sequence[ListedKey], now: int) -> Iterator[Finding]:
    ring = examined.read_core.key_ring
    opened = {key.kid for key in ring.decryption_keys(DEFAULT_TENANT, now)}
    for alg in examined.settings.key_algorithms:
        active = [key for key in known if key.alg == alg and key.life == "active"]
        if not active:
            fix = f"Start the server, which makes it; or authrim keys rotate --alg {alg}"
            yield MISSING.found(alg, fix)
        for key in active:
            if key.kid not in opened and ring.signer_of(DEFAULT_TENANT, key.kid) is None:
                elsewhere = f"{alg} {key.kid}: is in the token {key.token}, which the settings do not name"
                yield TOKEN.found(elsewhere) if key.token else UNOPENED.found(f"{alg} {key.kid}")
            elif (days := (now - key.active_from) // DAY) > OLD_DAYS:
                yield OLD.found(f"{alg} {key.kid}: {days} days", f"authrim keys rotate --alg {alg}")


CHECK: Final = Check(
    "keys",
    "Is there a key for each algorithm, and is none too old?",
    (MISSING, NONE_YET, UNOPENED, TOKEN, OLD, NO_RS256),
    _examine,
    (Needs.STORE,),
)
