"""Whether a server answered rightly. A run is no figure unless it did: one that issues no token is fast, too.

wrk looks at each answer for its status and for one member of its body. Here the answers that it kept, and some more
that are asked for after the run, are looked at closely: signatures, what tokens say, that they are active, that a
refresh token that was used is over.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from bench.measure import Measurement
from bench.side import Side


class WrongAnswerError(Exception):
    """A server did not do the work. The text says which, and how it is known."""


def check_run(side: Side, cell: str, measured: Measurement) -> None:
    """Refuse a run with errors or wrong answers, and one whose kept answers do not stand a closer look."""
    if measured.errors or measured.wrong:
        raise WrongAnswerError(
            f"{measured.errors} errors and {measured.wrong} wrong answers in {measured.work:.0f}: "
            + "; ".join(side.wrong())
        )
    with wrong_unless_it_holds():
        kept = [_object(line) for line in side.kept()]
        _require(kept, "no answer at all")
        _check(side, cell, kept)


@contextmanager
def wrong_unless_it_holds() -> Iterator[None]:
    """What fails within is a wrong answer."""
    try:
        yield
    except (AssertionError, KeyError, TypeError, ValueError, JoseError) as error:
        raise WrongAnswerError(f"{type(error).__name__}: {error}") from error


def _check(side: Side, cell: str, kept: list[dict[str, Any]]) -> None:
    match cell:
        case "cc_jwt":
            _check_distinct(kept, "access_token")
            for answer in kept:
                _check_bearer(answer)
                check_signed(side, answer["access_token"])
            if side.introspects_jwt:
                _check_active(side, "jwt", kept[-1]["access_token"])
        case "cc_opaque":
            _check_opaque(side, kept)
        case "introspect" | "introspect_jwt":
            for answer in kept:
                _require(answer["active"] is True, "a token is not active")
            _check_inactive(side, "no-token-at-all")
        case "refresh" | "code_flow":
            _check_opaque(side, kept)
            _check_distinct(kept, "refresh_token")
            for answer in kept:
                check_signed(side, answer["id_token"], side.client_of("opaque"))
            _check_rotation(side)
        case "discovery":
            for answer in kept:
                _require(answer["issuer"] == side.url(""), "another issuer")
                _require(answer["token_endpoint"] == side.url(side.paths.token), "another token endpoint")
        case _:
            for answer in kept:
                _check_keys(answer)


def _check_opaque(side: Side, kept: list[dict[str, Any]]) -> None:
    _check_distinct(kept, "access_token")
    for answer in kept:
        _check_bearer(answer)
        _require(not answer["access_token"].startswith("eyJ"), "an opaque token that is a JWT")
    newest = side.access_token("opaque") if side.forgets else kept[-1]["access_token"]
    _check_active(side, "opaque", newest)


def _check_bearer(answer: Mapping[str, Any]) -> None:
    _require(answer["token_type"].lower() == "bearer", f"a token of type {answer['token_type']}")
    _require(answer["expires_in"] > 0, "a token without a lifetime")


def check_signed(side: Side, token: str, audience: str | None = None) -> None:
    """Signed with ES256 by a key of the server, in force, and for the audience if there is one."""
    keys = KeySet.import_key_set(_object(side.client().request("GET", side.paths.jwks).body))
    claims = jwt.decode(token, keys, ["ES256"]).claims
    _require(claims["iss"] == side.url(""), "a token of another issuer")
    _require(claims["exp"] > time.time(), "a token that has expired")
    _require(claims["sub"], "a token about nobody")
    if audience is not None:
        found = claims["aud"]
        _require(audience in ([found] if isinstance(found, str) else found), "a token for another client")


def _check_active(side: Side, form: str, token: str) -> None:
    _require(side.introspected(form, token)["active"] is True, "a token that was just issued is not active")


def _check_inactive(side: Side, token: str) -> None:
    _require(side.introspected("opaque", token)["active"] is False, "a token that nobody issued is active")


def _check_rotation(side: Side) -> None:
    """The third use of a chain of refresh tokens is of its first token, which must be over. A reuse may end the grant
    and the consent, so the browser is none of those that go on."""
    first = side.code_flow(side.browser())["refresh_token"]
    second = _refreshed(side, first)
    third = _refreshed(side, second)
    _require(len({first, second, third}) == 3, "refresh tokens do not rotate")
    answer = side.client().request("POST", side.paths.token, _refresh(first), side.basic("opaque"))
    _require(
        answer.status == 400 and _object(answer.body)["error"] == "invalid_grant",
        "a used refresh token lives",
    )


def _refreshed(side: Side, token: str) -> str:
    return str(side.tokens(_refresh(token))["refresh_token"])


def _refresh(token: str) -> dict[str, str]:
    return {"grant_type": "refresh_token", "refresh_token": token}


def _check_keys(answer: Mapping[str, Any]) -> None:
    _require(any(key["kty"] == "EC" and key["crv"] == "P-256" for key in answer["keys"]), "no key for ES256")
    _require(not any("d" in key for key in answer["keys"]), "a private key is public")


def _check_distinct(kept: Iterable[Mapping[str, Any]], member: str) -> None:
    values = [answer[member] for answer in kept]
    _require(len(set(values)) == len(values), f"one {member} was issued twice")


def _object(text: str) -> dict[str, Any]:
    found = json.loads(text)
    _require(isinstance(found, dict), "an answer that is no object")
    return dict(found)


def _require(holds: object, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)
