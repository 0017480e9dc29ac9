"""``authrim scope``: what people read about the scope values that applications ask for."""

from typing import Any

import click
from msgspec.structs import asdict

from authrim.authorization import scope_texts
from authrim.commands._administering import Office, administer, print_fields, print_list
from authrim.commands._common import is_json
from authrim.pages.translations import LOCALES, SOURCE_LOCALE
from domain.errors import Refusal
from domain.scope_text.scope_text import UNKNOWN, ScopeText, ScopeTexts


@click.group()
def scope() -> None:
    """Describe scope values for people, in each language of the pages."""


_LOCALE = click.Choice(LOCALES)


@scope.command("describe")
@click.argument("value", metavar="SCOPE")
@click.argument("text")
@click.option(
    "--locale", type=_LOCALE, default=SOURCE_LOCALE, show_default=True, help="The language of the text."
)
@click.option("--detail", default="", help="A second, smaller line.")
@click.pass_context
def describe(context: click.Context, value: str, text: str, locale: str, detail: str) -> None:
    """Show TEXT for SCOPE on the consent page, to people who read this language.

    The text is one line, as "See your invoices". It is plain text: markup is shown as it is written.
    """

    async def work(office: Office) -> ScopeTexts | Refusal:
        return await scope_texts.describe_scope(
            office.store, office.tenant, value, locale, ScopeText(text, detail)
        )

    _print(context, value, administer(context, work))


@scope.command("list")
@click.pass_context
def list_(context: click.Context) -> None:
    """List the scope values that have a description."""
    texts = administer(context, _read)
    rows = [_described(value, texts) for value in sorted(texts)]
    shown = [{**row, "languages": list(row["texts"])} for row in rows]
    print_list(context, "scopes", ("scope", "languages"), shown)


@scope.command("show")
@click.argument("value", metavar="SCOPE")
@click.pass_context
def show(context: click.Context, value: str) -> None:
    """Show the description of a scope value in every language that has one."""

    async def work(office: Office) -> ScopeTexts | Refusal:
        texts = await _read(office)
        return texts if value in texts else UNKNOWN

    _print(context, value, administer(context, work))


@scope.command("remove")
@click.argument("value", metavar="SCOPE")
@click.option("--locale", type=_LOCALE, help="One language. Default: all.")
@click.pass_context
def remove(context: click.Context, value: str, locale: str | None) -> None:
    """Remove the description of a scope value. People see its name again."""

    async def work(office: Office) -> ScopeTexts | Refusal:
        return await scope_texts.remove_scope_text(office.store, office.tenant, value, locale)

    _print(context, value, administer(context, work))


async def _read(office: Office) -> ScopeTexts:
    return await scope_texts.read_scope_texts(office.store, office.tenant)


def _described(value: str, texts: ScopeTexts) -> dict[str, Any]:
    said = texts.get(value, {})
    return {"scope": value, "texts": {locale: asdict(said[locale]) for locale in sorted(said)}}


def _print(context: click.Context, value: str, texts: ScopeTexts) -> None:
    """The parts of each text for programs, one line per language for people."""
    described = _described(value, texts)
    lines = {
        locale: f"{text['title']} ({text['detail']})" if text["detail"] else text["title"]
        for locale, text in described["texts"].items()
    }
    print_fields(context, described if is_json(context) else {"scope": value, "texts": lines})
