"""What a decision took in that neither its events nor the log before them say.

It is recorded beside the decision, in the metadata of its first event, so that the decision can be made again
(docs/designs/0021-what-a-replay-needs.md). It holds no secret, code, token, verifier or personal data: the result of
their check instead. A form that was released never changes its meaning; a new one gets a new tag. Times are in seconds.
"""

from typing import Literal

import msgspec

#: The member of an event's metadata that holds the inputs.
MEMBER = "decided"

RedirectUri = Literal["same", "absent", "other"]
Verifier = Literal["right", "absent", "wrong"]
Step = Literal["request", "session", "sign_in", "consent", "another_account", "cancel"]


class Lifetimes(msgspec.Struct, frozen=True, array_like=True):
    """The lifetimes of tokens that the server's settings name, in seconds."""

    access_token: int
    id_token: int
    refresh_token: int


class Inputs(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="by"):
    """``now``: the time that was decided with."""

    now: int


class AuthorizationInputs(Inputs, frozen=True, tag="authorization.v1"):
    """``step`` is what was decided: a new request, the browser's session, a sign-in, a consent, the wish for another
    account, a refusal by the person. ``session``: the browser's live session. ``hint``: whether the one person that the
    request is for is the person who is known; None when it is for anybody. ``code_lifetime`` is the setting's, and
    ``lifetimes`` are there if the response type has tokens."""

    step: Step
    code_lifetime: int
    session: str | None = None
    hint: bool | None = None
    lifetimes: Lifetimes | None = None


class RedemptionInputs(Inputs, frozen=True, tag="redemption.v1"):
    """``redirect_uri`` and ``verifier`` are the results of their comparisons. ``resource`` is what an accepted request
    named. The other fields are of a refused request: how the client authenticated, and the keys that it proved."""

    lifetimes: Lifetimes
    redirect_uri: RedirectUri = "same"
    verifier: Verifier = "right"
    resource: tuple[str, ...] = ()
    method: str | None = None
    key_id: str | None = None
    jkt: str | None = None
    x5t_s256: str | None = None


class RefreshInputs(Inputs, frozen=True, tag="refresh.v1"):
    """``grace`` is the setting's: how long in seconds, and how often. ``back``: how many generations before the newest
    one the token was. ``scope`` and ``resource`` are what an accepted request named. The other fields are those that
    the events do not have."""

    lifetimes: Lifetimes
    grace: tuple[int, int]
    back: int = 0
    scope: tuple[str, ...] | None = None
    resource: tuple[str, ...] = ()
    key_id: str | None = None
    jkt: str | None = None
    x5t_s256: str | None = None


class ClientCredentialsInputs(Inputs, frozen=True, tag="client_credentials.v1"):
    """``scope`` and ``resource`` are what the request named."""

    lifetimes: Lifetimes
    scope: tuple[str, ...] | None = None
    resource: tuple[str, ...] = ()


class RevocationInputs(Inputs, frozen=True, tag="revocation.v1"):
    """A client revoked a refresh token, or an access token alone."""


class SessionInputs(Inputs, frozen=True, tag="session.v1"):
    """A sign-in began or renewed a session. ``lifetime`` is the setting's."""

    lifetime: int


AnyInputs = (
    AuthorizationInputs
    | RedemptionInputs
    | RefreshInputs
    | ClientCredentialsInputs
    | RevocationInputs
    | SessionInputs
)

_encode = msgspec.json.Encoder().encode
_PREFIX = f',"{MEMBER}":'.encode()


class _Recorded(msgspec.Struct, frozen=True):
    """The part of the metadata that is read here."""

    decided: AnyInputs | None = None


_decode = msgspec.json.Decoder(_Recorded).decode


def beside(metadata: bytes, inputs: Inputs) -> bytes:
    """The metadata of a decision's first event: that of the others, which is a JSON object with members, and the
    inputs as its last member."""
    return b"".join((metadata[:-1], _PREFIX, _encode(inputs), b"}"))


def without(metadata: bytes) -> bytes:
    """The metadata of a decision's other events, given that of its first."""
    before, found, _ = metadata.rpartition(_PREFIX)
    return before + b"}" if found else metadata


def inputs_in(metadata: bytes) -> AnyInputs | None:
    """The inputs in the metadata of an event. Raises msgspec.DecodeError when this code cannot read them."""
    return _decode(metadata).decided if _PREFIX in metadata else None
