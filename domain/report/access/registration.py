"""Who may register clients: by the setting, and with initial access tokens."""

from typing import Final

from domain.log_entry import LogEntry
from domain.registration.initial_access_token import NO_TOKEN, RegistrationToken, apply
from domain.registration.initial_access_token_events import (
    InitialAccessTokenIssued,
    InitialAccessTokenRevoked,
    InitialAccessTokenUsed,
)
from domain.report.model import Figure, Finding, Table
from domain.report.section import tags
from domain.report.trails import Trails
from domain.report.wording import clean, seconds_text
from domain.setting.events import SettingsChanged

_OPEN: Final = "open"
_MOST: Final = 500


class RegistrationAccess:
    """Who may register clients, while the log is read. What admits nobody any more is forgotten."""

    wants = tags(InitialAccessTokenIssued, InitialAccessTokenUsed, InitialAccessTokenRevoked, SettingsChanged)

    def __init__(self, trails: Trails) -> None:
        self._trails = trails
        self._tokens: dict[str, tuple[RegistrationToken, int]] = {}
        self._mode: tuple[str, int] = "", 0

    def add(self, entry: LogEntry) -> None:
        """Take one more event."""
        if isinstance(entry.event, SettingsChanged):
            mode = entry.event.changed.get("registration")
            if mode is not None:
                self._mode = clean(str(mode)), entry.position
            return
        before, by = self._tokens.get(entry.stream.id, (NO_TOKEN, entry.position))
        after = apply(before, entry.event)
        if after.revoked_at is None and (after.issued is None or after.used < after.issued.uses):
            self._tokens[entry.stream.id] = after, by
        else:
            self._tokens.pop(entry.stream.id, None)

    def figures(self, now: int) -> list[Figure]:
        """Who may register clients at the end of the period."""
        mode, by = self._mode
        return [
            self._trails.of("access_review.registration").add_all([by] if by else ()).figure(
                "Who may register clients",
                "The setting at the end of the period: off (administrators only), initial_access_token (whoever has "
                "such a token), or open (anybody who reaches the server).", mode or "not recorded", "setting",
            ),
            self._trails.of("access_review.tokens_open").add_all(by for _, _, by in self._usable(now)).figure(
                "Initial access tokens that still work",
                "Tokens with which somebody may still register a client at the end of the period.", unit="tokens",
            ),
        ]  # fmt: skip

    def findings(self) -> list[Finding]:
        """Everybody may."""
        mode, by = self._mode
        if mode != _OPEN:
            return []
        trail = self._trails.of("access_review.registration_open").add_all([by])
        return [trail.finding("warning", "Anybody who reaches the server may register a client.")]

    def table(self, now: int) -> Table:
        """The initial access tokens that still work."""
        rows = tuple(
            (
                clean(name), seconds_text(token.issued.expires_at), token.issued.uses - token.used,
                clean(" ".join(token.issued.scope)) or "as the settings say",
            )
            for name, token, _ in sorted(self._usable(now), key=lambda one: one[0])
            if token.issued is not None
        )  # fmt: skip
        columns = ("Token", "Expires (UTC)", "Uses left", "Scope")
        return Table(
            "access_review.initial_tokens", "Initial access tokens that still work", columns, rows[:_MOST],
            max(len(rows) - _MOST, 0),
        )  # fmt: skip

    def _usable(self, now: int) -> list[tuple[str, RegistrationToken, int]]:
        return [(name, token, by) for name, (token, by) in self._tokens.items() if not token.why_not(now)]
