"""`openleo policy mask`, as a user meets it: table, sums, map, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from matplotlib.image import imread

from openleo import cells as h3cells
from openleo.places import population
from openleo.places.territories import territories

RULES = """schema = 1
book = "regulator:LUX"
classes = ["drone"]

[[rule]]
id = "states"
effect = "permit"
territory = { in = "USA", include = [] }
reason = "service is licensed"

[[rule]]
id = "slow"
effect = "permit"
territory = { in = "AUS", include = [] }
conditions = { speed_kmh_max = 75 }
reason = "service is licensed"

[[rule]]
id = "no-drones"
effect = "suspend"
territory = { in = "USA", include = [] }
who = { classes = ["drone"] }
until = 2027-01-01T00:00:00Z
emergency = "keep"
reason = "until tests are done"
"""
AT = "2026-11-20T00:00:00Z"
DENVER, SYDNEY_INLAND, PARIS = (39.7, -105.0), (-24.0, 134.0), (48.86, 2.35)


@pytest.fixture
def mask(run, tmp_path):
    """Runs the verb over RULES at resolution 3."""
    (tmp_path / "r.toml").write_text(RULES)
    return lambda *more: run("policy", "mask", "r.toml", "--at", AT, "--resolution", 3, "--out", "m.parquet", *more)


def answers(path):
    """{(cell, class): (may, rule)}."""
    columns = pq.read_table(path).to_pydict()
    assert list(columns) == ["cell", "class", "may", "rule"]
    keys = zip(columns["cell"], columns["class"], strict=True)
    return dict(zip(keys, zip(columns["may"], columns["rule"], strict=True), strict=True))


def test_the_table_has_every_cell_and_class_with_the_rule(mask, tmp_path):
    assert mask().code == 0
    found = answers(tmp_path / "m.parquet")
    assert len(found) == 8 * 41_162
    cell = {place: h3cells.text([h3cells.at(*place, 3)])[0] for place in (DENVER, SYDNEY_INLAND, PARIS)}
    assert found[cell[DENVER], "fixed"] == ("yes", "states")
    assert found[cell[DENVER], "drone"] == ("no", "no-drones")
    assert found[cell[SYDNEY_INLAND], "fixed"] == ("depends", "slow")
    assert found[cell[PARIS], "fixed"] == ("no", None)


def test_sums_are_those_of_the_table(mask, tmp_path):
    done = mask("--json", "--classes", "drone, fixed")
    assert done.code == 0
    said = done.json
    assert {key: value for key, value in said.items() if key not in ("classes", "sha256")} == {
        "at": AT, "holds_until": "2027-01-01T00:00:00Z", "rules_in_force": 3, "resolution": 3, "cells": 41_162,
        "rows": 2 * 41_162, "out": "m.parquet", "map": None,
    }  # fmt: skip
    drone, fixed = said["classes"]
    assert (drone["class"], fixed["class"]) == ("drone", "fixed")
    found = answers(tmp_path / "m.parquet")
    living = dict(zip(*(one.tolist() for one in population.by_cell(3)), strict=True))
    for row in said["classes"]:
        for may in ("yes", "depends", "no"):
            mine = [int(cell, 16) for (cell, class_), (one, _) in found.items() if (class_, one) == (row["class"], may)]
            assert row[may]["cells"] == len(mine)
            assert row[may]["people"] == pytest.approx(sum(living.get(cell, 0.0) for cell in mine), abs=1.0)
            expected = h3cells.areas_km2(np.array(mine, dtype=np.uint64)).sum()
            assert row[may]["area_km2"] == pytest.approx(expected, abs=0.01)
        assert sum(row[may]["cells"] for may in ("yes", "depends", "no")) == 41_162
        assert sum(row[may]["people"] for may in ("yes", "depends", "no")) == pytest.approx(population.total(), abs=3)
        assert sum(row[may]["area_km2"] for may in ("yes", "depends", "no")) == pytest.approx(510.0656e6, rel=1e-6)
    assert drone["yes"]["cells"] == 0
    states = territories()["USA"]
    both = fixed["yes"]["people"] + fixed["depends"]["people"]
    assert fixed["yes"]["people"] < states.population < both


def test_people_read_a_table_and_until_when_it_holds(mask):
    done = mask()
    lines = done.out.splitlines()
    assert lines[0] == f"3 rules in force, at {AT}; the same until 2027-01-01T00:00:00Z."
    assert lines[1].split() == ["may", "cells", "km²", "people"]
    assert lines[2] == "fixed, portable, vehicle, maritime, aviation, government, emergency"
    assert [line.split()[0] for line in lines[3:6]] == ["yes", "depends", "no"]
    assert lines[6] == "drone"
    assert lines[-1] == "wrote m.parquet: 329,296 rows"
    later = mask("--at", "2027-01-01T00:00:00Z")
    assert later.out.splitlines()[0] == "2 rules in force, at 2027-01-01T00:00:00Z; nothing changes later."


def test_the_map_shows_the_first_class_where_it_is(mask, tmp_path):
    done = mask("--map", "m.png", "--classes", "fixed")
    assert done.out.splitlines()[-1] == "wrote m.png: fixed"
    picture = (imread(tmp_path / "m.png")[:, :, :3] * 255).round()
    tall, wide, _ = picture.shape

    def colour(latitude_deg, longitude_deg):
        x = (0.5 + 11.0 * (longitude_deg + 180.0) / 360.0) / 12.0
        y = (1.15 + 5.5 * (latitude_deg + 90.0) / 180.0) / 7.4
        red, green, blue = picture[round((1.0 - y) * tall), round(x * wide)]
        return "green" if green > red + 40 else "amber" if red > blue + 80 else "rose" if red > blue else "other"

    where = [(41.0, -101.0), (-23.0, 133.0), (25.0, 15.0), (-40.0, -120.0)]
    assert [colour(*place) for place in where] == ["green", "amber", "rose", "rose"]


# --- refused ------------------------------------------------------------------------------------------------------


def test_everything_at_fault_is_told_together_and_nothing_is_written(run, tmp_path):
    (tmp_path / "r.toml").write_text(RULES.replace('"AUS"', '"AUZ"'))
    done = run("policy", "mask", "r.toml", "--at", "2026-11-20", "--out", "m.csv", "--map", "m.svg")
    assert done.code == 2
    for words in ("--at: is 2026-11-20, a day without a time", "AUZ", "--out m.csv: is not named as a Parquet file",
                  "--map m.svg: is not named as a PNG file"):  # fmt: skip
        assert words in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["r.toml"]


def test_a_class_nobody_knows_is_refused_with_a_near_name(mask, tmp_path):
    done = mask("--classes", "fixd,fixed,")
    assert done.code == 2
    assert 'there is no class "fixd". Did you mean fixed?' in done.err
    assert 'there is no class "".' in done.err
    assert not (tmp_path / "m.parquet").exists()


@pytest.mark.parametrize("at", ["1960-01-01T00:00:00Z", "soon", "9999-06-01T00:00:00Z"])
def test_instants_that_rules_cannot_be_decided_for(mask, at):
    done = mask("--at", at)
    assert done.code == 2
    assert done.err.startswith("--at")


def test_a_table_never_replaces_the_rules_or_the_map(run, tmp_path):
    (tmp_path / "r.json").write_text(json.dumps({"schema": 1, "book": "b"}))
    (tmp_path / "m.parquet").symlink_to("r.json")
    done = run("policy", "mask", "r.json", "--at", AT, "--out", "m.parquet")
    assert (done.code, "r.json, too" in done.err) == (2, True)
    assert json.loads((tmp_path / "r.json").read_text()) == {"schema": 1, "book": "b"}


def test_no_rule_no_service(run, tmp_path):
    (tmp_path / "r.json").write_text(json.dumps({"schema": 1, "book": "b"}))
    done = run("policy", "mask", "r.json", "--at", AT, "--out", "m.parquet", "--resolution", 3, "--json")
    assert {row["no"]["cells"] for row in done.json["classes"]} == {41_162}
    assert set(pq.read_table(tmp_path / "m.parquet")["rule"].to_pylist()) == {None}
