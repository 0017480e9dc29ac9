"""What operators are given to watch a server with speaks of what there is: alerts, their pages, the dashboard."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import pytest
import yaml

from authrim.metrics.catalogue import METRICS
from authrim.metrics.declaration import Counter, Histogram
from authrim.settings.groups import Passwords
from tests.support.command_tree import every_command

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = ROOT / "docs" / "operations" / "alerts"
PROMETHEUS: Final = ROOT / "deploy" / "prometheus"
#: A metric of ours in a query, and the labels that it is asked for by.
_SELECTOR: Final = re.compile(r"(?<![\w:])(authrim_\w+)(?:\{([^}]*)\})?")
_MATCHER: Final = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
_RECORDED: Final = re.compile(r"\bjob(?:_route)?:\w+:\w+")
#: Labels that Prometheus adds.
_OF_THE_SCRAPE: Final = {"job", "instance"}


def rules(file: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS: Final = rules("authrim.alerts.yml")
NAMES: Final = sorted({rule["alert"] for rule in ALERTS})
RECORDED: Final = {rule["record"] for rule in rules("authrim.rules.yml")}
SERIES: Final = {
    name: metric
    for metric in METRICS
    for name in (
        [f"{metric.name}_{part}" for part in ("bucket", "sum", "count")]
        if isinstance(metric, Histogram)
        else [metric.name]
    )
}


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "authrim.json").read_text())
    return found


def queries() -> Iterator[str]:
    """All queries of the rules, the alerts and the dashboard."""
    yield from (rule["expr"] for rule in (*ALERTS, *rules("authrim.rules.yml")))
    yield from (target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", ()))


def test_queries_ask_for_what_there_is() -> None:
    """Each metric is in the catalogue, each label is one of it, each bound is one of its bounds, each recorded name is
    recorded."""
    for query in queries():
        for name, labels in _SELECTOR.findall(query):
            metric = SERIES[name]
            matchers = dict(_MATCHER.findall(labels))
            if isinstance(metric, Histogram) and "le" in matchers:
                assert float(matchers.pop("le")) in metric.bounds
            assert matchers.keys() <= {*metric.labels, *_OF_THE_SCRAPE}, query
        assert set(_RECORDED.findall(query)) <= RECORDED, query


def test_an_alert_sees_the_first_count() -> None:
    """`increase` does not see a series that appears with its first count: an alert that fires at one asks for series
    that are there from the start, or for those that appeared."""
    asked = 0
    for alert in ALERTS:
        if not alert["expr"].rstrip().endswith("> 0"):
            continue
        for name, labels in re.findall(r"increase\((authrim_\w+)(?:\{([^}]*)\})?\[", alert["expr"]):
            metric = SERIES[name]
            assert isinstance(metric, Counter)
            (values,) = [value.split("|") for _, value in _MATCHER.findall(labels)] or [[]]
            begins = {value for series in metric.begins for value in series}
            assert f"unless {name}" in alert["expr"] or (metric.begins and begins >= {*values}), alert[
                "alert"
            ]
            asked += 1
    assert asked >= 5


def test_each_alert_has_a_page_and_each_page_an_alert() -> None:
    """Each alert says who is told, what happened, and where it is written what to do; ``slo.md`` lists it; promtool
    tries it."""
    assert sorted(page.stem for page in PAGES.glob("*.md")) == NAMES
    overview = (PAGES.parent / "slo.md").read_text()
    cases = yaml.safe_load((ROOT / "tests/operations/prometheus/cases.yml").read_text())
    assert sorted(cases) == NAMES
    for alert in ALERTS:
        page, severity = f"docs/operations/alerts/{alert['alert']}.md", alert["labels"]["severity"]
        assert alert["annotations"]["runbook_url"] == page
        assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
        assert severity in {"page", "ticket"}
        assert f"`{severity}`" in (ROOT / page).read_text()
        assert f"(alerts/{alert['alert']}.md)" in overview
        assert severity in {case["labels"]["severity"] for case in cases[alert["alert"]]}


def test_each_alert_is_made_to_fire() -> None:
    """A test of the operations makes the cause of each alert at a real server, as ``slo.md`` says."""
    texts = [file.read_text() for file in (ROOT / "tests/operations/prometheus").glob("test_alerts_*.py")]
    assert sorted(set(re.findall(r"\b(Authrim[A-Z]\w+)", "\n".join(texts)))) == NAMES


def _commands(text: str) -> Iterator[list[str]]:
    """The commands of ours on a page: those in code of their own, and those in a sentence."""
    written = [line.strip() for line in text.splitlines() if line.startswith("    authrim ")]
    inline = re.findall(r"`(authrim [^`]+)`", text.replace("\n   ", " "))
    for command in (*written, *inline):
        yield shlex.split(command)[1:]


@pytest.mark.parametrize("name", NAMES)
def test_a_page_says_what_can_be_done(name: str) -> None:
    """A page has its four parts, and each command of ours on it exists, with its options."""
    text = (PAGES / f"{name}.md").read_text()
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        "What people notice",
        "Where to look",
        "What to do",
    ]
    known = dict(every_command())
    for words in _commands(text):
        path = next(tuple(words[:length]) for length in (3, 2, 1) if tuple(words[:length]) in known)
        options = {option for parameter in known[path].params for option in parameter.opts}
        asked = {word for word in words[len(path) :] if word.startswith("--")}
        assert asked <= options, (path, asked - options)
        assert isinstance(known[path], click.Command)


def test_the_dashboard_is_whole() -> None:
    """No two panels of the dashboard have one id or one place, each asks the data source that the reader chose, and
    every metric that a server always has is on it."""
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert taken.isdisjoint(cells), panel["title"]
        taken |= cells
        for target in panel.get("targets", ()):
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_figures_of_the_capacity_plan_are_measured() -> None:
    """Each figure of the plan is on the page that it is said to be from, in a table and in a sentence; a password check
    is measured as the settings have it."""
    text = (PAGES.parent / "capacity.md").read_text()
    in_tables = re.findall(r"^\|[^|]+\| ([\d,.]+)[^|]*\|.*\(([a-z0-9-]+\.md)\) \|$", text, re.MULTILINE)
    in_sentences = re.findall(r"([\d,.]+) µs[^.]*?\(\[\w+\]\(([a-z0-9-]+\.md)\)\)", text)
    assert len(in_tables) >= 12
    assert len(in_sentences) >= 2
    cost = Passwords()
    parameters = f"-t {cost.argon2_time_cost} -m {cost.argon2_memory} -p {cost.argon2_parallelism}"
    assert f"    python -m argon2 {parameters}\n" in text
    for figure, page in (*in_tables, *in_sentences):
        whole = rf"(?<![\d.,]){re.escape(figure)}(?!\d)"
        assert re.search(whole, (PAGES.parent / page).read_text()), (figure, page)
