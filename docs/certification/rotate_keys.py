"""Runs the suite's module ``oidcc-server-rotate-keys`` of a plan once more, and rotates the keys when it asks for it.

``python docs/certification/rotate_keys.py --suite URL [--suite-ca FILE] --config authrim.toml PLAN_ID``

The module reads the key set, waits until somebody has rotated the keys and pressed "Start", and reads the key set anew.
The suite's own script for whole plans presses "Start" at once, so there the module always fails.
"""

import argparse
import subprocess
import sys

from suite_api import Suite

MODULE = "oidcc-server-rotate-keys"


def main() -> None:
    """Run it, and say how it ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", required=True)
    parser.add_argument("--suite-ca")
    parser.add_argument("--config", required=True, help="The settings of the server under test.")
    parser.add_argument("plan_id")
    given = parser.parse_args()
    suite = Suite(given.suite, given.suite_ca)
    modules = suite.plan(given.plan_id)["modules"]
    variant = next(one.get("variant") or {} for one in modules if one["testModule"] == MODULE)
    test_id = suite.create(given.plan_id, MODULE, variant)
    suite.wait_for(test_id, "CONFIGURED")
    subprocess.run(["authrim", "--config", given.config, "keys", "rotate"], check=True)
    suite.start(test_id)
    suite.wait_for(test_id, "FINISHED", "INTERRUPTED")
    sys.stdout.write(f"{test_id} {suite.info(test_id)['result']}\n")


if __name__ == "__main__":
    main()
