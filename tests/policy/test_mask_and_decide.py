"""What a mask promises, against the scalar decision of requests from exact points.

`yes`: every request of the class is permitted from anywhere in the cell, whatever else is known or not known of it.
`no`: none ever is. `depends` promises nothing. Cells, points (corners of borders and of regions among them), rule sets
and requests are drawn from seeds.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache

import h3.api.numpy_int as h3
import numpy as np
import pytest
import shapely

from openleo import cells as h3cells
from openleo.places import cell_cache, land, point
from openleo.places.expressions import Difference, Intersection, Labels, Region, Union
from openleo.policy.conditions import AtMost, MoreThan, OneOf, Selector
from openleo.policy.decide import Outcome, decide
from openleo.policy.mask_world import DEPENDS, MAY, NO, YES
from openleo.policy.request import Request
from openleo.policy.rules import Rule, union
from openleo.policy.states import Masks
from openleo.policy.when import ALWAYS, Period, Window

RESOLUTION = 3
CLASSES = ("fixed", "vehicle", "emergency", "drone")
START = datetime(2026, 11, 20, tzinfo=UTC)
RULE_SETS, CELLS_OF_EACH, REQUESTS = 120, 110, 4
FINE = 11  # a resolution whose cells are points to ours: 25 m
DISC = shapely.Point(14.0, 50.0).buffer(6.0)
REGIONS = tuple(
    Region(name, name, shape)
    for name, shape in (("disc", DISC), ("box", shapely.box(100.0, 0.0, 125.0, 28.0)),
                        ("ring", DISC.buffer(3.0).difference(DISC.buffer(-2.0))))
)  # fmt: skip


@cache
def index():
    return cell_cache.load(RESOLUTION)


@cache
def chosen():
    """Numbers of cells: anywhere, of several labels, and crossed by the outline of a region."""
    draw = np.random.default_rng(20261120)
    several = np.flatnonzero(index().kind >= len(index().labels))
    outlines = [shapely.segmentize(region.polygon.boundary, 0.3) for region in REGIONS]
    corners = np.concatenate([shapely.get_coordinates(outline) for outline in outlines])
    at_outlines = np.array([h3cells.at(lat, lon, RESOLUTION) for lon, lat in corners], dtype=np.uint64)
    kinds = (np.arange(len(index())), several, np.unique(index().number_of(at_outlines)))
    return [int(one) for some in kinds for one in draw.choice(some, CELLS_OF_EACH, replace=False)]


@cache
def points():
    """(number of the cell, kinds of place that an exact point of it is) with every region told."""
    draw = random.Random(7)
    found = []
    for number in chosen():
        cell = int(index().cells[number])
        corners = [one for one in _corners(cell) if h3.latlng_to_cell(*one, RESOLUTION) == cell]
        for latitude, longitude in [*_anywhere(cell, draw), *draw.sample(corners, min(4, len(corners)))]:
            found.append((number, point.where(latitude, longitude, 0.0, REGIONS)))
    return found


def _anywhere(cell, draw):
    """Two points of a cell."""
    found = []
    while len(found) < 2:
        fine = cell
        for resolution in range(RESOLUTION + 1, FINE + 1):
            fine = int(draw.choice(h3.cell_to_children(fine, resolution).tolist()))
        place = h3.cell_to_latlng(fine)
        found += [place] if h3.latlng_to_cell(*place, RESOLUTION) == cell else []
    return found


def _corners(cell):
    """(latitude, longitude) of the corners of land and of regions around a cell."""
    outline = h3cells.outlines(np.array([cell], dtype=np.uint64))[0]
    world = land.load()
    near = [*world.pieces[world.tree.query(outline, predicate="intersects")], *(one.polygon for one in REGIONS)]
    xy = shapely.get_coordinates(near)
    return [(y, x) for x, y in xy[shapely.contains_xy(outline, xy)].tolist()]


# --- rules and requests -------------------------------------------------------------------------------------------


def an_area(draw, depth=2):
    """Labels of some of the cells, or of all of the Earth; or an expression of areas and regions."""
    shape = draw.random()
    if depth == 0 or shape < 0.5:
        if draw.random() < 0.3:
            return Labels(frozenset(index().labels))
        cells = draw.sample(chosen(), draw.choice([1, 10, 60]))
        return Labels(frozenset(label for number in cells for label in index().labels_of(number)))
    if shape < 0.6:
        return draw.choice(REGIONS)
    one, other = an_area(draw, depth - 1), draw.choice([*REGIONS, an_area(draw, depth - 1)])
    return draw.choice([Difference(one, other), Intersection((one, other)), Union((one, other))])


def a_selector(draw):
    conditions = (AtMost("speed_kmh", 75.0), MoreThan("speed_kmh", 75.0), AtMost("location_age_s", 60.0),
                  OneOf("home_territory", frozenset({"TON"})), AtMost("location_uncertainty_m", 10.0))  # fmt: skip
    return Selector(
        draw.choice([None, None, frozenset(draw.sample(CLASSES, 2))]),
        draw.choice([None, None, None, frozenset({"press"})]),
        draw.choice([(), (), (), (draw.choice(conditions),)]),
    )


def a_window(draw):
    begins, ends = START + timedelta(hours=draw.randint(-30, 30)), START + timedelta(hours=draw.randint(31, 60))
    nights = Period(frozenset(draw.sample(range(7), 4)), 18 * 3600, 6 * 3600, "Europe/Kyiv")
    some = Window(begins), Window(None, ends), Window(begins, ends), Window(weekly=(nights,))
    return draw.choice([ALWAYS, ALWAYS, *some])


def a_rule_set(draw):
    made = []
    for number in range(draw.randint(1, 9)):
        effect = draw.choice(["permit", "permit", "permit", "forbid", "suspend"])
        made.append(
            Rule(
                id=f"r{draw.randint(0, 3)}",  # ids come back in other books
                book=f"book-{number}",
                effect=effect,
                territory=an_area(draw),
                selector=a_selector(draw) if draw.random() < 0.6 else Selector(),
                unless=a_selector(draw) if draw.random() < 0.2 else None,
                window=a_window(draw),
                applies_to=draw.choice(["terminal"] * 8 + ["beam", "gateway"]),
                emergency=None if effect == "permit" else draw.choice(["keep", "cut"]),
            )
        )
    return union(made, CLASSES)


def a_request(draw, at, class_):
    """A request of a class from an exact point: every other fact anything, or not known."""
    return Request(
        at=at,
        class_=class_,
        groups=draw.choice([None, frozenset(), frozenset({"press"}), frozenset({"acme"})]),
        uncertainty_m=draw.choice([None, 0.0, 30.0]),
        age_s=draw.choice([None, 0.0, 61.0]),
        source=draw.choice([None, "gnss"]),
        speed_kmh=draw.choice([None, 0.0, 75.0, 76.0]),
        altitude_m=draw.choice([None, 0.0, 12_000.0]),
        days_abroad=draw.choice([None, 0.0, 90.0]),
        home_territory=draw.choice([None, "TON", "FJI"]),
    )


# --- what is promised ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_yes_and_no_are_final_and_all_three_are_met():
    met, permitted = Counter(), Counter()
    assert len({number for number, _ in points()}) >= 300
    assert sum(len(where.atoms) > 1 for _, where in points()) > 100  # on a border
    for seed in range(RULE_SETS):
        draw = random.Random(seed)
        rules = a_rule_set(draw)
        at = START + timedelta(hours=draw.randint(-40, 80))
        mask = Masks(rules, index()).at(at)
        may = {class_: mask.may(class_) for class_ in CLASSES}
        for number, where in draw.sample(points(), 400):
            for _ in range(REQUESTS):
                class_ = draw.choice(CLASSES)
                answer = int(may[class_][number])
                decision = decide(rules, a_request(draw, at, class_), where)
                if answer != DEPENDS:
                    assert decision.permitted is (answer == YES), (seed, number, class_, MAY[answer], decision)
                met[answer] += 1
                permitted[answer] += decision.permitted
    total = sum(met.values())
    assert min(met[answer] for answer in (NO, DEPENDS, YES)) > 0.1 * total, met
    assert 0 < permitted[DEPENDS] < met[DEPENDS]


OUTCOMES = {
    YES: {Outcome.PERMITTED},
    NO: {Outcome.FORBIDDEN, Outcome.SUSPENDED, Outcome.NOT_PERMITTED},
    DEPENDS: {Outcome.INDETERMINATE},
}


@pytest.mark.slow
def test_where_a_cell_is_one_place_the_mask_is_the_decision_and_names_its_first_reason():
    """Of a request that tells its class and time alone."""
    label_of = {number: index().labels[index().kind[number]] for number in chosen()
                if index().kind[number] < len(index().labels)}  # fmt: skip
    met = Counter()
    for seed in range(RULE_SETS):
        draw = random.Random(1000 + seed)
        rules = a_rule_set(draw)
        at = START + timedelta(hours=draw.randint(-40, 80))
        mask = Masks(rules, index()).at(at)
        for number, label in label_of.items():
            if mask.ground.kind[number] >= len(index().labels):
                continue  # a region tells it apart
            class_ = draw.choice(CLASSES)
            decision = decide(rules, Request(at=at, class_=class_), point.at(label))
            answer, rule = int(mask.may(class_)[number]), int(mask.rule(class_)[number])
            assert decision.outcome in OUTCOMES[answer]
            named = mask.entries[rule].rule if rule >= 0 else None
            assert named == (decision.because[0].rule if decision.because else None)
            met[decision.outcome] += 1
    assert set(met) == set(Outcome)


@pytest.mark.parametrize("hours", [0, 13, 40])
def test_the_promise_of_a_mask_lasts_until_its_next_change(hours):
    draw = random.Random(hours)
    kept = Counter()
    for _ in range(20):
        rules = a_rule_set(draw)
        masks, at = Masks(rules, index()), START + timedelta(hours=hours)
        until = masks.next_change(at)
        later = (at + (until - at) * draw.random()) if until else at + timedelta(days=draw.randint(1, 300))
        mask = masks.at(at)
        for number, where in draw.sample(points(), 60):
            class_ = draw.choice(CLASSES)
            answer = int(mask.may(class_)[number])
            if answer != DEPENDS:
                assert decide(rules, a_request(draw, later, class_), where).permitted is (answer == YES)
                kept[answer] += 1
    assert min(kept[YES], kept[NO]) > 50
