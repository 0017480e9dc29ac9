"""Writes the results of plans that the conformance suite has run as tables in Markdown.

``python docs/certification/results_table.py EXPORT.zip …``

Each file is what the suite exports of a plan (``run-test-plan.py --export-dir``). Two tables: how many modules of each
plan ended how, and what the suite says of those that neither passed nor wait for somebody to look at their pictures.
Of a module that was run more than once, in whatever file, the last run counts.
"""

import argparse
import json
import re
import sys
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = ("PASSED", "WARNING", "REVIEW", "SKIPPED", "FAILED")
#: What is to be explained, and the results of the conditions that say why.
SAID_BY = {"WARNING": "WARNING", "SKIPPED": "SKIPPED", "FAILED": "FAILURE"}
#: How an export is named: the plan, what was chosen for it, the plan's id, the day.
FILE_NAME = re.compile(r"(?P<plan>.+?)-test-plan-(?P<variant>.*)-(?P<id>[^-]+)-\d\d-\w+-\d{4}\.zip")

Plan = tuple[str, str]


@dataclass(frozen=True)
class Run:
    """How one run of a module ended; ``said`` is what the suite says of it."""

    started: str
    result: str
    said: str


def run_of(document: Any) -> Run:
    """One module's log; a module that did not come to its end failed."""
    info = document["testInfo"]
    result = info.get("result")
    ended = info["status"] == "FINISHED" or result in {"REVIEW", "SKIPPED"}
    result = result if ended and result in RESULTS else "FAILED"
    conditions = [one for one in document["results"] if one.get("result") == SAID_BY.get(result)]
    said = (str(one.get("msg", one["src"])).removeprefix("The test was skipped: ") for one in conditions)
    return Run(info["started"], result, "<br>".join(dict.fromkeys(said)))


def last_runs(files: Iterable[Path]) -> dict[Plan, dict[str, Run]]:
    """The last run of each module, with its own variant, of each plan."""
    plans: dict[Plan, dict[str, Run]] = defaultdict(dict)
    for file in files:
        name = FILE_NAME.fullmatch(file.name)
        if name is None:
            raise SystemExit(f"{file} is not named as the suite names what it exports")
        runs = plans[name["plan"].removesuffix("-certification"), name["variant"].replace("-", ", ")]
        with zipfile.ZipFile(file) as archive:
            for member in archive.namelist():
                if member.endswith(".json"):
                    document = json.loads(archive.read(member))
                    info = document["testInfo"]
                    module = info["testName"] + json.dumps(info["variant"], sort_keys=True)
                    run = run_of(document)
                    if module not in runs or runs[module].started < run.started:
                        runs[module] = run
    return plans


def row(*cells: object) -> str:
    """One row of a table."""
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |\n"


def main() -> None:
    """Write both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    given = parser.parse_args()
    explained: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    total: Counter[str] = Counter()
    sys.stdout.write(row("plan", "variant", *(one.lower() for one in RESULTS)))
    sys.stdout.write(row("---", "---", *("---:" for _ in RESULTS)))
    for (plan, variant), runs in last_runs(given.files).items():
        results = Counter(run.result for run in runs.values())
        sys.stdout.write(row(plan, variant, *(results[one] for one in RESULTS)))
        total += results
        for module, run in runs.items():
            if run.result in SAID_BY:
                explained[run.result, module.partition("{")[0], run.said].add(plan)
    sys.stdout.write(row("all", "", *(total[one] for one in RESULTS)) + "\n")
    sys.stdout.write(row("result", "module", "in", "what the suite says") + row("---", "---", "---", "---"))
    for (result, name, said), plans in sorted(explained.items()):
        sys.stdout.write(row(result.lower(), f"`{name}`", ", ".join(sorted(plans)), said))


if __name__ == "__main__":
    main()
