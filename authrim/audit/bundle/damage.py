"""What an export finds wrong with the log."""

from authrim.store.chain import Problem


class Damaged(Exception):
    """The log is not what was recorded, so nothing is exported and signed."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem

    @property
    def in_words(self) -> str:
        """A sentence for people."""
        return f"The log is not what was recorded. {str(self).capitalize()}."

    @property
    def hint(self) -> str:
        """What to do."""
        return "authrim audit verify looks at the whole log."


class ContentsArchived(Damaged):
    """The log is what was recorded, and the contents of an event that is needed are in an archive."""

    def __init__(self, position: int) -> None:
        super().__init__(Problem(position, position, "its contents left the log, and are in an archive"))

    @property
    def in_words(self) -> str:
        """A sentence for people."""
        return f"The contents of the event at {self.problem.first_position} left the log. They are in an archive."

    @property
    def hint(self) -> str:
        """What to do."""
        return (
            "authrim log search finds events in archives. Reports read them there when the setting log_archives names "
            "the directory."
        )
