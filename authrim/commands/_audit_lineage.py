"""``authrim audit lineage``: the whole story of a token, a session, a client or a person, and what caused what.

A token is read from standard input or a file, never from the arguments, where every user of the machine could read it.
"""

import sys
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

import click
from rich.console import Console
from rich.text import Text

from authrim.audit.lineage.drawing import MOST_DRAWN, draw
from authrim.audit.lineage.story import Start, Story, as_json, of_digest, of_error, of_index
from authrim.audit.past.moments import Time, position_of
from authrim.audit.search import Wanted
from authrim.audit.sentences import shown
from authrim.auditor.asking_lineage import LINEAGE, PRESENTED, ask_story
from authrim.commands._administering import Office, administer
from authrim.commands._audit_lines import lines_table
from authrim.commands._common import is_json, json_text
from authrim.commands._moments import MomentType
from authrim.commands._one_account import asked_subject, asker_of
from authrim.commands._presented import read_presented
from authrim.core.questions import refuse_reason
from authrim.crypto.handles import parse_handle
from authrim.crypto.ids import digest
from authrim.protocol.id_token_hint import read_hint
from authrim.store import codec
from authrim.tokens.access_tokens import AccessTokens
from domain.errors import Refusal, invalid_request
from domain.person import session as sessions
from domain.stream import SESSION, grant_stream, session_stream
from domain.units import MICROSECONDS

_WHERE: Final = "on standard input or with --file"
#: Kinds that the index of the log finds, by its column.
_COLUMNS: Final = {"jti": "token_id", "session": "session_id", "client": "client_id", "account": "subject"}
_URN: Final = "urn:ietf:params:oauth:request_uri:"

NOTHING: Final = invalid_request(
    "Nothing in the log leads from there.",
    hint="A token must be given whole and unchanged, and by this server. An ID token leads to the session of its sid, "
    "where it names one that its client shares with no other name. authrim audit search finds by other marks.",
)


class _Asked(NamedTuple):
    """What the command was asked."""

    kind: str
    identifier: str
    reason: str
    first: int | Time | None
    last: int | Time | None
    limit: int


@click.command("lineage")
@click.argument("kind", type=click.Choice(("grant", *_COLUMNS, "error", *PRESENTED)), metavar="KIND")
@click.argument("identifier", required=False, metavar="[ID]")
@click.option(
    "--file",
    "source",
    type=click.File("r"),
    help="Read the token or code from this file. Default: standard input.",
)
@click.option(
    "--svg", "picture", type=click.Path(dir_okay=False, path_type=Path), help="Draw it into this file, too."
)
@click.option(
    "--from",
    "first",
    type=MomentType(),
    help="Nothing that was first named before. For session, client, account.",
)
@click.option("--to", "last", type=MomentType(), help="Nothing that was first named after.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    default=100,
    show_default=True,
    help="The most grants, sessions and refusals.",
)
@click.option("--reason", default="", help="Why you ask. Recorded; nothing personal. Needed with a login.")
@click.pass_context
def lineage(
    context: click.Context, /, kind: str, identifier: str | None, source: TextIO | None, picture: Path | None,
    **options: Any,
) -> None:  # fmt: skip
    """Show the whole story of one thing: request, sign-in, consent, code, tokens, refreshes, end. Each event names what
    caused it.

    KIND is token or code (an access token, ID token, refresh token, code or request_uri, read from standard input or
    --file; only its digest is looked up), jti, grant, session, client, account or error (an error id). All but token
    and code are named by ID. An account is named by its login or its subject; a login needs --reason.

    Prints the events in the order of the log. With --json, one JSON object per line: caused_by is the position of the
    cause. --svg FILE draws the graph. The question is recorded in the log.
    """
    if (kind in PRESENTED) != (identifier is None):
        raise click.UsageError(_misnamed(kind))
    if identifier is None:
        identifier = read_presented(kind, source, _WHERE)
    asked = _Asked(kind, identifier, **options)

    async def work(office: Office) -> Story | Refusal:
        refusal = refuse_reason(asked.reason, demanded=False)
        if refusal is not None:
            return refusal
        office.log.needs(asked.first, asked.last)
        start = await office.log.found(lambda: _start(context, office, asked))
        if isinstance(start, Refusal):
            return start
        asker = asker_of(context, office, copies=picture is not None)
        return await ask_story(asker, start, (kind, asked.identifier), asked.reason) or NOTHING

    story = administer(context, work)
    _show(context, story)
    if picture is not None:
        _draw(picture, story, asked)
    if not story.readable:
        context.exit(1)


def _draw(picture: Path, story: Story, asked: _Asked) -> None:
    """Write the picture. Its title repeats no token, and no login."""
    hidden = asked.kind in (*PRESENTED, "account")
    of = f"a {asked.kind}" if hidden else f"{asked.kind} {shown(asked.identifier)}"
    picture.write_text(draw(story, f"Lineage of {of}"), "utf-8")
    if len(story.told) > MOST_DRAWN:
        click.echo(f"The picture has the first {MOST_DRAWN} events.", err=True)


def _misnamed(kind: str) -> str:
    """Why the arguments do not fit; what was in them is not repeated."""
    if kind in PRESENTED:
        return f"Give the {kind} {_WHERE}: arguments can be read by every user of this machine."
    return f"Name one {kind} by its ID."


async def _start(context: click.Context, office: Office, asked: _Asked) -> Start | Refusal | None:
    """The streams that the story begins with."""
    log, tenant, named = office.log, office.tenant, asked.identifier
    if asked.kind in PRESENTED:
        return await _of_presented(office, asked)
    if asked.kind == "grant":
        stream = grant_stream(tenant, named)
        return Start((stream,)) if (await log.read_stream(stream)).version else None
    if asked.kind == "error":
        return await of_error(log, tenant, named)
    if asked.kind == "session":
        return await _of_session(office, asked, named)
    if asked.kind == "account":
        subject = await asked_subject(context, office, named, LINEAGE, asked.reason)
        return subject if isinstance(subject, Refusal) else await _of_index(office, asked, subject, subject)
    return await _of_index(office, asked, named)


async def _of_presented(office: Office, asked: _Asked) -> Start | None:
    """The grant that handed out what was presented. A handle and a JWT name their grant; the digest must be there."""
    sent = asked.identifier
    handle = parse_handle(sent.removeprefix(_URN))
    if handle is not None:
        return await of_digest(office.log, office.tenant, handle.grant_id, digest(sent.removeprefix(_URN)))
    configuration = await office.configuration()
    ring, issuer = configuration.key_ring, office.settings.issuer
    found = await AccessTokens(office.store, configuration, ring, issuer).identify(office.tenant, sent)
    if found is not None:
        return await of_digest(office.log, office.tenant, found.grant_id, found.token_id)
    now = (await office.store.head()).now // MICROSECONDS
    hint = read_hint(ring.past_and_present_keys(office.tenant, now), issuer, sent)
    if hint is None or hint.session_id is None:
        return None
    return await _of_session(office, asked, hint.session_id)


async def _of_session(office: Office, asked: _Asked, session_id: str) -> Start | None:
    events = await office.log.read_stream(session_stream(office.tenant, session_id))
    if not events.version:
        return None
    subject = sessions.fold(codec.decode_stream(SESSION, events)).subject
    return await _of_index(office, asked, session_id, subject)


async def _of_index(office: Office, asked: _Asked, value: str, subject: str | None = None) -> Start | None:
    lower = await position_of(office.log, asked.first, after=True)
    until = await position_of(office.log, asked.last, after=False)
    column = _COLUMNS.get(asked.kind, "session_id")
    start = await of_index(
        office.log, Wanted(office.tenant, {column: (value,)}, lower or 0, until), asked.limit
    )
    return None if start is None else Start(start.streams, subject, start.more)


def _show(context: click.Context, story: Story) -> None:
    if is_json(context):
        for one in story.told:
            click.echo(json_text(as_json(one)))
    else:
        causes: dict[int, Any] = {one.line.position: one.caused_by for one in story.told}
        console = Console(soft_wrap=not sys.stdout.isatty(), highlight=False, markup=False)
        console.print(lines_table([one.line for one in story.told], places=True, causes=causes))
        if not story.readable:
            console.print(Text("Not every event can be read by this version.", style="red"))
    if story.more is not None:
        click.echo(f"There is more: --from {story.more}", err=True)
