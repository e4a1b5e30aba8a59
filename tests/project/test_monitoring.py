"""What Prometheus and Grafana are told: every expression is PromQL about metrics that exist, rules are well formed."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
import yaml
from prometheus_client import REGISTRY

import backend.server  # noqa: F401  # loads whoever declares metrics

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "docs" / "monitoring"
FROM_PROMETHEUS = {"up"}


def existing() -> set[str]:
    """The names that samples of the declared metrics have."""
    suffixes = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_count", "_sum"], "info": ["_info"]}
    return {
        family.name + suffix for family in REGISTRY.collect() for suffix in suffixes.get(family.type, [""])
    } | FROM_PROMETHEUS


def metrics_in(expression: str) -> set[str]:
    """The metrics that a PromQL expression names. Raises ValueError when it is none."""
    found: set[str] = set()
    parts = [promql.parse(re.sub(r"\$__rate_interval", "5m", expression))]
    while parts:
        part = parts.pop()
        if isinstance(part, promql.VectorSelector) and part.name:
            found.add(part.name)
        for name in ("expr", "lhs", "rhs", "param", "vector_selector", "vs"):
            if isinstance(inner := getattr(part, name, None), promql.Expr):
                parts.append(inner)
        parts += [x for x in getattr(part, "args", []) if isinstance(x, promql.Expr)]
    return found


def rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load((MONITORING / "alerts.yml").read_text("utf-8"))["groups"]:
        assert set(group) <= {"name", "interval", "rules"}
        yield from group["rules"]


def panels() -> Iterator[dict[str, Any]]:
    board = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))
    yield from (panel for panel in board["panels"] if panel["type"] != "row")


def test_the_walk_finds_every_metric_of_an_expression() -> None:
    text = 'topk(3, sum by (x) (rate(a_total{c="d"}[5m]))) / on (x) max(b) > time() - c unless max_over_time(e[1h]) > 1'
    assert metrics_in(text) == {"a_total", "b", "c", "e"}
    with pytest.raises(ValueError, match=r"."):
        metrics_in("sum(rate(a_total[5m])")


@pytest.mark.parametrize("rule", [*rules()], ids=lambda rule: rule["alert"])
def test_an_alert_rule_is_what_promtool_accepts_and_names_metrics_that_exist(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "keep_firing_for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[smhd]", rule.get("for", "0s"))
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert all(re.fullmatch(r"[a-zA-Z_]\w*", name) for name in (*rule["labels"], *rule["annotations"]))
    named = metrics_in(rule["expr"])
    assert named
    assert named <= existing()
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert anchor == rule["alert"].lower()
    assert f"\n### {rule['alert']}\n" in (ROOT / page).read_text("utf-8"), "every alert has its way out"


def test_alerts_have_names_of_their_own() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names)) > 10


@pytest.mark.parametrize("panel", [*panels()], ids=lambda panel: panel["title"])
def test_a_panel_shows_metrics_that_exist(panel: dict[str, Any]) -> None:
    assert panel["targets"]
    for target in panel["targets"]:
        named = metrics_in(target["expr"])
        assert named
        assert named <= existing(), target["expr"]


def test_every_metric_of_ours_is_in_the_documentation() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    ours = {family.name for family in REGISTRY.collect() if family.name.startswith(("mostrador_", "inventory_"))}
    assert len(ours) > 20
    assert {name for name in ours if f"`{name}" not in page} == set()
