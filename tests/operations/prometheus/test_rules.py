"""The rules and alerts are what Prometheus takes, and each alert says what it is meant to say."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.installing import go_program_of

RULES = Path(__file__).parents[3] / "deploy" / "prometheus"

CASES = yaml.safe_load((Path(__file__).parent / "cases.yml").read_text())

pytestmark = pytest.mark.operations


def promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def unit_test(alert: str, case: dict[str, Any]) -> dict[str, Any]:
    """A case in the form that promtool reads."""
    expected = {"exp_labels": {"job": "authrim", **case["labels"]}}
    return {
        "name": alert,
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in case["series"].items()],
        "alert_rule_test": [
            {"eval_time": f"{case['quiet_at']}m", "alertname": alert, "exp_alerts": []},
            {"eval_time": f"{case['fires_at']}m", "alertname": alert, "exp_alerts": [expected]},
        ],
    }


def test_prometheus_takes_the_rules() -> None:
    """promtool finds nothing to say about the rules, the alerts and the configuration that loads them."""
    promtool("check", "rules", "--lint-fatal", *(str(file) for file in sorted(RULES.glob("authrim.*.yml"))))
    promtool("check", "config", str(RULES / "prometheus.yml"))


def test_each_alert_fires_when_it_should_and_not_before(tmp_path: Path) -> None:
    """For each alert, promtool computes that series without the fault do not fire it, and that those with it do, with
    the labels that say where."""
    for file in RULES.glob("authrim.*.yml"):
        rules = yaml.safe_load(file.read_text())
        for group in rules["groups"]:
            for rule in group["rules"]:
                rule.pop("annotations", None)
        (tmp_path / file.name).write_text(json.dumps(rules))
    unit_tests = {
        "rule_files": sorted(file.name for file in RULES.glob("authrim.*.yml")),
        "evaluation_interval": "1m",
        "tests": [unit_test(alert, case) for alert, cases in CASES.items() for case in cases],
    }
    (tmp_path / "tests.yml").write_text(json.dumps(unit_tests))
    promtool("test", "rules", str(tmp_path / "tests.yml"))


def test_grafana_takes_the_dashboard() -> None:
    """The types of Grafana's own SDK decode the dashboard strictly: no field is unknown, missing or of another type."""
    decoder = go_program_of(Path(__file__).parent / "dashboard")
    done = subprocess.run(
        [decoder, RULES.parent / "grafana" / "authrim.json"], capture_output=True, check=False, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
