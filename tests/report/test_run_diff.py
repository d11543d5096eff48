"""Two runs compared: what is told, in which order, and what is refused. Figures here are worked out by hand."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from openleo.errors import InputError
from openleo.report.run_diff import Transition, compare
from openleo.report.run_diff_words import as_json, text
from openleo.report.run_files import read_run
from run_folders import territory, write_run

CELLS = {
    "84a": (600.0, 1.0, "served", 30.0),
    "84b": (400.0, 1.0, "served", 40.0),
    "84c": (50.0, 0.0, "no_gateway", None),
    "84d": (0.0, 0.0, "not_permitted", None),
}


@pytest.fixture
def before(tmp_path: Path) -> Path:
    rows = [territory("AAA", 1_000, 1.0, rtt_ms_p50=35.0), territory("BBB", 50, 0.0, "no_gateway")]
    return write_run(tmp_path / "a", [*rows, territory("CCC.sea12", 0, 0.0)], CELLS)


def compared(a: Path, b: Path):
    return compare(read_run(a), read_run(b))


def refused(folder: Path) -> str:
    with pytest.raises(InputError) as error:
        read_run(folder)
    return str(error.value)


# --- what changed -------------------------------------------------------------------------------------------------


def test_a_run_beside_itself_is_the_same(before: Path) -> None:
    found = compared(before, before)
    assert found.same
    assert "No difference" in text(found)
    assert as_json(found)["territories"] == []


def test_further_columns_of_cells_are_compared_too(before: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(before, again)
    table = pq.read_table(before / "cells.parquet")
    for folder, most in ((before, [0.5, None, 0.5, 0.5]), (again, [0.5, None, 0.6, 0.5])):
        pq.write_table(table.append_column("may_serve", [most]), folder / "cells.parquet")
    found = compared(before, again)
    assert not found.same
    assert found.cells.other_columns == ("may_serve",)
    assert "other values in further columns of cells.parquet: may_serve" in text(found)
    assert compared(again, again).same
    pq.write_table(table, again / "cells.parquet")
    assert compared(before, again).cells.other_columns == ("may_serve",)


def test_territories_come_with_most_people_affected_first(before: Path, tmp_path: Path) -> None:
    rows = [
        territory("CCC.sea12", 0, 0.5),  # half of 100 km², where nobody lives
        territory("AAA", 1_000, 0.96, rtt_ms_p50=36.0),  # 4 % of 1,000 people
        territory("BBB", 50, 1.0),  # all of 50
    ]
    found = compared(before, write_run(tmp_path / "b", rows, CELLS))
    assert [(one.territory, one.people, one.area_km2) for one in found.territories] == [
        ("BBB", 50, None),
        ("AAA", 40, None),
        ("CCC.sea12", 0, 50.0),
    ]
    assert found.people_served == (1_000, 1_010)
    bbb = {one.name: (one.a, one.b) for one in found.territories[0].changes}
    assert bbb == {"may_serve": (0.0, 1.0), "served": (0.0, 1.0), "no_gateway": (1.0, 0.0)}


def test_another_reason_affects_people_too(before: Path, tmp_path: Path) -> None:
    """Nobody of BBB is served before or after; who waits for a gateway and who for a permission are not the same."""
    rows = [territory("AAA", 1_000, 1.0, rtt_ms_p50=35.0), territory("BBB", 50, 0.0, "not_permitted")]
    found = compared(before, write_run(tmp_path / "b", [*rows, territory("CCC.sea12", 0, 0.0)], CELLS))
    assert [(one.territory, one.people) for one in found.territories] == [("BBB", 50)]
    assert found.same_territories == ("AAA", "CCC.sea12")


def test_cells_are_told_by_the_reason_they_had_and_have(before: Path, tmp_path: Path) -> None:
    cells = {
        "84a": (600.0, 0.0, "not_permitted", None),
        "84b": (400.0, 0.75, "served", 41.5),
        "84c": (50.0, 0.0, "no_gateway", None),
        "84e": (7.0, 1.0, "served", 20.0),
    }
    rows = [territory("AAA", 1_000, 0.4, rtt_ms_p50=35.0), territory("BBB", 50, 0.0, "no_gateway")]
    found = compared(before, write_run(tmp_path / "b", [*rows, territory("CCC.sea12", 0, 0.0)], cells))
    told = found.cells
    assert told is not None
    assert (told.compared, told.only_a, told.only_b) == (3, 1, 1)
    assert told.transitions == (Transition("served", "not_permitted", 1, 600, 10.0),)
    assert (told.other_share, told.other_rtt, told.rtt_ms_change) == (1, 1, (1.5, 1.5, 1.5))


def test_inputs_are_compared_by_hash_and_not_by_name(before: Path, tmp_path: Path) -> None:
    inputs = {
        "scenario": {"source": "renamed.toml", "sha256": "s" * 64},
        "rules": {"source": "rules.toml", "sha256": "0" * 64},
        "demand": {"source": "demand.csv", "sha256": "d" * 64},
    }
    rows = json.loads((before / "summary.json").read_text())["territories"]
    found = compared(before, write_run(tmp_path / "b", rows, CELLS, inputs=inputs, notes=["new"]))
    assert found.same_inputs == ("scenario",)
    assert [(one.name, one.a_sha256 and one.a_sha256[0], one.b_sha256 and one.b_sha256[0]) for one in found.inputs] == [
        ("rules", "r", "0"),
        ("area", "a", None),
        ("demand", None, "d"),
    ]
    assert (found.notes_only_a, found.notes_only_b) == ((), ("new",))
    said = text(found)
    assert "~ rules: rules.toml (rrrrrrrrrrrr) -> rules.toml (000000000000)" in said
    assert "- area: area.toml (aaaaaaaaaaaa)" in said
    assert "+ demand: demand.csv (dddddddddddd)" in said
    assert "+ note: new" in said


@pytest.mark.parametrize("name", ["population", "area_km2", "rtt_ms_p50", "served"])
def test_a_change_is_seen_though_it_rounds_to_the_same(before: Path, tmp_path: Path, name: str) -> None:
    rows = json.loads((before / "summary.json").read_text())["territories"]
    rows[0] = rows[0] | {name: {"population": 1_001, "area_km2": 100.25, "rtt_ms_p50": 35.04, "served": 0.999999}[name]}
    found = compared(before, write_run(tmp_path / "b", rows, CELLS))
    shown = {"population": "1,000 -> 1,001", "area_km2": "100.0 -> 100.25", "rtt_ms_p50": "35.0 ms -> 35.04 ms",
             "served": "100% -> >99.9%"}  # fmt: skip
    assert shown[name] in text(found)
    assert not found.same


# --- unlike things ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("others", "name", "says"),
    [
        ({"resolution": 3}, "resolution", "territories alone are compared"),
        ({"openleo": "0.2.0"}, "openleo", "because of the program"),
        ({"class": "maritime"}, "class", "each run tells of its own"),
        ({"start": "2026-12-20T00:00:00Z"}, "start", "two spans"),
        ({"slots": 8}, "slots", "two spans"),
        ({"inputs": {"area": {"source": "AAA", "sha256": "f" * 64}}}, "area", "two areas"),
    ],
)
def test_what_is_unlike_is_said(before: Path, tmp_path: Path, others: dict, name: str, says: str) -> None:
    rows = json.loads((before / "summary.json").read_text())["territories"]
    found = compared(before, write_run(tmp_path / "b", rows, CELLS, **others))
    assert name in [one.name for one in found.caveats]
    assert f"! {next(one['says'] for one in as_json(found)['caveats'] if one['name'] == name)}" in text(found)
    assert says in text(found)
    assert (found.cells is None) == (name == "resolution")


def test_another_area_is_compared_where_both_look(before: Path, tmp_path: Path) -> None:
    rows = [territory("AAA", 1_000, 1.0, rtt_ms_p50=35.0), territory("DDD", 5, 1.0)]
    found = compared(before, write_run(tmp_path / "b", rows, CELLS))
    assert (found.only_a, found.only_b) == (("BBB", "CCC.sea12"), ("DDD",))
    assert found.people_served == (1_000, 1_000)
    assert not found.same


def test_runs_without_a_territory_in_common_are_refused(before: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no territory in common: AAA, BBB, CCC\.sea12 in one, DDD in the other"):
        compared(before, write_run(tmp_path / "b", [territory("DDD", 5, 1.0)], CELLS))


# --- what is no run -----------------------------------------------------------------------------------------------


def test_what_is_no_folder_of_a_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    assert "there is no such folder" in refused(tmp_path / "none")
    assert "is a file; a run is a folder" in refused(tmp_path / "file")
    assert "holds no run" in refused(tmp_path / "empty")


@pytest.mark.parametrize("name", ["summary.json", "territories.csv", "cells.parquet"])
def test_half_a_run_is_refused(before: Path, name: str) -> None:
    whole = (before / name).read_bytes()
    (before / name).write_bytes(whole[: len(whole) // 2])
    assert refused(before)
    (before / name).unlink()
    assert f"holds half a run: {name} is not there. Run `openleo plan` again" in refused(before)


def test_all_that_is_wrong_with_a_folder_is_told_at_once(before: Path) -> None:
    (before / "summary.json").write_text("[]")
    (before / "cells.parquet").write_text("no Parquet")
    said = refused(before)
    assert "is no summary of a run" in said
    assert "cannot be read as Parquet" in said


def test_files_of_two_runs_in_one_folder_are_refused(before: Path, tmp_path: Path) -> None:
    rows = [territory("AAA", 1_000, 0.5), territory("BBB", 50, 0.0), territory("CCC.sea12", 0, 0.0)]
    other = write_run(tmp_path / "b", rows, {"84a": CELLS["84a"]})
    (other / "summary.json").replace(before / "summary.json")
    said = refused(before)
    assert "cells.parquet has 4 cells, summary.json 1" in said
    assert "territories.csv and summary.json do not give the same territories the same service" in said


def test_a_summary_of_other_keys_is_told_key_by_key(before: Path) -> None:
    summary = json.loads((before / "summary.json").read_text())
    del summary["slots"]
    summary["territories"][1]["served"] = "all"
    (before / "summary.json").write_text(json.dumps(summary))
    said = refused(before)
    assert "slots: is missing" in said
    assert "territories[1].served" in said


def test_keys_of_another_version_do_no_harm(before: Path) -> None:
    summary = json.loads((before / "summary.json").read_text())
    (before / "summary.json").write_text(json.dumps(summary | {"of_tomorrow": 1}))
    assert read_run(before).summary.slots == 4
