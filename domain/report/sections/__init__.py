"""The sections of compliance reports, one per file. A new one is added to ``SECTIONS``, in the order of a report."""

from collections.abc import Callable
from typing import Final

from domain.report.section import SectionFold
from domain.report.sections.consents import Consents
from domain.report.sections.incidents import Incidents
from domain.report.sections.log_integrity import LogIntegrity
from domain.report.sections.revocations import Revocations
from domain.report.sections.sign_ins import SignIns
from domain.report.trails import Trails

SECTIONS: Final[tuple[Callable[[Trails], SectionFold], ...]] = (
    SignIns,
    Consents,
    Revocations,
    Incidents,
    LogIntegrity,
)
