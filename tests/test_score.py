"""The statistics of a score against scipy and numpy, its JSON, its input, and the believable half of the world.

The last test is what the score is for: it needs the measured table of ../shared/data and is skipped, visibly, without.
"""

from __future__ import annotations

import csv
import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from command_line import openleo
from compared import apart, compared
from openleo import score as scores
from openleo import scoring_rates
from openleo.errors import InputError
from openleo.places import population
from openleo.report import score_files, score_plot
from openleo.scenario import Scenario
from openleo.score import Measured, Modelled, Row, Score

ROOT = Path(__file__).resolve().parents[1]
MEASURED = ROOT.parent / "shared" / "data" / "measured" / "starlink_residential_p50_2026-09_a.csv"
VALUES = st.lists(st.sampled_from([20.0, 21.5, 25.0, 34.9, 35.1, 40.0, 60.0]), min_size=3, max_size=30)


def a_score(measured: list[float], modelled: list[float | None], **more: list[float]) -> Score:
    rows = []
    for number, (there, said) in enumerate(zip(measured, modelled, strict=True)):
        iso3 = f"T{number:02}"
        down = more.get("down", [None] * len(measured))[number]
        rows.append(
            Row(
                Measured(iso3, there, 100.0 + number, None),
                Modelled(iso3, said, None if said else "no_gateway", said, 100.0 * (number % 7), down_mbps=down),
            )
        )
    return Score(tuple(rows))


@given(VALUES, st.randoms(use_true_random=False))
def test_rank_correlation_against_scipy(values, random):
    other = [value + random.choice([-3.0, 0.0, 3.0]) for value in values]
    one, two = np.array(values), np.array(other)
    found = scores.spearman(one, two)
    if np.ptp(one) == 0.0 or np.ptp(two) == 0.0:
        assert found is None
    else:
        assert found == pytest.approx(stats.spearmanr(one, two).statistic, abs=1e-12)
    np.testing.assert_allclose(scores.ranks(one), stats.rankdata(one))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(15, 70)), min_size=3, max_size=15))
def test_lines_against_scipy(points):
    x, y = np.array(points, dtype=np.float64).T
    at_zero, slope = scores.least_absolute_line(x, y)
    error = np.abs(at_zero + slope * x - y).sum()
    if np.ptp(x) > 0.0:
        n = len(x)  # authority: the linear program of least absolute deviations, by HiGHS
        basis = np.column_stack([np.ones(n), x])
        solved = optimize.linprog(
            [0, 0, *[1] * n], A_ub=np.block([[basis, -np.eye(n)], [-basis, -np.eye(n)]]), b_ub=np.concatenate([y, -y]),
            bounds=[(None, None)] * 2 + [(0, None)] * n,
        )  # fmt: skip
        assert error == pytest.approx(solved.fun, abs=1e-6)
        squares = stats.linregress(x, y)
        assert scores.least_squares_line(x, y) == pytest.approx((squares.intercept, squares.slope), abs=1e-9)
    else:
        assert scores.least_squares_line(x, y) == pytest.approx((y.mean(), 0.0))


def test_the_figures_against_numpy():
    measured, modelled = [25.0, 30.0, 36.0, 60.0, 24.0], [27.0, 29.0, 34.0, 66.0, None]
    found = a_score(measured, modelled).as_json()["rtt"]
    error = np.array([2.0, -1.0, -2.0, 6.0])
    assert found["n"] == 4
    assert found["mae_ms"] == np.abs(error).mean()
    assert found["median_abs_ms"] == np.median(np.abs(error))
    assert found["bias_ms"] == error.mean()
    assert found["p90_abs_ms"] == pytest.approx(np.quantile(np.abs(error), 0.9))
    assert found["balanced_accuracy_35_ms"] == pytest.approx((0.5 + 1.0) / 2)  # 36 is told as below 35
    assert found["naive_least_absolute_mae_ms"] <= found["naive_mae_ms"] + 1e-9


def test_the_json_has_the_keys_that_scripts_depend_on():
    found = a_score([25.0, 40.0], [26.0, None]).as_json()
    rtt = {"n", "mae_ms", "median_abs_ms", "bias_ms", "naive_mae_ms", "nearest_pop_mae_ms"}
    row = {"iso3", "rtt_ms", "measured_rtt_ms", "down_mbps", "measured_down_mbps", "why_missing"}
    assert rtt <= found["rtt"].keys()
    without = {"n": 0, **dict.fromkeys(("spearman", "spearman_95", "mae_mbps", "bias_mbps"))}
    assert found["down"] == found["up"] == without  # null, never 0
    assert found["worst_down"] == found["worst_up"] == []
    assert [row <= one.keys() for one in found["territories"]] == [True, True]
    assert found["territories"][1]["why_missing"] == "no_gateway"
    assert found["territories"][1]["rtt_ms"] is None
    json.dumps(found, allow_nan=False)


def test_a_score_without_any_result_has_no_figures():
    found = a_score([25.0], [None]).as_json()["rtt"]
    assert found.pop("n") == 0
    assert set(found.values()) == {None}


def test_rates_are_compared_where_the_model_has_them():
    found = a_score([25.0, 30.0, 31.0], [26.0, 30.0, 30.0], down=[90.0, 150.0, 120.0]).as_json()["down"]
    assert found["n"] == 3
    compared(
        authority="scipy",
        what="rank correlation of rates in a score",
        theirs=stats.spearmanr([90, 150, 120], [100, 101, 102]).statistic,
        ours=found["spearman"],
        tolerance=1e-6,
    )
    assert found["mae_mbps"] == pytest.approx((10 + 49 + 18) / 3, abs=1e-3)


def test_rates_that_are_alike_have_no_rank_correlation():
    found = a_score([25.0, 30.0, 31.0], [26.0, 30.0, 30.0], down=[90.0] * 3).as_json()["down"]
    assert (found["n"], found["spearman"], found["spearman_95"]) == (3, None, None)


def test_the_bootstrap_against_scipy():
    random = np.random.default_rng(5)
    one = random.normal(size=60)
    other = one + random.normal(size=60)
    expected = stats.bootstrap(
        (one, other), lambda x, y: stats.spearmanr(x, y).statistic, paired=True, vectorized=False, method="percentile",
        n_resamples=2000, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    found = scores.bootstrap(scores.spearman, one, other)
    compared(
        authority="scipy",
        what="bootstrap interval of a rank correlation, two draws of 2,000 each",
        theirs=(expected.low, expected.high),
        ours=found,
        tolerance=0.03,
    )
    assert found == scores.bootstrap(scores.spearman, one, other)  # seeded
    assert scores.bootstrap(scores.spearman, one[:4], other[:4]) is None


@pytest.mark.parametrize(
    ("down", "load", "measured", "words"),
    [
        (400.0, 0.1, 200.0, "modelled is the most of a terminal: plans sold there may be slower"),
        (20.0, 2.5, 200.0, "load 2.5 in the busiest hour, where 1,000 subscribers are assumed: fewer would fit"),
        (150.0, 0.8, 34.0, "more would fit, or slower plans"),
        (20.0, None, 200.0, "1,000 subscribers are assumed: fewer would fit"),
    ],
)
def test_the_likely_reason_of_a_rate(down, load, measured, words):
    model = Modelled("TWN", 25.0, None, 25.0, 0.0, down_mbps=down, up_mbps=40.0, subscribers=1000.0, load=load,
                     terminal_mbps=(400.0, 40.0))  # fmt: skip
    row = Row(Measured("TWN", 25.0, measured, 30.0), model)
    assert words in scores.likely_reason_of_rate(row, "down", down - measured)
    assert "modelled is the most of a terminal" in scores.likely_reason_of_rate(row, "up", 10.0)
    found = Score((row,)).as_json()
    assert words in found["worst_down"][0]["likely"]
    assert found["worst_up"][0]["error_mbps"] == 10.0


def test_rates_stand_beside_round_trips_in_the_picture(tmp_path):
    found = a_score([25.0, 40.0, 50.0], [26.0, 39.0, None], down=[90.0, 150.0, 30.0])
    score_plot.draw(found, "with rates", tmp_path / "both.png")
    score_plot.draw(a_score([25.0, 40.0], [26.0, 39.0]), "without", tmp_path / "one.png")
    wide, narrow = (struct.unpack(">II", (tmp_path / name).read_bytes()[16:24]) for name in ("both.png", "one.png"))
    assert wide[0] > 1.8 * narrow[0]
    assert wide[1] == narrow[1]


def test_files_are_written_all_together(tmp_path):
    found = a_score([25.0, 40.0, 50.0], [26.0, 39.0, None])
    assert score_files.write(found, "here", tmp_path / "out") == score_files.FILES
    with (tmp_path / "out" / "score.csv").open() as stream:
        assert [row["rtt_ms"] for row in csv.DictReader(stream)] == ["26.0", "39.0", ""]
    assert json.loads((tmp_path / "out" / "score.json").read_text()) == found.as_json()
    assert (tmp_path / "out" / "score.png").read_bytes()[:4] == b"\x89PNG"


def test_every_fault_of_the_measurements_is_told_at_once(tmp_path):
    file = tmp_path / "m.csv"
    rows = ["iso3,latency_p50_ms,down_p50_mbps", "TWN,25,100", "TWN,26,", "ZZZ,25,", "JPN,-3,", "KOR,,x", "PHL,fast,"]
    file.write_text("\n".join(rows))
    with pytest.raises(InputError) as caught:
        scores.read_measured(file)
    said = "\n".join(str(problem) for problem in caught.value.problems)
    for words in ("TWN is there twice: line 2", 'no territory "ZZZ"', "latency_p50_ms -3", "latency_p50_ms ''",
                  "down_p50_mbps 'x'", "latency_p50_ms 'fast'"):  # fmt: skip
        assert words in said
    file.write_text("iso,rtt\nTWN,25\n")
    with pytest.raises(InputError, match="lacks the columns iso3, latency_p50_ms"):
        scores.read_measured(file)


SMALL = """
name = "small"
start = 2026-09-15T00:00:00Z
duration = "15m"
slot = "15m"
[constellation]
catalogue = "starlink-gen1"
[ground]
area = "world"
serving_pops = "starlink-2026"
pop_gateways = true
[links]
chain = true
"""


def test_the_verb_scores_the_territories_of_the_table_alone(tmp_path):
    (tmp_path / "s.toml").write_text(SMALL)
    (tmp_path / "m.csv").write_text("iso3,latency_p50_ms\nLUX,26.7\nTON,49.1\n")
    case, table, out = tmp_path / "s.toml", tmp_path / "m.csv", tmp_path / "out"
    code, said, err = openleo("score", case, "--measured", table, "--json", "--out", out)
    assert code == 0, err
    found = json.loads(said)
    assert [row["iso3"] for row in found["territories"]] == ["LUX", "TON"]
    assert found["rtt"]["n"] == 2
    assert [row["pops"] for row in found["territories"]] == [["Frankfurt am Main"], ["Sydney"]]
    luxembourg, tonga = (row["rtt_ms"] for row in found["territories"])
    assert 20.0 < luxembourg < 33.0
    assert 40.0 < tonga < 75.0
    case.write_text(SMALL.replace('"world"', '["LUX", "TON"]'))
    code, said, err = openleo("plan", case, "--json", "--out", tmp_path / "plan")
    assert code == 0, err
    rows = {row["territory"]: row["rtt_ms_p50"] for row in json.loads(said)["territories"]}
    assert rows == {"LUX": luxembourg, "TON": tonga}  # the figures of a plan


WITH_RATES = """
gso_exclusion_deg = 18
[capacity]
enabled = true
rate_slots = 1
[demand]
subscriptions = "none"
penetration = 0.01
"""


@pytest.mark.slow
def test_rates_depend_on_everybody_who_shares_the_satellites(tmp_path):
    table = tmp_path / "m.csv"
    table.write_text("iso3,latency_p50_ms,down_p50_mbps,up_p50_mbps\nLUX,26.7,250,32\nTON,49.1,280,35\n")
    found = {}
    for name, area in (("alone", '["LUX", "TON"]'), ("together", '["BEL", "DEU", "FRA", "NLD", "CHE"]')):
        case = tmp_path / f"{name}.toml"
        case.write_text(SMALL.replace('"world"', area) + WITH_RATES)
        code, said, err = openleo("score", case, "--measured", table, "--json", "--out", tmp_path / name)
        assert code == 0, err
        found[name] = json.loads(said)
    for one in found.values():
        assert one["down"]["n"] == one["up"]["n"] == 2
        assert one["notes"][-1].startswith("Numbers of subscribers are assumptions:")
    alone, together = ({row["iso3"]: row for row in one["territories"]} for one in found.values())
    assert together["LUX"]["down_mbps"] < alone["LUX"]["down_mbps"]
    assert together["LUX"]["load"] > alone["LUX"]["load"]
    assert together["TON"]["down_mbps"] == alone["TON"]["down_mbps"]  # the antipode
    assert alone["LUX"]["rtt_ms"] == together["LUX"]["rtt_ms"]
    assert alone["LUX"]["subscribers"] == pytest.approx(0.01 * 600_000, rel=0.01)
    code, said, err = openleo("plan", tmp_path / "alone.toml", "--json", "--out", tmp_path / "plan")
    assert code == 0, err
    for row in json.loads(said)["territories"]:  # the figures of a plan of the same area
        one = alone[row["territory"]]
        assert (one["down_mbps"], one["up_mbps"]) == (row["down_mbps_p50"], row["up_mbps_p50"])
    code, said, err = openleo("score", tmp_path / "alone.toml", "--measured", table, "--threads", 1)
    assert code == 0, err
    assert f"{alone['LUX']['down_mbps']:.1f}" in said
    assert "subscribers are assumptions" in said


@pytest.mark.slow
def test_the_world_is_everybody_who_lives_on_it(tmp_path):
    """At a coarse resolution; as many subscribers as the estimate has people, by a hundred."""
    path = tmp_path / "w.toml"
    path.write_text(SMALL + WITH_RATES)
    case = Scenario.load(path).case
    parts = scoring_rates.everybody(replace(case, resolution=1), ("LUX",))
    assert parts.people.sum() == pytest.approx(population.total(), rel=1e-6)
    demand, _ = case.capacity.demand_of(parts)
    assert demand.subscribers.sum() == pytest.approx(0.01 * population.total(), rel=1e-3)


def test_without_capacity_rates_are_null_and_it_is_said(tmp_path):
    (tmp_path / "s.toml").write_text(SMALL)
    (tmp_path / "m.csv").write_text("iso3,latency_p50_ms,down_p50_mbps\nLUX,26.7,250\n")
    code, said, err = openleo("score", tmp_path / "s.toml", "--measured", tmp_path / "m.csv", "--json")
    assert code == 0, err
    assert "Rates are not computed" in err
    found = json.loads(said)
    assert found["territories"][0]["down_mbps"] is None
    assert found["down"]["n"] == 0


def test_the_verb_refuses_all_at_once(tmp_path):
    (tmp_path / "s.toml").write_text(SMALL.replace("chain = true", "chain = true\nprocessing_ms = 3"))
    (tmp_path / "m.csv").write_text("iso3,latency_p50_ms\nZZZ,1\n")
    code, _, err = openleo("score", tmp_path / "s.toml", "--measured", tmp_path / "m.csv")
    assert code == 2
    assert 'no territory "ZZZ"' in err
    assert "links.processing_ms" in err


@pytest.mark.slow
@pytest.mark.skipif(not MEASURED.exists(), reason="the measured medians are not in ../shared/data")
def test_round_trips_of_the_given_half_are_believable():
    """Authority: the operator's published medians of 2026-09, one half of the territories."""
    code, said, err = openleo("score", ROOT / "examples" / "score.toml", "--measured", MEASURED, "--json")
    assert code == 0, err
    rtt = json.loads(said)["rtt"]
    assert rtt["n"] == 81
    apart(
        authority="operator's medians",
        what="mean error of the RTT medians of 81 territories",
        apart=rtt["mae_ms"],
        tolerance=4.0,
        unit="ms",
    )
    assert rtt["mae_ms"] <= rtt["naive_mae_ms"] - 1.0
    assert rtt["mae_ms"] < rtt["nearest_pop_mae_ms"]
    assert rtt["balanced_accuracy_35_ms"] >= 0.8
