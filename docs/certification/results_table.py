"""Writes the results of plans that the conformance suite has run as tables in Markdown.

``python docs/certification/results_table.py --suite URL [--suite-ca FILE] PLAN_ID …``

Two tables: how many modules of each plan ended how, and what the suite said of those that neither passed nor wait for
somebody to look at their pictures. Of a module that was run more than once the last run counts.
"""

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from suite_api import Suite

RESULTS = ("PASSED", "WARNING", "REVIEW", "SKIPPED", "FAILED")
#: What is to be explained, and the results of the conditions that say why.
SAID_BY = {"WARNING": ("WARNING",), "SKIPPED": ("SKIPPED",), "FAILED": ("FAILURE",)}


@dataclass(frozen=True)
class Ended:
    """How one module of a plan ended; ``said`` is what the suite says of it."""

    module: str
    result: str
    said: tuple[str, ...]


def ended(suite: Suite, plan: Any) -> Iterable[Ended]:
    """Every module of the plan; one that did not come to its end failed."""
    for module in plan["modules"]:
        if not module["instances"]:
            yield Ended(module["testModule"], "FAILED", ("not run",))
            continue
        test_id = module["instances"][-1]
        info = suite.info(test_id)
        reviewed = info["status"] == "WAITING" and info["result"] == "REVIEW"
        over = info["status"] == "FINISHED" or reviewed or info["result"] == "SKIPPED"
        result = info["result"] if over and info["result"] in RESULTS else "FAILED"
        conditions = SAID_BY.get(result, ())
        log = suite.log(test_id) if conditions else ()
        said = tuple(one["msg"] for one in log if one.get("result") in conditions)
        yield Ended(module["testModule"], result, said)


def row(*cells: object) -> str:
    """One row of a table."""
    return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |\n"


def named(plan: Any) -> tuple[str, str]:
    """The plan's short name and what was chosen for it."""
    name = str(plan["planName"]).removesuffix("-certification-test-plan").removesuffix("-test-plan")
    variant = plan.get("variant") or {}
    return name, "<br>".join(f"{key}={value}" for key, value in sorted(variant.items()))


def main() -> None:
    """Write both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", required=True)
    parser.add_argument("--suite-ca")
    parser.add_argument("plan_ids", nargs="+")
    given = parser.parse_args()
    suite = Suite(given.suite, given.suite_ca)
    explained: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    sys.stdout.write(row("plan", "variant", *(one.lower() for one in RESULTS)))
    sys.stdout.write(row("---", "---", *("---:" for _ in RESULTS)))
    total: Counter[str] = Counter()
    for plan_id in given.plan_ids:
        plan = suite.plan(plan_id)
        name, variant = named(plan)
        results: Counter[str] = Counter()
        for module in ended(suite, plan):
            results[module.result] += 1
            if module.said:
                explained[module.result, module.module, "<br>".join(module.said)][name] += 1
        sys.stdout.write(row(name, variant, *(results[one] for one in RESULTS)))
        total += results
    sys.stdout.write(row("all", "", *(total[one] for one in RESULTS)) + "\n")
    sys.stdout.write(row("result", "module", "in", "what the suite says") + row("---", "---", "---", "---"))
    for (result, module_name, said), plans in sorted(explained.items()):
        sys.stdout.write(row(result, module_name, ", ".join(sorted(plans)), said))


if __name__ == "__main__":
    main()
