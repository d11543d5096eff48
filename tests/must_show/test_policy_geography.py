"""Small countries are served, and permitted neighbours leave no gap between them.

From a rule file to people and cells. Authorities: the embedded estimate of people, which the parts of cells share out;
towns by GeoNames; shapely for borders, where two territories' polygons touch.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import numpy as np
import pytest
import shapely

from openleo import cells as h3cells
from openleo.places import cell_cache, gazetteer, land, parts, population, waters
from openleo.places.territories import territories, with_territorial_sea
from openleo.policy import mask
from openleo.policy.answer import answer
from openleo.policy.mask_world import NO, YES
from openleo.policy.request import Request
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import CLASSES
from openleo.policy.states import Masks

AT = datetime(2026, 11, 20, tzinfo=UTC)
RULES = """schema = 1
book = "operator"

[[rule]]
id = "permitted"
effect = "permit"
territory = {{ in = {ids}, include = [] }}
reason = "service is licensed"
"""
NEARLY_ALL = 0.99  # of people
EXACT_M, ACROSS_M = 0.0, 500.0
FIVE = pytest.param(5, marks=pytest.mark.slow)  # two million cells: where none are kept, they take most of a minute


@pytest.fixture
def permitted(tmp_path):
    """A rule set that permits territories with their waters, from a file."""

    def read(*ids):
        path = tmp_path / f"{'-'.join(ids)}.toml"
        path.write_text(RULES.format(ids=str(list(ids)).replace("'", '"')))
        return read_rules([path])

    return read


@cache
def index(resolution):
    return cell_cache.load(resolution)


def decided(rules, latitude_deg, longitude_deg, uncertainty_m):
    return answer(
        rules,
        Request(at=AT, class_="fixed", latitude_deg=latitude_deg, longitude_deg=longitude_deg,
                uncertainty_m=uncertainty_m),
    ).permitted  # fmt: skip


@pytest.mark.parametrize("resolution", [3, 4, FIVE])
@pytest.mark.parametrize("id_", ["MCO", "TON", "SGP"])
def test_small_countries_are_served(permitted, id_, resolution):
    """Of the people in the cells where the country has any: nearly all of its own may be served, and nobody else."""
    rules = permitted(id_)
    cell5, territory, people = population.estimate()
    mine = territory == id_
    living = people[mine].sum()
    assert living == pytest.approx(territories()[id_].population, rel=1e-3)
    cells = np.unique(h3cells.parents(cell5[mine], resolution))
    whole = parts.cut(cells)
    served = mask.compute(rules, whole, CLASSES, at=AT).permitted
    for class_ in range(len(CLASSES)):
        permitted_people = whole.people[served[:, class_]].sum()
        assert NEARLY_ALL * living <= permitted_people <= living * 1.0001
    world = Masks(rules, index(resolution)).at(AT)
    for class_ in CLASSES:
        may = world.may(class_)[world.index.number_of(cells)]
        assert (may != NO).all()
        # Where somebody else has a part of the cell, land or sea, it is not served as a whole.
        alone = np.array([{str(one) for one in whole.territory[whole.cell == cell]} <= with_territorial_sea({id_})
                          for cell in range(len(cells))])  # fmt: skip
        assert not (may[~alone] == YES).any()


@pytest.mark.parametrize("id_", ["MCO", "TON", "SGP"])
def test_every_town_of_a_small_country_is_permitted(permitted, id_):
    """By GeoNames, another source than the borders."""
    rules = permitted(id_)
    towns = {town for named in gazetteer.towns().values() for town in named if town.territory == id_}
    assert towns
    for town in towns:
        assert decided(rules, town.latitude_deg, town.longitude_deg, EXACT_M), town.name
    abroad = {"MCO": (43.695, 7.27), "TON": (-18.14, 178.44), "SGP": (1.49, 103.74)}  # Nice, Suva, Johor Bahru
    assert not decided(rules, *abroad[id_], EXACT_M)


# --- neighbours ---------------------------------------------------------------------------------------------------


@cache
def border(one, other):
    """(latitude, longitude) of points of the land border of two territories, 2 km apart at most."""
    mine, theirs = (shapely.union_all(land.load().of({id_})) for id_ in (one, other))
    line = shapely.intersection(mine.boundary, shapely.buffer(theirs, 1e-5))
    lines = [part for part in shapely.get_parts(line) if part.geom_type == "LineString" and part.length > 0.0]
    xy = shapely.get_coordinates(shapely.segmentize(lines, 0.02))
    return [(float(y), float(x)) for x, y in xy]


NEIGHBOURS = {
    ("FRA", "ITA", "MCO"): [("FRA", "ITA"), ("FRA", "MCO")],
    ("BEL", "DEU", "FRA", "LUX"): [("BEL", "FRA"), ("LUX", "DEU"), ("BEL", "LUX")],
    ("ARG", "CHL", "BOL"): [("ARG", "CHL"), ("BOL", "CHL")],
}


@pytest.mark.parametrize("resolution", [3, 4, FIVE])
@pytest.mark.parametrize("ids", NEIGHBOURS, ids="-".join)
def test_cells_on_a_border_within_the_union_are_yes(permitted, ids, resolution):
    """Cells that hold a point of a border between them: those that the exact cut gives to nobody else."""
    together = Masks(permitted(*ids), index(resolution)).at(AT)
    alone = [Masks(permitted(id_), index(resolution)).at(AT) for id_ in ids]
    points = [point for pair in NEIGHBOURS[ids] for point in border(*pair)]
    cells = np.unique(np.array([h3cells.at(*point, resolution) for point in points], dtype=np.uint64))
    cut = parts.cut(cells, with_people=False)
    stranger = ~np.isin(cut.territory.astype(str), sorted(with_territorial_sea(set(ids))))
    within = np.setdiff1d(np.arange(len(cells)), cut.cell[stranger])
    numbers = together.index.number_of(cells[within])
    assert len(numbers) >= 1
    yes = together.may("fixed")[numbers] == YES
    assert yes.mean() > 0.95
    for cell in cells[
        within[~yes]
    ]:  # the cut takes 49 points of a cell's sea; more of them find another's, or nobody's
        latitude, longitude = h3cells.centres_deg(h3cells.children(np.array([cell]), resolution + 5))
        coasts = waters.coasts(land.load(), h3cells.outlines(np.array([cell])))
        at_sea = land.load().territory_of(longitude, latitude) < 0
        assert not {*coasts.label(latitude[at_sea], longitude[at_sea])} <= with_territorial_sea(set(ids))
    on_two = [number for number, cell in zip(numbers[yes], within[yes], strict=True)
              if len({str(one).partition(".")[0] for one in cut.territory[cut.cell == cell]}) > 1]  # fmt: skip
    assert on_two
    for mask_ in alone:
        assert not (mask_.may("fixed")[on_two] == YES).any()
    # and by share of area: nothing of those cells is left out
    served = mask.compute(permitted(*ids), cut, ["fixed"], at=AT).permitted[:, 0]
    share = np.bincount(cut.cell, cut.area_km2 * served) / np.bincount(cut.cell, cut.area_km2)
    assert share[within] == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("ids", NEIGHBOURS, ids="-".join)
def test_no_gap_between_permitted_neighbours(permitted, ids):
    """On the border itself, and in circles across it: a gap of a hair's breadth would make one doubtful."""
    rules, alone = permitted(*ids), permitted(ids[0])
    strangers = [piece for id_ in territories() if id_ not in ids for piece in land.load().of({id_})]
    elsewhere = shapely.STRtree(strangers)
    seen = 0
    for pair in NEIGHBOURS[ids]:
        points = border(*pair)
        for latitude, longitude in points[:: max(len(points) // 40, 1)]:
            if len(elsewhere.query(shapely.Point(longitude, latitude), "dwithin", distance=0.05)):
                continue  # where three countries meet
            assert decided(rules, latitude, longitude, EXACT_M)
            assert decided(rules, latitude, longitude, ACROSS_M)
            seen += not decided(alone, latitude, longitude, ACROSS_M)
    assert seen > 20


def test_a_strait_between_permitted_neighbours_is_theirs(permitted):
    """The strait of Johor: across it from Johor Bahru to Woodlands, and cells of nobody else."""
    both = permitted("MYS", "SGP")
    for share in np.linspace(0.0, 1.0, 21).tolist():
        latitude, longitude = 1.4635 + share * (1.4365 - 1.4635), 103.7640 + share * (103.7860 - 103.7640)
        assert decided(both, latitude, longitude, ACROSS_M)
    ends = [decided(permitted(id_), 1.4635 - 0.013, 103.775, ACROSS_M) for id_ in ("MYS", "SGP")]
    assert not any(ends)


@pytest.mark.parametrize(("resolution", "few"), [(4, 1), pytest.param(5, 2, marks=pytest.mark.slow)])
def test_cells_that_two_neighbours_share_are_yes(permitted, resolution, few):
    both, here = permitted("MYS", "SGP"), index(resolution)
    labels = [set(here.labels_of(number)) for number in range(len(here)) if here.kind[number] >= len(here.labels)]
    numbers = [number for number in range(len(here)) if here.kind[number] >= len(here.labels)]
    shared = [number for number, mine in zip(numbers, labels, strict=True)
              if mine <= with_territorial_sea({"MYS", "SGP"}) and len({one[:3] for one in mine}) == 2]  # fmt: skip
    assert len(shared) >= few
    assert (Masks(both, here).at(AT).may("fixed")[shared] == YES).all()
