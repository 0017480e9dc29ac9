"""Followed projections: rows that are computed from the log after the append, starting at a saved position.

A follower reads the log in order. It writes the rows of a page and its new position in one transaction, so each event
is processed exactly once. A projection is a function from one event to at most one row.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from domain.log_entry import LogEntry
from projections.rows import Row
from projections.tables import Table

#: The stream kind of other applications that share the log. Authrim does not interpret their payloads.
FOREIGN_KIND: Final = "es"


#: What allowed a change. An auditor reads them in words (``authrim/audit/sentences.py``).
COMMAND_LINE: Final = "command_line"
SERVER_START: Final = "server_start"
OPEN_REGISTRATION: Final = "open_registration"
INITIAL_ACCESS_TOKEN: Final = "initial_access_token"  # noqa: S105 - a name, no token
REGISTRATION_ACCESS_TOKEN: Final = "registration_access_token"  # noqa: S105 - likewise
METADATA_DOCUMENT: Final = "metadata_document"
SELF_REGISTRATION: Final = "self_registration"
CONSENT_PAGE: Final = "consent_page"


class FollowedProjection(NamedTuple):
    """A followed projection: the name of its saved position, its table, and its function.

    It has no rows for event types in ``passes_over``, and rows only for those in ``only`` (empty: any). Events of other
    types are not decoded.
    """

    name: str
    table: Table
    row_of: Callable[[LogEntry], Row | None]
    passes_over: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()

    def looks_at(self, event_type: str) -> bool:
        """Whether events of this type can have a row."""
        return event_type not in self.passes_over and (not self.only or event_type in self.only)
