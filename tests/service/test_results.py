"""A run from its file to its summary: what its hashes cover, and that nothing else moves it."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from openleo import InputError, Results, Scenario
from openleo.network import reach as reach_module

SCENARIO = """
name = "one"
start = 2026-11-20T00:00:00Z
duration = "2m"
slot = "15s"

[constellation]
catalogue = "starlink-gen1"
isl = "+grid"
lasers = "filed"

[ground]
area = ["box.geojson"]
resolution = 5
gateways = "gateways.csv"
pops = "pops.csv"
fibre_detour = 1.5

[links]
user_elevation_deg = 25
gateway_elevation_deg = 25
mask_at = "middle"
hand_over = "least_rtt"
processing_ms = 11

[policy]
rules = "before.toml"
compare = "after.toml"
classes = ["fixed"]
"""

RULES = """
schema = 1
book = "operator"

[[rule]]
id = "sea"
effect = "permit"
territory = { in = ["high-seas", "TWN.sea12", "TWN.sea200"] }
authority = "operator"
reason = "the sea"
"""

TAIWAN = """
[[rule]]
id = "twn"
effect = "permit"
territory = { in = "TWN", include = [] }
authority = "operator"
reason = "activated"
"""

FILES = {
    "scenario.toml": SCENARIO,
    "before.toml": RULES,
    "after.toml": RULES + TAIWAN,
    "gateways.csv": "name,lat_deg,lon_deg\nYamaguchi,34.19,131.47\nOkinawa,26.33,127.80\n",
    "pops.csv": "name,lat_deg,lon_deg\nTokyo,35.69,139.69\n",
    "box.geojson": json.dumps(
        {
            "type": "Polygon",
            "coordinates": [[[121.3, 24.8], [121.9, 24.8], [121.9, 25.3], [121.3, 25.3], [121.3, 24.8]]],
        }
    ),
}


def written(folder: Path, **changes: str) -> Path:
    """The scenario in a folder; `changes` are files, a dot in their name written as two underscores."""
    folder.mkdir(exist_ok=True)
    for name, content in (FILES | {key.replace("__", "."): value for key, value in changes.items()}).items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder / "scenario.toml"


def without_seconds(results: Results) -> dict[str, Any]:
    return {key: value for key, value in results.summary().items() if key != "seconds"}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def results(path: Path) -> Results:
    return Scenario.load(path).run(threads=2)


# --- the summary --------------------------------------------------------------------------------------------------


def test_the_summary_has_no_nan_and_keeps_its_form(results: Results) -> None:
    text = json.dumps(results.summary(), allow_nan=False)
    assert json.loads(text) == results.summary()
    for row in results.summary()["territories"]:
        assert row["served"] + sum(row["not_served_because"].values()) == pytest.approx(1.0, abs=5e-6)
        assert list(row["not_served_because"]) == ["not_permitted", "no_satellite", "no_gateway", "no_capacity"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('catalogue = "starlink-gen1"', 'catalogue = "kuiper"'),
        ("user_elevation_deg = 25", "user_elevation_deg = 90"),
        ("gateway_elevation_deg = 25", "gateway_elevation_deg = 90"),
        ('compare = "after.toml"', ""),
        ('rules = "before.toml"', 'rules = "after.toml"'),
    ],
)
def test_no_scenario_makes_a_nan(tmp_path: Path, old: str, new: str) -> None:
    # Nobody seen, nobody reached, nobody permitted, nothing compared: what does not exist is null.
    assert old in SCENARIO
    found = Scenario.load(written(tmp_path, scenario__toml=SCENARIO.replace(old, new))).run()
    json.dumps(found.summary(), allow_nan=False)
    told = found.to_xarray()
    assert (told.rtt_ms_p50.attrs["units"], told.area_km2.attrs["units"]) == ("ms", "km2")
    assert all(one.attrs["long_name"] for one in told.variables.values())
    found._repr_html_()


def test_taiwan_gains_its_people_and_nobody_loses(results: Results) -> None:
    assert results.effect is not None
    rows = {row.territory: row for row in results.effect.rows}
    people = {row.territory: row.population for row in results.territories}
    assert rows["TWN"].gained.people == pytest.approx(people["TWN"], rel=0.01)
    assert rows["TWN"].because == ("twn",)
    assert all((row.lost.cells, row.lost.people, row.lost.area_km2) == (0, 0, 0.0) for row in results.effect.rows)


# --- what the hash of an effect covers ----------------------------------------------------------------------------

MOVES = [
    ('start = 2026-11-20T00:00:00Z', "start = 2026-11-20T00:00:15Z"),
    ('duration = "2m"', 'duration = "3m"'),
    ('slot = "15s"', 'slot = "10s"'),
    ('slot = "15s"', 'slot = "15s"\nslot_phase_s = 12'),
    ('catalogue = "starlink-gen1"', 'catalogue = "kuiper"'),
    ('isl = "+grid"', 'isl = "none"'),
    ('lasers = "filed"', 'lasers = "all"'),
    ('area = ["box.geojson"]', 'area = ["TWN"]'),
    ("resolution = 5", "resolution = 4"),
    ('pops = "pops.csv"', 'pops = "starlink-2026"'),
    ("fibre_detour = 1.5", "fibre_detour = 1.6"),
    ("user_elevation_deg = 25", "user_elevation_deg = 25.5"),
    ("gateway_elevation_deg = 25", "gateway_elevation_deg = 24.5"),
    ('mask_at = "middle"', 'mask_at = "both_ends"'),
    ('hand_over = "least_rtt"', 'hand_over = "highest"'),
    ("processing_ms = 11", "processing_ms = 11.5"),
]  # fmt: skip


@pytest.fixture(scope="module")
def unmoved(path: Path) -> str:
    return Scenario.load(path).case.network_sha256


@pytest.mark.parametrize(("old", "new"), MOVES, ids=[new for _, new in MOVES])
def test_the_networks_hash_changes_with_every_key_that_moves_it(
    tmp_path: Path, unmoved: str, old: str, new: str
) -> None:
    assert old in SCENARIO
    changed = Scenario.load(written(tmp_path / "new", scenario__toml=SCENARIO.replace(old, new)))
    assert changed.case.network_sha256 != unmoved


@pytest.mark.parametrize(
    "change",
    [
        {"gateways__csv": FILES["gateways.csv"].replace("34.19", "34.20")},
        {"gateways__csv": FILES["gateways.csv"] + "Akita,39.72,140.10\n"},
        {"pops__csv": FILES["pops.csv"].replace("35.69", "35.70")},
        {"box__geojson": FILES["box.geojson"].replace("25.3", "25.31")},
    ],
    ids=["a gateway moved", "a gateway added", "a PoP moved", "the area moved"],
)
def test_the_networks_hash_changes_with_every_file_that_moves_it(
    tmp_path: Path, unmoved: str, change: dict[str, str]
) -> None:
    changed = Scenario.load(written(tmp_path / "new", **change))
    assert changed.case.network_sha256 != unmoved


@pytest.mark.parametrize(
    "change",
    [
        {"scenario__toml": SCENARIO.replace('"one"', '"another"')},
        {"scenario__toml": "# a remark\n" + SCENARIO.replace('duration = "2m"', 'duration = "120s"')},
        {"scenario__toml": SCENARIO.replace('duration = "2m"', "end = 2026-11-20T01:02:00+01:00")},
        {"scenario__toml": SCENARIO.replace('compare = "after.toml"', "")},
        {"before__toml": RULES.replace('"the sea"', '"another reason"')},
    ],
    ids=["name", "remark", "end for duration", "nothing compared", "rules"],
)
def test_the_networks_hash_changes_with_nothing_else(tmp_path: Path, unmoved: str, change: dict[str, str]) -> None:
    same = Scenario.load(written(tmp_path / "elsewhere", **change))
    assert same.case.network_sha256 == unmoved


def test_a_file_under_another_name_is_the_same_input(tmp_path: Path, unmoved: str) -> None:
    folder = tmp_path / "renamed"
    path = written(folder, scenario__toml=SCENARIO.replace("gateways.csv", "stations.csv").replace("box.", "area."))
    (folder / "gateways.csv").rename(folder / "stations.csv")
    (folder / "box.geojson").rename(folder / "area.geojson")
    assert Scenario.load(path).case.network_sha256 == unmoved


def test_an_epoch_moves_the_satellites_or_is_refused(tmp_path: Path, unmoved: str) -> None:
    # What is given in a scenario is never passed over in silence.
    said = SCENARIO.replace('lasers = "filed"', "epoch = 2026-02-01T00:00:00Z")
    with suppress(InputError):
        changed = Scenario.load(written(tmp_path / "new", scenario__toml=said))
        assert changed.case.network_sha256 != unmoved


def test_the_effects_hash_changes_with_the_rules_and_not_with_their_order(tmp_path: Path, results: Results) -> None:
    assert results.effect is not None

    def hash_of(folder: str, **changes: str) -> str:
        found = Scenario.load(written(tmp_path / folder, **changes)).run()
        assert found.effect is not None
        return found.effect.sha256

    header, sea = RULES.split("\n[[rule]]")
    turned = f"{header}\n{TAIWAN}\n[[rule]]{sea}"
    assert hash_of("turned", after__toml=turned) == results.effect.sha256
    assert hash_of("renamed", scenario__toml=SCENARIO.replace('"one"', '"two"')) == results.effect.sha256
    assert hash_of("reworded", after__toml=RULES + TAIWAN.replace("activated", "allowed")) != results.effect.sha256
    assert hash_of("classes", scenario__toml=SCENARIO.replace('["fixed"]', '["maritime"]')) != results.effect.sha256


# --- the same result, however it is computed ----------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_change_the_summary(path: Path, results: Results, threads: int) -> None:
    again = Scenario.load(path).run(threads=threads)
    assert without_seconds(again) == without_seconds(results)
    assert again.statistics.rtt_counts.tobytes() == results.statistics.rtt_counts.tobytes()


@pytest.mark.parametrize("slots", [1, 7])
def test_chunks_do_not_change_the_summary(
    path: Path, results: Results, slots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach_module, "MOST_SLOTS_IN_CHUNK", slots)
    again = Scenario.load(path).run()
    assert without_seconds(again) == without_seconds(results)
    assert again.statistics.rtt_counts.tobytes() == results.statistics.rtt_counts.tobytes()


def test_the_first_slots_are_those_of_the_whole_run(path: Path) -> None:
    chunks = []
    Scenario.load(path).first_slots(3).run(on_reach=lambda _cells, reach: chunks.append(reach))
    whole = []
    Scenario.load(path).run(on_reach=lambda _cells, reach: whole.append(reach))
    assert sum(len(chunk.satellite) for chunk in chunks) == 3
    assert chunks[0].satellite.tobytes() == whole[0].satellite[:3].tobytes()
