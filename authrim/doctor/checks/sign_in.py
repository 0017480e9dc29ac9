"""A whole sign-in at the issuer, as a person and an application do it (docs/designs/0031)."""

from collections.abc import Sequence
from typing import Final

from authrim.crypto.passwords import PasswordsBusy
from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs
from authrim.doctor.sign_in.throw_away import CannotMake, make, new_name, take_away
from authrim.doctor.sign_in.walk import StepFailed, Walk
from authrim.store.contract import StoreError

CANNOT_MAKE: Final = Problem(
    "sign_in.cannot_make",
    "fault",
    "The client or the account of the test could not be made.",
    "Do what the cause says. Other clients and accounts cannot be made either.",
)
FAILED: Final = Problem(
    "sign_in.failed",
    "fault",
    "A sign-in fails at a step.",
    "Look for the request in the server's log lines, and let the proxy pass it on unchanged, with its cookies.",
)
STILL_VALID: Final = Problem(
    "sign_in.still_valid",
    "fault",
    "An access token is still accepted after it was revoked.",
    "Let no cache keep the answers of the userinfo endpoint; all processes must use the same database.",
)
LEFT: Final = Problem(
    "sign_in.left",
    "fault",
    "The client or the account of the test could not be taken away. Nobody knows their secrets.",
    "authrim client delete and authrim account erase with the names in the detail.",
)


async def _examine(examined: Examined) -> Sequence[Finding]:
    name = new_name()
    found: list[Finding] = []
    try:
        who = await make(examined.read_core, name)
        found += await _signed_in(Walk(examined.outside, examined.settings.issuer, who))
    except (CannotMake, StoreError, PasswordsBusy) as failed:
        found.append(CANNOT_MAKE.found(str(failed)))
    finally:
        found += [LEFT.found(one) for one in await _taken_away(examined, name)]
    return found


async def _signed_in(walk: Walk) -> list[Finding]:
    try:
        tokens = await walk.tokens(await walk.code())
        status = await walk.userinfo(tokens["access_token"])
        if status != 200:
            return [FAILED.found(f"userinfo endpoint: status {status}")]
        await walk.revoke(tokens["access_token"])
        if await walk.userinfo(tokens["access_token"]) == 200:
            return [STILL_VALID.found()]
    except StepFailed as failed:
        return [FAILED.found(str(failed))]
    return []


async def _taken_away(examined: Examined, name: str) -> list[str]:
    try:
        return await take_away(examined.read_core, name)
    except StoreError as failed:
        return [str(failed)]


CHECK: Final = Check(
    "sign_in",
    "Can a person sign in to an application, whose tokens are valid and can be revoked?",
    (CANNOT_MAKE, FAILED, STILL_VALID, LEFT),
    _examine,
    (Needs.SIGN_IN, Needs.STORE, Needs.ANSWERS),
)
