"""RFC 7591 §2.3: software statements. What a trusted issuer signed goes before what the client says (A204)."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import OctKey

from authrim.protocol.software_statement import IssuersUnreadable, SoftwareStatements
from authrim.store.contract import Store
from tests.support.assertion import Key, new_key, public_jwks
from tests.support.log import whole_log
from tests.support.registration import MINIMAL, Answer, manage, register
from tests.support.running import RunningServer, running_server

ISSUER = "https://federation.example"
KEY = new_key("ES256", "federation")
OTHER = new_key("RS256", "rsa")
CLAIMS: dict[str, Any] = {
    "iss": ISSUER, "software_id": "4NRB1-0XZABZI9E6-5SM3R", "client_name": "Certified Shop",
    "redirect_uris": ["https://certified.example/cb"],
}  # fmt: skip


@pytest.fixture
def issuers(tmp_path: Path) -> Path:
    """The file of trusted issuers."""
    file = tmp_path / "issuers.json"
    file.write_text(
        json.dumps({ISSUER: public_jwks(KEY, OTHER), "https://second.example": public_jwks(new_key())})
    )
    return file


@pytest_asyncio.fixture
async def server(store: Store, issuers: Path) -> AsyncIterator[RunningServer]:
    """A server that lets anybody register, and believes one federation."""
    async with running_server(
        store, registration="open", software_statement_issuers=issuers, registrations_per_minute=100
    ) as running:
        yield running


def statement(key: Key | OctKey = KEY, alg: str | None = None, kid: str | None = None, **changes: Any) -> str:
    """A signed statement; None leaves a claim out."""
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    alg = alg or str(key.alg)
    return jwt.encode({"alg": alg, "kid": kid or key.kid}, claims, key, algorithms=[alg])


def unsigned(**header: Any) -> str:
    parts = [json.dumps(part) for part in ({"alg": "none", **header}, CLAIMS)]
    return ".".join(_spelled(part) for part in parts) + "."


def _spelled(text: str) -> str:
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


async def shown(server: RunningServer, value: Any, **members: Any) -> Answer:
    return await register(server, MINIMAL | members | {"software_statement": value})


async def test_the_statement_goes_before_the_client(server: RunningServer) -> None:
    """RFC 7591 §2.3: its claims win over plain members of the same name; it comes back unmodified."""
    value = statement(exp=int(time.time()) + 60)
    answer = await shown(server, value, client_name="Somebody", client_uri="https://rp.example/")
    assert answer.status == 201
    assert answer.body["client_name"] == "Certified Shop"
    assert answer.body["redirect_uris"] == ["https://certified.example/cb"]
    assert answer.body["client_uri"] == "https://rp.example/"
    assert answer.body["software_id"] == CLAIMS["software_id"]
    assert answer.body["software_statement"] == value
    assert (await manage(server, answer.body)).body["software_statement"] == value
    assert f'"statement_issuer":"{ISSUER}"' in await whole_log(server)


async def test_a204_what_was_vouched_for_stays(server: RunningServer) -> None:
    """A204: an update cannot say otherwise than the statement that let the client in; another good one can."""
    client = (await shown(server, statement())).body
    update = {
        "client_id": client["client_id"],
        "redirect_uris": ["https://evil.example/cb"],
        "client_name": "Evil",
    }
    kept = (await manage(server, client, "PUT", update)).body
    assert (kept["client_name"], kept["redirect_uris"]) == (
        "Certified Shop",
        ["https://certified.example/cb"],
    )
    renewed = await manage(
        server, kept, "PUT", update | {"software_statement": statement(client_name="New Name")}
    )
    assert renewed.body["client_name"] == "New Name"
    foreign = await manage(
        server, renewed.body, "PUT", update | {"software_statement": statement(iss="https://x.example")}
    )
    assert foreign.error == (400, "unapproved_software_statement")


async def test_a204_one_statement_lets_many_instances_in(server: RunningServer) -> None:
    """RFC 7591 §2.3: it is the software's and no credential: not used up, and each instance is a client of its own."""
    value = statement(jti="1")
    ids = {(await shown(server, value)).body["client_id"] for _ in range(2)}
    assert len(ids) == 2


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_a204_statements_that_are_refused(server: RunningServer) -> None:
    """A204: no signature, another's, a shared secret, another key's algorithm, expired, not yet, malformed."""
    now = int(time.time())
    secret = OctKey.import_key(json.dumps(KEY.as_dict(private=False)), {"kid": "federation", "alg": "HS256"})
    stranger = new_key("ES256", "federation")
    good = statement()
    bad = [
        unsigned(kid="federation"), unsigned(), statement(secret, "HS256"), statement(stranger),
        statement(new_key("ES256", "other")), good[:-4] + "AAAA", good + "x", good.rsplit(".", 1)[0], "x", "", 1, {},
        ["x"], "a" * 20_000, statement(exp=now - 1), statement(nbf=now + 60), statement(exp="soon"),
        statement(exp=True), statement(aud="https://other.example"), statement(redirect_uris="https://x.example"),
        statement(skip_consent=True), statement(profile="fapi2-security"),
    ]  # fmt: skip
    for value in bad:
        answer = await shown(server, value)
        assert answer.error == (400, "invalid_software_statement"), value
    assert ":client:" not in await whole_log(server)


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_a204_issuers_that_are_not_trusted(server: RunningServer) -> None:
    """A204: unapproved_software_statement for an issuer that is not configured, and for none."""
    for value in (statement(iss="https://evil.example"), statement(iss=None), statement(iss=[ISSUER])):
        assert (await shown(server, value)).error == (400, "unapproved_software_statement")
    foreign = statement(iss="https://second.example")  # trusted, and not with this key
    assert (await shown(server, foreign)).error == (400, "invalid_software_statement")


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_the_policy_holds_for_statements_too(server: RunningServer) -> None:
    """A202: what the statement says is asked about like everything else."""
    assert (await shown(server, statement(scope="admin"))).error == (400, "invalid_client_metadata")
    http = statement(redirect_uris=["http://rp.example/cb"])
    assert (await shown(server, http)).error == (400, "invalid_redirect_uri")


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_it_can_be_required(store: Store, issuers: Path) -> None:
    """software_statement_required: nobody registers without one."""
    async with running_server(
        store, registration="open", software_statement_issuers=issuers, software_statement_required=True
    ) as server:
        assert (await register(server)).error == (400, "invalid_software_statement")
        assert (await shown(server, statement())).status == 201


@pytest.mark.parametrize("store_place", ["sqlite"], indirect=True)
async def test_without_issuers_nobody_is_believed(store: Store) -> None:
    """Fail closed: a statement is never ignored."""
    async with running_server(store, registration="open") as server:
        assert (await shown(server, statement())).error == (400, "unapproved_software_statement")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"https://x.example": []}',
        json.dumps({ISSUER: {"keys": [new_key().as_dict(private=True)]}}),
    ],
    ids=range(5),
)
def test_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path, text: str) -> None:
    """A private key in the file is refused too, and nothing of it is in the message."""
    file = tmp_path / "issuers.json"
    file.write_text(text)
    with pytest.raises(IssuersUnreadable, match="software_statement_issuers"):
        SoftwareStatements.from_file(file)
