"""The key set at the issuer: whether tokens verify with it."""

import json
from collections.abc import Sequence
from typing import Final

from authrim.core.signing_keys import list_keys
from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs
from authrim.doctor.outside_client import NoAnswer
from domain.stream import DEFAULT_TENANT

NO_ANSWER: Final = Problem(
    "jwks.no_answer",
    "fault",
    "The key set cannot be fetched, so no client can verify a token.",
    "Let the proxy pass /jwks below the issuer on to the server.",
)
LACKS_KEY: Final = Problem(
    "jwks.lacks_key",
    "fault",
    "The key set lacks a key that signs now. What it signs is refused by every client.",
    "Clear the caches between the server and its clients. If the server is another one, correct database or issuer.",
)
OLD: Final = Problem(
    "jwks.old",
    "warning",
    "The key set is an older one: keys are missing in it, or are in it that were taken away.",
    "Wait for jwks_cache_seconds; if it stays, let no cache keep the answer for longer than its Cache-Control says.",
)


async def _examine(examined: Examined) -> Sequence[Finding]:
    try:
        answer = await examined.outside.get(f"{examined.settings.issuer}/jwks")
    except NoAnswer as no_answer:
        return [NO_ANSWER.found(str(no_answer))]
    try:
        served = (
            {str(key["kid"]) for key in json.loads(answer.body)["keys"]} if answer.status == 200 else None
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        served = None
    if served is None:
        return [NO_ANSWER.found(f"status {answer.status}")]
    core, now = examined.read_core, examined.now()
    own = {key["kid"] for key in json.loads(core.key_ring.jwks(DEFAULT_TENANT, now))["keys"]}
    active = {key.kid for key in list_keys(core.configuration, DEFAULT_TENANT, now) if key.life == "active"}
    if lacking := active - served:
        return [LACKS_KEY.found(", ".join(sorted(lacking)))]
    return [OLD.found(", ".join(sorted(own ^ served)))] if own != served else []


CHECK: Final = Check(
    "jwks",
    "Does the key set at the issuer have the keys that sign?",
    (NO_ANSWER, LACKS_KEY, OLD),
    _examine,
    (Needs.STORE, Needs.ANSWERS),
)
