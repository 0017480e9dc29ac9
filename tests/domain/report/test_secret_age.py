"""The section on the age of keys and secrets: given events, its figures."""

from domain.client.events import (
    ClientDeleted,
    ClientDisabled,
    ClientRegistered,
    ClientSecretSet,
    ClientUpdated,
)
from domain.key.events import KeyCreated, KeyPromoted, KeyRevoked
from domain.log_entry import LogEntry
from domain.log_events import CheckpointKeyCreated
from domain.person.account_events import AccountDisabled, AccountEnabled, PasswordSet, PersonErased
from domain.report.sections.secret_age import SecretAge
from domain.setting.events import MasterKeyGivenUp, SettingsChanged
from domain.units import DAY
from tests.domain.report.folding import BEGIN, entry, told


def _key(position: int, kid: str, days: int, alg: str = "ES256", **jwk: str) -> LogEntry:
    at = BEGIN + days * DAY
    return entry(position, f"key:{kid}", KeyCreated(kid, alg, {"kty": "EC", **jwk}, at, at))


def _secret(position: int, client_id: str, days: int, **fields: int) -> LogEntry:
    return entry(position, f"client:{client_id}", ClientSecretSet("h", BEGIN + days * DAY, **fields))


def _client(position: int, client_id: str, method: str = "client_secret_basic") -> LogEntry:
    metadata = {"token_endpoint_auth_method": method}
    return entry(position, f"client:{client_id}", ClientRegistered(client_id, metadata, 1))


def test_keys_by_their_age_at_the_end() -> None:
    """A key that was replaced is not in use; one in use for more than a year is an exception."""
    before = [
        _key(1, "old", -500),
        _key(2, "replaced", -600, "RS256"),
        _key(3, "newer", -200, "RS256"),
        _key(4, "enc", -10, "ECDH-ES", use="enc"),
        _key(5, "lost", -10, "EdDSA"),
    ]
    during = [
        entry(6, "key:lost", KeyRevoked("stolen", BEGIN)),
        _key(7, "waits", 40, "RS256"),
        entry(8, "key:waits", KeyPromoted(BEGIN + 39 * DAY)),
    ]
    said = told(SecretAge, before, during)
    assert said.positions("secret_age.keys_used") == "1,3-4"
    assert said.values["secret_age.oldest_key"] == 531
    assert said.positions("secret_age.oldest_key") == "1"
    assert said.positions("secret_age.keys_old") == "1"
    assert [said.values[f"secret_age.keys_{word}"] for word in ("created", "promoted", "revoked")] == [
        1,
        1,
        1,
    ]
    assert [(row[0], row[2], row[3]) for row in said.rows("secret_age.keys")] == [
        ("enc", "encryption", "in use"),
        ("old", "signature", "in use"),
        ("newer", "signature", "in use"),
        ("waits", "signature", "published, not in use yet"),
    ]
    missing = said.finding("secret_age.no_signing_key")
    assert missing is not None
    assert "EdDSA" in missing.text
    assert said.finding("secret_age.keys_old_found") is not None


def test_secrets_of_clients() -> None:
    """Only valid secrets of active clients count: not those of clients that are gone or use keys by now."""
    before = [
        *(_client(number, name) for number, name in enumerate(("old", "short", "expired", "off", "keys"), 1)),
        _secret(6, "old", -400),
        _secret(7, "short", -10, expires_at=BEGIN + 90 * DAY),
        _secret(8, "expired", -400, expires_at=BEGIN + DAY),
        _secret(9, "off", -400),
        _secret(10, "keys", -400),
        _client(11, "again"),
        _secret(12, "again", -400),
        entry(13, "client:again", ClientDeleted(1)),
    ]
    during = [
        entry(14, "client:off", ClientDisabled("x", 1)),
        entry(15, "client:keys", ClientUpdated({"token_endpoint_auth_method": "private_key_jwt"}, 1)),
        _client(16, "again"),
        _secret(17, "again", 3),
    ]
    said = told(SecretAge, before, during)
    assert said.positions("secret_age.secrets") == "6-7,17"
    assert said.values["secret_age.oldest_secret"] == 431
    assert said.positions("secret_age.secrets_old") == "6"
    assert said.positions("secret_age.secrets_without_expiry") == "6,17"
    assert said.positions("secret_age.clients_without_valid_secret") == "8"
    assert said.positions("secret_age.secrets_set") == "17"
    assert [row[0] for row in said.rows("secret_age.client_secrets")] == ["expired", "old", "short", "again"]


def test_a_secret_that_is_being_replaced() -> None:
    """While two secrets are valid, the newest one counts, and the table tells of both."""
    during = [_client(1, "c"), _secret(2, "c", -400), _secret(3, "c", 20, previous_until=BEGIN + 60 * DAY)]
    said = told(SecretAge, [], during)
    assert said.positions("secret_age.secrets") == "3"
    assert said.rows("secret_age.client_secrets")[0][4] == 2


def test_passwords_and_master_keys() -> None:
    """Passwords of erased and disabled accounts do not count; a master key is as old as it is recorded."""
    settings = SettingsChanged("d", {"master_keys": ["m1"]}, BEGIN - 100 * DAY)
    before = [
        entry(1, "account:old", PasswordSet(BEGIN - 100 * DAY)),
        entry(2, "account:gone", PasswordSet(BEGIN - 100 * DAY)),
        entry(3, "account:off", PasswordSet(BEGIN - 100 * DAY)),
        entry(4, "account:back", PasswordSet(BEGIN - 100 * DAY)),
        entry(5, "setting:server", settings),
        entry(6, "log:checkpoint_keys", CheckpointKeyCreated("k", BEGIN - 9 * DAY)),
    ]
    during = [
        entry(7, "account:gone", PersonErased(BEGIN)),
        entry(8, "account:off", AccountDisabled("x", BEGIN)),
        entry(9, "account:back", AccountDisabled("x", BEGIN)),
        entry(10, "account:back", AccountEnabled(BEGIN)),
        entry(11, "account:new", PasswordSet(BEGIN + DAY)),
        entry(12, "setting:server", SettingsChanged("e", {"master_keys": ["m2", "m1"]}, BEGIN + 30 * DAY)),
        entry(13, "setting:server", MasterKeyGivenUp("m0", BEGIN)),
    ]
    said = told(SecretAge, before, during)
    assert said.positions("secret_age.passwords") == "1,4,11"
    assert said.positions("secret_age.passwords_old") == "1,4"
    assert said.values["secret_age.passwords_set"] == 1
    assert (said.values["secret_age.master_keys"], said.values["secret_age.newest_master_key"]) == (2, 1)
    assert said.positions("secret_age.master_keys") == "5,12"
    assert said.values["secret_age.checkpoint_key"] == 40
    assert said.finding("secret_age.master_keys_given_up_found") is not None


def test_nothing_is_nothing() -> None:
    """Of an empty log every figure is 0."""
    said = told(SecretAge, [], [])
    assert set(said.values.values()) == {0, "not recorded", "none"}
    assert not said.section.findings
