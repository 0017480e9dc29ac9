"""Codes and refresh tokens that are bound to a key: at redemption, at refresh, and in a pushed request (RFC 9449 §5,
§10)."""

from typing import Any

from domain.client.client import Client, rotates_refresh_tokens
from domain.client.metadata import ClientMetadata
from domain.grant.code import decide_redeem
from domain.grant.grant import Grant, fold
from domain.grant.issue import IssuedTokens
from domain.grant.refresh_token import RefreshTokens, RotationRule, decide_refresh
from domain.grant.sender_constraint import MISMATCHED, code_key, refresh_binding_of
from domain.liveness import ACTIVE
from domain.vocabulary.confirmation import UNBOUND, Confirmation, is_thumbprint
from tests.domain.grant_samples import (
    WITH_CODE,
    client,
    facts,
    kinds,
    redemption,
    refused,
    requested,
    with_code,
)

JKT, OTHER, X5T = "j" * 43, "k" * 43, "x" * 43
BY_DPOP, BY_CERTIFICATE, BY_BOTH = Confirmation(JKT), Confirmation(None, X5T), Confirmation(JKT, X5T)
DPOP_ONLY, CERTIFICATE_ONLY = (
    {"dpop_bound_access_tokens": True},
    {"tls_client_certificate_bound_access_tokens": True},
)


def of(**metadata: Any) -> Client:
    return Client("client", ClientMetadata(**metadata), ACTIVE)


def test_who_keeps_and_who_rotates() -> None:
    """Decisions 5: a public client's refresh token is bound and rotates, a bound confidential one does neither."""
    public = of(token_endpoint_auth_method="none", **DPOP_ONLY)
    assert (refresh_binding_of(public, BY_DPOP), rotates_refresh_tokens(public)) == (BY_DPOP, True)
    assert (refresh_binding_of(of(), BY_DPOP), rotates_refresh_tokens(of())) == (UNBOUND, True)
    for metadata in (DPOP_ONLY, CERTIFICATE_ONLY, {"profile": "fapi2-security"}):
        assert not rotates_refresh_tokens(of(**metadata))


def test_the_key_of_a_pushed_request() -> None:
    """RFC 9449 §10.1: ``dpop_jkt`` or the proof, and never two keys."""
    assert [code_key(None, UNBOUND), code_key(JKT, UNBOUND), code_key(None, BY_DPOP), code_key(JKT, BY_DPOP)] == [
        None, JKT, JKT, JKT,
    ]  # fmt: skip
    assert code_key(OTHER, BY_DPOP) is MISMATCHED


def test_what_a_thumbprint_looks_like() -> None:
    """RFC 7638 §3: SHA-256 in canonical base64url."""
    assert is_thumbprint("A" * 43)
    assert not any(
        is_thumbprint(text)
        for text in ("", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "B", "A" * 42 + "\n")
    )


def test_another_key_voids_the_code_and_no_proof_does_not() -> None:
    """A108, decisions 3."""
    grant = with_code(requested(dpop_jkt=JKT))
    missing = decide_redeem(grant, redemption(), facts())
    assert (refused(missing).error, kinds(missing)) == ("invalid_dpop_proof", [])
    wrong = decide_redeem(grant, redemption(proof=Confirmation(OTHER)), facts())
    assert (refused(wrong).error, kinds(wrong)) == ("invalid_grant", ["CodeVoided"])
    right = decide_redeem(grant, redemption(proof=BY_DPOP), facts())
    assert isinstance(right.answer, IssuedTokens)
    assert (right.answer.access_token.jkt, right.answer.access_token.x5t_s256) == (JKT, None)


def test_a_rotation_keeps_the_key() -> None:
    """A110: the successor of a public client's refresh token is bound as it was."""
    public = client(token_endpoint_auth_method="none")
    first = decide_redeem(
        with_code(), redemption(client_auth_method="none", proof=BY_DPOP), facts(client=public)
    )
    grant: Grant = fold((*WITH_CODE, *first.events))
    for generation in (1, 2, 3):
        command = RefreshTokens("shop", generation, True, None, (), "none", proof=Confirmation(OTHER))
        wrong = decide_refresh(grant, command, facts(client=public), RotationRule())
        assert (refused(wrong).error, kinds(wrong)) == ("invalid_grant", [])
        command = RefreshTokens("shop", generation, True, None, (), "none", proof=BY_DPOP)
        right = decide_refresh(grant, command, facts(client=public), RotationRule())
        assert isinstance(right.answer, IssuedTokens)
        grant = fold(right.events, grant)
