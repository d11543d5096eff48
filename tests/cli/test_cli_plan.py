"""`openleo init` and `openleo plan`: what is written, what is said, and that it is all or nothing."""

from __future__ import annotations

import csv
import errno
import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import xarray

from openleo.report import write

FILES = {"summary.json", "territories.csv", "cells.parquet", "report.html", "map.png", "effect.json"}
PNG = b"\x89PNG\r\n\x1a\n"


# --- init ---------------------------------------------------------------------------------------------------------


def test_init_writes_a_scenario_with_its_rules_and_says_what_comes_next(run, tmp_path):
    done = run("init", "new/place")
    assert done.code == 0
    assert done.out == "openleo plan new/place/scenario.toml\n"
    assert "Written:" in done.err
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.toml"))
    assert files == [
        "new/place/rules/permitted.toml",
        "new/place/rules/withdrawn.toml",
        "new/place/scenario.toml",
    ]


def test_init_writes_to_where_one_stands(run, tmp_path):
    assert run("init").code == 0
    assert (tmp_path / "scenario.toml").exists()


def test_init_overwrites_nothing(run, tmp_path):
    (tmp_path / "scenario.toml").write_text("mine")
    done = run("init")
    assert done.code == 2
    assert "scenario.toml: is there already" in done.err
    assert done.out == ""
    assert (tmp_path / "scenario.toml").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["scenario.toml"]


@pytest.mark.parametrize("where", ["file/place", "file"])
def test_init_into_what_is_no_folder(run, tmp_path, where):
    (tmp_path / "file").write_text("mine")
    done = run("init", where)
    assert done.code == 2
    assert f"{where}: cannot be written" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_init_that_fails_on_the_way_leaves_nothing_half_written(run, tmp_path):
    (tmp_path / "rules").write_text("a file, where a folder is to be")
    assert run("init").code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["rules"]


# --- plan: what is said -------------------------------------------------------------------------------------------


def test_plan_answers_json_on_stdout_and_talks_on_stderr(planned):
    done, folder = planned
    assert done.code == 0
    assert done.json["scenario"] == "starter"
    assert done.json == json.loads((folder / "summary.json").read_text())


def test_plan_prints_a_table_for_people(run, starter):
    done = run("plan", starter, "--slots", 2)
    assert done.code == 0
    assert "Tonga" in done.out
    assert "Served" in done.out
    assert "withdrawn.toml" in done.out
    assert "Written to out/starter" in done.err
    assert "Written" not in done.out
    assert all(len(line) <= 120 for line in done.out.splitlines())


def test_plan_computes_the_first_slots_only(planned):
    done, _ = planned
    assert done.json["slots"] == 4
    assert done.json["slot_s"] == 15.0
    assert done.json["satellites"] == 4_408


def test_plan_of_fewer_slots_than_asked_for_is_the_whole_run(run, starter, tmp_path):
    done = run("plan", starter, "--slots", 1, "--threads", 1, "--json", "--out", tmp_path / "a")
    assert done.json["slots"] == 1


@pytest.mark.parametrize("option", [["--slots", "0"], ["--slots", "many"], ["--threads", "0"], ["--slot", "3"]])
def test_an_option_at_fault_is_refused(run, starter, tmp_path, option):
    done = run("plan", starter, *option)
    assert done.code == 2
    assert done.out == ""
    assert option[0] in done.err
    assert list(tmp_path.iterdir()) == []


def test_what_was_set_aside_or_assumed_is_said(run, tmp_path):
    (tmp_path / "s.toml").write_text(
        'name = "n"\nstart = 2026-11-20T00:00:00Z\nduration = "30s"\n[ground]\narea = "TON"\n'
        '[[constellation.shell]]\nname = "a"\naltitude_km = 550\ninclination_deg = 53\nplanes = 4\nper_plane = 4\n'
    )
    done = run("plan", "s.toml", "--json")
    assert done.code == 0
    assert "No rules were given" in done.err
    assert done.json["notes"] == ["No rules were given: everything is permitted in this run."]
    assert done.json["effect"] is None
    assert not (tmp_path / "out" / "n" / "effect.json").exists()


# --- plan: what is written ----------------------------------------------------------------------------------------


def test_plan_writes_every_file_of_the_contract(planned):
    _, folder = planned
    assert {path.name for path in folder.iterdir()} == FILES | {"slots.zarr"}
    assert (folder / "map.png").read_bytes().startswith(PNG)
    assert "<html" in (folder / "report.html").read_text(encoding="utf-8")


def test_summary_has_the_shape_of_the_contract(planned):
    summary = planned[0].json
    keys = {"scenario", "openleo", "inputs", "slots", "satellites", "territories", "effect", "seconds"}
    assert keys <= summary.keys()
    assert all(set(source) == {"source", "sha256"} for source in summary["inputs"].values())
    tonga = summary["territories"][0]
    assert tonga["territory"] == "TON"
    assert tonga["name"] == "Tonga"
    assert tonga["weighting"] == "population"
    assert tonga["population"] == 103_197
    assert (tonga["down_mbps_p50"], tonga["up_mbps_p50"]) == (None, None)
    assert [row["weighting"] for row in summary["territories"]] == ["population", "area"]
    for row in summary["territories"]:
        assert row["served"] + sum(row["not_served_because"].values()) == pytest.approx(1.0, abs=1e-5)
        assert set(row["not_served_because"]) == {"not_permitted", "no_satellite", "no_gateway", "no_capacity"}


def test_effect_has_the_shape_of_the_contract(planned):
    effect = planned[0].json["effect"]
    assert {"sha256", "base", "new", "network", "territories"} <= effect.keys()
    assert json.loads((planned[1] / "effect.json").read_text()) == effect
    rows = {(row["territory"], row["class"]): row for row in effect["territories"]}
    assert set(rows) == {(id_, class_) for id_ in ("TON", "TON.sea12") for class_ in ("fixed", "emergency")}
    lost = rows["TON", "fixed"]
    assert lost["lost"]["people"] == pytest.approx(103_197, rel=0.01)
    assert lost["gained"] == {"cells": 0, "area_km2": 0.0, "people": 0, "terminals": None}
    assert lost["displaced_by_capacity"] is None
    assert "ton-2" in lost["because"]
    assert rows["TON", "emergency"]["lost"]["people"] == 0  # the forbid keeps them


def test_territories_csv_says_what_summary_says(planned):
    done, folder = planned
    with (folder / "territories.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["territory"] for row in rows] == [row["territory"] for row in done.json["territories"]]
    assert [float(row["can_serve"]) for row in rows] == [row["can_serve"] for row in done.json["territories"]]
    assert all(row["down_mbps_p50"] == "" for row in rows)


def test_cells_parquet_adds_up_to_the_territories(planned):
    done, folder = planned
    table = pq.read_table(folder / "cells.parquet").to_pylist()
    assert len(table) == done.json["cells"]
    assert all(isinstance(row["cell"], str) and len(row["cell"]) == 15 for row in table)
    people = sum(row["population"] for row in done.json["territories"])
    assert sum(row["population"] for row in table) == pytest.approx(people, abs=2.0)
    assert {row["reason"] for row in table} <= {"served", "not_permitted", "no_satellite", "no_gateway", "no_capacity"}


def test_slots_zarr_has_every_slot_of_every_cell(planned):
    done, folder = planned
    with xarray.open_zarr(folder / "slots.zarr", consolidated=False) as slots:
        assert slots["rtt_ms"].dims == ("slot", "cell")
        assert slots["rtt_ms"].shape == (4, done.json["cells"])
        assert float(slots["rtt_ms"].min()) > 11.0  # the processing alone


def test_a_second_run_takes_the_first_ones_place_and_no_more(run, starter, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert run("plan", starter, "--slots", 2, "--slots-out", "--out", "out").code == 0
    assert run("plan", starter, "--slots", 1, "--out", "out").code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES | {"mine.txt"}
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["slots"] == 1


# --- plan: all or nothing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("out", ["file", "file/out", "file/deeper/out"])
def test_an_output_that_cannot_be_written_is_refused_before_any_work(run, starter, tmp_path, out):
    (tmp_path / "file").write_text("mine")
    done = run("plan", starter, "--slots", 1, "--out", out, "--json")
    assert done.code == 2
    (problem,) = done.json["problems"]
    assert not done.json["ok"]
    assert problem["file"] == out
    assert done.err.startswith(f"{out}: ")
    assert "--out" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_access(run, starter, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    done = run("plan", starter, "--slots", 1, "--out", "locked/out")
    assert done.code == 2
    assert list((tmp_path / "locked").iterdir()) == []


@pytest.mark.parametrize("file", ["map.png", "summary.json"])
def test_a_run_that_fails_on_the_way_leaves_nothing_half_written(run, starter, tmp_path, monkeypatch, file):
    def fail(_results):
        raise RuntimeError("a bug of ours")

    monkeypatch.setitem(write.FILES, file, fail)
    with pytest.raises(RuntimeError):
        run("plan", starter, "--slots", 1, "--slots-out", "--out", "deep/out")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_on_the_way_is_said_and_leaves_nothing_half_written(run, starter, tmp_path, monkeypatch):
    written = Path.write_bytes

    def fail(path, content):
        if path.name == "report.html":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return written(path, content)

    monkeypatch.setattr(Path, "write_bytes", fail)
    done = run("plan", starter, "--slots", 1, "--slots-out", "--out", "deep/out")
    assert (done.code, done.out) == (2, "")
    assert "deep/out: cannot be written: No space left on device" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_leaves_the_run_before_it_alone(run, starter, tmp_path, monkeypatch):
    assert run("plan", starter, "--slots", 1, "--out", "out").code == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    def fail(_results):
        raise RuntimeError("a bug of ours")

    monkeypatch.setitem(write.FILES, "map.png", fail)
    with pytest.raises(RuntimeError):
        run("plan", starter, "--slots", 2, "--slots-out", "--out", "out")
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_a_scenario_at_fault_leaves_no_folder(run, tmp_path):
    (tmp_path / "s.toml").write_text('name = "x"\n')
    done = run("plan", "s.toml")
    assert done.code == 2
    assert done.out == ""
    assert "s.toml: ground: is missing" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["s.toml"]


@pytest.mark.parametrize(("area", "resolution"), [("CHE.sea12", 4), ("TON & CHE", 0)])
def test_an_area_that_holds_nothing_is_said(run, tmp_path, area, resolution):
    """A landlocked country has no strip of sea, and two lands may have nothing in common."""
    (tmp_path / "s.toml").write_text(
        'name = "n"\nstart = 2026-11-20T00:00:00Z\nduration = "30s"\n[constellation]\ncatalogue = "starlink-shell1"\n'
        f'[ground]\narea = "{area}"\nresolution = {resolution}\n'
    )
    done = run("plan", "s.toml")
    assert (done.code, done.out) == (2, "")
    assert "ground.area" in done.err
    assert all(name in done.err for name in area.split(" & "))
    assert [path.name for path in tmp_path.iterdir()] == ["s.toml"]
