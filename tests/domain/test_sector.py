"""OIDC Core §8.1: which sector a client belongs to, and what its document must say."""

from typing import Any

import msgspec
import pytest

from domain.client.metadata import ClientMetadata
from domain.client.subject_type import sector_of
from domain.registration.policy import check
from domain.registration.sector import document_refusal

PAIRWISE = ClientMetadata(
    subject_type="pairwise", redirect_uris=("https://rp.example/cb",), scope=("openid",)
)


def changed(**changes: Any) -> ClientMetadata:
    return msgspec.structs.replace(PAIRWISE, **changes)


@pytest.mark.parametrize(
    ("changes", "sector"),
    [
        ({}, "rp.example"),
        ({"redirect_uris": ("https://RP.example:8443/cb", "https://rp.example/other")}, "rp.example"),
        ({"redirect_uris": ("https://a.example/", "https://b.example/")}, None),
        ({"redirect_uris": ("https://a.example/", "com.example.app:/cb")}, None),
        ({"redirect_uris": ("com.example.app:/cb",)}, None),
        ({"redirect_uris": ("http://127.0.0.1/cb",)}, None),
        ({"redirect_uris": ("http://[::1]/cb",)}, None),
        ({"redirect_uris": ()}, None),
        (
            {
                "redirect_uris": ("https://a.example/", "https://b.example/"),
                "sector_identifier_uri": "https://Sector.example:8443/uris.json",
            },
            "sector.example",
        ),
    ],
)
def test_the_sector_is_a_host(changes: dict[str, Any], sector: str | None) -> None:
    """The host of sector_identifier_uri, else the one host of all redirect URIs; nobody's is this machine."""
    assert sector_of(changed(**changes)) == sector


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uris": ("https://a.example/", "https://b.example/")},
        {"redirect_uris": ("com.example.app:/cb",), "application_type": "native"},
        {"redirect_uris": ("http://127.0.0.1/cb",), "application_type": "native"},
        {"sector_identifier_uri": "http://sector.example/"},
        {"sector_identifier_uri": "https://user@sector.example/"},
        {"sector_identifier_uri": "https://sector.example/#fragment"},
        {"sector_identifier_uri": "sector.example"},
        {"sector_identifier_uri": "http://sector.example/", "subject_type": "public"},
        {"subject_type": "ephemeral"},
    ],
)
def test_registrations_without_a_sector(changes: dict[str, Any]) -> None:
    """A118: pairwise needs exactly one sector, and its document is behind https."""
    refusal = check(changed(**changes))
    assert refusal is not None
    assert refusal.error == "invalid_client_metadata"


def test_a_pairwise_client_with_one_host() -> None:
    """One host needs no document."""
    assert check(PAIRWISE) is None


@pytest.mark.parametrize(
    ("document", "good"),
    [
        (["https://a.example/", "https://b.example/"], True),
        (["https://a.example/", "https://b.example/", "https://c.example/"], True),
        (["https://a.example/"], False),
        (["https://a.example/", "https://B.example/"], False),
        (["https://a.example/", "https://b.example/", 1], False),
        ([], False),
        ({"redirect_uris": ["https://a.example/", "https://b.example/"]}, False),
        ("https://a.example/ https://b.example/", False),
        (None, False),
    ],
)
def test_the_document_lists_every_redirect_uri(document: object, good: bool) -> None:
    """A118: a JSON array of strings, and each redirect URI is one of them, character by character."""
    refusal = document_refusal(document, ("https://a.example/", "https://b.example/"))
    assert (refusal is None) == good
