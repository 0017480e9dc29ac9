"""The sections of compliance reports, one per file. A new one is added to ``SECTIONS``, in the order of a report."""

from collections.abc import Callable
from typing import Final

from domain.report.section import SectionFold
from domain.report.sections.sign_ins import SignIns
from domain.report.trails import Trails

SECTIONS: Final[tuple[Callable[[Trails], SectionFold], ...]] = (SignIns,)
