"""What a compliance report over a quarter costs:
``python -m bench.report [--events N] [--accounts N] [--no-pdf] [--folder DIR]``.

Writes the log of a simulated quarter (``bench.quarter``), makes a report of every section over it twice, verifies it by
counting again, and compares each figure with a count that is made from the raw log. Each report is made in a process of
its own, whose time and largest memory are told.
"""

import argparse
import asyncio
import filecmp
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from authrim.reports.findings import Anchor, Findings
from authrim.reports.opening import open_report
from authrim.reports.recounting import recount_log
from authrim.store.sqlite.store import SQLiteStore
from bench.quarter import Quarter, Size
from tests.audit.bundle.bundles import SIGNER
from tests.reports.test_quarter import counted, differences, figures, report_on

_MODULE: Final = "bench.report"


async def _verify(log: Path, folder: Path) -> str:
    findings, store = Findings(), SQLiteStore(log)
    await store.open()
    opened = open_report(folder, Anchor((SIGNER.key,), "the key"), findings)
    assert opened is not None
    await recount_log(store, opened, findings, lambda _done, _whole: None)
    await store.close()
    assert not findings.faults, findings.faults
    return findings.result


def _measured(what: str, *command: str | Path) -> None:
    """Run a command, and print its time and the largest memory of all that ran so far."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run((sys.executable, "-m", _MODULE, *command), check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    seconds, memory = time.monotonic() - started, after.ru_maxrss // 1024
    print(f"{what}: {seconds:.1f} s, {cpu:.1f} s of processor time, at most {memory} MiB", flush=True)


def _measure(size: Size, folder: Path, *flags: str) -> None:
    """Measure and print. A report over a small log comes first: its memory is that of the code."""
    small, log = folder / "small.db", folder / "log.db"
    Quarter(small, Size(accounts=300, clients=10, events=12_000, rounds=60)).write()
    _measured("report on 12,000 events", *flags, "--report", small, folder / "small")
    began = time.process_time()
    quarter = Quarter(log, size)
    quarter.write()
    spent = time.process_time() - began
    print(
        f"{quarter.pen.events:,} events in {log.stat().st_size >> 20} MiB; {spent:.0f} s to write", flush=True
    )
    for name in ("one", "two"):
        _measured("report", *flags, "--report", log, folder / name)
    _measured("verification", "--verify", log, folder / "one")
    compared = filecmp.dircmp(folder / "one", folder / "two")
    same = not (compared.left_only or compared.right_only or compared.diff_files)
    same = (
        same and (folder / "one" / "checkpoint").read_bytes() == (folder / "two" / "checkpoint").read_bytes()
    )
    print("the same bytes again" if same else "OTHER BYTES")
    _compare(log, folder / "one")


def _compare(log: Path, folder: Path) -> None:
    report = json.loads((folder / "report.json").read_bytes())["report"]
    wrong = differences(report, folder, counted(log, report))
    print(f"{len(list(figures(report)))} figures; other than counted from the raw log: {wrong or 'none'}")


def main() -> None:
    """Measure, or do one of the steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=Size().events)
    parser.add_argument("--accounts", type=int, default=Size().accounts)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--no-pdf", action="store_true")
    parser.add_argument("--report", nargs=2, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--verify", nargs=2, type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.report:
        asyncio.run(report_on(*options.report, documents=not options.no_pdf))
    elif options.verify:
        print(asyncio.run(_verify(*options.verify)))
    else:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            size, flags = (
                Size(accounts=options.accounts, events=options.events),
                ["--no-pdf"] * options.no_pdf,
            )
            _measure(size, Path(folder), *flags)


if __name__ == "__main__":
    main()
