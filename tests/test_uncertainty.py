"""What is drawn when a case is not sure, and what is said of the draws.

Distributions against scipy and numpy; phases against rotations of the sky; a run's intervals against runs by hand.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist

from command_line import openleo
from openleo import uncertainty
from openleo.attributes import attributes
from openleo.cli.score import _drawn as drawn_in_lines
from openleo.network import chain, ephemeris
from openleo.network.capacity import demand_file
from openleo.policy.rules import RuleSet
from openleo.results import Case, compute
from openleo.scenario import Scenario
from openleo.uncertainty import Source

TEXT = """
name = "drawn"
start = 2026-09-15T00:00:00Z
duration = "2h"
slot = "1h"
[constellation]
isl = "+grid"
[[constellation.shell]]
name = "a"
altitude_km = 550
inclination_deg = 53
planes = 24
per_plane = 20
[[constellation.shell]]
name = "b"
altitude_km = 570
inclination_deg = 70
planes = 8
per_plane = 20
[ground]
area = ["TWN", "CHL"]
resolution = 3
gateways = "starlink-2026"
[links]
chain = true
"""
CAPACITY = """
[capacity]
enabled = true
rate_slots = 1
"""


def case_of(folder: Path, text: str) -> Case:
    path = folder / "drawn.toml"
    path.write_text(text)
    return Scenario.load(path).case


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return case_of(tmp_path_factory.mktemp("drawn"), TEXT + CAPACITY)


def source(name: str) -> Source:
    return next(one for one in uncertainty.SOURCES if one.name == name)


def drawn(case: Case, name: str, count: int) -> list[Case]:
    return [uncertainty.variant(case, 0, number, [source(name)]) for number in range(count)]


# --- what is drawn ------------------------------------------------------------------------------------------------


def test_the_constants_are_drawn_as_they_were_fitted(case):
    """Authority: mean, standard deviation and correlation of the file of constants and its comment."""
    _, known, _ = chain.read_constants()
    values = np.array([(one.network.chain.scheduling_ms, one.network.chain.way_stretch)
                       for one in drawn(case, "constants", 3000)])  # fmt: skip
    for column, name in enumerate(("scheduling_ms", "way_stretch")):
        assert values[:, column].mean() == pytest.approx(known[name].value, abs=0.1 * known[name].uncertainty)
        assert values[:, column].std() == pytest.approx(known[name].uncertainty, rel=0.05)
    assert np.corrcoef(values.T)[0, 1] == pytest.approx(uncertainty.CORRELATION, abs=0.02)
    constants = Path(chain.__file__).parents[1] / "data" / "chain" / "constants.toml"
    assert f"({uncertainty.CORRELATION})" in constants.read_text()


def test_subscribers_are_drawn_within_their_spans(case):
    """Authority: the Kolmogorov-Smirnov test of scipy against the distribution that is stated."""
    said, _ = demand_file.read_subscriptions("starlink-2025", Path())
    one = [each.capacity.demand.penetration.known for each in drawn(case, "penetration", 600)]
    people = uncertainty.people_by_territory()
    chile = np.array([counts["CHL"] for counts in one])
    assert chile.min() >= said["CHL"].low
    assert chile.max() <= said["CHL"].high
    assert np.mean(chile < said["CHL"].count) == pytest.approx(0.5, abs=0.07)  # its high is its number
    factor = np.log(np.array([counts["TWN"] for counts in one]) / (0.001 * people["TWN"])) / np.log(3.0)
    assert stats.kstest(factor, stats.uniform(-1.0, 2.0).cdf).pvalue > 0.01
    japan = np.log(np.array([counts["JPN"] for counts in one]))
    assert abs(np.corrcoef(factor, japan)[0, 1]) < 0.12  # each territory by itself


def test_masks_are_drawn_by_five_degrees_either_way(case):
    by_shell = replace(case.network, limits=replace(case.network.limits, user_shell_deg=(40.0, 0.0)))
    many = drawn(replace(case, network=by_shell), "masks", 400)
    shift = np.array([(one.network.user_elevation_deg, one.network.gateway_elevation_deg) for one in many]) - 25.0
    assert np.abs(shift).max() <= 5.0
    for way in shift.T:
        assert stats.kstest(way, stats.uniform(-5.0, 10.0).cdf).pvalue > 0.01
    assert abs(np.corrcoef(shift.T)[0, 1]) < 0.15
    for one, (user, _) in zip(many, shift, strict=True):
        assert one.network.limits.user_shell_deg == pytest.approx((40.0 + user, 0.0))


def test_shells_are_turned_each_as_one(case):
    """A shell's own satellites keep their places to each other's; where it stands is spread over the whole circle."""
    sky = case.network.constellation
    many = [one.network.constellation for one in drawn(case, "phasing", 300)]
    for shell in (0, 1):
        mine = sky.shell == shell
        for name, of in (("argument_rad", mine), ("raan_rad", sky.plane_shell == shell)):
            moved = np.array([getattr(one, name)[of] for one in many]) - getattr(sky, name)[of]
            apart = np.angle(np.exp(1j * (moved - moved[:, :1])))
            assert np.abs(apart).max() < 1e-9
            assert stats.kstest(np.mod(moved[:, 0], 2.0 * np.pi), stats.uniform(0.0, 2.0 * np.pi).cdf).pvalue > 0.01
    assert many[0].semi_major_axis_km is sky.semi_major_axis_km


def test_shells_that_links_join_are_turned_together(tmp_path):
    text = TEXT.replace('isl = "+grid"', 'isl = "+grid"\ninter_shell = true\nlasers = "all"')
    case = case_of(tmp_path, text)
    sky = case.network.constellation
    assert uncertainty.joins_shells(sky, case.network.topology)
    (moved,) = drawn(case, "phasing", 1)
    here, there = (
        ephemeris.positions(one, case.grid.start, [1000.0]).position_km[0] for one in (sky, moved.network.constellation)
    )
    assert np.abs(here - there).max() > 100.0
    np.testing.assert_allclose(pdist(here[::7]), pdist(there[::7]), atol=1e-6)  # a rotation of the whole sky


def test_element_sets_begin_later_but_under_the_same_rules(case):
    measured = replace(case, network=replace(case.network, constellation=replace(
        case.network.constellation, shells=())))  # fmt: skip
    later = [(one.grid.start - case.grid.start).total_seconds() for one in drawn(measured, "phasing", 200)]
    assert 0.0 <= min(later) < 30.0
    assert 270.0 < max(later) <= 300.0

    class Soon(RuleSet):
        def next_change(self, at):
            return at + timedelta(seconds=10.0)

    soon = replace(measured, rules=Soon.__new__(Soon))
    later = [(one.grid.start - case.grid.start).total_seconds() for one in drawn(soon, "phasing", 200)]
    assert max(later) < 10.0


def test_what_a_case_does_not_depend_on_is_not_drawn(case):
    def names(one: Case) -> list[str]:
        return [source.name for source in uncertainty.SOURCES if source.applies(one)]

    assert names(case) == ["phasing", "masks", "penetration", "constants"]
    assert names(replace(case, capacity=None)) == ["phasing", "masks", "constants"]
    bare = replace(case, capacity=None, network=replace(case.network, chain=None))
    assert names(bare) == ["phasing", "masks"]


# --- what is said of the draws ------------------------------------------------------------------------------------


def test_percentiles_against_numpy_and_the_source_that_moves_most(case):
    seen = []

    def figures(one: Case):
        mask, stretch = one.network.user_elevation_deg, one.network.chain.way_stretch
        seen.append(mask)
        start = one.network.constellation.raan_rad[0]
        return {("A", "by_mask"): mask + 0.1 * stretch, ("A", "by_chain"): 100.0 * stretch + 0.01 * mask,
                ("A", "never"): None, ("A", "at_times"): start if start < np.pi else None}  # fmt: skip

    found = uncertainty.spread(case, figures, 40, 7, lambda _what, _done, _of: None)
    assert len(seen) == 40 + 4 * uncertainty.ALONE
    masks = [uncertainty.variant(case, 7, number, uncertainty.SOURCES) for number in range(40)]
    values = [one.network.user_elevation_deg + 0.1 * one.network.chain.way_stretch for one in masks]
    one = found.of["A", "by_mask"]
    assert (one.p5, one.p50, one.p95) == pytest.approx(np.percentile(values, [5, 50, 95]), abs=1e-6)
    assert one.moved_most_by == "masks"
    assert found.of["A", "by_chain"].moved_most_by == "constants"
    assert ("A", "never") not in found.of
    assert 5 < found.of["A", "at_times"].missing < 35
    assert found.row("A", ["never", "by_mask"]) == {"never": None, "by_mask": one.as_json()}
    assert Counter(seen)[case.network.user_elevation_deg] == 3 * uncertainty.ALONE  # the others' draws alone


@pytest.mark.slow
def test_intervals_of_a_run_are_those_of_runs_by_hand(case):
    results = compute(case, threads=2)
    found = uncertainty.intervals(results, 3, seed=5, threads=2)
    assert found == uncertainty.intervals(results, 3, seed=5, threads=1)  # for any number of threads
    assert found != uncertainty.intervals(results, 3, seed=6, threads=2)
    again = [compute(uncertainty.variant(case, 5, number, uncertainty.SOURCES)) for number in range(3)]
    for number, row in enumerate(found["territories"]):
        assert row["territory"] == results.territories[number].territory
        for name in uncertainty.HEADLINES:
            values = [getattr(one.territories[number], name) for one in again]
            ends = np.percentile(values, [5, 50, 95])
            assert (row[name]["p5"], row[name]["p50"], row[name]["p95"]) == pytest.approx(ends, abs=1e-6)
    assert [one["name"] for one in found["sources"]] == ["phasing", "masks", "penetration", "constants"]
    given = [one.summary()["capacity"]["given_down_mbps"] for one in again]
    assert found["capacity"]["given_down_mbps"]["p50"] == pytest.approx(np.median(given))
    described = {row.name for row in attributes("summary") if row.name.startswith("intervals.capacity.")}
    assert described == {f"intervals.capacity.{name}" for name in uncertainty.TOTALS} | {
        f"intervals.capacity.{name}.{end}" for name, one in found["capacity"].items() for end in one
    }


@pytest.mark.slow
def test_a_plan_writes_intervals_as_described(tmp_path):
    (tmp_path / "s.toml").write_text(TEXT)
    out = tmp_path / "out"
    code, said, err = openleo("plan", tmp_path / "s.toml", "--out", out, "--draws", 2, "--seed", 3)
    assert code == 0, err
    assert "5 to 95 % of 2 draws of phasing, masks, constants" in said
    found = json.loads((out / "summary.json").read_text())["intervals"]
    assert (found["draws"], found["seed"]) == (2, 3)
    described = {row.name for row in attributes("summary") if row.name.startswith("intervals.")}
    told = {f"intervals.{key}" for key in found}
    for part in ("sources", "territories"):
        for row in found[part]:
            told |= {f"intervals.{part}[].{key}" for key in row}
            told |= {f"intervals.{part}[].{key}.{end}" for key, one in row.items() if isinstance(one, dict)
                     for end in one}  # fmt: skip
    assert found["capacity"] is None
    rates = {name for name in described if "mbps_p50." in name or ".capacity." in name}
    assert told == described - rates
    assert found["territories"][0]["down_mbps_p50"] is None
    code, said, err = openleo("plan", tmp_path / "s.toml", "--out", out, "--json")
    assert code == 0, err
    assert json.loads(said)["intervals"] is None


@pytest.mark.slow
def test_a_score_has_intervals_of_draws(tmp_path):
    (tmp_path / "s.toml").write_text(TEXT + CAPACITY)
    (tmp_path / "m.csv").write_text(
        "iso3,latency_p50_ms,down_p50_mbps,up_p50_mbps\nTWN,30,250,32\nCHL,25,280,35\nJPN,29,200,30\n"
    )
    verb = ("score", tmp_path / "s.toml", "--measured", tmp_path / "m.csv", "--draws", 2)
    code, said, err = openleo(*verb, "--json", "--threads", 2)
    assert code == 0, err
    assert said == openleo(*verb, "--json", "--threads", 1)[1]
    found = json.loads(said)["intervals"]
    assert found["draws"] == 2
    assert found["rtt"]["mae_ms"]["p5"] < found["rtt"]["mae_ms"]["p95"]
    assert found["down"]["mae_mbps"]["p5"] < found["down"]["mae_mbps"]["p95"]
    assert [row["iso3"] for row in found["territories"]] == ["TWN", "CHL", "JPN"]
    assert all(row["rtt_ms"]["p5"] <= row["rtt_ms"]["p95"] for row in found["territories"])
    first, rtt, down, _ = drawn_in_lines(found)
    assert first == "5 to 95 % of 2 draws of phasing, masks, penetration, constants:"
    assert rtt.startswith("  rtt: mean error (ms) ")
    assert "mean error (Mbit/s)" in down


def test_draws_are_for_measured_medians(tmp_path):
    (tmp_path / "s.toml").write_text(TEXT)
    code, _, err = openleo("score", tmp_path / "s.toml", "--trace", tmp_path / "t.csv", "--draws", 3)
    assert code == 2
    assert "--draws: is for --measured" in err
