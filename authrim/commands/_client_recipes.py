"""``authrim client create --for PRODUCT``: the client of a recipe, and the text to paste into the product."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import click
from msgspec.structs import asdict

from authrim.clients.records import ClientWithSecret
from authrim.commands._administering import Office, print_list
from authrim.recipes.catalog import products, recipe, recipes
from authrim.recipes.recipe import Recipe, fill, notes_of, place_values
from authrim.tokens import resource_servers as servers
from domain.errors import Refusal
from domain.registration import resource_server
from domain.resource.resource import ResourceSettings


def read_product(context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """The product of ``--for``; for ``list``, and for one that there is not, the products that there are."""
    if value == "list":
        rows = [{"product": name, "kind": one.kind, "title": one.title} for name, one in recipes().items()]
        print_list(context, "recipes", ("product", "kind", "title"), rows)
        context.exit()
    if value is not None and value not in products():
        raise click.BadParameter(f"no recipe for {value!r}. There are recipes for {', '.join(products())}.")
    return value


def read_url(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """The address of an application, without a slash at its end: paths are put behind it."""
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment)
    except ValueError:
        usable = False
    if not usable:
        raise click.BadParameter("write the address that people see, such as https://app.example.com")
    return value.rstrip("/")


class ChosenRecipe:
    """The recipe of ``--for`` with what is known of its places."""

    def __init__(self, product: str, url: str | None) -> None:
        self.product = product
        self.recipe: Recipe = recipe(product)
        if url is None and self.recipe.needs_url:
            raise click.UsageError(
                f"--for {product} needs --url, the address that people see, such as {self.recipe.url}"
            )
        self._url = url or self.recipe.url

    def values(self, issuer: str) -> dict[str, str]:
        """The values of the places, but for the client that is to be made."""
        return place_values(issuer, self._url)

    def client_fields(self, issuer: str) -> dict[str, Any]:
        """What the client is registered with."""
        return self.recipe.fields(self.values(issuer))

    async def register_api(self, office: Office) -> str | Refusal:
        """Register the API of the recipe as a resource server. One that is there stays as it is: the answer is a note
        where it is not what the recipe needs."""
        settings = self.recipe.resource
        if settings is None:
            return ""
        known = await servers.show_resource(office.store, office.tenant, self._url)
        if isinstance(known, Refusal):
            made = await servers.create_resource(
                office.store, office.tenant, self._url, settings, office.settings
            )
            return made if isinstance(made, Refusal) else ""
        if not known.is_active:
            return resource_server.RETIRED
        return self._differences(known.settings, settings)

    def _differences(self, known: ResourceSettings, needed: ResourceSettings) -> str:
        usual = asdict(ResourceSettings())
        others = [
            f"{name} {value}"
            for name, value in asdict(needed).items()
            if value != usual[name] and getattr(known, name) != value
        ]
        if not others:
            return ""
        return (
            f"The resource server {self._url} was there before, and this product needs {', '.join(others)}:"
            " see authrim resource update."
        )

    def answer(self, issuer: str, created: ClientWithSecret, note: str) -> dict[str, Any]:
        """What ``--json`` says of the recipe: the filled texts, and the notes; ``note`` is one more, if any."""
        values = self.values(issuer) | {"client_id": created.client.client_id}
        if created.secret is not None:
            values["client_secret"] = created.secret
        return {
            "product": self.product,
            "snippets": [
                {"file": one.file, "language": one.language, "text": one.text}
                for one in self.recipe.filled_snippets(values)
            ],
            "notes": [
                *(f"{subject}: {fill(text, values)}" for subject, text in notes_of(self.recipe)),
                *([note] if note else []),
            ],
        }


def print_recipe(answer: Mapping[str, Any], one: Recipe) -> None:
    """The texts to paste as they are: no line is wrapped, and no value is cut."""
    for snippet in answer["snippets"]:
        click.echo(f"\n# {snippet['file'] or 'In a shell'}\n\n{snippet['text'].rstrip()}")
    click.echo()
    for note in answer["notes"]:
        click.echo(note)
    click.echo(f"{one.title}: {one.site}")
