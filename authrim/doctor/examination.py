"""Examines a server: every check in its order, each with what it found."""

from collections.abc import AsyncIterator, Sequence
from typing import Literal

import msgspec

from authrim.doctor.catalogue import CHECKS
from authrim.doctor.check import Check
from authrim.doctor.checks.settings import CHECK as SETTINGS
from authrim.doctor.checks.settings import UNUSABLE
from authrim.doctor.examined import Examined, Options
from authrim.doctor.finding import Finding, Problem
from authrim.doctor.outside_client import OutsideClient
from authrim.settings import Settings
from authrim.store.causes import FAILURES, cause_of
from authrim.store.contract import StoreError

Outcome = Literal["ok", "note", "warning", "fault", "passed_over"]


class Result(msgspec.Struct, frozen=True):
    """A check and what it found. ``passed_over`` says why it could not look; empty when it did."""

    check: Check
    findings: Sequence[Finding] = ()
    passed_over: str = ""

    @property
    def outcome(self) -> Outcome:
        """The worst finding, or that there is none."""
        if self.passed_over:
            return "passed_over"
        severities = {finding.problem.severity for finding in self.findings}
        for severity in ("fault", "warning", "note"):
            if severity in severities:
                return severity
        return "ok"


async def examine(
    settings: Settings, options: Options, checks: Sequence[Check] = CHECKS
) -> AsyncIterator[Result]:
    """Make every check, and give each result as it is found. Raises OSError when the authorities cannot be read."""
    examined = Examined(settings, options, OutsideClient(options.address, options.ca_file))
    try:
        for check in checks:
            yield await _result(check, examined)
    finally:
        if examined.core is not None:
            await examined.core.egress.close()
        if examined.store is not None:
            await examined.store.close()


def unusable(problems: Sequence[str]) -> Result:
    """The whole examination when the settings cannot be used."""
    return Result(SETTINGS, [UNUSABLE.found(problem) for problem in problems])


async def _result(check: Check, examined: Examined) -> Result:
    missing = examined.missing(check.needs)
    if missing:
        return Result(check, passed_over=missing)
    try:
        return Result(check, await check.examine(examined))
    except StoreError as failed:
        return Result(check, [_interrupted(check).found(str(failed))])
    except FAILURES as failed:
        return Result(check, [_interrupted(check).found(cause_of(failed))])
    except (
        Exception
    ) as error:  # the other checks are of use all the same; the text may quote what it worked on
        return Result(check, [_interrupted(check).found(f"{type(error).__name__}: please report this")])


def _interrupted(check: Check) -> Problem:
    """Of any check: something failed while it looked."""
    return Problem(
        f"{check.id}.interrupted",
        "fault",
        "The check could not be finished.",
        "Do what the cause says, and run the doctor again.",
    )
