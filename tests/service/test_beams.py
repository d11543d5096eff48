"""Rules on beams as terminals feel them, against geodesic distances between places (pyproj), and what must hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from openleo import cells as h3cells
from openleo.errors import InputError
from openleo.places import point, regions
from openleo.places.expressions import WORLD, Expression, Labels, difference, holds, labels_of, sea, union
from openleo.places.parts import cut
from openleo.places.territories import with_territorial_sea
from openleo.policy import mask
from openleo.policy.decide import Outcome, decide
from openleo.policy.request import Request
from openleo.policy.rules import Rule, RuleSet
from openleo.policy.rules import union as set_of
from openleo.policy.when import Period, Window
from openleo.service.beams import felt, told
from openleo.service.effect import named_rules

WGS84 = Geod(ellps="WGS84")
AT = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)
BY_ID = attrgetter("id")
STEP_KM = 1.0  # between the places that stand for all of them
TOLERANCE_KM = {False: 1.3, True: 2.7}  # half a step across and a strip's edge; where waters meet, a cell's 2 km
SGP, MYS, IDN = (Labels(with_territorial_sea({id_})) for id_ in ("SGP", "MYS", "IDN"))
SERVED = Rule("served", "operator", "permit", WORLD, reason="everybody, everywhere")


def square(latitude_deg: float, longitude_deg: float, half_km: float) -> regions.Region:
    north, east = half_km / 110.6, half_km / 111.3
    ring = [[x * east + longitude_deg, y * north + latitude_deg] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    return regions.of_geojson({"type": "Polygon", "coordinates": [[*ring, ring[0]]]}, "test")


QUIET = square(1.55, 103.75, 4.0)  # in Johor, 12 km from the strait


def beam(effect: str, territory: Expression, id_: str = "quiet", **more: object) -> Rule:
    rule = Rule(id_, "regulator", effect, territory, applies_to="beam", reason="quiet", **more)  # type: ignore[arg-type]
    return replace(rule, emergency=None if effect == "permit" else rule.emergency or "cut")


def answer(rule_set: RuleSet, latitude: float, longitude: float, class_: str = "fixed", at: datetime = AT):  # type: ignore[no-untyped-def]
    where = point.where(latitude, longitude, 0.0, rule_set.regions)
    return decide(rule_set, Request(at=at, class_=class_, uncertainty_m=0.0), where)


def grid(step_km: float, half_km: float) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.arange(-half_km, half_km + step_km, step_km)
    north, east = np.meshgrid(offsets, offsets)
    return 1.35 + north.ravel() / 110.6, 103.8 + east.ravel() / 111.3


@pytest.mark.parametrize(
    ("rule", "dark"),
    [
        (beam("forbid", SGP), SGP),
        (beam("suspend", QUIET, window=Window(ends=AT + timedelta(days=9))), QUIET),
        pytest.param(
            beam("forbid", difference(union([SGP, QUIET]), square(1.36, 103.82, 9.0))), None, marks=pytest.mark.slow
        ),
        pytest.param(beam("permit", union([SGP, MYS])), difference(WORLD, union([SGP, MYS])), marks=pytest.mark.slow),
        pytest.param(beam("permit", difference(WORLD, QUIET)), QUIET, marks=pytest.mark.slow),
    ],
    ids=["a land and its waters", "a square", "an area with a hole", "permits of neighbours", "all but a square"],
)
def test_who_goes_dark_against_geodesic_distances_between_places(rule, dark):
    beam_km, half_km = 9.0, 38.0
    dark = rule.territory if dark is None else dark
    asked = regions_of_any(dark)
    latitude, longitude = grid(STEP_KM, half_km + beam_km + 2.0)
    places = [point.where(*at, 0.0, asked) for at in zip(latitude.tolist(), longitude.tolist(), strict=True)]
    kept_dark = np.array([any(_in(dark, atom) for atom in place.atoms) for place in places])
    assert 0 < kept_dark.sum() < len(kept_dark)
    rules = felt(set_of([SERVED, rule]), beam_km)
    found = {True: 0, False: 0}
    for lat, lon in np.random.default_rng(7).uniform(-half_km, half_km, (250, 2)) / 111.0 + (1.35, 103.8):
        near = kept_dark & (np.hypot(latitude - lat, longitude - lon) < 2.0 * beam_km / 110.6)
        many = np.ones(near.sum())
        distance = WGS84.inv(lon * many, lat * many, longitude[near], latitude[near])[2] / 1000.0
        nearest = distance.min(initial=np.inf)
        if abs(nearest - beam_km) < TOLERANCE_KM[bool(labels_of(dark))]:
            continue
        decision = answer(rules, lat, lon)
        assert decision.permitted == (nearest > beam_km), (lat, lon, nearest)
        assert decision.permitted or "quiet" in decision.because[0].rule
        found[decision.permitted] += 1
    assert min(found.values()) >= 15


def regions_of_any(area: Expression):  # type: ignore[no-untyped-def]
    return set_of([replace(SERVED, territory=area)]).regions


def _in(area: Expression, atom) -> bool:  # type: ignore[no-untyped-def]
    return holds(area, atom.label, atom.regions.__contains__) is True


# --- what holds for any rules -------------------------------------------------------------------------------------

AREAS = st.sampled_from([SGP, MYS, QUIET, union([SGP, QUIET]), difference(MYS, QUIET), WORLD])
PLACES = [(1.35, 103.8), (1.47, 103.76), (1.55, 103.75), (1.62, 103.75), (1.25, 103.95), (1.12, 104.05), (1.2, 103.5)]
WINDOWS = st.sampled_from([Window(), Window(begins=AT), Window(ends=AT), Window(AT, AT + timedelta(hours=1))])
EFFECTS = st.sampled_from(["permit", "forbid", "suspend"])
BEAMS = st.lists(
    st.builds(
        lambda effect, area, window, keep: beam(effect, area, window=window, emergency="keep" if keep else "cut"),
        EFFECTS, AREAS, WINDOWS, st.booleans(),
    ),
    max_size=3,
).map(lambda rules: [replace(rule, id=f"b{number}") for number, rule in enumerate(rules)])  # fmt: skip
CLASSES = st.sampled_from(["fixed", "emergency"])


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(BEAMS, AREAS, WINDOWS, CLASSES, st.sampled_from([0.0, 5.0, 12.0]), st.sampled_from(PLACES))
def test_a_forbid_on_beams_never_permits_anyone_new(rules, area, window, class_, beam_km, place):
    without = felt(set_of([SERVED, *rules]), beam_km)
    with_it = felt(set_of([SERVED, *rules, beam("forbid", area, "more", window=window)]), beam_km)
    assert answer(without, *place, class_).permitted >= answer(with_it, *place, class_).permitted


STRAIT = h3cells.overlapping([shapely.box(103.2, 0.9, 104.6, 1.9)], 5)
LIT = {"s": SGP, "m": MYS, "i": IDN, "q": QUIET, "w": square(1.45, 103.8, 30.0), "d": difference(MYS, QUIET)}


SMOOTHED_KM2 = 0.1  # of a strait's length of outline, which is smoothed by up to 50 m where a union has another one


def taken_km2(names: list[str], beam_km: float) -> tuple[list[float], bool]:
    """(parts from which a permit for the last of some areas takes beside those for the others, does it give any)."""
    permits = [beam("permit", LIT[name], name) for name in names]
    sides = [felt(set_of([SERVED, *some]), beam_km) for some in (permits[:-1], permits)]
    asked = tuple(dict.fromkeys(region for side in sides for region in side.regions))
    parts = cut(STRAIT, [region.polygon for region in asked], with_people=False)
    kinds = mask.kinds_of(parts, asked)
    before, after = (mask.decide_kinds(side, kinds, ("fixed",), AT).may[:, 0][kinds.of_part] for side in sides)
    return parts.area_km2[after < before].tolist(), bool((after > before).any())


@pytest.mark.parametrize(
    "names",
    [
        ["s", "m"],
        ["m", "s"],
        ["m", "w"],
        *(pytest.param(one, marks=pytest.mark.slow) for one in (["s", "m", "i"], ["s", "w", "i"])),
    ],
    ids="-".join,
)
def test_one_more_permit_on_beams_takes_nothing_from_anybody(names):
    """Slivers between outlines drawn in two ways were cells that lose; and 5 km² where three waters meet were."""
    assert taken_km2(names, 12.0) == ([], True)


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(st.permutations(sorted(LIT)).map(lambda names: names[:3]), st.sampled_from([5.0, 12.0]))
def test_one_more_permit_takes_no_more_than_outlines_are_smoothed_by(names, beam_km):
    assert sum(taken_km2(names, beam_km)[0]) < SMOOTHED_KM2  # an area within others gives nothing


@settings(deadline=None, max_examples=60)
@given(BEAMS, CLASSES, st.sampled_from(PLACES))
def test_the_farther_a_beam_is_felt_the_fewer_are_served(rules, class_, place):
    permitted = [answer(felt(set_of([SERVED, *rules]), km), *place, class_).permitted for km in (0.0, 5.0, 12.0)]
    assert permitted == sorted(permitted, reverse=True)


@settings(deadline=None, max_examples=60)
@given(BEAMS, CLASSES, st.sampled_from(PLACES), st.sampled_from([AT, AT + timedelta(hours=2)]))
def test_without_reach_a_beam_rule_is_the_rule_on_the_terminal_itself(rules, class_, place, at):
    """Beam permits bind as permits of the place: a terminal needs one of those in force as soon as one is written."""
    said = answer(felt(set_of([SERVED, *rules]), 0.0), *place, class_, at)
    plain = [replace(rule, applies_to="terminal") for rule in rules]
    withholding = answer(set_of([SERVED, *(rule for rule in plain if rule.effect != "permit")]), *place, class_, at)
    permits = [rule for rule in plain if rule.effect == "permit"]
    lit = not permits or answer(set_of(permits), *place, class_, at).permitted
    assert said.permitted == (withholding.permitted and lit)


# --- one by one ---------------------------------------------------------------------------------------------------


def test_rules_without_beams_are_left_as_they_are():
    rules = set_of([SERVED])
    assert felt(rules, 12.0) is rules
    assert told([rules], 12.0) == []


def test_the_hash_stays_that_of_what_was_written_and_the_note_names_the_rules():
    rules = set_of([SERVED, beam("forbid", QUIET)])
    assert felt(rules, 12.0).sha256 == rules.sha256
    said = "Rules on beams (quiet) withhold service within 12 km of whatever they keep dark: so far a beam is felt."
    assert told([rules], 12.0) == [said]


def test_a_beam_rule_that_keeps_emergency_terminals_keeps_them_around_it_too():
    rules = felt(set_of([SERVED, beam("forbid", QUIET, emergency="keep")]), 12.0)
    assert not answer(rules, 1.62, 103.75).permitted
    assert answer(rules, 1.62, 103.75, "emergency").permitted


def test_two_neighbours_that_permit_beams_leave_no_gap_between_them():
    both = [beam("permit", SGP, "s"), beam("permit", MYS, "m")]
    strait = (1.447, 103.769)
    assert answer(felt(set_of([SERVED, *both]), 12.0), *strait).permitted
    alone = answer(felt(set_of([SERVED, both[0]]), 12.0), *strait)
    assert alone.outcome is Outcome.FORBIDDEN
    assert alone.because[0].rule == "nowhere but s"
    assert alone.because[0].reason == "beams are permitted by s alone, and not here"


def test_a_permit_on_beams_binds_before_and_after_its_window_as_the_only_one_there_is():
    """As on request: a permit that is not in force permits nothing, and what nothing permits is not permitted."""
    rules = set_of([SERVED, beam("permit", MYS, window=Window(AT, AT + timedelta(hours=1)))])
    inland = (2.0, 103.3)
    for at, permitted in ((AT - timedelta(hours=1), False), (AT, True), (AT + timedelta(hours=1), False)):
        assert answer(felt(rules, 12.0), *inland, at=at).permitted == permitted
        on_request = decide(rules, Request(at=at, uncertainty_m=0.0), point.where(*inland, 0.0, rules.regions), "beam")
        assert on_request.permitted == permitted


def test_what_permits_withhold_has_a_name_of_its_own_in_every_span_and_stands_on_one_side():
    """Both spans had one id, and the rule stood in "old and new rules" that only the new ones had."""
    rules = set_of([SERVED, beam("permit", SGP, "s"), beam("permit", MYS, "m", window=Window(AT, AT + DAY))])
    derived = [rule for rule in felt(rules, 5.0).rules if rule.id != "served"]
    until, begins = "until 2026-11-20T00:00:00Z", "from 2026-11-21T00:00:00Z"
    assert [rule.id for rule in derived] == [f"nowhere but s {until}", "nowhere but m, s", f"nowhere but s {begins}"]
    told_of = named_rules(set_of([SERVED]), felt(rules, 5.0), {rule.id for rule in derived})
    assert [(rule.rule, rule.of) for rule in told_of] == [(rule.id, ("new",)) for rule in sorted(derived, key=BY_ID)]
    one = replace(SERVED, id="twice", applies_to="gateway")
    both = replace(set_of([SERVED]), rules=(one, one))
    assert [rule.of for rule in named_rules(both, both, {"twice"})] == [("base", "new")]


def test_what_cannot_be_drawn_is_refused_by_name_and_all_of_it():
    night = Window(weekly=(Period(frozenset({0}), 0, 3600, "UTC"),))
    rules = set_of(
        [
            beam("forbid", sea(), "s"),
            beam("forbid", Labels(frozenset({"SGP.sea200"})), "far"),
            beam("permit", SGP, "w", window=night),
            beam("forbid", SGP, "fine", window=night),
        ],
        sources=["r.toml"],
    )
    with pytest.raises(InputError) as refused:
        felt(rules, 12.0)
    assert [problem.where for problem in refused.value.problems] == ['rule "s"', 'rule "far"', 'rule "w"']
    assert '"SGP.sea200" has no outline' in str(refused.value)


@pytest.mark.slow
def test_neighbours_whose_areas_are_made_in_other_ways_leave_no_gap_either():
    """Waters of three are drawn one by one here. South of 1.22° a pocket of the strait is in nobody's 12 miles."""
    elsewhere = square(4.2, 102.0, 3.0)
    both = [
        beam("permit", SGP, "s"),
        beam("permit", difference(MYS, elsewhere), "m"),
        beam("permit", difference(IDN, elsewhere), "i"),
    ]
    rules = felt(set_of([SERVED, *both]), 12.0)
    latitude, longitude = np.random.default_rng(3).uniform((1.22, 103.4), (1.5, 104.1), (150, 2)).T
    refused = [at for at in zip(latitude, longitude, strict=True) if not answer(rules, *map(float, at)).permitted]
    assert refused == []
