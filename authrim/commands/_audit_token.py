"""``authrim audit token`` and ``audit receipt``: what held for an access token, and checking what was signed."""

from typing import Any

import click
import msgspec

from authrim.audit.past.moments import Moment, Time, moment_at
from authrim.audit.past.reading import Past
from authrim.audit.past.states import UNREADABLE
from authrim.audit.past.tokens import TokenThen, token_then
from authrim.audit.past.view import when
from authrim.audit.search import Wanted, search
from authrim.audit.sentences import reason_in_words
from authrim.audit.timeline import time_of
from authrim.auditor.asking import Asker
from authrim.commands._administering import Office, administer, print_fields
from authrim.commands._common import is_json
from authrim.commands._moments import MomentType
from authrim.commands._one_account import asker_of
from authrim.commands._presented import read_presented
from authrim.core.questions import hidden_text, refuse_reason
from authrim.core.signing_keys import key_times_of
from authrim.crypto.ids import digest
from authrim.crypto.key_ring import KeyRing
from authrim.store.codec import UnreadableEvent
from authrim.tokens.access_tokens import AccessTokens, TokenReference
from authrim.tokens.checked_answers import CheckedAnswer, check_answer
from authrim.tokens.introspected import INACTIVE, members_of
from authrim.tokens.signed_answers import Statement, shown_places, sign_token_at
from domain import stream as streams
from domain.errors import Refusal, invalid_request
from domain.units import MICROSECONDS

NOT_ISSUED = invalid_request(
    "No such access token had been issued.",
    hint="TOKEN_ID is the claim jti of a JWT. authrim audit grant prints those of a grant.",
)


@click.command("token")
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
    context: click.Context, token_id: str | None, place: int | Time | None, reason: str, *, signs: bool
) -> None:  # fmt: skip
    """Show whether an access token was active at a time, and why not.

    The token is read from standard input. Without the token itself, name it by TOKEN_ID: the claim jti of a JWT, or the
    SHA-256 of an opaque token in base64url.

    The question is recorded in the log.
    """
    sent = read_presented("token") if token_id is None else ""

    async def work(office: Office) -> tuple[Moment, TokenThen, str] | Refusal:
        refusal = refuse_reason(reason, demanded=False)
        if refusal is not None:
            return refusal
        moment = await moment_at(office.store, place)
        if isinstance(moment, Refusal):
            return moment
        configuration = await office.configuration()
        if token_id is None:
            tokens = AccessTokens(office.store, configuration, configuration.key_ring, office.settings.issuer)
            named = await tokens.identify(office.tenant, sent)
        else:
            named = await _named(office, token_id)
        found = NOT_ISSUED if named is None else await _find(office, moment, named)
        asker = asker_of(context, office, copies=signs)
        refusal = await _record(asker, moment, found, sent or (token_id or ""), reason)
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
    answer = read_presented("receipt")

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


async def _named(office: Office, token_id: str) -> TokenReference | None:
    """The token of that id, by the index of the log."""
    wanted = Wanted(office.tenant, {"token_id": (token_id,)})
    found = await search(office.store, wanted, 1)
    return next((TokenReference(streams.parse(line.stream).id, token_id) for line in found.lines), None)


async def _find(office: Office, moment: Moment, named: TokenReference) -> TokenThen | Refusal:
    past = Past(office.store, office.tenant, moment, key_times_of(office.settings))
    try:
        found = await token_then(past, named.grant_id, named.token_id)
    except UnreadableEvent:
        return UNREADABLE
    return NOT_ISSUED if found is None or not named.is_of(found.issued) else found


async def _record(
    asker: Asker, moment: Moment, found: TokenThen | Refusal, asked: str, reason: str
) -> Refusal | None:
    conditions = {"position": str(moment.position)}
    if isinstance(found, Refusal):
        hidden = hidden_text(asker.master, asker.tenant, asked)
        return await asker.record("token", reason, conditions | {"id": hidden})
    conditions |= {"grant": found.grant_id, "id": found.issued.token_id}
    return await asker.record("token", reason, conditions, found.issued.subject)


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
    return await sign_token_at(key, Statement(issuer, "", now), moment, which, members, places)


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
