"""Makes one report or bundle that is due, and hands it over."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
import structlog

from authrim.audit.archives.folder import BadArchive
from authrim.audit.bundle import export
from authrim.audit.bundle.damage import ContentsArchived, Damaged
from authrim.audit.bundle.new_file import FileUnusable, NewFile, partial_of
from authrim.audit.past.moments import Time
from authrim.audit.readings import Reading, Readings
from authrim.core.sealed_rows import PrivateData
from authrim.outside.egress import Egress
from authrim.reports.catalog import BadFramework, frameworks
from authrim.reports.files import REPORT, FolderUnusable, new_folder
from authrim.reports.making import Wanted, make_report
from authrim.reports.period import EMPTY_PERIOD, period_of
from authrim.reports.schedule.due import Due
from authrim.reports.schedule.handing import hand_over
from authrim.reports.schedule.keeping import Made, NotMade
from authrim.settings import Settings
from authrim.settings.schedules import BUNDLE
from authrim.store.contract import StoreError
from authrim.store.read_back import ReadBack
from authrim.transparency.background import made_of
from authrim.transparency.signer import LogSigner, log_signer
from authrim.transparency.state_file import StateUnusable
from authrim.transparency.witnesses import UnusableWitness
from domain.errors import Refusal
from domain.report.model import Framework, Period
from domain.tree.proofs import MissingTile
from domain.units import MICROSECONDS

log = structlog.get_logger(__name__)

_PIECE: Final = 1 << 20


class Making(msgspec.Struct, frozen=True):
    """What evidence is made with."""

    settings: Settings
    store: ReadBack
    readings: Readings
    private: PrivateData
    egress: Egress
    tenant: str

    async def make(self, due: Due) -> Made:
        """Write what is due, and hand it over. Evidence of that name that is there already was written before this
        process or another one could say so: it is handed over. Raises NotMade, StoreError."""
        try:
            framework = None if due.schedule.what == BUNDLE else self._framework(due.schedule.what)
            with _directory(self.settings.report_directory) as folder:
                place = folder / due.name
                with self.readings.reading() as reading:
                    period = await _period(reading, due)
                    if period is None:
                        return Made()
                    if not await asyncio.to_thread(place.exists):
                        await self._write(reading, framework, period, place)
                if self.settings.report_command:
                    await hand_over(self.settings.report_command, place)
                digest = await asyncio.to_thread(_digest, place)
            return Made(due.name, period.first_position, period.last_position, digest)
        except (OSError, FolderUnusable, FileUnusable):
            raise NotMade("directory_unusable") from None
        except (ContentsArchived, BadArchive) as archived:
            log.error("evidence.archive_wanted", what=str(archived))
            raise NotMade("archive_wanted") from None
        except Damaged as damaged:
            log.error("evidence.log_damaged", what=str(damaged))
            raise NotMade("log_damaged") from None
        except (StateUnusable, UnusableWitness, MissingTile):
            raise NotMade("checkpoint_unusable") from None
        except StoreError:
            raise NotMade("store_unavailable") from None

    def _framework(self, name: str) -> Framework:
        try:
            framework = frameworks(self.settings.report_frameworks).get(name)
        except BadFramework as bad:
            log.error("evidence.framework_unusable", mistakes=str(bad))
            raise NotMade("framework_unusable") from None
        if framework is None:
            raise NotMade("framework_unknown")
        return framework

    async def _write(
        self, reading: Reading, framework: Framework | None, period: Period, place: Path
    ) -> None:
        await asyncio.to_thread(_remove, partial_of(place))
        signer = await log_signer(made_of(self.settings, self.store, self.private, self.egress))
        if framework is None:
            await _write_bundle(reading, signer, period, place)
            return
        with new_folder(place) as folder:
            archives = self.settings.log_archives
            wanted = Wanted(framework, self.tenant, period, signer.origin, signer, archives=archives)
            await make_report(reading, wanted, folder, _nobody_looks)


async def _period(reading: Reading, due: Due) -> Period | None:
    """The positions of the period; None when nothing was recorded in it. A replica must have all of it."""
    first, last = Time(due.begin * MICROSECONDS), Time(due.end * MICROSECONDS)
    reading.needs(first, last)
    period = await period_of(reading, first, last)
    if not isinstance(period, Refusal):
        return period
    if period == EMPTY_PERIOD:
        return None
    raise NotMade("period_unusable")


async def _write_bundle(reading: Reading, signer: LogSigner, period: Period, place: Path) -> None:
    wanted = export.Wanted(signer.origin, signer=signer)
    with NewFile(place) as new:
        first, last = period.first_position, period.last_position
        await export.export_range(reading, new.file, first, last, wanted, _nobody_looks)
        new.complete()


@contextmanager
def _directory(kept: Path | None) -> Iterator[Path]:
    """Where evidence is written: the folder of the settings, or one that vanishes after it was handed over."""
    if kept is not None:
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="authrim-evidence-") as folder:
        yield Path(folder)


def _digest(place: Path) -> str:
    """The SHA-256 of a bundle, or of what a report signs."""
    digest = sha256()
    with (place / REPORT if place.is_dir() else place).open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _remove(partial: Path) -> None:
    """Remove what a process that died has left. Nobody else writes: this process has the lock."""
    if partial.is_dir():
        shutil.rmtree(partial)
    else:
        partial.unlink(missing_ok=True)


def _nobody_looks(_done: int, _whole: int) -> None:
    pass
