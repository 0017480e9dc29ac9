"""The process that answers: whether it is ready, and runs this version with these settings."""

import json
from collections.abc import Sequence
from typing import Final

from authrim import __version__
from authrim.core.seen_request import hashed_settings
from authrim.doctor.asking import NotSeen, ask_server
from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.needs import Needs
from authrim.doctor.outside_client import NoAnswer
from domain.vocabulary.features import DOCTOR

NOT_READY: Final = Problem(
    "running.not_ready",
    "fault",
    "The server says that it is not ready.",
    "Its log line readiness.lost says why and what to do.",
)
DOES_NOT_TELL: Final = Problem(
    "running.does_not_tell",
    "warning",
    "The server does not tell the doctor what it saw of a request, so what proxies do cannot be checked.",
    "Let the proxy pass POST /doctor below the issuer on, run the doctor with the server's master key, and restart the "
    "server when it runs another version.",
)
SWITCHED_OFF: Final = Problem(
    "running.switched_off",
    "note",
    "features_off has doctor in it, so the server tells nobody what it saw, and what proxies do cannot be checked.",
    "Remove doctor from features_off while a proxy is set up.",
)
OTHER_VERSION: Final = Problem(
    "running.other_version",
    "warning",
    "The server runs another version than this one.",
    "Restart the server: systemctl restart authrim.",
)
OTHER_SETTINGS: Final = Problem(
    "running.other_settings",
    "warning",
    "The server runs with other settings than the doctor was given.",
    "Restart the server; or give the doctor the server's own file and variables.",
)


async def _examine(examined: Examined) -> Sequence[Finding]:
    found = await _ready(examined)
    if DOCTOR not in examined.read_core.features:
        return [*found, SWITCHED_OFF.found()]
    try:
        examined.seen, answer = await ask_server(examined)
    except (NoAnswer, NotSeen) as not_seen:
        return [*found, DOES_NOT_TELL.found(str(not_seen))]
    examined.seen_from_port = answer.port
    seen = examined.seen
    if seen.version != __version__:
        found.append(OTHER_VERSION.found(f"{seen.version} runs, this is {__version__}"))
    own = hashed_settings(examined.settings, examined.master, examined.master.current_id)
    names = sorted(
        name for name in own.keys() | seen.settings.keys() if own.get(name) != seen.settings.get(name)
    )
    if names:
        found.append(OTHER_SETTINGS.found(", ".join(names)))
    return found


async def _ready(examined: Examined) -> list[Finding]:
    """Many proxies keep health checks from strangers; then there is nothing to find here."""
    try:
        answer = await examined.outside.get(f"{examined.settings.issuer}/health/ready")
        why = json.loads(answer.body)["why"] if answer.status == 503 and answer.is_json else ""
    except (NoAnswer, ValueError, KeyError, TypeError, RecursionError):
        return []
    return [NOT_READY.found(str(why)[:200])] if why else []


CHECK: Final = Check(
    "running",
    "Is the server ready, with this version and these settings?",
    (NOT_READY, DOES_NOT_TELL, SWITCHED_OFF, OTHER_VERSION, OTHER_SETTINGS),
    _examine,
    (Needs.STORE, Needs.ANSWERS),
)
