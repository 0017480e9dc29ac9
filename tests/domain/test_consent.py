"""Whether the person has to be asked (A023, RFC 8252 §8.6)."""

import pytest

from domain.authorization.consent import covers, must_ask
from domain.client.client import Client
from domain.client.metadata import ClientMetadata

THIRD_PARTY = Client("c", ClientMetadata(redirect_uris=("https://c.example/cb",)))
FIRST_PARTY = Client("c", ClientMetadata(redirect_uris=("https://c.example/cb",), skip_consent=True))
NATIVE = ClientMetadata(
    redirect_uris=("com.example.app:/cb",), application_type="native", token_endpoint_auth_method="none"
)
NATIVE_LOOPBACK = Client("c", NATIVE)
NATIVE_CLAIMED = Client(
    "c",
    ClientMetadata(
        ("x"), ("https://c.example/cb",), application_type="native", token_endpoint_auth_method="none"
    ),
)

ASKED = ("openid", "email")


@pytest.mark.parametrize(
    ("row", "client", "prompt", "remembered", "asked"),
    [
        ("never agreed", THIRD_PARTY, (), None, True),
        ("agreed to nothing", THIRD_PARTY, (), (), True),
        ("agreed to less", THIRD_PARTY, (), ("openid",), True),
        ("agreed to the same", THIRD_PARTY, (), ASKED, False),
        ("agreed to more", THIRD_PARTY, (), (*ASKED, "phone"), False),
        ("prompt=consent", THIRD_PARTY, ("consent",), ASKED, True),
        ("prompt=login", THIRD_PARTY, ("login",), ASKED, False),
        ("first party", FIRST_PARTY, (), None, False),
        ("first party, prompt=consent", FIRST_PARTY, ("consent",), None, True),
        ("A023 own scheme", NATIVE_LOOPBACK, ("none",), ASKED, True),
        ("A023 claimed https", NATIVE_CLAIMED, ("none",), ASKED, False),
    ],
)
def test_must_ask(
    row: str, client: Client, prompt: tuple[str, ...], remembered: tuple[str, ...] | None, asked: bool
) -> None:
    """A standing agreement is enough when it holds all of the request and nobody can pose as the client."""
    assert must_ask(client, prompt, ASKED, remembered) is asked, row


def test_no_agreement_covers_nothing_not_even_an_empty_request() -> None:
    """An agreement that never happened is not an agreement to an empty scope."""
    assert not covers(None, ())
    assert covers((), ())
