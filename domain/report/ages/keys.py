"""The age of the server's keys at the end of the period, and what was rotated in it."""

from collections.abc import Iterable
from typing import Final

from domain.key import key as keys
from domain.key.events import KeyCreated, KeyPromoted, KeyRevoked
from domain.key.key import NO_KEY, Key, KeyTimes, Life, life, successor_of
from domain.log_entry import LogEntry
from domain.log_events import CheckpointKeyCreated
from domain.registration.policy import key_times
from domain.report.exceptions import Rule
from domain.report.model import Figure, Finding, Table
from domain.report.section import tags
from domain.report.trails import Trails
from domain.report.wording import clean, seconds_text, whole_days
from domain.setting.events import MasterKeyGivenUp, SettingsChanged
from domain.units import DAY

#: After which a key should have been rotated: the year that NIST SP 800-57 allows for the private key of a signature
#: at least.
ROTATION_DAYS: Final = 365
CANNOT_SHOW: Final = (
    "How keys are protected while they are used, and whether copies of the master keys exist: see how the machine and "
    "its secrets are kept.",
    "When a master key was made: only since when a server runs with it.",
    "The age of the certificates for TLS: see whoever renews them.",
)
RULES: Final = (
    Rule(
        "secret_age.keys_old", "warning",
        f"Keys of the server that were in use for more than {ROTATION_DAYS} days: {{value}}. Rotate them.",
    ),
    Rule(
        "secret_age.master_keys_given_up", "critical",
        "Master keys that were given up: {value}. What they sealed is lost.",
    ),
)  # fmt: skip
_NO_KEY_SIGNS: Final = "secret_age.no_signing_key"
_STAGES: Final[dict[Life, str]] = {
    "published": "published, not in use yet", "active": "in use",
    "retired": "replaced: only verifies or decrypts", "gone": "gone",
}  # fmt: skip
_MOST: Final = 300


class KeyAges:
    """The keys of the server while the log is read."""

    wants = tags(
        KeyCreated, KeyPromoted, KeyRevoked, SettingsChanged, MasterKeyGivenUp, CheckpointKeyCreated
    )  # fmt: skip

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._keys: dict[str, tuple[Key, int]] = {}
        self._settings: dict[str, int] = {}
        self._master_keys: dict[str, tuple[int, int]] = {}
        self._checkpoint_key: tuple[int, int] = 0, 0

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        match entry.event:
            case KeyCreated() | KeyPromoted() | KeyRevoked():
                self._of_key(entry, in_period=in_period)
            case SettingsChanged():
                self._of_settings(entry, entry.event)
            case MasterKeyGivenUp():
                if in_period:
                    self._trails.of("secret_age.master_keys_given_up").add(entry.position)
            case CheckpointKeyCreated(created_at=created_at):
                self._checkpoint_key = created_at, entry.position

    def figures(self, now: int) -> list[Figure]:
        """The ages at the end of the period (s)."""
        return [*self._key_figures(self._staged(now), now), *self._other_figures(now)]

    def findings(self, now: int) -> list[Finding]:
        """An algorithm that had a key and has none."""
        return self._without_key(self._staged(now))

    def table(self, now: int) -> Table:
        """The keys."""
        return _key_table(self._staged(now), now)

    def _of_key(self, entry: LogEntry, *, in_period: bool) -> None:
        kid, of = entry.stream.id, self._trails.of
        before, created_by = self._keys.get(kid, (NO_KEY, entry.position))
        self._keys[kid] = keys.apply(before, entry.event), created_by
        if in_period:
            name = {KeyCreated: "created", KeyPromoted: "promoted"}.get(type(entry.event), "revoked")
            of(f"secret_age.keys_{name}").add(entry.position)

    def _of_settings(self, entry: LogEntry, event: SettingsChanged) -> None:
        for name in ("jwks_cache_seconds", "id_token_lifetime"):
            if isinstance(event.changed.get(name), int):
                self._settings[name] = event.changed[name]
        named = event.changed.get("master_keys")
        if isinstance(named, list):
            known = self._master_keys
            self._master_keys = {
                str(one): known.get(str(one), (event.started_at, entry.position)) for one in named
            }

    def _staged(self, now: int) -> list[tuple[Key, int, Life]]:
        """The keys that are not gone, with the events that made them, in the order of their algorithm and age."""
        times = (
            key_times(self._settings["jwks_cache_seconds"], self._settings["id_token_lifetime"])
            if len(self._settings) == len(("jwks_cache_seconds", "id_token_lifetime"))
            else KeyTimes()
        )
        all_keys = [key for key, _ in self._keys.values() if key.kid]
        staged = [
            (key, by, life(key, successor_of(key, all_keys), now, times))
            for key, by in self._keys.values()
            if key.kid
        ]
        return sorted(
            (one for one in staged if one[2] != "gone"), key=lambda one: (one[0].alg, one[0].active_from)
        )

    def _key_figures(self, staged: Iterable[tuple[Key, int, Life]], now: int) -> list[Figure]:
        of = self._trails.of
        used = [(key, by) for key, by, stage in staged if stage == "active"]
        oldest = max((whole_days(now - key.active_from) for key, _ in used), default=0)
        old = [by for key, by in used if now - key.active_from > ROTATION_DAYS * DAY]
        return [
            of("secret_age.keys_used").add_all(by for _, by in used).figure(
                "Keys in use",
                "Keys of the server at the end of the period that sign, or that others encrypt to. There is one per "
                "algorithm.", unit="keys",
            ),
            of("secret_age.oldest_key").add_all(by for key, by in used if whole_days(now - key.active_from) == oldest)
            .figure(
                "Longest use of a key", "For how many days the oldest of the keys in use has been used.", oldest,
                "days",
            ),
            of("secret_age.keys_old").add_all(old).figure(
                f"Keys in use for more than {ROTATION_DAYS} days",
                "Keys in use that should have been replaced by a new one before the end of the period.", unit="keys",
            ),
            of("secret_age.keys_created").figure(
                "Keys made", "New keys of the server that were made during the period.", unit="keys",
            ),
            of("secret_age.keys_promoted").figure(
                "Keys used early",
                "Keys that began to sign earlier than planned, as when the one before had to go at once.", unit="keys",
            ),
            of("secret_age.keys_revoked").figure(
                "Keys revoked", "Keys that were taken out of use at once, so that nothing they signed is accepted.",
                unit="keys",
            ),
        ]  # fmt: skip

    def _other_figures(self, now: int) -> list[Figure]:
        of = self._trails.of
        newest = max((since for since, _ in self._master_keys.values()), default=0)
        checkpoint_at, checkpoint_by = self._checkpoint_key
        return [
            of("secret_age.master_keys").add_all({by for _, by in self._master_keys.values()}).figure(
                "Master keys",
                "The keys that seal people's data and private keys, with which a process of the server started last.",
                len(self._master_keys) or "not recorded", "keys",
            ),
            of("secret_age.newest_master_key").add_all(
                {by for since, by in self._master_keys.values() if since == newest}
            ).figure(
                "Days since a master key was added",
                "For how many days a server has run with the newest master key, so far as it is recorded.",
                whole_days(now - newest) if newest else "not recorded", "days",
            ),
            of("secret_age.master_keys_given_up").figure(
                "Master keys given up",
                "Lost master keys of which an administrator decided to go on without them, during the period.",
                unit="keys",
            ),
            of("secret_age.checkpoint_key").add_all([checkpoint_by] if checkpoint_by else ()).figure(
                "Age of the key for checkpoints",
                "For how many days the key has been used that signs the state of the log.",
                whole_days(now - checkpoint_at) if checkpoint_by else "none", "days",
            ),
        ]  # fmt: skip

    def _without_key(self, staged: Iterable[tuple[Key, int, Life]]) -> list[Finding]:
        """An algorithm whose key was revoked and that has no other one: nobody can be given tokens with it."""
        served = {key.alg for key, _, stage in staged if stage in ("active", "published")}
        missing: dict[str, list[int]] = {}
        for key, by in self._keys.values():
            if key.kid and key.alg not in served:
                missing.setdefault(key.alg, []).append(by)
        if not missing:
            return []
        trail = self._trails.of(_NO_KEY_SIGNS).add_all(by for ones in missing.values() for by in ones)
        names = ", ".join(clean(name) for name in sorted(missing))
        return [
            trail.finding(
                "note", f"Algorithms that had a key and have none at the end of the period: {names}."
            )
        ]


def _key_table(staged: Iterable[tuple[Key, int, Life]], now: int) -> Table:
    rows = tuple(
        (
            clean(key.kid), clean(key.alg), "encryption" if key.is_for_encryption else "signature", _STAGES[stage],
            seconds_text(key.created_at), seconds_text(key.active_from), whole_days(now - key.active_from),
        )
        for key, _, stage in staged
    )  # fmt: skip
    columns = ("Key", "Algorithm", "For", "State", "Made (UTC)", "In use from (UTC)", "Days in use")
    return Table("secret_age.keys", "Keys of the server", columns, rows)
