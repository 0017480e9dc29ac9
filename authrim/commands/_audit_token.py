"""``authrim audit token`` and ``audit receipt``: what held for an access token, and checking what was signed."""

import sys
from typing import Any

import click
import msgspec

from authrim.audit.past.moments import Moment, Time, moment_at
from authrim.audit.past.reading import Past
from authrim.audit.past.states import UNREADABLE
from authrim.audit.past.tokens import TokenThen, token_then
from authrim.audit.past.view import when
from authrim.audit.sentences import reason_in_words
from authrim.audit.timeline import time_of
from authrim.commands._administering import Office, administer, print_fields
from authrim.commands._common import is_json
from authrim.commands._moments import MomentType
from authrim.core.clients_and_keys import Configuration
from authrim.core.questions import Question, hidden_text, record_question, refuse_reason
from authrim.core.signing_keys import key_times_of
from authrim.crypto.ids import digest
from authrim.crypto.jws import MAX_TOKEN
from authrim.crypto.key_ring import KeyRing
from authrim.store.codec import UnreadableEvent
from authrim.tokens.access_tokens import AccessTokens, TokenReference
from authrim.tokens.checked_answers import CheckedAnswer, check_answer
from authrim.tokens.introspected import INACTIVE, members_of
from authrim.tokens.signed_answers import Statement, shown_places, sign_token_at
from domain.errors import Refusal, invalid_request
from domain.units import MICROSECONDS

NOT_ISSUED = invalid_request(
    "No such access token had been issued.",
    hint="GRANT_ID and TOKEN_ID are the claims grant_id and jti of a JWT. authrim audit grant prints both.",
)


@click.command("token")
@click.argument("grant_id", required=False)
@click.argument("token_id", required=False)
@click.option(
    "--at",
    "place",
    type=MomentType(),
    help="A time (UTC unless it names a zone) or a position. Default: now.",
)
@click.option("--sign", "signs", is_flag=True, help="Print the answer as a signed JWS, for a dispute.")
@click.option("--reason", default="", help="Why you ask. Recorded; nothing personal.")
@click.pass_context
def token(
    context: click.Context, grant_id: str | None, token_id: str | None, place: int | Time | None, reason: str,
    *, signs: bool,
) -> None:  # fmt: skip
    """Show whether an access token was active at a time, and why not.

    The token is read from standard input. Without the token itself, name it by GRANT_ID and TOKEN_ID: the claims
    grant_id and jti of a JWT; the id of an opaque token is its SHA-256, in base64url. audit grant prints both.

    The question is recorded in the log.
    """
    if grant_id is not None and token_id is None:
        raise click.UsageError("Name both GRANT_ID and TOKEN_ID, or give the token on standard input.")
    sent = _read_input("token") if grant_id is None else ""

    async def work(office: Office) -> tuple[Moment, TokenThen, str] | Refusal:
        refusal = refuse_reason(reason, demanded=False)
        if refusal is not None:
            return refusal
        moment = await moment_at(office.store, place)
        if isinstance(moment, Refusal):
            return moment
        configuration = await office.configuration()
        named = TokenReference(grant_id or "", token_id or "")
        found = await _find(office, configuration, moment, sent, named)
        question = _question(office, moment, found, sent or f"{grant_id} {token_id}", reason)
        question = msgspec.structs.replace(question, exported=signs or is_json(context))
        refusal = await record_question(office.store, office.tenant, question)
        if refusal is not None:
            return refusal
        if isinstance(found, Refusal):
            return found
        signed = await _signed(office, configuration.key_ring, moment, found, sent) if signs else ""
        return moment, found, signed

    moment, found, signed = administer(context, work)
    _show(context, moment, found, signed)


@click.command("receipt")
@click.pass_context
def receipt(context: click.Context) -> None:
    """Check a receipt, or another signed answer of this server, against the log.

    It is read from standard input. The signature must be of a key of this server, and each event that it names must be
    at its position, unchanged. That nothing before it was changed either is proved by audit verify.
    """
    answer = _read_input("receipt")

    async def work(office: Office) -> CheckedAnswer | Refusal:
        configuration = await office.configuration()
        now = (await office.store.head()).now // MICROSECONDS
        keys = configuration.key_ring.past_and_present_keys(office.tenant, now)
        return await check_answer(office.store, keys, office.settings.issuer, answer)

    checked = administer(context, work)
    data: dict[str, Any] = {
        "holds": checked.holds,
        "typ": checked.typ,
        "kid": checked.kid,
        "claims": {name: value for name, value in checked.claims.items() if name != "events"},
        "events": [msgspec.to_builtins(event) for event in checked.events],
    }
    print_fields(context, data)
    if not checked.holds:
        context.exit(1)


def _read_input(what: str) -> str:
    """The first line of standard input: a token in the arguments could be read by every user of this machine."""
    stream = sys.stdin
    if stream.isatty():
        click.echo(f"Paste the {what}, then press Enter.", err=True)
    text = stream.readline(MAX_TOKEN + 2).strip()
    if not text or len(text) > MAX_TOKEN:
        raise click.UsageError(f"Give the {what} on standard input.")
    return text


async def _find(
    office: Office, configuration: Configuration, moment: Moment, sent: str, named: TokenReference
) -> TokenThen | Refusal:
    if sent:
        tokens = AccessTokens(office.store, configuration, configuration.key_ring, office.settings.issuer)
        identified = await tokens.identify(office.tenant, sent)
        if identified is None:
            return NOT_ISSUED
        named = identified
    past = Past(office.store, office.tenant, moment, key_times_of(office.settings))
    try:
        found = await token_then(past, named.grant_id, named.token_id)
    except UnreadableEvent:
        return UNREADABLE
    return NOT_ISSUED if found is None or not named.is_of(found.issued) else found


def _question(
    office: Office, moment: Moment, found: TokenThen | Refusal, asked: str, reason: str
) -> Question:
    conditions = {"position": str(moment.position)}
    if isinstance(found, Refusal):
        hidden = hidden_text(office.master, office.tenant, asked)
        return Question("token", reason, conditions | {"id": hidden})
    conditions |= {"grant": found.grant_id, "id": found.issued.token_id}
    return Question("token", reason, conditions, found.issued.subject)


async def _signed(office: Office, ring: KeyRing, moment: Moment, found: TokenThen, sent: str) -> str:
    """The answer for a dispute. It says nothing of the person: whoever is shown it may be anybody."""
    issuer, now = office.settings.issuer, (await office.store.head()).now // MICROSECONDS
    members: dict[str, Any] = {**INACTIVE, "reason": found.why_inactive}
    if not found.why_inactive:
        members = members_of(issuer, found.issued, None)
    key = ring.signer(office.tenant, office.settings.signing_algorithms[0], now)
    which = {"grant_id": found.grant_id, "token_id": found.issued.token_id}
    which |= {"sha256": digest(sent)} if sent else {}
    places = (*found.events, *found.depends_on)
    return sign_token_at(key, Statement(issuer, "", now), moment, which, members, places)


def _show(context: click.Context, moment: Moment, found: TokenThen, signed: str) -> None:
    issued = found.issued
    if signed and not is_json(context):
        click.echo(signed)
        return
    plain = is_json(context)
    places: dict[str, Any] = {
        "events": shown_places(found.events),
        "depends_on": shown_places(found.depends_on),
    }
    if not plain:
        places = {
            name: [f"{one['type']} at position {one['position']}" for one in of]
            for name, of in places.items()
        }
    fields: dict[str, Any] = {
        "grant_id": found.grant_id,
        "token_id": issued.token_id,
        "position": moment.position,
        "time": time_of(moment.micros),
        "active": not found.why_inactive,
        "reason": found.why_inactive if plain else reason_in_words(found.why_inactive),
        "client_id": issued.client_id,
        "subject": issued.subject,
        "scope": list(issued.scope),
        "audience": list(issued.audience),
        "issued_at": when(issued.issued_at),
        "expires_at": when(issued.expires_at),
        **places,
    }
    print_fields(context, fields | ({"signed": signed} if signed else {}))
