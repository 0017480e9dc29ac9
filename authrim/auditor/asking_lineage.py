"""Questions about what caused what, from a command or from a page, with the record of each."""

from collections.abc import Mapping
from typing import Final

from authrim.audit.lineage.story import Start, Story, read_story
from authrim.auditor.asking import Asker
from authrim.core.questions import hidden_text
from domain.errors import Refusal
from domain.stream import ACCOUNT

LINEAGE: Final = "lineage"
#: Kinds of what somebody holds. It may be good for something, so it is never recorded.
PRESENTED: Final = ("token", "code")


async def ask_story(
    asker: Asker, start: Start | None, asked: tuple[str, str], reason: str
) -> Story | Refusal | None:
    """The story that begins there; None: nothing leads from what was asked, its kind and id. Recorded before it is
    told."""
    story = None if start is None else await read_story(asker.log, asker.tenant, start)
    subjects = [] if story is None else story.subjects
    subject = subjects[0] if len(subjects) == 1 else None
    return await asker.record(LINEAGE, reason, _conditions(asker, asked, story), subject) or story


def _conditions(asker: Asker, asked: tuple[str, str], story: Story | None) -> Mapping[str, str]:
    """A token is recorded by its grant. What leads nowhere may be anything, a secret or a login too: it is hidden."""
    kind, identifier = asked
    if story is None:
        return {"kind": kind, "id": hidden_text(asker.master, asker.tenant, identifier)}
    if kind in PRESENTED:
        return {"kind": kind, "grants": " ".join(story.grants)}
    return {"kind": kind} if kind == ACCOUNT else {"kind": kind, "id": identifier}
