"""Rule files read, and rule sets into masks of the whole Earth, beside the same in numpy."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import shapely

from benchmarks.workloads import Baseline, Workload
from openleo.places import cell_cache
from openleo.places.cell_index import CellIndex
from openleo.places.expressions import Difference, Expression, Intersection, Labels, Region
from openleo.places.territories import contested_with
from openleo.policy import ground as grounds
from openleo.policy.conditions import AtMost, MoreThan, Selector
from openleo.policy.entries import entries_of
from openleo.policy.mask_world import WorldMask, compute
from openleo.policy.request import Request
from openleo.policy.rule_file import read_rules
from openleo.policy.rules import CLASSES, Rule, RuleSet, union
from openleo.policy.when import ALWAYS, Period, Window

AT = datetime(2026, 11, 20, tzinfo=UTC)
RULE_SETS, PERMITS, OTHERS, ZONES = 10, 240, 500, 24


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


def rule_set(index: CellIndex, seed: int) -> RuleSet:
    """A permit of every country with its waters, and 500 rules on countries, some on no more than a zone of them.

    Those ask for classes, some for groups or speeds, some are in force for a time or by the week.
    """
    random = np.random.default_rng(seed)
    countries = [Labels(frozenset({id_, id_ + ".sea12"})) for id_ in lands(index)]
    rules = [Rule(f"country-{n}", "operator", "permit", one) for n, one in enumerate(countries)]
    for number in range(OTHERS):
        area: Expression = countries[random.integers(len(countries))]
        if number % 10 == 0:
            zone = zones()[random.integers(ZONES)]
            area = Difference(area, zone) if random.random() < 0.5 else Intersection((area, zone))
        effect = random.choice(["permit", "forbid", "suspend"], p=[0.4, 0.4, 0.2])
        emergency = None if effect == "permit" else random.choice(["keep", "cut"])
        rules.append(
            Rule(f"rule-{number}", "regulator", effect, area, a_selector(random), window=a_window(random),
                 emergency=emergency)
        )  # fmt: skip
    return union(rules)


def a_selector(random: np.random.Generator) -> Selector:
    classes = frozenset(np.array(CLASSES)[random.random(len(CLASSES)) < 0.4].tolist())
    groups = frozenset({f"group-{random.integers(20)}"}) if random.random() < 0.2 else None
    bound = float(random.integers(1, 16) * 10)
    some = ((), (AtMost("speed_kmh", bound),), (MoreThan("speed_kmh", bound),))
    return Selector(classes or None, groups, some[random.choice(3, p=[0.7, 0.15, 0.15])])


def a_window(random: np.random.Generator) -> Window:
    begins = AT + timedelta(hours=int(random.integers(-500, 100)))
    nights = Period(frozenset(range(7)), 3600 * int(random.integers(24)), 6 * 3600, "Asia/Taipei")
    some = (ALWAYS, Window(begins), Window(begins, begins + timedelta(days=30)), Window(weekly=(nights,)))
    return some[random.choice(4, p=[0.7, 0.1, 0.15, 0.05])]


def rule_files() -> Workload:
    """Files of 740 rules, from the disk to a rule set with its hash."""
    random = np.random.default_rng(3)
    ids = [id_ for id_ in lands(cell_cache.load(3)) if not contested_with(id_)]
    folder = TemporaryDirectory()
    names = [f"rules-{number}.toml" for number in range(RULE_SETS)]
    for name in names:
        text = ["schema = 1", 'book = "operator"']
        for number in range(PERMITS + OTHERS):
            text += [
                "[[rule]]", f'id = "rule-{number}"', 'reason = "service is licensed"',
                f'territory = {{ in = "{random.choice(ids)}" }}', 'who = { classes = ["fixed", "vehicle"] }',
                *(['effect = "permit"'] if number % 3 else ['effect = "forbid"', 'emergency = "keep"']),
                *(["conditions = { speed_kmh_max = 75 }"] if number % 4 == 0 else []),
            ]  # fmt: skip
        (Path(folder.name) / name).write_text("\n".join(text) + "\n")

    def ours() -> list[RuleSet]:
        return [read_rules([Path(folder.name) / name]) for name in names]

    def by_tomllib() -> int:
        return len(tomllib.loads((Path(folder.name) / names[0]).read_text())["rule"])

    def check() -> None:
        assert {len(one.rules) for one in ours()} == {by_tomllib()} == {PERMITS + OTHERS}

    title = f"file of {PERMITS + OTHERS} rules read and checked"
    return Workload(title, ours, (Baseline("tomllib, nothing checked", by_tomllib),), check, RULE_SETS)


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

    rows_of_area = {rule.territory: rows(rule.territory) for one in sets for rule in one.rules}

    def ours() -> list[WorldMask]:
        grounds.forget()
        return [compute(index, entries_of(one, AT, CLASSES), CLASSES) for one in sets]

    def by_numpy(rules: RuleSet = sets[0]) -> tuple[np.ndarray, np.ndarray]:
        """What each rule says to each class, ORed into the rows (cell, place) of its area; rows joined to cells."""
        requests = [Request(at=AT, class_=class_) for class_ in CLASSES]
        forbid, forbid_maybe, permit, permit_maybe = held = np.zeros((4, len(cell)), dtype=np.uint64)
        for rule in rules.rules:
            sure, unsure = rows_of_area[rule.territory]
            said = [rule.matches(request, set()) for request in requests]
            true, maybe = (
                np.uint64(sum(1 << bit for bit, value in enumerate(said) if value is what)) for what in (True, None)
            )
            holds, may_hold = held[2:] if rule.effect == "permit" else held[:2]
            holds[sure] |= true
            may_hold[sure] |= maybe
            may_hold[unsure] |= true | maybe
        no = (forbid | ~(permit | permit_maybe)) & everyone
        yes = permit & ~(forbid | forbid_maybe)
        return np.bitwise_and.reduceat(yes, first_row), np.bitwise_and.reduceat(no, first_row)

    def check() -> None:
        for mask, rules in zip(ours(), sets, strict=True):
            yes, no = by_numpy(rules)
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
