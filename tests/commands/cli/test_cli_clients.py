"""``authrim client`` on a real store."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from authrim.clients import records as clients
from authrim.crypto.secrets import secret_matches
from authrim.store.contract import Append, AppendResult
from authrim.store.sqlite.store import SQLiteStore
from domain.client.client import Client
from domain.client.metadata import ClientMetadata
from domain.errors import Refusal
from tests.support.assertion import new_key
from tests.support.command_line import CommandLine

CALLBACK = "https://shop.example.com/callback"


def create(authrim: CommandLine, *options: str) -> dict[str, Any]:
    created: dict[str, Any] = authrim.json("client", "create", "--redirect-uri", CALLBACK, *options)
    return created


async def client_of(store: SQLiteStore, client_id: str) -> Client:
    client = await clients.show_client(store, "default", client_id)
    assert isinstance(client, Client)
    return client


def test_secret_is_shown_once_and_kept_as_a_digest(
    authrim: CommandLine, stored_bytes: Callable[[], bytes]
) -> None:
    """A227: the secret is in the answer to create, not in a later show, and nowhere on the disk."""
    created = create(authrim, "--name", "Canary shop")
    shown = authrim.run("--json", "client", "show", created["client_id"]).stdout
    assert len(created["client_secret"]) == 43
    assert created["client_secret"] not in shown
    assert "secret_hash" not in shown
    assert b"Canary shop" in stored_bytes()
    assert created["client_secret"].encode() not in stored_bytes()


async def test_given_secret_is_the_one_that_works(authrim: CommandLine, store: SQLiteStore) -> None:
    """What create prints authenticates the client."""
    created = await asyncio.to_thread(create, authrim)
    (live,) = (await client_of(store, created["client_id"])).live_secrets(0)
    assert secret_matches(created["client_secret"], live)
    assert not secret_matches(created["client_secret"] + "x", live)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("web", ("client_secret_basic", ["authorization_code", "refresh_token"], "web")),
        ("spa", ("none", ["authorization_code", "refresh_token"], "web")),
        ("native", ("none", ["authorization_code", "refresh_token"], "native")),
        ("service", ("client_secret_basic", ["client_credentials"], "web")),
    ],
)
def test_types_begin_with_sensible_values(
    authrim: CommandLine, kind: str, expected: tuple[str, list[str], str]
) -> None:
    """Each --type is a client that can be used as it is."""
    created = create(authrim, "--type", kind)
    assert (
        created["token_endpoint_auth_method"],
        created["grant_types"],
        created["application_type"],
    ) == expected
    assert ("client_secret" in created) == (expected[0] != "none")


def test_short_form_of_a_service(authrim: CommandLine) -> None:
    """--service is --type service."""
    short = authrim.json("client", "create", "--service", "--client-id", "short")
    assert short["grant_types"] == ["client_credentials"]


def test_options_override_the_type(authrim: CommandLine) -> None:
    """What is said wins over what the type begins with."""
    created = create(authrim, "--scope", "openid email", "--scope", "reports", "--public", "--first-party")
    assert created["scope"] == "openid email reports"
    assert created["token_endpoint_auth_method"] == "none"
    assert created["skip_consent"] is True


def test_signed_only_with_what_there_is_a_key_for(authrim: CommandLine) -> None:
    """A client is never registered for an algorithm that no key of the server signs with."""
    created = create(authrim)
    assert (created["access_token_signing_alg"], created["id_token_signed_response_alg"]) == (
        "ES256",
        "RS256",
    )
    refused = authrim.json(
        "client", "create", "--redirect-uri", CALLBACK, "--id-token-alg", "PS256", status=1
    )
    assert refused["error"] == "invalid_client_metadata"
    client_id = created["client_id"]
    assert authrim.json("client", "update", client_id, "--id-token-alg", "PS256", status=1) == refused


def test_refusal_says_what_and_what_to_do(authrim: CommandLine) -> None:
    """A201: policy refuses on the command line as everywhere; code, description and hint, status 1."""
    arguments = ("client", "create", "--redirect-uri", "http://shop.example.com/callback")
    refused = authrim.json(*arguments, status=1)
    assert refused["error"] == "invalid_redirect_uri"
    text = authrim.run(*arguments, status=1)
    assert text.stdout == ""
    for part in (refused["error"], refused["description"], refused["hint"]):
        assert part in text.stderr
    assert authrim.json("client", "list")["clients"] == []


def test_update_changes_what_was_named(authrim: CommandLine) -> None:
    """Other fields stay as they are; a list replaces the list; --unset puts a field back."""
    before = create(authrim, "--name", "Shop", "--logo-uri", "https://shop.example.com/logo.png")
    client_id = before["client_id"]
    after = authrim.json(
        "client", "update", client_id, "--redirect-uri", CALLBACK + "2", "--unset", "logo_uri"
    )
    assert after["redirect_uris"] == [CALLBACK + "2"]
    assert after["logo_uri"] is None
    changed = {"redirect_uris", "logo_uri"}
    assert {k: v for k, v in after.items() if k not in changed} == {
        k: v for k, v in before.items() if k not in {*changed, "client_secret"}
    }


async def test_update_to_a_secret_method_makes_a_secret(authrim: CommandLine, store: SQLiteStore) -> None:
    """A public client that becomes confidential is given a secret at once, and only then."""
    public = await asyncio.to_thread(create, authrim, "--public")
    arguments = ("client", "update", public["client_id"], "--auth-method", "client_secret_post")
    updated = await asyncio.to_thread(authrim.json, *arguments)
    (live,) = (await client_of(store, public["client_id"])).live_secrets(0)
    assert secret_matches(updated["client_secret"], live)
    again = await asyncio.to_thread(authrim.json, *arguments)
    assert "client_secret" not in again


@pytest.mark.parametrize(("overlap", "live"), [("0", 1), ("3600", 2)])
async def test_rotated_secret_overlaps_for_as_long_as_said(
    authrim: CommandLine, store: SQLiteStore, overlap: str, live: int
) -> None:
    """The secret before works for --overlap seconds more, and not a second longer."""
    created = await asyncio.to_thread(create, authrim)
    client_id = created["client_id"]
    rotated = await asyncio.to_thread(
        authrim.json, "client", "rotate-secret", client_id, "--overlap", overlap
    )
    client = await client_of(store, client_id)
    newest, *before = client.secrets
    assert secret_matches(rotated["client_secret"], newest.secret_hash)
    now = client.registered_at
    assert len(client.live_secrets(now)) == live
    assert all(secret_matches(created["client_secret"], secret.secret_hash) for secret in before)
    assert len(client.live_secrets(now + 3600 + 60)) == 1


def test_disable_enable_delete(authrim: CommandLine) -> None:
    """Disabled comes back, deleted does not: the id is never used again and the list forgets it."""
    create(authrim, "--client-id", "shop")
    assert authrim.json("client", "disable", "shop")["status"] == "disabled"
    assert authrim.json("client", "enable", "shop")["status"] == "active"
    authrim.run("client", "delete", "shop", stdin="n\n", status=1)
    assert authrim.json("client", "show", "shop")["status"] == "active"
    assert authrim.json("client", "delete", "shop", "--yes")["status"] == "deleted"
    assert authrim.json("client", "list")["clients"] == []
    assert authrim.json("client", "show", "shop", status=1)["error"] == "invalid_request"
    arguments = ("client", "create", "--client-id", "shop", "--redirect-uri", CALLBACK)
    assert "in use" in authrim.json(*arguments, status=1)["description"]


def test_list_goes_a_page_at_a_time(authrim: CommandLine) -> None:
    """--after and --limit walk through all clients, in order, each once."""
    for name in ("c", "a", "b"):
        create(authrim, "--client-id", name)

    def ids(*options: str) -> list[str]:
        return [one["client_id"] for one in authrim.json("client", "list", *options)["clients"]]

    assert ids() == ["a", "b", "c"]
    assert ids("--limit", "2") == ["a", "b"]
    assert ids("--limit", "2", "--after", "b") == ["c"]


def test_text_shows_everything_of_a_client(authrim: CommandLine) -> None:
    """Human output is whole when it is piped: no value is cut and no colour is in it."""
    uris = [f"https://shop.example.com/a/long/path/to/callback/{number}" for number in range(3)]
    options = [part for uri in uris for part in ("--redirect-uri", uri)]
    created = authrim.json("client", "create", *options)
    text = authrim.run("client", "show", created["client_id"]).stdout
    assert all(uri in text for uri in uris)
    assert "\x1b" not in text


def test_no_text_of_a_client_steers_the_terminal(authrim: CommandLine, tmp_path: Any) -> None:
    """A226: what a client put into its key set is shown with its control characters escaped, as text and as JSON, which
    stays the same JSON."""
    hostile = "\x1b[2J\x1b]0;title\x07\r\nfake: line\x7f\x9b31m\u202e\u2028\U000e0001"
    key = new_key().as_dict(private=False) | {"kid": hostile, hostile: [{"x": hostile}]}
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [key]}))
    created = create(authrim, "--auth-method", "private_key_jwt", "--jwks", str(file))
    text = authrim.run("client", "show", created["client_id"]).stdout
    document = authrim.run("--json", "client", "show", created["client_id"]).stdout
    for shown in (text.replace("\n", ""), document.removesuffix("\n")):
        assert shown.isprintable()
        assert "fake: line" in shown
    assert "\nfake" not in text.replace(" ", "")
    assert json.loads(document)["jwks"] == {"keys": [key]}


def test_private_key_in_a_key_set_is_refused_and_not_repeated(authrim: CommandLine, tmp_path: Any) -> None:
    """A227: a key set with a private member, or that is no JSON, is refused without being printed."""
    file = tmp_path / "jwks.json"
    options = ("--auth-method", "private_key_jwt", "--jwks", str(file))
    file.write_text('{"keys": [{"kty": "EC", "d": "canary-private-half"}]}')
    refused = authrim.run("client", "create", "--redirect-uri", CALLBACK, *options, status=1)
    assert "private key" in refused.stderr
    file.write_text('{"keys": [{"kty": "EC", "d": "canary-private-half')
    broken = authrim.run("client", "create", "--redirect-uri", CALLBACK, *options, status=2)
    assert "canary" not in refused.output + broken.output


class InterferingStore:
    """A store on which somebody else changes the client between our read and our first append."""

    def __init__(self, store: SQLiteStore, other: Callable[[SQLiteStore], Any], times: int) -> None:
        self._store = store
        self._other = other
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def append(self, append: Append) -> AppendResult:
        if self._times:
            self._times -= 1
            assert not isinstance(await self._other(self._store), Refusal)
        return await self._store.append(append)


async def test_two_administrators_lose_no_change(store: SQLiteStore) -> None:
    """A version conflict is decided again on the new state: both changes are there afterwards."""
    created = await clients.create_client(store, "default", ClientMetadata(redirect_uris=(CALLBACK,)))
    assert not isinstance(created, Refusal)
    client_id = created.client.client_id

    async def rename(real: SQLiteStore) -> object:
        return await clients.update_client(real, "default", client_id, {"client_name": "Other"})

    overtaken: Any = InterferingStore(store, rename, 1)
    await clients.update_client(overtaken, "default", client_id, {"scope": ("openid",)})
    metadata = (await client_of(store, client_id)).metadata
    assert (metadata.client_name, metadata.scope) == ("Other", ("openid",))


async def test_who_is_overtaken_again_and_again_is_told_to_come_back(store: SQLiteStore) -> None:
    """After three conflicts the answer is temporarily_unavailable, and nothing was changed by it."""
    created = await clients.create_client(store, "default", ClientMetadata(redirect_uris=(CALLBACK,)))
    assert not isinstance(created, Refusal)
    client_id = created.client.client_id
    numbers = iter(range(10))

    async def rename(real: SQLiteStore) -> object:
        return await clients.update_client(real, "default", client_id, {"client_name": f"{next(numbers)}"})

    overtaken: Any = InterferingStore(store, rename, 3)
    answer = await clients.update_client(overtaken, "default", client_id, {"scope": ("openid",)})
    assert isinstance(answer, Refusal)
    assert answer.error == "temporarily_unavailable"
    assert (await client_of(store, client_id)).metadata.scope == ()


def test_claim_mapping(authrim: CommandLine) -> None:
    """A mapping is written in one text, shown as JSON, taken away again, and refused when it is malformed."""
    redirect = ("--redirect-uri", "https://rp.example/cb")
    option = ("--claim-mapping", "groups=memberOf|separator=,|prefix=oidc:", "--claim-mapping", "roles=r")
    client_id = authrim.json("client", "create", "--name", "Mapped", *redirect, *option)["client_id"]
    assert authrim.json("client", "show", client_id)["claim_mapping"] == [
        {"claim": "groups", "name": "memberOf", "separator": ",", "prefix": "oidc:"},
        {"claim": "roles", "name": "r"},
    ]
    authrim.run("client", "show", client_id)
    authrim.run("client", "update", client_id, "--claim-mapping", "groups", status=2)
    clash = authrim.json("client", "update", client_id, "--claim-mapping", "groups=cnf", status=1)
    assert "cnf" in clash["description"]
    authrim.json("client", "update", client_id, "--id-token-claims", "scopes", "--unset", "claim_mapping")
    shown = authrim.json("client", "show", client_id)
    assert (shown["claim_mapping"], shown["id_token_claims"]) == ([], "scopes")


def test_naming_no_method_leaves_both_open(authrim: CommandLine) -> None:
    """RFC 6749 §2.3.1: a secret may come in both ways unless --auth-method names one, at creation or later."""

    def methods(*options: str) -> tuple[str, bool]:
        shown = authrim.json("client", "update", client_id, *options)
        return shown["token_endpoint_auth_method"], shown["either_secret_method"]

    created = create(authrim)
    client_id = created["client_id"]
    assert created["either_secret_method"] is True
    assert methods("--name", "Shop") == ("client_secret_basic", True)
    assert methods("--auth-method", "client_secret_post") == ("client_secret_post", False)
    assert methods("--name", "Store") == ("client_secret_post", False)
    assert methods("--auth-method", "client_secret") == ("client_secret_basic", True)
    assert methods("--auth-method", "client_secret_basic") == ("client_secret_basic", False)
    assert methods("--unset", "token_endpoint_auth_method") == ("client_secret_basic", True)
    assert methods("--public") == ("none", False)
    assert create(authrim, "--auth-method", "client_secret_basic")["either_secret_method"] is False
    assert create(authrim, "--type", "spa")["either_secret_method"] is False


def test_an_unset_profile_is_the_usual_one(authrim: CommandLine) -> None:
    """With the profile, other fields that are unset get the values of the profile that the client has then."""
    options = ("--redirect-uri", "https://rp.example/cb", "--jwks-uri", "https://rp.example/jwks")
    made = authrim.json("client", "create", "--profile", "fapi2-security", *options)
    fields = ("profile", "token_endpoint_auth_method", "require_pushed_authorization_requests")
    unset = [word for name in fields for word in ("--unset", name)]
    changed = authrim.json("client", "update", made["client_id"], *unset)
    assert [changed[name] for name in fields] == ["oidc", "client_secret_basic", False]


def test_both_methods_are_not_for_fapi(authrim: CommandLine) -> None:
    """FAPI 2 Security Profile §5.3.2.1: no way to send a secret, named or not."""
    refused = ("client", "create", "--redirect-uri", CALLBACK, "--profile", "fapi2-security")
    authrim.json(*refused, "--auth-method", "client_secret", status=1)


def test_plain_http_is_warned_of_wherever_the_client_is_shown(authrim: CommandLine) -> None:
    """A255: at creation, after an update, when shown and in the list; loopback addresses need no warning."""
    arguments = ("client", "create", "--client-id", "wiki", "--redirect-uri", "http://wiki.intranet/cb")
    assert "administrator" in authrim.json(*arguments, status=1)["hint"]
    created = authrim.json(*arguments, "--plain-http")
    (warning,) = created["warnings"]
    assert "http://wiki.intranet/cb" in warning
    for command in (("show", "wiki"), ("update", "wiki", "--name", "Wiki")):
        assert authrim.json("client", *command)["warnings"] == [warning]
        assert warning in authrim.run("client", *command).stdout.replace("\n", " ")
    assert authrim.json("client", "list")["clients"][0]["warnings"] == [warning]
    assert "not encrypted" in authrim.run("client", "list").stdout
    native = ("--type", "native", "--redirect-uri", "http://127.0.0.1/cb")
    assert authrim.json("client", "create", *native)["warnings"] == []


@pytest.mark.parametrize(
    ("keys", "profile", "id_token", "access_token"),
    [
        ("ES256,RS256,PS256", "oidc", "RS256", "ES256"),
        ("ES256,RS256,PS256", "fapi2-security", "ES256", "ES256"),
        ("ES256,EdDSA", "oidc", "ES256", "ES256"),
    ],
)
def test_one_default_of_algorithms_however_a_client_is_made(
    authrim: CommandLine,
    monkeypatch: pytest.MonkeyPatch,
    keys: str,
    profile: str,
    id_token: str,
    access_token: str,
) -> None:
    """OIDC Core §15.1: with create and every --type, and again with --unset; the help of the command says it."""
    authrim.environment["AUTHRIM_SIGNING_ALGORITHMS"] = keys
    monkeypatch.setenv("AUTHRIM_SIGNING_ALGORITHMS", keys)
    names = ("id_token_signed_response_alg", "access_token_signing_alg")
    method = ("--auth-method", "tls_client_auth", "--tls-client-auth-san-dns", "shop.example")
    options = ("--profile", profile, *(method if profile != "oidc" else ()))
    created = create(authrim, *options)
    assert tuple(created[name] for name in names) == (id_token, access_token)
    unset = [word for name in names for word in ("--unset", name)]
    updated = authrim.json("client", "update", created["client_id"], "--id-token-alg", "ES256")
    assert updated["id_token_signed_response_alg"] == "ES256"
    updated = authrim.json("client", "update", created["client_id"], *unset)
    assert tuple(updated[name] for name in names) == (id_token, access_token)
    assert "Default: RS256" in authrim.run("client", "create", "--help").stdout


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ((), True),
        (("--scope", "openid"), True),
        (("--scope", "orders.read"), False),
        (("--introspect",), False),
    ],
)
def test_a_service_without_a_scope_is_told_so(
    authrim: CommandLine, options: tuple[str, ...], warned: bool
) -> None:
    """A service that can get no token is told when it is made, not by the refusal of its first request; an API that
    only introspects is not."""
    warnings = authrim.json("client", "create", "--type", "service", *options)["warnings"]
    assert [warning.partition(",")[0] for warning in warnings] == ["it has no scope of its own"] * warned
