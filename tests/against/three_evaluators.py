"""Asking evaluators of rules: the decision of one request, of a table of terminals, the masks of cells, and Cedar.

Takes random rule sets and requests; gives a Tally of what was asked and of what differed. Cedar (cedarpy) reads
policies made from the rule files, and places found on a plane around each position; neither goes through our rules,
expressions or geometry. Outcomes are compared with the rules that stand for them.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import h3.api.basic_str as h3
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
import shapely

from against import cedar_export as cedar
from against import plane_places as plane
from against.cedar_export import Asked, Verdict
from against.random_rules import DRAWN, Case, Pair, case
from openleo.places import cell_cache, parts, point, regions
from openleo.policy import bulk, mask, mask_world
from openleo.policy.answer import answer, where_of
from openleo.policy.decide import Decision, decide
from openleo.policy.mask_world import Entry
from openleo.policy.request import Request, read_requests
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import RuleSet
from openleo.policy.terminal_kinds import settle
from openleo.policy.terminals import read_terminals

RESOLUTION = 3
ZONES, PLACES, SETS_PER_SURVEY = 6, 40, 10
OUTCOMES = ("FORBIDDEN", "SUSPENDED", "NOT_PERMITTED", "INDETERMINATE", "PERMITTED")
SURELY_NOT = ("FORBIDDEN", "SUSPENDED", "NOT_PERMITTED")
STATES = ("speed_kmh", "altitude_m", "days_abroad", "home_territory")
POSITION = ("lat_deg", "lon_deg", "uncertainty_m", "age_s", "source")
TEXTS = ("id", "class", "home_territory", "source")
GEOD = pyproj.Geod(ellps="WGS84")


@dataclass
class Tally:
    """What was asked and what differed."""

    outcomes: Counter[str] = field(default_factory=Counter)
    unknown: int = 0  # pairs that leave out an input which a rule of their set reads
    border: int = 0  # pairs in a cell with a border
    straddling: int = 0  # pairs whose circle touches more than one kind of place
    left_out: int = 0  # positions too near to a border for the plane to tell
    positions: int = 0
    cells: Counter[str] = field(default_factory=Counter)  # answers of the world's mask, in cells of positions
    parts: int = 0  # answers of the mask over parts
    bulk: int = 0  # terminals decided in bulk
    drawn: int = 0  # positions that some function of the language holds, at least in part
    on_an_edge: int = 0  # of them, those whose circle lies on the edge of one
    differences: list[str] = field(default_factory=list)

    @property
    def pairs(self) -> int:
        return self.outcomes.total()

    def __str__(self) -> str:
        shares = {name: f"{self.outcomes[name] / self.pairs:.1%}" for name in OUTCOMES}
        rest = {name: f"{getattr(self, name) / self.pairs:.1%}" for name in ("unknown", "border", "straddling")}
        left = f"{self.left_out} of {self.positions + self.left_out} positions left out"
        asked = f"cells {dict(self.cells)}, {self.parts} parts, {self.bulk} in bulk"
        asked += f", {self.drawn} positions within functions, {self.on_an_edge} on an edge" if self.drawn else ""
        return f"{self.pairs} pairs: {shares | rest}, {left}, {asked}"

    def differ(self, what: str, files: tuple[Path, ...], *rest: object) -> None:
        self.differences.append(f"{what}: {' '.join(map(str, rest))} of {' '.join(map(str, files))}")


@dataclass(frozen=True)
class Ground:
    """What the rule sets of one survey share: a folder of zones, and places."""

    theatre: plane.Theatre
    folder: Path
    zones: Mapping[str, shapely.Geometry]
    places: tuple[plane.Place, ...]
    drawn: tuple[str, ...] = ()  # functions of the language that rules use


def grounds(
    rng: random.Random, folder: Path, tally: Tally, *, drawn: bool = False, count: int = PLACES
) -> Iterator[Ground]:
    """One theatre after the other, with new zones and places each time; `drawn`: with functions, three each time."""
    while True:
        for theatre in plane.THEATRES:
            here = folder / f"{theatre.name}-{tally.positions}"
            here.mkdir()
            names = plane.write_zones(theatre, rng, here, ZONES)
            zones = {name: plane.read_zone(here / name) for name in names}
            texts = tuple(rng.sample(DRAWN[theatre.name], 3)) if drawn else ()
            found = plane.survey(theatre, zones, rng, count, drawn=texts)
            tally.left_out += found.left_out
            tally.positions += len(found.places)
            for place in found.places:
                held = [inside & {*texts} for _, inside in place.kinds]
                tally.drawn += any(held)
                tally.on_an_edge += len(set(held)) > 1
            yield Ground(theatre, here, zones, tuple(found.places), texts)


def verdict(decision: Decision) -> Verdict:
    because = tuple(sorted((*one.key, one.authority) for one in decision.because))
    return Verdict(decision.outcome.value, because, None if decision.land_in is None else frozenset(decision.land_in))


def compare(
    sets: int, pairs_each: int, seed: int, folder: Path, *, drawn: bool = False, sets_per_survey: int = SETS_PER_SURVEY
) -> Tally:
    """Ask everybody."""
    rng, tally = random.Random(seed), Tally()
    surveys = grounds(rng, folder, tally, drawn=drawn)
    for number in range(sets):
        if number % sets_per_survey == 0:
            ground = next(surveys)
        zones = list(ground.zones)
        made = case(rng, ground.theatre.name, zones, ground.places, ground.folder, pairs_each, ground.drawn)
        rule_set = read_rules(made.files)
        export = cedar.export(made.files)
        theirs = cedar.verdicts(
            export, [Asked(one.request, one.place.kinds if one.place else None, one.action) for one in made.pairs]
        )
        compare_decisions(made, rule_set, theirs, tally)
        compare_bulk(made, rule_set, theirs, tally)
        compare_masks(made, rule_set, export, theirs, ground, tally, rng)
    return tally


def compare_decisions(made: Case, rule_set: RuleSet, theirs: list[Verdict], tally: Tally) -> None:
    requests = read_requests([pair.request for pair in made.pairs], "requests", rule_set.classes)
    places: dict[tuple[float | None, ...], point.Where | None] = {}
    for number, (pair, request, their) in enumerate(zip(made.pairs, requests, theirs, strict=True)):
        position = (request.latitude_deg, request.longitude_deg, request.uncertainty_m, request.age_s)
        if position not in places:
            places[position] = where_of(rule_set, request)
        ours = verdict(decide(rule_set, request, places[position], pair.action))  # type: ignore[arg-type]
        if number == 0 and pair.action == "terminal" and verdict(answer(rule_set, request)) != ours:
            tally.differ("answer and decide", made.files, pair.request)
        if ours != their:
            tally.differ("decision", made.files, pair, ours, their)
        tally.outcomes[their.outcome] += 1
        tally.unknown += bool(pair.unknown)
        tally.border += pair.place is not None and pair.place.border
        tally.straddling += pair.place is not None and len(pair.place.kinds) > 1


# --- terminals in bulk --------------------------------------------------------------------------------------------


def compare_bulk(made: Case, rule_set: RuleSet, theirs: list[Verdict], tally: Tally) -> None:
    """The requests as a table of terminals, decided in one pass for every instant that they ask of."""
    asked = [(pair, their) for pair, their in zip(made.pairs, theirs, strict=True) if pair.action == "terminal"]
    file = made.files[0].with_suffix(".terminals.parquet")
    write_terminals([pair for pair, _ in asked], file)
    terminals = read_terminals(file, rule_set.classes)
    settled = settle(terminals, rule_set.regions)
    for at in sorted({pair.request.get("at") for pair, _ in asked}, key=str):
        decided = bulk.decide_all(rule_set, terminals, settled, None if at is None else cedar.instant(at))
        for row, (pair, their) in enumerate(asked):
            if pair.request.get("at") == at:
                told = decided.decided(row)
                ours = (told.outcome.value, tuple(sorted((*one.key, one.authority) for one in told.because)))
                if ours != (their.outcome, their.because) or bulk.OUTCOMES[decided.outcome[row]] is not told.outcome:
                    tally.differ("bulk", made.files, pair, ours, their)
                tally.bulk += 1


def write_terminals(pairs: Sequence[Pair], file: Path) -> None:
    """What requests say of terminals as a table; what one leaves out is null there."""
    rows = []
    for number, pair in enumerate(pairs):
        request = pair.request
        row = {name: request.get(name) for name in ("class", "groups", *STATES)}
        rows.append({"id": f"t{number}"} | row | {name: (request.get("position") or {}).get(name) for name in POSITION})
    types = {name: pa.float64() for name in (*STATES, *POSITION)}
    types |= {"groups": pa.list_(pa.string())} | {name: pa.string() for name in TEXTS}
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(list(types.items()))), file)


# --- masks --------------------------------------------------------------------------------------------------------


def entries_of(rule_set: RuleSet, at: datetime, classes: tuple[str, ...]) -> list[Entry]:
    """The rules at an instant, as a cell sees them: it knows a terminal's class and nothing else."""
    entries = []
    for rule in rule_set.rules:
        if rule.applies_to == "terminal":
            value = {class_: rule.matches(Request(at=at, class_=class_), set()) for class_ in classes}
            true, maybe = (frozenset(name for name in classes if value[name] is said) for said in (True, None))
            entries.append(Entry(rule.id, rule.effect, rule.territory, true, maybe, rule.land_in))
    return entries


def compare_masks(
    made: Case, rule_set: RuleSet, export: cedar.Export, theirs: list[Verdict], ground: Ground, tally: Tally,
    rng: random.Random,
) -> None:  # fmt: skip
    """What the masks say of the cells of positions: to every request from there, and to a class alone."""
    index = cell_cache.load(RESOLUTION)
    masks: dict[str, mask_world.WorldMask] = {}
    for pair, their in zip(made.pairs, theirs, strict=True):
        at = pair.request.get("at")
        if pair.place is None or pair.action != "terminal" or at is None or "class" not in pair.request:
            continue
        if at not in masks:
            entries = entries_of(rule_set, cedar.instant(at), rule_set.classes)
            masks[at] = mask_world.compute(index, entries, rule_set.classes)
        may = may_at(masks[at], pair)
        tally.cells[may] += 1
        if (may == "no" and their.outcome == "PERMITTED") or (
            may == "yes" and their.outcome != "PERMITTED" and within_cell(pair.place)
        ):
            tally.differ(f"a mask that says {may}", made.files, pair, their)
    if masks and not ground.drawn:  # parts of cells know polygons by their files
        compare_classes(made, rule_set, export, masks, ground, tally, rng)


def may_at(world: mask_world.WorldMask, pair: Pair) -> str:
    assert pair.place is not None
    cell = h3.latlng_to_cell(pair.place.latitude_deg, pair.place.longitude_deg, RESOLUTION)
    number = world.index.number_of(np.array([int(cell, 16)], dtype=np.uint64))
    return mask_world.MAY[int(world.may(pair.request["class"])[number][0])]


def within_cell(place: plane.Place) -> bool:
    """Whether the cell of a place holds its circle: 16 points on the rim tell, as cells are convex."""
    cell = h3.latlng_to_cell(place.latitude_deg, place.longitude_deg, RESOLUTION)
    turns = np.arange(0.0, 360.0, 22.5)
    rim = GEOD.fwd(
        *np.full((2, 16), [[place.longitude_deg], [place.latitude_deg]]), turns, np.full(16, place.radius_m * 1.1)
    )
    return all(
        h3.latlng_to_cell(latitude, longitude, RESOLUTION) == cell for longitude, latitude in zip(*rim[:2], strict=True)
    )


def compare_classes(
    made: Case, rule_set: RuleSet, export: cedar.Export, masks: Mapping[str, mask_world.WorldMask], ground: Ground,
    tally: Tally, rng: random.Random,
) -> None:  # fmt: skip
    """A request of which a class and an exact place are known: its cell's mask, and the mask of the parts of it."""
    exact = [place for place in ground.places if place.radius_m == 0.0]
    places = rng.sample(exact, min(4, len(exact)))
    at = rng.choice(sorted(masks))
    cells = np.unique([np.uint64(int(h3.latlng_to_cell(p.latitude_deg, p.longitude_deg, 5), 16)) for p in places])
    cut = parts.cut(cells, [region.polygon for region in rule_set.regions], with_people=False)
    made_mask = mask.compute(rule_set, cut, rule_set.classes, at=cedar.instant(at))
    kinds = kinds_of(cut, rule_set, ground)
    asked = [Asked({"at": at, "class": class_}, (kind,)) for kind in kinds for class_ in rule_set.classes]
    theirs = cedar.verdicts(export, asked)
    for number, (one, their) in enumerate(zip(asked, theirs, strict=True)):
        part, column = divmod(number, len(rule_set.classes))
        ours = made_mask.decisions[made_mask.decision[part, column]]
        tally.parts += 1
        if verdict(ours) != their or made_mask.permitted[part, column] != (their.outcome == "PERMITTED"):
            tally.differ("mask of parts", made.files, one, ours, their)
    used = {name for _, zones in kinds for name in zones} | {name for name, _ in zone_names(rule_set, ground)}
    for place in places:
        ((label, zones),) = place.kinds
        cell = np.uint64(int(h3.latlng_to_cell(place.latitude_deg, place.longitude_deg, 5), 16))
        there = {kind for kind, number in zip(kinds, cut.cell, strict=True) if cut.cells[number] == cell}
        if (label, zones & used) not in there:
            tally.differ("a kind of place that its cell's parts lack", made.files, place, there)
        asked = [Asked({"at": at, "class": class_}, place.kinds) for class_ in rule_set.classes]
        for one, their in zip(asked, cedar.verdicts(export, asked), strict=True):
            may = may_at(masks[at], Pair(dict(one.request), place, "terminal", ()))
            if (may == "yes" and their.outcome != "PERMITTED") or (may == "no" and their.outcome not in SURELY_NOT):
                tally.differ(f"a mask that says {may} to a class", made.files, place, one, their)


def zone_names(rule_set: RuleSet, ground: Ground) -> list[tuple[str, int]]:
    """(file, number of a region of the rule set that is its polygon); a polygon may be written in a rule itself."""
    of = {regions.of_file(ground.folder / name, name).sha256: name for name in ground.zones}
    return [(of[region.sha256], number) for number, region in enumerate(rule_set.regions)]


def kinds_of(cut: parts.Parts, rule_set: RuleSet, ground: Ground) -> list[plane.Kind]:
    named = zone_names(rule_set, ground)
    return [
        (str(label), frozenset(name for name, number in named if within[number]))
        for label, within in zip(cut.territory, cut.within, strict=True)
    ]
