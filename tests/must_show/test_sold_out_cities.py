"""Cities that the operator called sold out against cities as large that it did not: does the modelled load tell them?

The facts, with their sources: tests/data/capacity/sold-out-cities.csv. The computation: tools/sold_out_cities.py.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import sold_out_cities  # noqa: E402


def test_area_under_the_curve_against_mann_whitney():
    random = np.random.default_rng(3)
    score = np.round(random.normal(size=60), 1)  # with ties
    yes = random.random(60) < 0.4
    expected = mannwhitneyu(score[yes], score[~yes]).statistic / (yes.sum() * (~yes).sum())
    assert sold_out_cities.auc(score, yes) == pytest.approx(expected)
    low, high = sold_out_cities.interval(score, yes, draws=500)
    assert 0.0 <= low < expected < high <= 1.0


def test_controls_are_as_large_and_apart():
    cities = sold_out_cities.sold_out()
    assert len(cities) >= 20
    assert {"Lagos", "Abuja", "Nairobi", "Lusaka", "Harare", "London", "Mexico City", "São Paulo", "Manaus"} <= {
        one.name for one in cities
    }
    territories = [one for one in sold_out_cities.SERVED.split() if one not in sold_out_cities.WAITLISTED]
    others = sold_out_cities.controls(cities, territories)
    assert len(others) == sold_out_cities.CONTROLS * len(cities)
    assert {one.territory for one in others} <= set(territories)
    places = [(one.latitude_deg, one.longitude_deg) for one in [*cities, *others]]
    for number, one in enumerate(others):
        rest = places[: len(cities) + number] + places[len(cities) + number + 1 :]
        assert sold_out_cities.nearest_km(one.latitude_deg, one.longitude_deg, rest) >= sold_out_cities.APART_KM
    people = [np.median([one.people for one in some]) for some in (cities, others)]
    assert 0.6 < people[1] / people[0] < 1.6


@pytest.mark.slow
def test_load_tells_cities_that_were_sold_out(capsys):
    """Better than people alone; docs/demand.md has the figures of more slots, and how far that is from sure."""
    found = sold_out_cities.score(slots=1)
    with capsys.disabled():
        print("\n" + found.text)
    assert found.load > found.people
