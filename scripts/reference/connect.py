"""``docs/connect/``: one page for each product of ``authrim/recipes/``, and an index of them."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from authrim.recipes.catalog import recipe, recipes
from authrim.recipes.recipe import Recipe, Snippet, fill, notes_of, place_values

FOLDER: Final = "connect"
_ISSUER: Final = "https://login.example.com"
_INTEGRATIONS: Final = Path("tests/integrations")
_KINDS: Final = {
    "application": "Connect an application",
    "api": "Protect an API",
    "broker": "Connect another identity provider",
}

_PRINTED: Final = (
    "and prints what follows, with the client's id and secret in place of `CLIENT_ID` and `CLIENT_SECRET`, and 32 "
    "random characters in place of `RANDOM`."
)
_INDEX: Final = """# Connect an application, protect an API

<!-- Generated from authrim/recipes/products/ by `make docs`. -->

`authrim client create --for PRODUCT` registers a client with what the product needs, and prints what to paste into it:

```console
$ authrim client create --for flask --url https://app.example.com
```

`--url` is the address that people see. Each other option of `client create` overrides a value of the recipe. With
`--json` the texts to paste are in `recipe.snippets`. `--for list` names the products.

For a development server (`make run`), the command is `.venv/bin/authrim --config .data/authrim.toml client create …`.

Products that are marked with ✓ are started by the tests, with the texts of their page.
"""


_OTHERS: Final = """## Any other product

Most libraries need three things: the issuer, a client id and a secret. They find the rest at
`ISSUER/.well-known/openid-configuration`.

```console
$ authrim client create --name Shop --redirect-uri https://app.example.com/callback
```

What has stopped people who connected other libraries:

- **Nobody has a name or email address.** The library reads the ID token alone, not userinfo: `--id-token-claims scopes`
  ([claims.md](../protocols/claims.md)).
- **`unauthorized_client` at the first request.** The library asks for an ID token without a code. Set its response type
  to `code`, or register the other one: `--grant-type implicit --response-type id_token`.
- **`invalid_scope` with commas in it.** The library joins scope values with commas. Set its delimiter to a space.
- **`invalid_scope`: the client has no scope of its own.** A service was created without one: `--scope`
  ([client-credentials.md](../protocols/client-credentials.md)).
- **An API refuses the audience.** The token is for the issuer, unless the client or the request names an API:
  `--audience` and `--default-audience` ([resource-servers.md](../protocols/resource-servers.md)).
- **Introspection answers `active: false`.** The token is not for the API that asks: `--introspect` and
  `--protected-resource` ([introspection.md](../protocols/introspection.md)).
- **A verifier fails at a key of another type.** It tries every key of the key set. Choose the key by its `kid`.
- **There is no refresh token.** Add `offline_access` to the request, and to the registration.

`authrim audit why ERROR_ID` explains a refusal further; the id is in the header `Authrim-Error-Id` and on the page.
"""


def pages() -> Mapping[str, Callable[[], str]]:
    """Each page by its place in ``docs/``, and what makes its text."""
    of_products = {f"{FOLDER}/{name}.md": partial(_page, name) for name in recipes()}
    return {f"{FOLDER}/index.md": _index, **of_products}


def _index() -> str:
    parts = [_INDEX]
    for kind, title in _KINDS.items():
        rows = [
            f"| [{one.title}]({name}.md) | `{name}` | {'✓' if _test_of(name) else ''} |"
            for name, one in recipes().items()
            if one.kind == kind
        ]
        parts += [f"## {title}\n", "| product | `--for` | tested |", "|---|---|---|", *rows, ""]
    return "\n".join([*parts, _OTHERS])


def _page(name: str) -> str:
    one = recipe(name)
    values = {place: value for place, value in place_values(_ISSUER, one.url).items() if place != "random"}
    url = f" --url {one.url}" if one.needs_url else ""
    parts = [
        f"# {one.title}",
        "",
        f"<!-- Generated from authrim/recipes/products/{name}.toml by `make docs`. -->",
        "",
        f"{one.summary} Its own documentation: <{one.site}>.",
        "",
        "## At Authrim",
        "",
        f"```console\n$ authrim client create --for {name}{url}\n```",
        "",
        f"{_resource(one)} a client with",
        "",
        *_client(one, values),
        "",
        _PRINTED,
        "",
        "## What to paste",
        "",
        *(_snippet(snippet) for snippet in one.filled_snippets(values)),
        "## Afterwards",
        "",
        *(f"- **{subject}.** {fill(note, values)}" for subject, note in notes_of(one)),
    ]
    test = _test_of(name)
    if test is not None:
        parts += ["", f"The tests start this software with the texts of this page: `{test.as_posix()}`."]
    return "\n".join(parts) + "\n"


def _resource(one: Recipe) -> str:
    if one.resource is None:
        return "registers"
    settings = msgspec.to_builtins(one.resource)
    wanted = ", ".join(f"`{name}` is `{_plain(value)}`" for name, value in settings.items())
    with_settings = f" ({wanted})" if wanted else ""
    return (
        f"registers the [resource server](../protocols/resource-servers.md) `{one.url}`{with_settings}, unless it is "
        "there already, and"
    )


def _client(one: Recipe, values: Mapping[str, str]) -> list[str]:
    # A registration that names no method takes the secret in both ways, as the command says.
    either = {"token_endpoint_auth_method": ("client_secret_basic", "client_secret_post")}
    fields = either | one.fields(values)
    rows = [f"| `{field}` | {_value(value)} |" for field, value in fields.items()]
    return ["| field | value |", "|---|---|", *rows]


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(f"`{_plain(part)}`" for part in value) or "none"
    return f"`{value}`"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _snippet(snippet: Snippet) -> str:
    place = f"`{snippet.file}`:" if snippet.file else "In a shell:"
    return f"{place}\n\n```{_language(snippet)}\n{snippet.text.strip()}\n```\n"


def _language(snippet: Snippet) -> str:
    # The pages are no worked examples: what runs them puts the software there first.
    return "console" if snippet.language == "sh" else snippet.language


def _test_of(name: str) -> Path | None:
    """The file of tests that makes a client with this recipe."""
    files = sorted(_INTEGRATIONS.glob("test_*.py"))
    return next((file for file in files if f'"{name}"' in file.read_text("utf-8")), None)
