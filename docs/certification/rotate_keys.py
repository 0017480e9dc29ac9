"""Runs the suite's module ``oidcc-server-rotate-keys`` of a plan once more, and rotates the keys when it asks for it.

``python docs/certification/rotate_keys.py --suite URL [--suite-ca FILE] --config authrim.toml --export-dir FOLDER
PLAN_ID``

The module reads the key set, waits until somebody has rotated the keys and pressed "Start", and reads it again. The
suite's own script for whole plans presses "Start" at once, so the module always fails there. Afterwards
the plan is exported again.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from suite_api import Suite

MODULE = "oidcc-server-rotate-keys"


def main() -> None:
    """Run it, and say how it ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", required=True)
    parser.add_argument("--suite-ca")
    parser.add_argument("--config", required=True, help="The settings of the server under test.")
    parser.add_argument("--export-dir", type=Path, required=True)
    parser.add_argument("plan_id")
    given = parser.parse_args()
    suite = Suite(given.suite, given.suite_ca)
    modules = suite.plan(given.plan_id)["modules"]
    variant = next(one.get("variant") or {} for one in modules if one["testModule"] == MODULE)
    test_id = suite.create(given.plan_id, MODULE, variant)
    suite.wait_for(test_id, "CONFIGURED")
    # Without --now the next plan's module would have to wait until this rotation is over.
    rotation = ["authrim", "--config", given.config, "keys", "rotate", "--now"]
    subprocess.run(rotation, check=True, stdout=subprocess.DEVNULL)
    suite.start(test_id)
    suite.wait_for(test_id, "FINISHED", "INTERRUPTED")
    exported = suite.export(given.plan_id, given.export_dir)
    sys.stdout.write(f"{suite.info(test_id)['result']} {exported}\n")


if __name__ == "__main__":
    main()
