"""What an export finds wrong with the log."""

from authrim.store.chain import Problem


class Damaged(Exception):
    """The log is not what was recorded, so nothing is exported and signed."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem
