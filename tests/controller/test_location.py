"""Where the lease desk takes a terminal to be, and what is decided for it. Towns are GeoNames'."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from openleo.controller.lease_place import place as placed_at
from openleo.controller.location import Located, MeasurementRecord, locate
from openleo.geodesy import ecef_km, look_angles
from openleo.instants import instant_text
from openleo.network import ephemeris
from openleo.network.constellation import catalogue
from openleo.network.ranging import sky
from openleo.network.ranging.ellipse import Ellipse
from openleo.network.ranging.ranges import KM_PER_MS
from openleo.places import point
from openleo.policy.decide import Decision, Outcome, decide
from openleo.policy.request import Request
from openleo.policy.rule_file import read_rules

SYSTEM = catalogue.load("starlink-gen1")
SATELLITES = SYSTEM.constellation()
BEGINS = SYSTEM.epoch + timedelta(hours=7)
LOOKUP = sky.of(SATELLITES, SYSTEM.epoch, lambda age_s: np.full_like(age_s, 0.02))
BERN, LYON = (46.948, 7.447), (45.748, 4.847)


def measured(place, satellites=2, span_s=20.0, seed=1, far_km=0.0):
    """Round trips of a terminal at a place, 500 m high, with 100 ns of noise; `far_km` more in the last satellite's."""
    after_s = np.arange(0.0, span_s + 1e-9, 4.0)
    edges = ephemeris.positions(SATELLITES, BEGINS, [0.0, span_s]).position_km
    elevation = look_angles(*place, edges)[1].min(axis=0)
    best = np.argsort(-elevation)[: 3 * satellites : 3]  # not all of them overhead
    random, found = np.random.default_rng(seed), []
    for number in best.tolist():
        at = [BEGINS + timedelta(seconds=one) for one in after_s.tolist()]
        flown = LOOKUP([number] * len(at), at)
        distance = np.linalg.norm(flown.position_km - ecef_km(*place, 0.5), axis=1)
        distance = distance + (far_km if number == best[-1] else 0.0)
        trips = distance / KM_PER_MS + 100e-6 * random.standard_normal(len(at))
        found += [
            MeasurementRecord(satellite=number, at=instant, round_trip_ms=trip + 0.5, processing_ms=0.5, sigma_ns=100.0)
            for instant, trip in zip(at, trips.tolist(), strict=True)
        ]
    return found


def report(place, **other):
    known = {"uncertainty_m": 20.0, "age_s": 1.0, "source": "gnss", "class_": "fixed", "at": BEGINS}
    return Request(latitude_deg=place[0], longitude_deg=place[1], **(known | other))


@pytest.fixture(scope="module")
def switzerland(tmp_path_factory):
    """Terminals may be served in Switzerland alone."""
    permit = {"id": "r", "effect": "permit", "territory": {"in": "CHE", "include": []}, "reason": "a licence"}
    file = tmp_path_factory.mktemp("rules") / "rules.json"
    file.write_text(json.dumps({"schema": 1, "book": "operator", "rule": [permit]}))
    return read_rules([file])


def on_the_border():
    """Where the straight way from Bern to Lyon leaves Switzerland the first time."""
    share = np.linspace(0.0, 1.0, 2000)
    way = np.outer(1.0 - share, BERN) + np.outer(share, LYON)
    return next((lat, lon) for lat, lon in way.tolist() if point.where(lat, lon, 0.0).labels != ("CHE",))


def answer(rule_set, request: Request, located: Located) -> Decision:
    """As the desk decides."""
    return decide(rule_set, request, placed_at(located.regions, rule_set.regions, 4).where)


def kinds(located: Located) -> list[str]:
    return [one.kind for one in located.evidence]


# --- what is taken to be where ------------------------------------------------------------------------------------


def test_an_honest_report_is_decided_by_its_own_disc():
    located = locate(measured(BERN), report(BERN), LOOKUP)
    assert (located.regions, located.source, located.agrees) == (((*BERN, 20.0),), "gnss", True)
    assert located.evidence == ()


def test_a_report_from_elsewhere_is_decided_for_both_places(switzerland):
    """A terminal in Lyon that says it is in Bern: the union is not in Switzerland."""
    located = locate(measured(LYON), report(BERN), LOOKUP)
    assert (located.source, located.agrees, kinds(located)) == ("both", False, ["position-disagrees"])
    assert located.evidence[0].inputs["away_km"] == pytest.approx(240.0, abs=15.0)
    assert located.regions[0] == (*BERN, 20.0)
    assert len(located.regions) > 1
    decision = answer(switzerland, report(BERN), located)
    assert decision.outcome is Outcome.INDETERMINATE
    assert answer(switzerland, report(BERN), locate(measured(BERN), report(BERN), LOOKUP)).permitted


def test_a_jammed_terminal_is_served_where_the_network_puts_it(switzerland):
    jammed = Request(at=BEGINS, class_="fixed")
    located = locate(measured(BERN), jammed, LOOKUP)
    assert (located.source, located.agrees, kinds(located)) == ("network", None, ["gnss-absent"])
    assert answer(switzerland, jammed, located).permitted
    assert answer(switzerland, jammed, locate(measured(LYON), jammed, LOOKUP)).outcome is Outcome.NOT_PERMITTED
    border = locate(measured(on_the_border()), jammed, LOOKUP)
    assert answer(switzerland, jammed, border).outcome is Outcome.INDETERMINATE


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ({"uncertainty_m": None}, "gnss-absent"),
        ({"latitude_deg": None}, "gnss-absent"),
        ({"uncertainty_m": 30_000.0}, "gnss-uncertain"),
        ({"age_s": 1200.0}, "gnss-stale"),
        ({"speed_kmh": 5000.0}, "gnss-impossible"),
    ],
)
def test_an_implausible_report_leaves_it_to_the_network(what, kind):
    located = locate(measured(BERN), replace(report(LYON), **what), LOOKUP)
    assert (located.source, kinds(located)) == ("network", [kind])
    assert all(abs(latitude - BERN[0]) < 0.5 for latitude, _, _ in located.regions)


def test_round_trips_that_fit_nowhere_leave_the_beam_and_without_one_nothing(switzerland):
    far_ms = 0.2  # 30 km
    forged = [
        one.model_copy(update={"round_trip_ms": one.round_trip_ms + far_ms * (number % 3)})
        for number, one in enumerate(measured(BERN, satellites=3))
    ]
    alone = locate(forged, report(BERN), LOOKUP)
    assert (alone.regions, alone.source, kinds(alone)) == ((), "none", ["ranging-inconsistent"])
    assert answer(switzerland, report(BERN), alone).outcome is Outcome.INDETERMINATE
    lit = locate(forged, report(BERN), LOOKUP, beam=(*BERN, 15.0))
    assert lit.regions == ((*BERN, 15_000.0), (*BERN, 20.0))
    assert answer(switzerland, report(BERN), lit).permitted


def test_one_satellite_astray_does_not_cut_its_terminals():
    located = locate(measured(BERN, satellites=4, far_km=50.0), report(BERN), LOOKUP)
    assert (located.regions, located.agrees, kinds(located)) == (((*BERN, 20.0),), True, ["satellite-doubted"])
    spoofed = locate(measured(LYON, satellites=4, far_km=50.0), report(BERN), LOOKUP)
    assert (spoofed.source, spoofed.agrees) == ("both", False)
    assert kinds(spoofed) == ["satellite-doubted", "position-disagrees"]


def test_without_round_trips_the_report_counts_unless_the_beam_says_otherwise():
    assert locate([], report(BERN), LOOKUP).source == "gnss"
    assert locate([], report(BERN), LOOKUP).agrees is None
    assert locate([], report(BERN), LOOKUP, beam=(*BERN, 15.0)).regions == ((*BERN, 20.0),)
    elsewhere = locate([], report(BERN), LOOKUP, beam=(*LYON, 15.0))
    assert elsewhere.regions == ((*BERN, 20.0), (*LYON, 15_000.0))
    assert kinds(elsewhere) == ["report-outside-beam"]
    assert locate([], Request(), LOOKUP).source == "none"
    assert locate([], Request(), LOOKUP, beam=(*BERN, 15.0)).regions == ((*BERN, 15_000.0),)


def test_a_satellite_nobody_knows_is_left_out_and_told():
    stranger = [one.model_copy(update={"satellite": 99_999}) for one in measured(BERN)]
    located = locate([*measured(BERN), *stranger], report(BERN), LOOKUP)
    assert (located.agrees, kinds(located)) == (True, ["satellite-unknown"])
    assert "99999" in located.evidence[0].says


def test_an_old_report_of_a_moving_terminal_is_not_held_against_it():
    """Five minutes ago and 20 km away, at 240 km/h; a fixed terminal has no such excuse."""
    moved = (BERN[0] + 0.18, BERN[1])
    train = report(moved, class_="vehicle", age_s=300.0, speed_kmh=240.0)
    assert locate(measured(BERN), train, LOOKUP).agrees
    assert not locate(measured(BERN), report(moved, age_s=300.0), LOOKUP).agrees


# --- what is decided ----------------------------------------------------------------------------------------------


def permitted(switzerland, regions) -> bool:
    return answer(switzerland, report(BERN), Located(tuple(regions), "network", None)).permitted


DISCS = st.lists(
    st.tuples(st.floats(45.9, 47.7), st.floats(6.0, 10.4), st.floats(0.0, 25_000.0)), min_size=1, max_size=4
)


@settings(max_examples=30)
@given(regions=DISCS)
def test_a_union_is_permitted_exactly_where_all_of_its_discs_are(switzerland, regions):
    assert permitted(switzerland, regions) == all(permitted(switzerland, [one]) for one in regions)


def test_a_long_ellipse_does_not_become_a_large_disc(switzerland):
    """2 × 70 km along the Swiss plateau: inside as a row of discs, across the border as one."""
    ellipse = Ellipse(47.0, 7.5, 70.0, 2.0, 55.0)
    assert permitted(switzerland, ellipse.discs())
    assert not permitted(switzerland, ellipse.discs(most=1))


def test_a_measurement_is_read_as_it_stands_in_a_request():
    told = {"satellite": 7, "at": instant_text(BEGINS), "round_trip_ms": 4.5, "sigma_ns": 100.0}
    read = MeasurementRecord.model_validate(told)
    assert isinstance(read.at, datetime)
    assert read.processing_ms == 0.0
    for wrong in ({"round_trip_ms": -1.0}, {"sigma_ns": 0.0}, {"satellite": -1}, {"range_km": 3.0}):
        with pytest.raises(ValidationError):
            MeasurementRecord.model_validate(told | wrong)
