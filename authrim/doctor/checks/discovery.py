"""The discovery document at the issuer: whether it is what a process with these settings would say."""

import json
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from time import time
from typing import Any, Final

from aiohttp import hdrs

from authrim.doctor.check import Check
from authrim.doctor.examined import Examined
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.outside_client import Answer, NoAnswer
from authrim.features import server_metadata

NO_ANSWER: Final = Problem(
    "discovery.no_answer",
    "fault",
    "There is no answer at the issuer, or none that can be trusted.",
    "Start the server and the proxy before it, and correct what the checks of dns and certificate name.",
)
BAD_GATEWAY: Final = Problem(
    "discovery.bad_gateway",
    "fault",
    "The proxy answers, and does not reach the server.",
    "Start the server, and correct the address, the port or the socket that the proxy passes requests on to.",
)
REDIRECTED: Final = Problem(
    "discovery.redirected",
    "fault",
    "The discovery document is somewhere else. Clients ask at the issuer, and follow no redirect.",
    "Set issuer to the address that is redirected to, or remove the redirect from the proxy.",
)
OTHER_ANSWER: Final = Problem(
    "discovery.other_answer",
    "fault",
    "Something else than the server answers at the issuer.",
    "Let the proxy pass on everything below the issuer's path, unchanged, to the server; and correct issuer.",
)
OTHER_ISSUER: Final = Problem(
    "discovery.other_issuer",
    "fault",
    "The server at the issuer calls itself by another name, so clients refuse every token.",
    "Set issuer to the same value everywhere, and restart the server.",
)
DIFFERS: Final = Problem(
    "discovery.differs",
    "fault",
    "The document is not the one that these settings make.",
    "Restart the server after a change of the settings, and clear the caches between it and its clients.",
)
PATH_FORM: Final = Problem(
    "discovery.path_form",
    "warning",
    "The issuer has a path, and the document is not where OAuth clients look for it (RFC 8414 §3.1).",
    "Let the proxy pass /.well-known/oauth-authorization-server with the path behind it on to the server, too.",
)
CORS: Final = Problem(
    "discovery.cors",
    "warning",
    "The answer to a script has no Access-Control-Allow-Origin, or two of them. No script can read it.",
    "Let the proxy leave these headers to the server: no add_header Access-Control-Allow-Origin there.",
)

PATH: Final = "/.well-known/openid-configuration"
OAUTH_PATH: Final = "/.well-known/oauth-authorization-server"
_ORIGIN: Final = {hdrs.ORIGIN: "https://doctor.invalid"}


async def _examine(examined: Examined) -> Sequence[Finding]:
    try:
        answer = await examined.outside.get(examined.settings.issuer + PATH, _ORIGIN)
    except NoAnswer as no_answer:
        return [NO_ANSWER.found(str(no_answer))]
    _note_clock(examined, answer)
    if problem := _other_answer(answer):
        return [problem]
    document = _read(answer)
    if document is None:
        return [OTHER_ANSWER.found("the answer is no JSON object")]
    if document.get("issuer") != examined.settings.issuer:
        return [OTHER_ISSUER.found(f"issuer is {str(document.get('issuer'))[:200]!r}")]
    examined.answers = True
    return [*_differences(examined, document), *_scripts(answer), *await _path_form(examined)]


def _note_clock(examined: Examined, answer: Answer) -> None:
    try:
        examined.outside_skew = parsedate_to_datetime(answer.headers[hdrs.DATE]).timestamp() - time()
    except (KeyError, ValueError):
        return


def _other_answer(answer: Answer) -> Finding | None:
    if answer.status in {502, 503, 504} and not answer.is_json:
        return BAD_GATEWAY.found(f"status {answer.status}")
    if 300 <= answer.status < 400:
        return REDIRECTED.found(f"status {answer.status}, to {answer.headers.get(hdrs.LOCATION, '')[:200]}")
    return None if answer.status == 200 else OTHER_ANSWER.found(f"status {answer.status}")


def _read(answer: Answer) -> dict[str, Any] | None:
    try:
        read = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _differences(examined: Examined, document: dict[str, Any]) -> list[Finding]:
    if examined.core is None:
        return []
    own = json.loads(json.dumps(server_metadata(examined.core)))
    names = sorted(name for name in own.keys() | document.keys() if own.get(name) != document.get(name))
    return [DIFFERS.found(", ".join(names))] if names else []


def _scripts(answer: Answer) -> list[Finding]:
    allowed = answer.headers.getall(hdrs.ACCESS_CONTROL_ALLOW_ORIGIN, [])
    return [] if len(allowed) == 1 else [CORS.found(f"{len(allowed)} of them")]


async def _path_form(examined: Examined) -> list[Finding]:
    issuer = examined.issuer
    if not issuer.path:
        return []
    url = f"{issuer.scheme}://{issuer.netloc}{OAUTH_PATH}{issuer.path}"
    try:
        answer = await examined.outside.get(url)
    except NoAnswer as no_answer:
        return [PATH_FORM.found(str(no_answer))]
    return [] if answer.status == 200 and _read(answer) else [PATH_FORM.found(f"status {answer.status}")]


CHECK: Final = Check(
    "discovery",
    "Does the server answer at its issuer, with the metadata that these settings make?",
    (
        NO_ANSWER, BAD_GATEWAY, REDIRECTED, OTHER_ANSWER, OTHER_ISSUER, DIFFERS, PATH_FORM, CORS,
    ),
    _examine,
)  # fmt: skip
