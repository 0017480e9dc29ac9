"""The section on lifetimes and binding of tokens: given events, its figures."""

from domain.client.events import ClientRegistered
from domain.grant.events import (
    AccessTokenIssued,
    IdTokenIssued,
    RefreshTokenIssued,
    RefreshTokenRepeated,
    RefreshTokenRotated,
    RefreshTokenUsed,
)
from domain.log_entry import LogEntry
from domain.report.sections.tokens import Tokens
from tests.domain.report.folding import entry, told


def _token(position: int, client_id: str, life: int, **fields: str) -> LogEntry:
    event = AccessTokenIssued("t", fields.pop("format", "jwt"), client_id, (), (), 1, 1 + life, **fields)
    return entry(position, f"grant:g{position}", event)


def test_access_tokens_by_binding_and_life() -> None:
    """Each token is bound in one way or a bearer token, and the share is computed from both."""
    before = [_token(1, "shop", 900_000)]
    during = [
        _token(2, "bank", 300, jkt="k"),
        _token(3, "bank", 300, jkt="k", x5t_s256="x"),
        _token(4, "bank", 600, x5t_s256="x", format="opaque"),
        _token(5, "shop", 7200, subject="p", encrypted_to="https://api.example"),
        _token(6, "shop", 90_000),
    ]
    said = told(Tokens, before, during)
    assert said.positions("tokens.access") == "2-6"
    assert said.positions("tokens.bound") == "2-4"
    assert said.values["tokens.coverage"] == 60.0
    assert said.positions("tokens.dpop") == "2-3"
    assert said.positions("tokens.mtls") == "4"
    assert said.positions("tokens.bearer") == "5-6"
    assert said.positions("tokens.long") == "5-6"
    assert said.positions("tokens.opaque") == "4"
    assert said.positions("tokens.encrypted") == "5"
    assert said.positions("tokens.of_clients") == "2-4,6"
    assert said.values["tokens.longest_access"] == 90_000
    assert said.positions("tokens.longest_access") == "6"
    assert dict(said.rows("tokens.lives")) == {
        "up to 5 minutes": 2, "up to 10 minutes": 1, "up to 1 hour": 0, "up to 1 day": 1, "more than 1 day": 1
    }  # fmt: skip
    assert said.rows("tokens.clients") == [
        ("bank", 3, 2, 1, 0, 100.0, 300, 600),
        ("shop", 2, 0, 0, 2, 0.0, 7200, 90_000),
    ]
    assert said.finding("tokens.long_found") is not None


def test_refresh_tokens_of_public_clients() -> None:
    """A refresh token that is not bound is an exception only where its client has no credentials."""
    public = ClientRegistered("app", {"token_endpoint_auth_method": "none"}, 1)
    before = [entry(1, "client:app", public)]
    refresh = RefreshTokenIssued(1, "h", "k", 1, 1001)
    during = [
        _token(2, "app", 60),
        entry(3, "grant:g2", refresh),
        _token(4, "web", 60),
        entry(5, "grant:g4", refresh),
        _token(6, "app", 60),
        entry(7, "grant:g6", RefreshTokenIssued(1, "h", "k", 1, 2001, jkt="j")),
        entry(8, "grant:g2", RefreshTokenRotated(2, "h", "k", 5, 3005, 15)),
        entry(9, "grant:g4", RefreshTokenUsed(1, 6)),
        entry(10, "grant:g4", IdTokenIssued("kid", 1, 601)),
        entry(11, "grant:g2", RefreshTokenRepeated(2, 7)),
    ]
    said = told(Tokens, before, during)
    assert said.positions("tokens.refresh") == "3,5,7"
    assert said.positions("tokens.refresh_bound") == "7"
    assert said.positions("tokens.refresh_public_unbound") == "3"
    assert said.positions("tokens.refresh_rotated") == "8"
    assert said.positions("tokens.refresh_used") == "9"
    assert said.positions("tokens.refresh_repeated") == "11"
    assert (said.values["tokens.longest_refresh"], said.values["tokens.longest_id"]) == (3000, 600)


def test_nothing_is_nothing() -> None:
    """Without tokens there is no share of them, and nothing is found."""
    said = told(Tokens, [], [])
    assert said.values["tokens.coverage"] == "no tokens"
    assert set(said.values.values()) == {0, "no tokens"}
    assert not said.section.findings
