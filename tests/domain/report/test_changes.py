"""The section on changes of the configuration: given events, its figures."""

from typing import Any

import pytest

from domain.changed_fields import ChangedField, Hidden
from domain.client.events import ClientDeleted, ClientRegistered, ClientSecretSet, ClientUpdated
from domain.key.events import KeyCreated, KeyRevoked
from domain.log_entry import Metadata
from domain.report.sections.changes import Changes
from domain.report.weakening import weakens
from domain.setting.events import MasterKeyGivenUp, SettingsChanged
from domain.webhook.events import WebhookCreated
from tests.domain.report.folding import entry, told

ADMIN = Metadata(actor="admin", operator="uid 1000")
SYSTEM = Metadata(actor="system", operator="uid 1000")
CLIENT = Metadata(actor="client")


def test_changes_by_kind_and_by_whom() -> None:
    """Each change has its fields with old and new values, whoever made it; secrets are told to have changed."""
    before = [
        entry(1, "setting:server", SettingsChanged("d", {"registration": "off", "key": "hmac:a"}, 1)),
        entry(2, "client:shop", ClientRegistered("shop", {"dpop_bound_access_tokens": True}, 1)),
        entry(3, "client:shop", ClientSecretSet("hash1", 1)),
    ]
    opened = SettingsChanged("e", {"registration": "open", "key": "hmac:b"}, 2)
    during = [
        entry(4, "setting:server", opened, metadata=SYSTEM),
        entry(5, "client:shop", ClientUpdated({"scope": ["openid"]}, 2, by_itself=True), metadata=CLIENT),
        entry(6, "client:shop", ClientSecretSet("hash2", 3), metadata=ADMIN),
        entry(7, "client:shop", ClientDeleted(3), metadata=ADMIN),
        entry(8, "client:shop", ClientRegistered("shop", {}, 4), metadata=ADMIN),
        entry(9, "key:k", KeyCreated("k", "ES256", {"kty": "EC"}, 1, 1), metadata=SYSTEM),
        entry(10, "key:k", KeyRevoked("stolen", 3), metadata=ADMIN),
        entry(11, "setting:server", MasterKeyGivenUp("m1", 3), metadata=ADMIN),
        entry(12, "client:old", ClientUpdated({}, 3)),
        entry(
            13, "webhook:endpoints", WebhookCreated("w1", "siem.example", ("*",), "hmac", 1), metadata=ADMIN
        ),
    ]
    said = told(Changes, before, during)
    assert said.positions("changes.all") == "4-13"
    assert said.positions("changes.of.client") == "5-8,12"
    assert said.positions("changes.by.system") == "4,9"
    assert said.positions("changes.by.client") == "5"
    assert said.positions("changes.by.none") == "12"
    assert said.positions("changes.weaker") == "4-5"
    assert said.positions("changes.master_keys_given_up") == "11"
    rows = {row[1]: row for row in said.rows("changes.changes")}
    assert rows[4][5] == "registration: off → open; key: changed"
    assert rows[6][2] == "administrator (uid 1000)"
    assert rows[6][5] == "client_secret: changed"
    assert "hash" not in str(said.section)
    # A client that was made again is new: nothing of the one before is told as old.
    assert rows[8][5].startswith("status: active; source: admin")
    assert rows[11][5].startswith("master_key: m1")
    assert rows[13][4:] == ("w1", "host: siem.example; events: *")
    assert said.finding("changes.master_keys_given_up_found") is not None
    assert ("setting", "registration", 1) in said.rows("changes.fields")
    assert {row[1]: row[5] for row in said.rows("changes.weaker")} == {
        4: "more may register a client: off → open",
        5: "it may ask for more scope: openid; its tokens need no key (DPoP) any more",
    }


@pytest.mark.parametrize(
    ("kind", "field", "old", "new", "weaker"),
    [
        ("client", "profile", "fapi2-security", "oidc", True),
        ("client", "profile", "oidc", "fapi2-security", False),
        ("client", "profile", "fapi2-message-signing", "fapi2-security", True),
        ("client", "profile", "oidc", "oauth21", False),
        ("client", "token_endpoint_auth_method", "private_key_jwt", "client_secret_basic", True),
        ("client", "token_endpoint_auth_method", "tls_client_auth", "private_key_jwt", False),
        ("client", "token_endpoint_auth_method", "client_secret_basic", "none", True),
        ("client", "token_endpoint_auth_method", "a_later_one", "none", False),
        ("client", "skip_consent", False, True, True),
        ("client", "skip_consent", True, False, False),
        ("client", "access_token_lifetime", 60, 3600, True),
        ("client", "access_token_lifetime", None, 3600, False),
        ("client", "grant_types", ["a"], ["a", "client_credentials"], True),
        ("client", "grant_types", ["a", "b"], ["b"], False),
        ("resource", "any_client", False, True, True),
        ("setting", "registration", "open", "off", False),
        ("setting", "registration", None, "open", False),
        ("setting", "dpop_nonce", "required", "off", True),
        ("setting", "refresh_token_lifetime", 10, 5, False),
        ("key", "status", "active", "revoked", False),
    ],
)
def test_what_demands_less_or_allows_more(kind: str, field: str, old: Any, new: Any, *, weaker: bool) -> None:
    """A change that weakens a protection is told, and one that strengthens it or cannot be compared is not."""
    assert bool(list(weakens(kind, [ChangedField(field, old, new)]))) is weaker


def test_what_is_new_or_hidden_is_not_compared() -> None:
    """A new registration has nothing before it, and what is hidden has no value."""
    new = [ChangedField("status", None, "active"), ChangedField("skip_consent", None, True)]
    assert not list(weakens("client", new))
    assert not list(weakens("setting", [ChangedField("registration", hidden="changed")]))
    assert repr(Hidden("x")) == "Hidden()"
