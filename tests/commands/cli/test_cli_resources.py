"""``authrim resource`` on a real store."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import RSAKey

from tests.support.command_line import CommandLine
from tests.support.resource_servers import encryption_key

URI = "https://api.example.com/"


def test_from_the_first_to_the_last(authrim: CommandLine) -> None:
    """Created, listed, shown, changed, reset, retired, and created again: each shows what there is now."""
    created = authrim.json(
        "resource", "create", URI, "--access-token-typ", "JWT", "--format", "jwt", "--lifetime", "300",
        "--signing-alg", "RS256", "--claim", "groups", "--scope", "orders.read orders.write", "--scope", "stock.read",
    )  # fmt: skip
    assert (created["uri"], created["status"], created["access_token_typ"]) == (URI, "active", "JWT")
    assert created["scope"] == ["orders.read", "orders.write", "stock.read"]
    assert authrim.json("resource", "show", URI) == created
    assert [one["uri"] for one in authrim.json("resource", "list")["resources"]] == [URI]
    changed = authrim.json("resource", "update", URI, "--lifetime", "60", "--unset", "access_token_typ")
    assert (changed["access_token_lifetime"], changed["access_token_typ"]) == (60, "at+jwt")
    assert changed["access_token_signing_alg"] == "RS256"
    assert authrim.json("resource", "retire", URI, "--yes")["status"] == "retired"
    assert authrim.json("resource", "list")["resources"] == []
    assert [one["status"] for one in authrim.json("resource", "list", "--all")["resources"]] == ["retired"]
    assert authrim.json("resource", "create", URI)["access_token_lifetime"] is None


def test_what_comes_next_is_said(authrim: CommandLine) -> None:
    """A person who created it reads how a client gets its tokens; nothing is said where every client does."""
    assert f"authrim resource allow {URI} CLIENT_ID" in authrim.run("resource", "create", URI).stdout
    other = authrim.run("resource", "create", "urn:other", "--any-client").stdout
    assert "Every client may ask" in other
    assert "resource allow" not in other


def test_a_client_is_allowed_one_more(authrim: CommandLine) -> None:
    """Its other audiences stay; again, nothing changes; a resource server that is unknown or retired is refused."""
    service = ("client", "create", "--service", "--scope", "x", "--audience", "urn:other", "--client-id")
    for client_id in ("one", "two"):
        authrim.json(*service, client_id)
    authrim.run("resource", "allow", URI, "one", status=1)
    authrim.json("resource", "create", URI)
    for _ in range(2):
        allowed = authrim.json("resource", "allow", URI, "one", "two")["clients"]
        assert [(one["client_id"], one["audiences"]) for one in allowed] == [
            ("one", ["urn:other", URI]), ("two", ["urn:other", URI])
        ]  # fmt: skip
    assert "no such client" in authrim.run("resource", "allow", URI, "three", status=1).output
    authrim.json("resource", "retire", URI, "--yes")
    for refused in (("allow", URI, "one"), ("update", URI, "--scope", "x")):
        assert "resource create" in authrim.run("resource", *refused, status=1).output


def test_keys_are_read_from_a_file(authrim: CommandLine, tmp_path: Path) -> None:
    """Its public keys alone; a private key and a key that does not fit are refused, and nothing is stored."""
    file = tmp_path / "jwks.json"
    encrypted = ("resource", "create", URI, "--encryption-alg", "ECDH-ES", "--jwks", str(file))
    key = encryption_key()
    public = key.as_dict(private=False)
    weak = RSAKey.import_key(rsa.generate_private_key(65537, 1024)).as_dict(private=False)
    for wrong in ([key.as_dict(private=True)], [public | {"use": "sig"}], [public, weak]):
        file.write_text(json.dumps({"keys": wrong}))
        assert authrim.run(*encrypted, status=1).stdout == ""
    file.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    assert authrim.json(*encrypted)["access_token_encryption_alg"] == "ECDH-ES"


def test_what_was_named_before_hinders_no_change(authrim: CommandLine) -> None:
    """A claim that was retired and a client that was deleted stay where they are named; a new one is judged."""
    authrim.run("claim", "define", "shoe_size", "--type", "number", "--scope", "shoes")
    authrim.run("client", "create", "--service", "--client-id", "api")
    authrim.run("resource", "create", URI, "--claim", "shoe_size", "--introspection-client", "api")
    authrim.run("claim", "retire", "shoe_size")
    authrim.run("client", "delete", "api", "--yes")
    assert authrim.json("resource", "update", URI, "--lifetime", "60")["claims"] == ["shoe_size"]
    authrim.run("resource", "update", URI, "--introspection-client", "nobody", status=1)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--signing-alg", "PS256"), "signing_algorithms"),
        (("--format", "opaque", "--access-token-typ", "JWT"), "access_token_format"),
        (("--introspection-client", "nobody"), "nobody"),
        (("--encryption-alg", "ECDH-ES"), "jwks"),
        (("--lifetime", "90000"), "access_token_lifetime"),
        (("--claim", "shoe_size"), "claim define"),
    ],
)
def test_a_refusal_says_what_to_do(authrim: CommandLine, options: tuple[str, ...], named: str) -> None:
    """Status 1, the setting by its name, and a hint."""
    told = json.loads(authrim.run("--json", "resource", "create", URI, *options, status=1).stdout)
    assert named in told["description"] + told["hint"]
    assert told["hint"]
    assert authrim.json("resource", "list")["resources"] == []


def test_a_client_introspects_for_it(authrim: CommandLine) -> None:
    """A130: a client with a secret may, a public one may not."""
    authrim.json("client", "create", "--service", "--client-id", "orders", "--scope", "x")
    authrim.json(
        "client", "create", "--type", "spa", "--client-id", "spa", "--redirect-uri", "https://a.example/"
    )
    made = authrim.json("resource", "create", URI, "--introspection-client", "orders")
    assert made["introspection_clients"] == ["orders"]
    authrim.run("resource", "update", URI, "--introspection-client", "spa", status=1)
