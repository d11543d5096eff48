"""The world's masks at resolutions 4 and 5 against Cedar: cells on borders, of strips of sea, and in contested areas.

Cedar decides for a class at exact places within a cell; `yes` and `no` have to be its answer at every one of them. Of
cells whose whole circle lies in one kind of place (found on a plane, without our geometry) the mask has to be Cedar's
answer itself, so it cannot hide behind `depends`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import h3.api.basic_str as h3
import numpy as np
import pytest

from against import cedar_export as cedar
from against import plane_places as plane
from against.cedar_export import Asked, Verdict
from against.random_rules import OWN_CLASS, case
from against.three_evaluators import GEOD, SURELY_NOT, Ground, Tally, entries_of, grounds
from compared import same
from longer import longer
from openleo.places import cell_cache
from openleo.places.cell_index import CellIndex
from openleo.places.territories import contested_areas
from openleo.policy import mask_world
from openleo.policy.rule_file import read_rules

SEED = 20261123
CLASSES = ("fixed", "emergency", OWN_CLASS)
POINTS = 4  # of a cell
FOR_RULES = 10  # places that rules are drawn around; what is asked about are places of cells
AS_OUTCOME = {"yes": ("PERMITTED",), "no": SURELY_NOT, "depends": ("INDETERMINATE",)}


def cells_of(ground: Ground, index: CellIndex, rng: random.Random, each: int) -> Iterator[tuple[str, str]]:
    """(what sort of cell, cell) of a theatre: so many of each sort as there are, at most."""
    west, south, east, north = ground.theatre.box
    latitude, longitude = index.centres_deg
    here = (latitude > south) & (latitude < north) & ((longitude - west) % 360.0 < east - west)
    sorts: dict[str, list[int]] = {}
    for number in np.flatnonzero(here).tolist():
        labels = index.labels_of(number)
        lands = {label.partition(".")[0] for label in labels}
        sort = "on a border" if len(labels) > 1 else "of a strip" if "." in labels[0] else "of one land"
        sorts.setdefault("contested" if lands & contested_areas().keys() else sort, []).append(number)
    for sort, numbers in sorts.items():
        for number in rng.sample(numbers, min(each, len(numbers))):
            yield sort, h3.int_to_str(int(index.cells[number]))


def places_in(cell: str, ground: Ground, rng: random.Random) -> list[tuple[plane.Kind, ...]]:
    """The kinds of some exact places of a cell; those too near to a border to tell are left out."""
    inner = rng.sample(sorted(h3.cell_to_children(cell, h3.get_resolution(cell) + 3)), 4 * POINTS)
    found = []
    for one in inner:
        if h3.latlng_to_cell(*h3.cell_to_latlng(one), h3.get_resolution(cell)) == cell and len(found) < POINTS:
            found.append(plane.kinds_around(*h3.cell_to_latlng(one), 0.0, ground.zones, ground.drawn))
    return [kinds for kinds in found if kinds is not None]


def whole(cell: str, ground: Ground) -> plane.Kind | None:
    """The kind of place that the whole of a cell is, where it is one."""
    latitude, longitude = h3.cell_to_latlng(cell)
    corners = h3.cell_to_boundary(cell)
    far_m = max(GEOD.inv(longitude, latitude, x, y)[2] for y, x in corners) * 1.02
    kinds = plane.kinds_around(latitude, longitude, far_m, ground.zones, ground.drawn)
    return kinds[0] if kinds is not None and len(kinds) == 1 else None


def compare(
    resolution: int, sets: int, each: int, seed: int, folder: Path, *, drawn: bool, theatres: int = len(plane.THEATRES)
) -> Counter[str]:
    """What was looked at; differences raise."""
    rng, index, seen = random.Random(seed), cell_cache.load(resolution), Counter[str]()
    for ground in islice(grounds(rng, folder, Tally(), drawn=drawn, count=FOR_RULES), theatres):
        cells = list(cells_of(ground, index, rng, each))
        places = {cell: places_in(cell, ground, rng) for _, cell in cells}
        wholly = {cell: kind for _, cell in cells if (kind := whole(cell, ground)) is not None}
        for cell, kind in wholly.items():
            assert {*places[cell]} <= {(kind,)}
            places[cell].append((kind,))
        for _ in range(sets):
            zones = list(ground.zones)
            made = case(rng, ground.theatre.name, zones, ground.places, ground.folder, 4, ground.drawn)
            at = next((pair.request["at"] for pair in made.pairs if "at" in pair.request), "2026-11-20T12:00:00Z")
            rule_set, export = read_rules(made.files), cedar.export(made.files)
            world = mask_world.compute(index, entries_of(rule_set, cedar.instant(at), CLASSES), CLASSES)
            number = index.number_of(np.array([int(cell, 16) for _, cell in cells], dtype=np.uint64))
            asked = [
                (class_, column, cell, kinds)
                for class_ in CLASSES
                for column, (_, cell) in enumerate(cells)
                for kinds in places[cell]
            ]
            theirs = cedar.verdicts(export, [Asked({"at": at, "class": one[0]}, one[3]) for one in asked])
            may = {class_: world.may(class_)[number] for class_ in CLASSES}
            agreed = 0
            for (class_, column, cell, kinds), their in zip(asked, theirs, strict=True):
                said = mask_world.MAY[int(may[class_][column])]
                seen[said] += 1
                seen[cells[column][0]] += 1
                check(said, their, f"{made.files}, {class_} at {at} in {cell}: {kinds}", cell in wholly)
                seen["whole"] += cell in wholly
                agreed += 1
            same(
                authority="Cedar",
                what="places of cells of which a mask says no other than Cedar",
                theirs=len(asked),
                ours=agreed,
                count=len(asked),
            )
    return seen


def check(said: str, their: Verdict, what: str, is_whole: bool) -> None:
    assert said != "yes" or their.outcome == "PERMITTED", f"yes, and {their}: {what}"
    assert said != "no" or their.outcome in SURELY_NOT, f"no, and {their}: {what}"
    assert not is_whole or their.outcome in AS_OUTCOME[said], f"{said}, and {their}: {what}"


SORTS = ("on a border", "of a strip", "of one land", "contested", "yes", "no", "depends", "whole")


@pytest.mark.slow
def test_masks_of_two_theatres_against_cedar(tmp_path: Path) -> None:
    seen = compare(4, 4, 3, SEED + 4, tmp_path, drawn=True, theatres=2)
    print(seen)
    assert min(seen[sort] for sort in SORTS) > 50, seen


@pytest.mark.slow
@pytest.mark.parametrize(
    ("resolution", "drawn"), [pytest.param(4, True, id="functions-4"), pytest.param(5, False, id="files-5")]
)
def test_masks_against_cedar(resolution: int, drawn: bool, tmp_path: Path) -> None:
    seen = compare(resolution, 4, 4, SEED + resolution, tmp_path, drawn=drawn)
    print(seen)
    assert min(seen[sort] for sort in SORTS) > 100, seen


@pytest.mark.slow
@longer
@pytest.mark.parametrize("resolution", [4, 5])
@pytest.mark.parametrize("drawn", [False, True], ids=["files", "functions"])
def test_masks_against_cedar_in_many_cells(resolution: int, drawn: bool, tmp_path: Path) -> None:
    seen = compare(resolution, 30, 25, SEED + 10 + resolution, tmp_path, drawn=drawn)
    print(seen)
    assert min(seen[may] for may in mask_world.MAY) > 1_000
