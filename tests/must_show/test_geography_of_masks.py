"""Masks of cells where geography is hard (issue 4, Must show): across ±180°, in contested places, in towns on shores.

Authorities: places found on a plane around each point by plain shapely and pyproj (against.plane_places), which knows
no antimeridian and no index of cells; GeoNames' towns.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely
from test_territory_geography import ACROSS, CONTESTED, OUTSIDE

from against.plane_places import kinds_around
from openleo import cells as h3cells
from openleo.places import cell_cache, land
from openleo.places.territories import contested_with, with_territorial_sea
from openleo.policy.mask_world import DEPENDS, NO, YES, WorldMask
from openleo.policy.rule_file import read_rules
from openleo.policy.states import Masks

AT = datetime(2026, 11, 20, tzinfo=UTC)
FIVE = pytest.param(5, marks=pytest.mark.slow)  # two million cells: where none are kept, they take most of a minute
RULE = """schema = 1
book = "operator"
[[rule]]
id = "r1"
effect = "permit"
territory = {{in = "{area}"{more}}}
reason = "licensed"
"""


@cache
def index(resolution):
    return cell_cache.load(resolution)


def mask_of(folder: Path, resolution: int, area: str, more: str = "") -> WorldMask:
    """The world under one permit on an area."""
    file = folder / "r.toml"
    file.write_text(RULE.format(area=area, more=more))
    return Masks(read_rules([file]), index(resolution), ["fixed"]).at(AT)


def excluded(id_: str) -> str:
    names = [f'"{one.id}"' for one in contested_with(id_)]
    return f", exclude = [{', '.join(names)}]" if names else ""


# --- across the antimeridian --------------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", [3, 4, FIVE])
@pytest.mark.parametrize("id_", sorted({one[0] for one in ACROSS}))
def test_cells_on_both_sides_of_the_antimeridian(tmp_path, id_, resolution):
    """Cells whose middle is within 4° of it: yes and no are what lies in their middle, and both sides have some."""
    may = mask_of(tmp_path, resolution, id_, excluded(id_)).may("fixed")
    latitude, longitude = index(resolution).centres_deg
    near = np.abs(longitude) > 176.0
    mine = with_territorial_sea([id_])
    rng = np.random.default_rng(8)
    seen = {(side, answer): 0 for side in ("east", "west") for answer in (YES, NO)}
    for side, here in (("east", near & (longitude > 0.0)), ("west", near & (longitude < 0.0))):
        for answer in (YES, NO, DEPENDS):
            numbers = np.flatnonzero(here & (may == answer))
            for number in rng.choice(numbers, min(len(numbers), 15), replace=False):
                kinds = kinds_around(latitude[number], longitude[number], 0.0, {})
                if kinds is None or answer == DEPENDS:
                    continue
                ((label, _),) = kinds
                assert (label in mine) == (answer == YES), (latitude[number], longitude[number], label)
                seen[side, answer] += 1
    assert min(seen[side, NO] for side in ("east", "west")) > 5
    # Of resolution 3 hardly a cell of Fiji or, without its ice shelves, of Antarctica lies wholly within it there.
    if resolution > 3 or id_ == "RUS":
        assert min(seen[side, YES] for side in ("east", "west")) >= 1, seen


# --- contested places ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resolution", [3, 4, FIVE])
@pytest.mark.parametrize(("place", "latitude", "longitude", "area", "parties"), CONTESTED)
def test_cells_of_contested_places(tmp_path, place, latitude, longitude, area, parties, resolution):
    """Never yes by a party's permit that leaves the area out, never no by one that takes it or by the area's own."""
    cell = np.array([h3cells.at(latitude, longitude, resolution)], dtype=np.uint64)
    (number,) = index(resolution).number_of(cell)
    own = mask_of(tmp_path, resolution, area, excluded(area)).may("fixed")
    assert own[number] != NO
    assert (own == YES).any() or resolution == 3 or area in ("kinmen", "matsu")  # islands smaller than a cell
    for party in parties:
        without = mask_of(tmp_path, resolution, party, excluded(party)).may("fixed")
        assert without[number] != YES
        assert not ((without == YES) & (own == YES)).any()
        with_it = mask_of(tmp_path, resolution, party, f', include = ["{area}"]').may("fixed")
        assert with_it[number] != NO
        assert (with_it[own == YES] == YES).all()
        assert (with_it[without == YES] == YES).all()


# --- towns --------------------------------------------------------------------------------------------------------


@cache
def towns():
    """(name, latitude_deg, longitude_deg) of GeoNames' places above 15,000 people."""
    table = pq.read_table(str(files("openleo.data") / "places" / "places.parquet"))
    large = table["population"].to_numpy() > 15_000
    name = np.array(table["name"].to_pylist(), dtype=object)[large]
    return name, *(table[key].to_numpy()[large] for key in ("lat_deg", "lon_deg"))


@pytest.mark.slow
def test_towns_off_the_atlas_land_are_in_12_mile_waters_by_another_measure():
    """All of those that lie on no polygon (by shapely alone), by their distances on planes of their own."""
    name, latitude, longitude = towns()
    points = shapely.points(longitude, latitude)
    wet = np.ones(len(points), dtype=bool)
    wet[shapely.STRtree(points).query(land.load().pieces, predicate="intersects")[1]] = False
    assert 300 < wet.sum() < 800
    outside, unsure = set(), set()
    for one, y, x in zip(name[wet], latitude[wet], longitude[wet], strict=True):
        kinds = kinds_around(y, x, 0.0, {})
        if kinds is None:
            unsure.add(one)
        elif not all(label.endswith(".sea12") or "." not in label for label, _ in kinds) or kinds[0][0] == "high-seas":
            outside.add(one)
    assert outside <= set(OUTSIDE) <= outside | unsure
    assert len(unsure) < 0.05 * wet.sum(), unsure


@pytest.mark.parametrize("resolution", [4, FIVE])
def test_where_all_territories_are_permitted_every_town_may_be_served(tmp_path, resolution):
    """The cell of no town is no, but where it is listed; and the high seas are."""
    names = [f'"{name}"' for name in land.load().territories]
    file = tmp_path / "r.toml"
    text = RULE.replace('"{area}"{more}', f"[{', '.join(names)}], include = []")
    file.write_text(text.replace("{{", "{").replace("}}", "}"))
    may = Masks(read_rules([file]), index(resolution), ["fixed"]).at(AT).may("fixed")
    name, latitude, longitude = towns()
    cells = np.array([h3cells.at(y, x, resolution) for y, x in zip(latitude, longitude, strict=True)], dtype=np.uint64)
    answer = may[index(resolution).number_of(cells)]
    assert set(name[answer == NO]) <= set(OUTSIDE)
    assert (answer == YES).mean() > 0.9
    assert (may == NO).mean() > 0.5
