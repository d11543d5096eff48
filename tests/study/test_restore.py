"""The time until a share is served again: by hand, and beside all sets of sites that there are."""

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest

import withdrawals
from command_line import openleo
from openleo.errors import InputError
from openleo.network.ground.stations import Station
from openleo.reading import read_toml
from openleo.report.withdrawal_text import restored_text
from openleo.study.restore import curve, fewest, one_by_one, restored
from openleo.study.withdrawal_file import read_withdrawal


def sites(*days: float) -> list[Station]:
    return [Station(f"s{number}", 0.0, 0.0, days=day) for number, day in enumerate(days)]


def test_by_hand():
    """Ten places; the first served already; s0 four from day 90, s1 three from day 10, s2 those and one from day 40."""
    able = np.zeros((3, 10), bool)
    able[0, 6:], able[1, 1:4], able[2, 1:5] = True, True, True
    base, weight = np.arange(10) < 1, np.full(10, 0.1)
    found = restored(base, able, weight, sites(90, 10, 40), 0.5)
    assert [day for day, _ in found.curve] == [10.0, 40.0, 90.0]
    assert [share for _, share in found.curve] == pytest.approx([0.4, 0.5, 0.9])
    assert (found.day, [one.name for one in found.sites], found.at_least) == (40.0, ["s2"], 1)
    assert restored(base, able, weight, sites(90, 10, 40), 0.95).day is None
    assert restored(base, able, weight, sites(90, 10, 40), 0.1).sites == ()
    assert restored(base, able, weight, sites(20, 10, 40), 0.5).day == 20.0
    assert "not reached by any" in restored_text(restored(base, able, weight, sites(1, 1, 1), 0.95))


@pytest.mark.parametrize("seed", range(12))
def test_against_all_sets_of_sites(seed):
    random = np.random.default_rng(seed)
    base, able = random.random(40) < 0.2, random.random((7, 40)) < random.uniform(0.1, 0.4)
    weight = random.random(40)
    weight /= weight.sum()
    days = random.integers(1, 9, 7).astype(float)
    wanted = random.uniform(0.3, 0.9)
    sets = [list(one) for size in range(8) for one in combinations(range(7), size)]
    enough = [one for one in sets if weight[base | able[one].any(axis=0)].sum() >= wanted - 1e-9]
    found = restored(base, able, weight, sites(*days), wanted)
    if not enough:
        assert found.day is None
        return
    day = min(max((days[one].max() for one in [each]), default=0.0) if each else 0.0 for each in enough)
    size = min(len(one) for one in enough if not one or days[one].max() <= day)
    assert found.day == day
    assert len(found.sites) == found.at_least == size
    assert found.served >= wanted - 1e-9


def test_fewest_is_fewer_than_one_by_one_takes():
    """The site that adds most first is of no use: two others are enough together."""
    able = np.zeros((3, 12), bool)
    able[0, 2:10], able[1, :6], able[2, 6:] = True, True, True
    base, weight = np.zeros(12, bool), np.full(12, 1 / 12)
    assert one_by_one(base, able, weight, 1.0) == [0, 1, 2]
    assert fewest(base, able, weight, 1.0) == ([1, 2], 2)
    assert curve(base, able, weight, np.array([3.0, 1.0, 2.0]))[-1] == (3.0, pytest.approx(1.0))


STUDY = """
kind = "withdrawal"
name = "again"
scenario = "scenario.toml"
[[sites]]
territory = "TWN"
number = 2
candidates = "sites.csv"
after = { isls = true, countries = ["JPN", "PHL", "VNM", "AUS"] }
restore = 0.3
"""
CANDIDATES = "name,lat_deg,lon_deg,days\nTaipei,25.0,121.5,120\nFujian,26.0,119.0,30\nGuam,13.5,144.8,5\n"


def test_a_study_tells_the_day_and_writes_the_curve(tmp_path):
    withdrawals.written(tmp_path, slots=3)
    (tmp_path / "study.toml").write_text(STUDY)
    (tmp_path / "sites.csv").write_text(CANDIDATES)
    code, out, err = openleo("study", tmp_path / "study.toml", "--out", tmp_path / "out")
    assert code == 0, err
    assert "from day 30 on, and not before, by 1 site (Fujian); no fewer sites do." in out
    document = json.loads((tmp_path / "out" / "dependence.json").read_text())
    (asked,) = document["sites"]
    assert asked["restored"]["day"] == 30.0
    assert [step["day"] for step in asked["restored"]["curve"]] == [5.0, 30.0, 120.0]
    rows = (tmp_path / "out" / "restored.csv").read_text().splitlines()
    assert rows[0] == "territory,operator,after,of,day,served"
    assert any(row.split(",")[-3:-1] == ["all candidates", "30"] for row in rows)
    assert (tmp_path / "out" / "restored.png").stat().st_size > 5_000


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        (CANDIDATES.replace(",30\n", ",\n"), {}, 'has no days: "Fujian".'),
        (CANDIDATES.replace(",30\n", ",soon\n"), {}, 'has days soon; write a number from 0 to 100000'),
        (CANDIDATES, {"candidates": None}, "there is no default"),
    ],
)  # fmt: skip
def test_days_that_are_not_said_are_asked_for(tmp_path, table, change, said):
    withdrawals.written(tmp_path, slots=1)
    (tmp_path / "study.toml").write_text(STUDY)
    (tmp_path / "sites.csv").write_text(table)
    raw = read_toml(tmp_path / "study.toml")
    raw["sites"][0] = {key: value for key, value in (raw["sites"][0] | change).items() if value is not None}
    with pytest.raises(InputError, match=said):
        read_withdrawal(raw, tmp_path / "study.toml")
