"""The sections of compliance reports, one per file. A new one is added to ``SECTIONS``, in the order of a report."""

from collections.abc import Callable
from typing import Final

from domain.report.section import SectionFold
from domain.report.sections.access_review import AccessReview
from domain.report.sections.administration import Administration
from domain.report.sections.changes import Changes
from domain.report.sections.consents import Consents
from domain.report.sections.dormant import Dormant
from domain.report.sections.erasures import Erasures
from domain.report.sections.evidence import ScheduledEvidence
from domain.report.sections.fapi import Fapi
from domain.report.sections.incidents import Incidents
from domain.report.sections.log_integrity import LogIntegrity
from domain.report.sections.revocations import Revocations
from domain.report.sections.secret_age import SecretAge
from domain.report.sections.sign_ins import SignIns
from domain.report.sections.tokens import Tokens
from domain.report.trails import Trails

SECTIONS: Final[tuple[Callable[[Trails], SectionFold], ...]] = (
    SignIns,
    AccessReview,
    Dormant,
    Administration,
    Changes,
    SecretAge,
    Tokens,
    Consents,
    Revocations,
    Erasures,
    Fapi,
    Incidents,
    LogIntegrity,
    ScheduledEvidence,
)
