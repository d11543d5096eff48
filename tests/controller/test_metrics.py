"""What a controller counts of itself, in Prometheus's own format."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from openleo.controller.metrics import MEASURES, Metrics

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy" / "grafana-dashboard.json"
ALERTS = ROOT / "deploy" / "prometheus-alerts.yml"


def of(metrics: Metrics) -> dict[str, float]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {f"{one.name}{sorted(one.labels.items())}": one.value for family in families for one in family.samples}


def test_what_is_counted_is_what_prometheus_reads():
    metrics = Metrics()
    metrics.count("lease_requests_total", outcome="given")
    metrics.count("lease_requests_total", 2.0, outcome="given")
    metrics.set("slot_number", 119_666_665)
    metrics.took("slot_seconds", 0.3, step="compute")
    found = of(metrics)
    assert found["openleo_lease_requests_total[('outcome', 'given')]"] == 3.0
    assert found["openleo_slot_number[]"] == 119_666_665
    assert found["openleo_slot_seconds_sum[('step', 'compute')]"] == pytest.approx(0.3)


def test_controllers_in_one_process_count_apart():
    one, other = Metrics(), Metrics()
    one.set("leading", 1)
    assert (of(one)["openleo_leading[]"], of(other)["openleo_leading[]"]) == (1.0, 0.0)


def test_no_label_names_anybody():
    for _, _, labels in MEASURES.values():
        assert not {"terminal", "account", "principal", "party", "address"} & set(labels)


def expressions() -> list[str]:
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    shown = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    told = re.findall(r"^\s*expr: (.+)$", ALERTS.read_text(encoding="utf-8"), re.MULTILINE)
    assert shown
    assert told
    return shown + told


def test_dashboard_and_alerts_ask_for_measures_that_there_are():
    asked = {name for text in expressions() for name in re.findall(r"\bopenleo_(\w+)", text)}
    known = {f"{name}{end}" for name in MEASURES for end in ("", "_bucket", "_sum", "_count")}
    assert asked
    assert not asked - known


def test_every_measure_is_on_the_dashboard():
    asked = " ".join(expressions())
    assert [name for name in MEASURES if f"openleo_{name}" not in asked] == []
