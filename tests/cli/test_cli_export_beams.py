"""`openleo export beams`: the assignment as written, re-checked from the files alone.

The checker (`network/beam_checker.py`) shares nothing with what decides: places and adjacency come from h3 and the
WGS84 ellipsoid, satellites from the file.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections import defaultdict

import h3
import pyarrow.parquet as pq
import pytest

from command_line import openleo
from network.beam_checker import angle_deg, faults

BEAMS, CHANNELS, SHARES, APART_DEG, SATELLITE_MBPS, SITE_MBPS = 6, 5, 3, 8.0, 1_500.0, 12_000.0
SCENARIO = f"""
name = "beams"
start = 2026-11-20T12:00:00Z
duration = "2m"
[constellation]
catalogue = "starlink-gen1"
isl = "+grid"
[ground]
area = ["TWN", "kinmen"]
resolution = 5
gateways = "starlink-2026"
[capacity]
enabled = true
beams_per_satellite = {BEAMS}
channels = {CHANNELS}
time_shares = {SHARES}
interference_deg = {APART_DEG}
satellite_down_mbps = {SATELLITE_MBPS}
site_down_mbps = {SITE_MBPS}
hysteresis = HYSTERESIS
[demand]
penetration = 0.02
"""
RULES = """schema = 1
book = "regulator:EXAMPLE"
[[rule]]
id = "an-island"
effect = "permit"
territory = {in = "kinmen"}
reason = "An example."
"""


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def exported(folder, hysteresis: float = 0.1, *words: str, rules: str = ""):
    """(rows, cells) of a run of the verb."""
    (folder / "s.toml").write_text(SCENARIO.replace("HYSTERESIS", str(hysteresis)) + rules)
    code, said, err = openleo(
        "export", "beams", folder / "s.toml", "--out", folder / "b.csv", "--cells", folder / "c.csv", *words
    )
    assert code == 0, err
    assert said == ""
    return read(folder / "b.csv"), read(folder / "c.csv")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return exported(tmp_path_factory.mktemp("beams"), 0.1, "--start", "2026-11-20T12:00:15Z", "--for", "45s")


def ecef_km(latitude_deg: float, longitude_deg: float) -> tuple[float, float, float]:
    """On the WGS84 ellipsoid."""
    a, e2 = 6378.137, 0.0066943799901413165
    lat, lon = math.radians(latitude_deg), math.radians(longitude_deg)
    n = a / math.sqrt(1.0 - e2 * math.sin(lat) ** 2)
    return n * math.cos(lat) * math.cos(lon), n * math.cos(lat) * math.sin(lon), n * (1.0 - e2) * math.sin(lat)


def above_deg(cell: str, satellite_km: tuple[float, float, float]) -> float:
    lat, lon = (math.radians(one) for one in h3.cell_to_latlng(cell))
    up = math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
    at = ecef_km(*h3.cell_to_latlng(cell))
    return 90.0 - angle_deg((0.0, 0.0, 0.0), up, tuple(p - q for p, q in zip(satellite_km, at, strict=True)))


def slots_of(rows):
    return [(t, list(some)) for t, some in itertools.groupby(rows, key=lambda row: float(row["t_s"]))]


def checked(rows, apart_deg: float = APART_DEG) -> list[str]:
    """All that the checker finds wrong with the rows of one slot."""
    where = {row["satellite_id"]: tuple(float(row[f"satellite_{x}_km"]) for x in "xyz") for row in rows}
    cells = sorted({row["cell"] for row in rows})
    return faults(
        [
            (row["cell"], row["satellite_id"], int(row["channel"]), int(row["sub_slots"][::-1], 2))
            for row in rows
        ],
        beams=BEAMS, channels=CHANNELS, shares=SHARES, interference_deg=apart_deg,
        neighbours={cell: [one for one in h3.grid_disk(cell, 1) if one != cell] for cell in cells},
        cell_km={cell: ecef_km(*h3.cell_to_latlng(cell)) for cell in cells}, satellite_km=where,
        sees={(cell, one) for cell in cells for one, at in where.items() if above_deg(cell, at) >= 25.0 - 1e-6},
    )  # fmt: skip


def test_beams_and_channels_from_the_files_alone(files):
    """No channel twice in a cell, nor in an adjacent one within the angle; no more beams than there are."""
    rows, _ = files
    assert [t for t, _ in slots_of(rows)] == [15.0, 30.0, 45.0]
    for _, some in slots_of(rows):
        assert len(some) > 100
        assert checked(some) == []
        for row in some:
            assert float(row["share"]) == pytest.approx(row["sub_slots"].count("1") / SHARES)
            at = tuple(float(row[f"satellite_{x}_km"]) for x in "xyz")
            assert float(row["elevation_deg"]) == pytest.approx(above_deg(row["cell"], at), abs=1e-4)


def test_the_checker_finds_what_is_wrong(files):
    """So that it says something to find nothing: a wider angle, a channel moved, a beam too many."""
    _, rows = slots_of(files[0])[0]
    assert any("share channel" in one for one in checked(rows, 60.0))
    alike = next(
        (a, b) for a, b in itertools.combinations(rows, 2)
        if a["cell"] == b["cell"] and a["sub_slots"] == b["sub_slots"] and a["channel"] != b["channel"]
    )  # fmt: skip
    moved = [{**row, "channel": alike[0]["channel"]} if row is alike[1] else row for row in rows]
    assert any("twice in sub-slot" in one for one in checked(moved))
    busy = max({row["satellite_id"] for row in rows}, key=lambda one: sum(row["satellite_id"] == one for row in rows))
    crowded = [{**row, "satellite_id": busy} for row in rows]
    assert any(f"satellite {busy} has" in one for one in checked(crowded))


def test_rates_from_the_files_alone(files):
    """Beams carry what they can, cells get what their beams carry and no more than they ask for; caps hold."""
    rows, cells = files
    got, of_satellite, of_site = defaultdict(float), defaultdict(float), defaultdict(float)
    for row in rows:
        for way in ("down", "up"):
            mbps = float(row[f"{way}_mbps"])
            assert mbps <= float(row["share"]) * float(row[f"channel_{way}_mbps"]) + 1e-5
            got[row["t_s"], row["cell"], way] += mbps
        of_satellite[row["t_s"], row["satellite_id"]] += float(row["down_mbps"])
        of_site[row["t_s"], row["gateway"]] += float(row["down_mbps"])
    assert max(of_satellite.values()) <= SATELLITE_MBPS + 1e-3
    assert max(of_site.values()) <= SITE_MBPS + 1e-3
    assert len(cells) == 3 * len({row["cell"] for row in cells})
    for cell in cells:
        for way in ("down", "up"):
            mbps = float(cell[f"{way}_mbps"])
            assert mbps == pytest.approx(got[cell["t_s"], cell["cell"], way], abs=1e-4)
            assert mbps <= float(cell[f"asked_{way}_mbps"]) + 1e-4
        met = all(
            float(cell[f"{w}_mbps"]) >= float(cell[f"asked_{w}_mbps"]) * (1 - 2e-6) - 2e-5 for w in ("down", "up")
        )
        assert (cell["bound_by"] == "demand") == met
    assert len({cell["bound_by"] for cell in cells}) > 2


def test_a_satellite_is_kept_from_slot_to_slot(files, tmp_path):
    """With hysteresis fewer links are dropped from one slot to the next than without."""

    def dropped(rows) -> int:
        links = [{(row["cell"], row["satellite_id"]) for row in some} for _, some in slots_of(rows)]
        return sum(len(one - other) for one, other in itertools.pairwise(links))

    none, _ = exported(tmp_path, 0.0, "--start", "2026-11-20T12:00:15Z", "--for", "45s")
    strong, _ = exported(tmp_path, 1.0, "--start", "2026-11-20T12:00:15Z", "--for", "45s")
    assert dropped(strong) < dropped(none)


def test_who_may_not_be_served_has_no_beam(tmp_path):
    (tmp_path / "r.toml").write_text(RULES)
    rows, cells = exported(tmp_path, 0.1, rules='[policy]\nrules = "r.toml"\n')
    barred = {cell["cell"] for cell in cells if cell["bound_by"] == "policy"}
    assert 0 < len(barred) < len(cells)
    assert not barred & {row["cell"] for row in rows}
    assert {cell["down_mbps"] for cell in cells if cell["cell"] in barred} == {"0.0"}


def test_as_parquet_and_refused_where_there_is_no_capacity(tmp_path):
    scenario = SCENARIO.replace("HYSTERESIS", "0.1")
    (tmp_path / "s.toml").write_text(scenario)
    code, _, err = openleo("export", "beams", tmp_path / "s.toml", "--out", tmp_path / "b.parquet")
    assert code == 0, err
    assert pq.read_table(tmp_path / "b.parquet").num_rows > 100
    (tmp_path / "s.toml").write_text(scenario.replace("enabled = true", "enabled = false"))
    code, _, err = openleo("export", "beams", tmp_path / "s.toml", "--out", tmp_path / "n.csv", "--cells", "c.txt")
    assert code == 2
    assert "c.txt" in err
    code, _, err = openleo("export", "beams", tmp_path / "s.toml", "--out", tmp_path / "n.csv")
    assert code == 2
    assert "capacity.enabled" in err
    assert not (tmp_path / "n.csv").exists()
