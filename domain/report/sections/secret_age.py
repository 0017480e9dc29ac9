"""The age of keys and secrets at the end of the period, and what was rotated in it."""

from typing import Final

from domain.log_entry import LogEntry
from domain.report.ages import keys, secrets
from domain.report.ages.keys import KeyAges
from domain.report.ages.secrets import SecretAges
from domain.report.exceptions import findings_of
from domain.report.model import Section
from domain.report.section import Context
from domain.report.trails import Trails
from domain.report.wording import end_of

_INTRO: Final = (
    "The keys of this server: those with which it signs tokens, those that others encrypt to, those that seal people's "
    "data (master keys), and the one that signs the state of the log. The secrets with which clients (applications) "
    "prove who they are, and the passwords of people. How old they are at the end of the period, and which were "
    "replaced during it. The log has no secret and no password, only when one was set. The expectation here is that a "
    f"key or a client's secret is replaced within {keys.ROTATION_DAYS} days; your own rule may be stricter."
)


class SecretAge:
    """The section."""

    id = "secret_age"
    title = "Age of keys and secrets"
    wants = KeyAges.wants | SecretAges.wants

    def __init__(self, trails: Trails) -> None:
        self._keys, self._secrets = KeyAges(trails), SecretAges(trails)

    def add(self, entry: LogEntry, *, in_period: bool) -> None:
        """Take one more event."""
        part = self._keys if entry.type in KeyAges.wants else self._secrets
        part.add(entry, in_period=in_period)

    def result(self, context: Context) -> Section:
        """The section, after the last event."""
        now = end_of(context.period.ends_at)
        figures = (*self._keys.figures(now), *self._secrets.figures(now))
        found = (*findings_of(figures, (*keys.RULES, *secrets.RULES)), *self._keys.findings(now))
        tables = (self._keys.table(now), self._secrets.table(now))
        return Section(
            self.id, self.title, _INTRO, figures, tables, findings=found,
            cannot_show=(*keys.CANNOT_SHOW, *secrets.CANNOT_SHOW),
        )  # fmt: skip
