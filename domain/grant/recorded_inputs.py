"""What the decisions on a grant's tokens took in, as it is recorded, and the command that it stands for.

Each function that records has its reverse below it. What a refused request did not come to is not recorded: nobody has
checked it, so it may be anything.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from domain.decision import Decision
from domain.errors import Refusal
from domain.event import Event
from domain.grant.client_credentials import GrantClientCredentials
from domain.grant.code import RedeemCode
from domain.grant.events import (
    ClientCredentialsGranted,
    CodeRedeemed,
    RefreshTokenRotated,
    RefreshTokenUsed,
    confirmation_of,
)
from domain.grant.grant import Grant
from domain.grant.issue import IssuedTokens
from domain.grant.refresh_token import RefreshTokens
from domain.inputs import (
    ClientCredentialsInputs,
    Lifetimes,
    RedemptionInputs,
    RedirectUri,
    RefreshInputs,
    Verifier,
)
from domain.vocabulary import pkce

E = TypeVar("E", bound=Event)


class NothingToDecide(Exception):
    """The grant is not in the state that the command was for."""


def first_of(events: Iterable[Event], event_class: type[E]) -> E | None:
    """The first event of a class."""
    return next((event for event in events if isinstance(event, event_class)), None)


def _use_of(events: Sequence[Event]) -> RefreshTokenRotated | RefreshTokenUsed | None:
    """The event that says how a refresh token was used, unless it was used again within its grace."""
    return first_of(events, RefreshTokenRotated) or first_of(events, RefreshTokenUsed)


def of_redemption(
    grant: Grant, command: RedeemCode, decision: Decision[IssuedTokens], now: int, lifetimes: Lifetimes
) -> RedemptionInputs:
    """What ``decide_redeem`` took in. The grant has a code."""
    redirect_uri = _redirect_uri_compared(grant, command)
    verifier = _verifier_compared(grant, command)
    if not isinstance(decision.answer, Refusal):
        return RedemptionInputs(now, lifetimes, redirect_uri, verifier, command.resource)
    return RedemptionInputs(
        now,
        lifetimes,
        redirect_uri,
        verifier,
        method=command.client_auth_method,
        key_id=command.client_key_id,
        jkt=command.proof.jkt,
        x5t_s256=command.proof.x5t_s256,
    )


def redemption(grant: Grant, inputs: RedemptionInputs, events: Iterable[Event], client_id: str) -> RedeemCode:
    """The command again. Raises NothingToDecide when the grant has no code."""
    request, code = grant.request, grant.code
    if request is None or code is None:
        raise NothingToDecide("the grant has no code")
    redeemed = first_of(events, CodeRedeemed)
    said: RedemptionInputs | CodeRedeemed = inputs if redeemed is None else redeemed
    return RedeemCode(
        client_id=client_id,
        code_hash=code.code_hash,
        redirect_uri={"same": request.redirect_uri, "absent": None, "other": ""}[inputs.redirect_uri],
        verifier_challenge={"right": request.code_challenge, "absent": None, "wrong": ""}[inputs.verifier],
        resource=inputs.resource,
        client_auth_method=(inputs.method or "") if redeemed is None else redeemed.client_auth_method,
        client_key_id=inputs.key_id if redeemed is None else redeemed.client_key_id,
        proof=confirmation_of(said),
    )


def _redirect_uri_compared(grant: Grant, command: RedeemCode) -> RedirectUri:
    if command.redirect_uri is None:
        return "absent"
    return "same" if grant.request and command.redirect_uri == grant.request.redirect_uri else "other"


def _verifier_compared(grant: Grant, command: RedeemCode) -> Verifier:
    if command.verifier_challenge is None:
        return "absent"
    challenge = grant.request.code_challenge if grant.request else None
    is_right = challenge is not None and pkce.matches(command.verifier_challenge, challenge)
    return "right" if is_right else "wrong"


def of_refresh(
    grant: Grant, command: RefreshTokens, decision: Decision[IssuedTokens],
    now: int, lifetimes: Lifetimes, grace: tuple[int, int],
) -> RefreshInputs:  # fmt: skip
    """What ``decide_refresh`` took in."""
    back = grant.refresh.generation - command.generation if grant.refresh else 0
    if isinstance(decision.answer, Refusal):
        return RefreshInputs(now, lifetimes, grace, back)
    told = _use_of(decision.events) is not None
    return RefreshInputs(
        now,
        lifetimes,
        grace,
        back,
        command.scope,
        command.resource,
        key_id=None if told else command.client_key_id,
        jkt=None if told else command.proof.jkt,
        x5t_s256=None if told else command.proof.x5t_s256,
    )


def refresh(grant: Grant, inputs: RefreshInputs, events: Sequence[Event], client_id: str) -> RefreshTokens:
    """The command again. Raises NothingToDecide when the grant has no refresh token."""
    if grant.refresh is None:
        raise NothingToDecide("the grant has no refresh token")
    told = _use_of(events)
    said: RefreshInputs | RefreshTokenRotated | RefreshTokenUsed = inputs if told is None else told
    return RefreshTokens(
        client_id=client_id,
        generation=grant.refresh.generation - inputs.back,
        genuine=True,
        scope=inputs.scope,
        resource=inputs.resource,
        client_auth_method=None if told is None else told.client_auth_method,
        client_key_id=inputs.key_id if told is None else told.client_key_id,
        proof=confirmation_of(said),
    )


def of_client_credentials(
    command: GrantClientCredentials, now: int, lifetimes: Lifetimes
) -> ClientCredentialsInputs:
    """What ``decide_client_credentials`` took in; only an accepted request is recorded."""
    return ClientCredentialsInputs(now, lifetimes, command.scope, command.resource)


def client_credentials(inputs: ClientCredentialsInputs, events: Iterable[Event]) -> GrantClientCredentials:
    """The command again. Raises NothingToDecide when no such grant was made."""
    granted = first_of(events, ClientCredentialsGranted)
    if granted is None:
        raise NothingToDecide("nothing was granted")
    return GrantClientCredentials(
        client_id=granted.client_id,
        scope=inputs.scope,
        resource=inputs.resource,
        client_auth_method=granted.client_auth_method,
        client_key_id=granted.client_key_id,
        proof=confirmation_of(granted),
    )
