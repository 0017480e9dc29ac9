"""Questions about people: what somebody asked of the log or of people's data, and why."""

import msgspec

from domain.event import Event, registry


class QuestionAsked(Event, frozen=True, tag="audit.question_asked.v1"):
    """Somebody asked about a person, searched people's data, or took a copy of events. It is recorded before the answer
    is given. ``question`` says which kind of question, ``conditions`` what it was narrowed to. A login, a name or an
    address in a question is stored as the pseudonym it leads to or as a keyed hash. ``subject`` is the person that the
    question is about, where it is one. ``operator`` is who asked: the numeric user id that the command ran with
    (``uid …``), or the auditor who asked on a page (``subject …``)."""

    question: str
    asked_at: int
    conditions: dict[str, str] = msgspec.field(default_factory=dict)
    subject: str | None = None
    reason: str = ""
    operator: str = ""
    exported: bool = False


QUESTION_EVENTS = registry(QuestionAsked)
