"""``authrim client create --for``: the command around the recipes."""

import pytest

from authrim.recipes.catalog import products
from tests.support.command_line import CommandLine


def test_products_are_listed(authrim: CommandLine) -> None:
    """``--for list`` has a line for each product, within 80 columns, and so has the refusal of an unknown one."""
    printed = authrim.run("client", "create", "--for", "list").stdout
    assert [line.split()[0] for line in printed.splitlines()[1:]] == list(products())
    assert max(map(len, printed.splitlines())) <= 80
    refused = authrim.run("client", "create", "--for", "abacus", status=2).stderr
    assert all(product in refused for product in products())


def test_options_override_the_recipe(authrim: CommandLine) -> None:
    """An administrator's option counts more than what the product asks for."""
    options = ("--for", "flask", "--url", "https://app.example.com/")
    made = authrim.json("client", "create", *options, "--scope", "openid", "--first-party")
    assert made["redirect_uris"] == ["https://app.example.com/callback"]
    assert (made["scope"], made["skip_consent"], made["id_token_claims"]) == ("openid", True, "scopes")


def test_text_for_people_is_whole(authrim: CommandLine) -> None:
    """The secret is printed in its place in the text to paste, and the notes after it."""
    printed = authrim.run(
        "client", "create", "--for", "grafana", "--url", "https://grafana.example.com"
    ).stdout
    secret = next(line.split()[1] for line in printed.splitlines() if line.startswith("client_secret "))
    assert f"client_secret = {secret}" in printed.splitlines()
    assert "Refresh tokens: " in printed


@pytest.mark.parametrize(
    "url", ["app.example.com", "ftp://app.example.com", "https://app.example.com/?a", "https://[x"]
)
def test_an_address_that_cannot_be_is_refused(authrim: CommandLine, url: str) -> None:
    """``--url`` is an address that paths can be put behind; nothing is made with another."""
    authrim.run("client", "create", "--for", "flask", "--url", url, status=2)
    assert authrim.json("client", "list")["clients"] == []


def test_an_address_is_asked_for_where_it_is_needed(authrim: CommandLine) -> None:
    """Without ``--url`` a web application cannot be made; kubectl runs on people's machines and needs none."""
    refused = authrim.run("client", "create", "--for", "flask", status=2)
    assert "--url" in refused.stderr
    assert authrim.json("client", "create", "--for", "kubernetes")["token_endpoint_auth_method"] == "none"
    authrim.run("client", "create", "--url", "https://app.example.com", status=2)


def test_an_api_is_registered_once(authrim: CommandLine) -> None:
    """The API of a recipe becomes a resource server with what the product needs, and one that is there stays so."""
    url = "https://api.example.com"
    options = ("client", "create", "--for", "spring-resource-server", "--url", url)
    assert authrim.json(*options)["audiences"] == [url]
    assert authrim.json("resource", "show", url)["access_token_typ"] == "JWT"
    authrim.run("resource", "update", url, "--access-token-typ", "at+jwt")
    assert "needs access_token_typ JWT" in authrim.run(*options).stdout
    assert authrim.json("resource", "show", url)["access_token_typ"] == "at+jwt"


def test_nothing_is_left_of_a_recipe_that_is_refused(authrim: CommandLine) -> None:
    """A client that is refused leaves no resource server behind, and a retired resource server no client."""
    url = "https://api.example.com"
    authrim.run("client", "create", "--client-id", "taken", "--redirect-uri", "https://rp.example/cb")
    authrim.run("client", "create", "--for", "fastapi", "--url", url, "--client-id", "taken", status=1)
    assert authrim.json("resource", "list", "--all")["resources"] == []
    authrim.run("resource", "create", url)
    authrim.run("resource", "retire", url, "--yes")
    refused = authrim.run("client", "create", "--for", "fastapi", "--url", url, status=1)
    assert "retired" in refused.stderr
    assert [one["client_id"] for one in authrim.json("client", "list")["clients"]] == ["taken"]
