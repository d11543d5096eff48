"""Rule sets into masks of the whole Earth, beside the same in numpy."""

from __future__ import annotations

from functools import cache

import numpy as np
import shapely

from benchmarks.workloads import Baseline, Workload
from openleo.places import cell_cache
from openleo.places.cell_index import CellIndex
from openleo.places.expressions import Difference, Expression, Intersection, Labels, Region
from openleo.policy import ground as grounds
from openleo.policy.mask_world import Entry, WorldMask, bulk, compute

CLASSES = ("fixed", "portable", "vehicle", "maritime", "aviation", "government", "emergency")
RULE_SETS, PERMITS, OTHERS, ZONES = 10, 240, 500, 24
TERMINALS = 2_000_000


@cache
def zones() -> tuple[Region, ...]:
    """Discs of 100 to 400 km around places on land, as a rule's own polygons are."""
    random = np.random.default_rng(7)
    made = []
    for number in range(ZONES):
        longitude, latitude = random.uniform(-120.0, 150.0), random.uniform(-40.0, 60.0)
        disc = shapely.Point(longitude, latitude).buffer(random.uniform(1.0, 4.0), quad_segs=32)
        made.append(Region(f"zone-{number}", f"zone-{number}", disc))
    return tuple(made)


def lands(index: CellIndex) -> list[str]:
    return [label for label in index.labels if "." not in label and label != "high-seas"][:PERMITS]


def rule_set(index: CellIndex, seed: int) -> list[Entry]:
    """A permit of every country with its waters, and 500 rules on countries, some on no more than a zone of them."""
    random = np.random.default_rng(seed)
    countries = [Labels(frozenset({id_, id_ + ".sea12"})) for id_ in lands(index)]
    entries = [Entry(f"country-{n}", "permit", one, frozenset(CLASSES)) for n, one in enumerate(countries)]
    for number in range(OTHERS):
        area: Expression = countries[random.integers(len(countries))]
        if number % 10 == 0:
            zone = zones()[random.integers(ZONES)]
            area = Difference(area, zone) if random.random() < 0.5 else Intersection((area, zone))
        says = random.choice(3, len(CLASSES), p=[0.5, 0.35, 0.15])
        true, maybe = (frozenset(np.array(CLASSES)[says == what].tolist()) for what in (1, 2))
        effect = random.choice(["permit", "forbid", "suspend"], p=[0.4, 0.4, 0.2])
        entries.append(Entry(f"rule-{number}", str(effect), area, true, maybe))  # type: ignore[arg-type]
    return entries


def masks(resolution: int) -> Workload:
    """Ten rule sets never seen before; the cells of countries and zones are known."""
    index = cell_cache.load(resolution)
    sets = [rule_set(index, seed) for seed in range(RULE_SETS)]
    under = grounds.ground(index, zones())
    cell, place = rows_of(under)
    order = np.argsort(place, kind="stable")
    rows_of_place = np.split(order, np.cumsum(np.bincount(place, minlength=len(under.label)))[:-1])
    first_row = np.searchsorted(cell, np.arange(len(index)))
    everyone = np.uint64((1 << len(CLASSES)) - 1)

    def rows(area: Expression) -> tuple[np.ndarray, np.ndarray]:
        """(rows that an area holds, rows that it may hold), found once."""
        extent = under.extent(area)
        sure, unsure = extent.place[~extent.unsure], extent.place[extent.unsure]
        return tuple(np.concatenate([order[:0], *(rows_of_place[one] for one in some)]) for some in (sure, unsure))  # type: ignore[return-value]

    rows_of_area = {entry.expression: rows(entry.expression) for entries in sets for entry in entries}

    def ours() -> list[WorldMask]:
        grounds.forget()
        return [compute(index, entries, CLASSES) for entries in sets]

    def by_numpy() -> list[tuple[np.ndarray, np.ndarray]]:
        """Each rule's classes ORed into the rows (cell, place) of its area; rows decided and joined to cells."""
        answers = []
        for entries in sets:
            forbid, forbid_maybe, permit, permit_maybe = held = np.zeros((4, len(cell)), dtype=np.uint64)
            for entry in entries:
                sure, unsure = rows_of_area[entry.expression]
                true, maybe = (
                    np.uint64(sum(1 << CLASSES.index(name) for name in names)) for names in (entry.true, entry.maybe)
                )
                holds, may_hold = held[2:] if entry.effect == "permit" else held[:2]
                holds[sure] |= true
                may_hold[sure] |= maybe
                may_hold[unsure] |= true | maybe
            no = (forbid | ~(permit | permit_maybe)) & everyone
            yes = permit & ~(forbid | forbid_maybe)
            answers.append((np.bitwise_and.reduceat(yes, first_row), np.bitwise_and.reduceat(no, first_row)))
        return answers

    def check() -> None:
        for mask, (yes, no) in zip(ours(), by_numpy(), strict=True):
            assert (mask.yes[:, 0] == yes).all()
            assert (mask.no[:, 0] == no).all()

    name = f"masks of {PERMITS + OTHERS} rules × {len(index):,} cells, territories known"
    return Workload(name, ours, (Baseline("numpy, row by row", by_numpy),), check, RULE_SETS)


def rows_of(under: grounds.Ground) -> tuple[np.ndarray, np.ndarray]:
    """(cell, place) rows of every place that a cell may hold, cell by cell."""
    count = np.diff(under.first)[under.kind]
    cell = np.repeat(np.arange(len(under.kind)), count)
    offset = np.arange(len(cell)) - np.repeat(np.cumsum(count) - count, count)
    return cell, under.member[under.first[under.kind[cell]] + offset]


def terminals() -> Workload:
    """Two million terminals of seven classes, by their res-4 cells."""
    index = cell_cache.load(4)
    mask = compute(index, rule_set(index, 1), CLASSES)
    random = np.random.default_rng(1)
    cells = index.cells[random.integers(0, len(index), TERMINALS)]
    class_ = random.integers(0, len(CLASSES), TERMINALS).astype(np.int32)

    def ours() -> np.ndarray:
        return bulk(mask, cells, class_)

    def by_numpy() -> np.ndarray:
        place = np.searchsorted(index.cells, cells)
        shift = class_.astype(np.uint64)
        yes, no = ((words[place, 0] >> shift) & np.uint64(1) for words in (mask.yes, mask.no))
        return (1 + yes.astype(np.int8) - no.astype(np.int8)).astype(np.uint8)

    def check() -> None:
        assert (ours() == by_numpy()).all()

    name = f"{TERMINALS:,} terminals looked up in a mask"
    return Workload(name, ours, (Baseline("numpy searchsorted", by_numpy),), check)
