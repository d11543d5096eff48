"""Disturbed links: rates against the link budget itself at C/N less the loss, circles against pyproj."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from openleo import cells
from openleo.errors import InputError
from openleo.network.capacity import radios, rain_grid, rates
from openleo.network.capacity.link_budget import budget, channel_mbps
from openleo.network.capacity.modcods import dvb_s2x
from openleo.network.jamming import Disturbed, losses_db, masks_deg
from openleo.scenario import Scenario

SKY = radios.embedded().satellite("starlink-v1")
FIXED = radios.embedded().terminal("fixed")
HEAD = """
name = "t"
start = 2026-11-20T18:00:00Z
duration = "2m"
slot = 60
[constellation]
catalogue = "starlink-shell1"
isl = "none"
[ground]
area = ["LUX", "BEL"]
resolution = 4
"""
CIRCLE = "[[jamming]]\ncentre_lat_deg = 49.6\ncentre_lon_deg = 6.1\nradius_km = {radius_km}\n{keys}\n"


@pytest.mark.parametrize("loss_db", [0.5, 3.0, 10.0, 200.0])
def test_rates_within_against_the_budget_less_the_loss_and_without_as_they_were(loss_db: float) -> None:
    everywhere = cells.world(1)
    sky = rain_grid.climate(*cells.centres_deg(everywhere))
    jammed = np.arange(len(everywhere)) % 3 == 0
    lost_db = np.where(jammed, loss_db, 0.0)
    plain = rates.channel_rates(SKY, FIXED, sky, [550.0], 0.5)
    table = rates.channel_rates(SKY, FIXED, sky, [550.0], 0.5, lost_db=lost_db)
    down, up = radios.down_ends(SKY, FIXED), radios.up_ends(SKY, FIXED)
    zone, speaker = rates.zones(down, up, sky, 0.5)
    every, spoken = (
        np.arange(len(everywhere)),
        sky.of(speaker[zone]),
    )  # each cell has the sky of who speaks for its zone
    for elevation_deg in (25.0, 40.0, 62.5, 90.0):
        for ends, said, before, modcods in (
            (down, table.down, plain.down, dvb_s2x()),
            (up, table.up, plain.up, dvb_s2x().up_to(FIXED.bits_per_symbol_up_max)),
        ):
            es_n0_db = budget(ends, 550.0, elevation_deg, spoken, 0.5).es_n0_db - lost_db
            exact = channel_mbps(ends, es_n0_db, modcods, SKY.margin_db).astype(np.float32)
            assert said(every, 550.0, elevation_deg).tolist() == exact.tolist()
            unjammed = every[~jammed]
            assert said(unjammed, 550.0, elevation_deg).tolist() == before(unjammed, 550.0, elevation_deg).tolist()
    if loss_db == 200.0:
        assert not table.down(every[jammed], 550.0, 90.0).any()


@given(latitude_deg=st.floats(-89.0, 89.0), longitude_deg=st.floats(-180.0, 180.0), radius_km=st.floats(1.0, 15_000.0))
def test_circles_against_pyproj(latitude_deg: float, longitude_deg: float, radius_km: float) -> None:
    at = cells.centres_deg(cells.world(0))
    circle = Disturbed(latitude_deg, longitude_deg, radius_km, loss_db=3.0, elevation_deg=40.0)
    within = [
        Geod(ellps="WGS84").inv(longitude_deg, latitude_deg, lon, lat)[2] <= radius_km * 1e3
        for lat, lon in zip(*at, strict=True)
    ]
    assert losses_db([circle], *at).tolist() == [3.0 if one else 0.0 for one in within]
    assert masks_deg([circle], 25.0, *at).tolist() == [40.0 if one else 25.0 for one in within]
    assert masks_deg([circle], 50.0, *at).tolist() == [50.0] * len(within)


def test_where_circles_overlap_the_greater_counts() -> None:
    at = np.array([0.0]), np.array([0.0])
    assert losses_db([Disturbed(0.0, 0.0, 9.0, loss_db=one) for one in (3.0, 7.0, 5.0)], *at).tolist() == [7.0]


def load(folder: Path, tables: str) -> Scenario:
    (folder / "s.toml").write_text(HEAD + tables)
    return Scenario.load(folder / "s.toml")


def rows(folder: Path, tables: str) -> dict[str, dict[str, object]]:
    found = load(folder, tables).run(threads=1).summary()["territories"]
    return {row["territory"]: row for row in found}


def test_a_hidden_sky_is_a_mask_within_and_nothing_without(tmp_path: Path) -> None:
    plain = rows(tmp_path, "")
    hidden = rows(tmp_path, CIRCLE.format(radius_km=60, keys="elevation_deg = 85"))
    everywhere = rows(tmp_path, "[links]\nuser_elevation_deg = 85\n")
    wide = rows(tmp_path, CIRCLE.format(radius_km=900, keys="elevation_deg = 85"))
    assert wide == everywhere
    assert hidden["LUX"]["served"] < plain["LUX"]["served"]
    assert everywhere["BEL"]["served"] < hidden["BEL"]["served"]


def test_hidden_skies_are_another_network(tmp_path: Path) -> None:
    plain, hidden = load(tmp_path, "").case, load(tmp_path, CIRCLE.format(radius_km=60, keys="elevation_deg = 85")).case
    assert plain.network.limits.said() != hidden.network.limits.said()
    assert any(
        "Disturbed: in cells within 60 km of 49.6°, 6.1° the sky below 85° is hidden (`path`" in n for n in hidden.notes
    )


def test_jammed_beyond_every_modcod_is_no_capacity(tmp_path: Path) -> None:
    capacity = "[capacity]\nenabled = true\nevery_slots = 2\nrate_slots = 1\n"
    plain = rows(tmp_path, capacity)
    jammed = rows(tmp_path, capacity + CIRCLE.format(radius_km=60, keys="loss_db = 60"))
    wide = rows(tmp_path, capacity + CIRCLE.format(radius_km=900, keys="loss_db = 60"))
    assert all(row["served"] == 0.0 and row["can_serve"] == plain[name]["can_serve"] for name, row in wide.items())
    assert all(row["not_served_because"]["no_capacity"] == row["can_serve"] for row in wide.values())
    assert jammed["LUX"]["served"] < plain["LUX"]["served"]
    with_loss = load(tmp_path, capacity + CIRCLE.format(radius_km=60, keys="loss_db = 60")).case.capacity
    without = load(tmp_path, capacity).case.capacity
    assert with_loss
    assert without
    assert with_loss.sha256 != without.sha256


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("", "needs loss_db, elevation_deg, or both."),
        ("loss_db = 3", "write enabled = true in [capacity], or an elevation_deg below which the sky is hidden."),
        ("loss_db = -3", "loss_db"),
        ("elevation = 3", "elevation_deg"),
    ],
)
def test_faults(tmp_path: Path, keys: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        load(tmp_path, CIRCLE.format(radius_km=60, keys=keys))
    assert said in str(raised.value)
