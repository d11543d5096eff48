"""The shipped scenarios: each runs, has its page, and says numbers that come out again.

What consoles on the pages show is run by tests/test_docs.py. Here: that pages hold what they have to, and that stated
numbers agree with formulas and with figures from elsewhere.
"""

from __future__ import annotations

import csv
import importlib.util
import re
import sys
from collections import Counter
from math import sqrt
from pathlib import Path
from types import ModuleType

import pytest

from openleo.network.ground import stations
from openleo.policy.decide import Outcome
from openleo.policy.rule_file import read_rules
from openleo.scenario import Scenario

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PAGES = ROOT / "docs" / "scenarios"
MOST_BYTES = 200_000  # of a file in examples
MOST_BYTES_OF_A_PICTURE = 800_000
HEADS = ("What is reported", "Who disputes it", "What the computation says", "What it can and cannot say", "Sources")

FOLDERS = sorted(path.name for path in EXAMPLES.iterdir() if (path / "rules").is_dir())
SCENARIOS = sorted(  # those that ask what rules do
    path for path in EXAMPLES.rglob("*.toml") if path.parent.name != "rules" and "[policy]" in path.read_text("utf-8")
)
NAMES = sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README")
every_page = pytest.mark.parametrize("name", NAMES)


def page(name: str) -> str:
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def section(name: str, head: str) -> str:
    return page(name).partition(f"\n## {head}\n")[2].partition("\n## ")[0]


def script(path: str) -> ModuleType:
    """A script of the examples as a module."""
    name = Path(path).stem
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


# --- pages --------------------------------------------------------------------------------------------------------


def test_there_are_eight_and_each_has_its_rules_and_its_row_in_the_index():
    assert len(NAMES) == 8
    assert set(FOLDERS) == {*NAMES} - {"who-is-served-in-taiwan"}
    index = page("README")
    assert sorted(re.findall(r"\]\(([\w-]+)\.md\)", index)) == NAMES
    for name in NAMES:
        title = page(name).partition("\n")[0].removeprefix("# ")
        assert f"[{title}]({name}.md)" in index


@every_page
def test_a_page_is_a_question_and_has_its_parts_in_order(name):
    text = page(name)
    assert text.startswith("# ")
    assert text.partition("\n")[0].endswith("?")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == list(HEADS)
    assert all(section(name, head).strip() for head in HEADS)
    assert "```console\n$ " in section(name, "What the computation says")
    assert "To check: " in section(name, "What the computation says")


@every_page
def test_every_claim_has_a_source_with_publisher_date_and_address(name):
    sources = re.split(r"^\d+\. ", section(name, "Sources"), flags=re.MULTILINE)[1:]
    for source in sources:
        assert re.search(r"\b20\d\d-\d\d(-\d\d)?\b|no date shown", source), source
        assert re.search(r"<https://[^>\s]+>", source), source
        assert re.match(r"[A-Z0-9][^,]+, ", source) or re.match(r"An item ", source), source
    claims = section(name, "What is reported") + section(name, "Who disputes it")
    cited = {int(number) for number in re.findall(r"\[(\d+)\](?!\()", claims)}
    assert cited == set(range(1, len(sources) + 1))
    for bullet in re.split(r"^\* ", section(name, "What is reported"), flags=re.MULTILINE)[1:]:
        assert re.search(r"\[\d+\]", bullet), bullet


@every_page
def test_a_picture_is_there_and_described(name):
    (alt, target), *others = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", page(name))
    assert not others
    assert len(alt) > 60
    picture = (PAGES / target).resolve()
    assert picture.is_relative_to(ROOT / "docs" / "pictures")
    assert picture.stat().st_size < MOST_BYTES_OF_A_PICTURE
    assert picture.read_bytes().startswith(b"\x89PNG")


# --- files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", FOLDERS)
def test_rule_files_are_whole_and_say_that_they_are_examples(folder):
    files = sorted((EXAMPLES / folder / "rules").glob("*.toml"))
    assert files
    for path in files:
        for rule in read_rules([path]).rules:
            assert "example" in rule.reason or "example" in path.read_text(encoding="utf-8")


RULE_SETS = sorted({(path, key) for path in SCENARIOS for key in ("rules", "compare")})


@pytest.mark.parametrize(("path", "key"), RULE_SETS, ids=lambda one: one if isinstance(one, str) else one.stem)
def test_rule_sets_are_not_odd(path, key):
    lint = pytest.importorskip("openleo.policy.lint", reason="no lint in this version")
    case = Scenario.load(path).case
    findings = lint.lint(getattr(case, key), case.grid.start)
    assert [str(one) for one in findings if one.kind not in (lint.Oddity.CONTESTED, lint.Oddity.EXPIRES)] == []


def test_what_is_committed_is_small():
    for path in EXAMPLES.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert path.stat().st_size <= MOST_BYTES, path


@pytest.mark.slow
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_scenario_runs_and_has_an_effect(path):
    results = Scenario.load(path).first_slots(2).run()
    assert results.effect is not None
    assert results.compared is not None
    assert len(results.effect.rows) >= len(results.territories)


# --- numbers ------------------------------------------------------------------------------------------------------


def cell(row: str, column: int) -> int:
    return int(row.split("|")[column].strip().replace(",", "").removesuffix("km"))


def people_of(results, effect="lost"):
    return {row.territory: getattr(row, effect).people for row in results.effect.rows if row.class_ == "fixed"}


STRIP = "who-loses-service-in-a-coastal-strip"


@pytest.mark.parametrize("width", ["020", "050", "100"])
def test_a_strip_takes_what_its_page_says_and_nothing_that_was_not_served(width, tmp_path):
    text = (EXAMPLES / STRIP / "scenario.toml").read_text(encoding="utf-8")
    text = text.replace('"rules/', f'"{EXAMPLES / STRIP}/rules/').replace("strip-100-km", f"strip-{width}-km")
    (tmp_path / "s.toml").write_text(text, encoding="utf-8")
    results = Scenario.load(tmp_path / "s.toml").first_slots(4).run()
    lost = people_of(results)
    row = next(line for line in page(STRIP).splitlines() if line.startswith(f"| {int(width)} km "))
    assert sum(lost.values()) == cell(row, 2)
    land = [one.lost.area_km2 for one in results.effect.rows if one.class_ == "fixed" and "." not in one.territory]
    assert sum(land) == pytest.approx(cell(row, 3), rel=0.002)
    assert lost["RUS"] == lost["crimea"] == 0
    assert sum(people_of(results, "gained").values()) == 0


def test_the_strip_s_people_are_those_of_the_area_less_those_whom_nothing_permitted():
    shown = section(STRIP, "What the computation says")
    whole = int(re.search(r"people +([\d,]+) \(estimate\)", shown)[1].replace(",", ""))
    of = {
        id_: int(n.replace(",", "")) for id_, n in re.findall(r"^    (\S+) +[\d,]+ km² +([\d,]+) people$", shown, re.M)
    }
    row = next(line for line in page(STRIP).splitlines() if line.startswith("| 100 km "))
    assert whole - of["crimea"] - of["RUS"] == cell(row, 2)


def test_an_activation_gains_the_people_of_its_territories():
    from openleo.places.territories import territories

    path = EXAMPLES / "who-is-reached-when-service-is-activated" / "scenario.toml"
    gained = people_of(Scenario.load(path).first_slots(4).run(), "gained")
    activated = ("UKR", "donetsk-oblast", "kherson-oblast", "luhansk-oblast", "zaporizhzhia-oblast")
    assert sum(gained.values()) == sum(gained[id_] for id_ in activated) == 37_528_822
    assert gained["crimea"] == gained["BLR"] == gained["POL"] == 0
    assert set(activated) <= set(territories())


def test_gateways_withheld_are_those_that_the_list_places_in_the_country():
    path = EXAMPLES / "who-depends-on-a-gateway-country" / "scenario-no-isl.toml"
    case = Scenario.load(path).case
    withheld = {
        station.name
        for station, before, after in zip(
            case.network.gateways.stations, case.network.gateways.pop, case.compare_network.gateways.pop, strict=True
        )
        if before >= 0 > after
    }
    listed, _ = stations.read("starlink-2026", "gateways", Path(), "", "")
    assert withheld == {station.name for station in listed if station.territory == "BRA"}
    assert len(withheld) == 17


@pytest.mark.slow
def test_with_lasers_nobody_depends_on_the_gateways_of_one_country_and_without_most_do():
    folder = EXAMPLES / "who-depends-on-a-gateway-country"
    with_lasers, without = (
        people_of(Scenario.load(folder / name).first_slots(240).run())
        for name in ("scenario.toml", "scenario-no-isl.toml")
    )
    assert sum(with_lasers.values()) == 0
    assert 0.8 < without["BRA"] / 209_543_799 < 0.9
    assert {id_ for id_, people in without.items() if people} == {"BRA", "BOL", "COL", "PER"}


# --- fleets -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_fleet_is_the_same_every_time_and_of_the_stated_size(tmp_path):
    fleets = script("fleets.py")
    fleet = fleets.FLEETS["ukraine-2022-10"]
    for name in ("a.csv", "b.csv"):
        fleets.write(fleets.table(fleet), tmp_path / name)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len({row["id"] for row in rows}) == 20_000
    of_account = [row for row in rows if row["account"] == "block-1"]
    assert len(of_account) == 1_300
    assert {row["groups"] for row in of_account} == {"payment-stopped"}
    assert {row["groups"] for row in rows if row["account"] != "block-1"} == {";"}
    for class_, share in fleet.classes.items():
        count = sum(row["class"] == class_ for row in rows)
        assert abs(count - share * 20_000) < 4 * sqrt(20_000 * share * (1 - share))


# --- rates --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rates():
    return script("whom-does-a-speed-limit-cut/rates.py")


@pytest.mark.slow
def test_the_rate_of_the_limit_is_its_formula_s_within_chance(rates):
    number = int(rates.fleet(0.0).legitimate.sum())
    for row in rates.rows():
        p = row["formula"]
        assert abs(row["limit"] - p) < 4 * sqrt(p * (1 - p) / number)
        assert max(row["limit"], row["list"]) <= row["both"] <= row["limit"] + row["list"]
        assert row["limit, others served"] == pytest.approx(300 / 500)


@pytest.mark.slow
def test_the_limit_is_inclusive_and_keeps_emergency_terminals(rates):
    from dataclasses import replace

    import numpy as np

    five = replace(
        rates.fleet(0.0),
        id=list("abcde"),
        class_=np.array(["vehicle", "vehicle", "emergency", "fixed", "emergency"]),
        group=[""] * 5,
        speed_kmh=np.array([75.0, 75.1, 75.1, np.nan, np.nan]),
        legitimate=np.ones(5, dtype=bool),
    )
    assert rates.cut(rates.rule_sets()["limit"], five).tolist() == [False, True, False, True, False]


def test_the_allow_list_holds_nobody_over_a_quota(rates):
    import numpy as np

    held, granted = rates.enrolment(np.random.default_rng(rates.SEED))
    by_holder = Counter(granted.holder_of.values())
    for holder, number in by_holder.items():
        kind = holder.rpartition("-")[0]
        most = {"private": 3, "firm": 10, "critical": None}[kind]
        assert most is None or number <= most
    assert len(granted.terminals) < len(held)


# --- tracks -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_service_ends_where_the_geometry_says():
    """In closed form: seen where it was `age` seconds ago, a terminal is served while its circle clears the line."""
    tracks = script("where-does-service-end-across-a-line/tracks.py")
    for track in tracks.TRACKS:
        ended = tracks.follow(track)
        step_km = track.speed_kmh / 3600 * tracks.SLOT_S
        behind_km = track.speed_kmh / 3600 * track.age_s
        if track.uncertainty_m is None or track.uncertainty_m > 5_000 or track.age_s > 60:
            assert ended.last_km is None
            assert ended.first_refusal.outcome in (Outcome.NOT_PERMITTED, Outcome.INDETERMINATE)
            continue
        u_km = track.uncertainty_m / 1000
        assert ended.last_km is not None
        assert ended.forbidden_km is not None
        # 3 m for the chord of the invented line, which is straight in degrees, and for a circle drawn by corners
        assert -0.003 <= ended.last_km - (u_km - behind_km) <= step_km + 0.003
        assert -step_km - 0.003 <= ended.forbidden_km + u_km + behind_km <= 0.003
