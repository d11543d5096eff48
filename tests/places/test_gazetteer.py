"""Places by name: a pair of coordinates, a town, a territory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openleo.places import gazetteer, land
from openleo.places.territories import territories

A_CITY_KM_IN_DEG = 0.2


@pytest.mark.parametrize(
    ("words", "latitude_deg", "longitude_deg"),
    [
        ("Taipei", 25.05, 121.53),
        ("taipei", 25.05, 121.53),
        ("TAIPEI, TWN", 25.05, 121.53),
        ("25.03,121.56", 25.03, 121.56),
        (" 25.03 , 121.56 ", 25.03, 121.56),
        ("-18.12,178.44", -18.12, 178.44),
        ("Kinmen", 24.43, 118.32),
        ("matsu", 26.15, 119.93),
        ("Kaohsiung", 22.62, 120.31),
        ("Naha", 26.21, 127.68),
        ("Paris", 48.85, 2.35),
        ("Paris, USA", 33.66, -95.56),
        ("São Paulo", -23.55, -46.64),
        ("Sao Paulo", -23.55, -46.64),
        ("TON", -21.14, -175.20),
        ("Taiwan", 25.05, 121.5),
    ],
)
def test_a_place_is_found_where_it_is(words, latitude_deg, longitude_deg):
    place = gazetteer.find(words)
    assert place is not None
    assert abs(place.latitude_deg - latitude_deg) < A_CITY_KM_IN_DEG
    assert abs(place.longitude_deg - longitude_deg) < A_CITY_KM_IN_DEG
    assert place.name


@given(st.floats(-90.0, 90.0), st.floats(-180.0, 179.999))
def test_coordinates_are_themselves(latitude_deg, longitude_deg):
    place = gazetteer.find(f"{latitude_deg:.6f},{longitude_deg:.6f}")
    assert place is not None
    assert place.latitude_deg == pytest.approx(latitude_deg, abs=1e-6)
    assert place.longitude_deg == pytest.approx(longitude_deg, abs=1e-6)


def test_longitudes_beyond_half_a_turn_are_brought_back():
    assert gazetteer.find("0,190").longitude_deg == -170.0
    assert gazetteer.find("0,-180").longitude_deg == -180.0


@pytest.mark.parametrize(
    "words",
    ["", " ", ",", "Taipeh", "Qwrtzp", "91,0", "-90.1,0", "0,361", "nan,nan", "1e1,1e1", "25.03", "Paris, ZZZ"],
)
def test_what_is_not_found_is_offered_a_way_out(words):
    assert gazetteer.find(words) is None
    assert gazetteer.offer(words)


def test_near_names_are_offered():
    assert "Taipei" in gazetteer.offer("Taipeh")
    assert "Kaohsiung" in gazetteer.offer("Kaohsiong, TWN")
    assert "latitude,longitude" in gazetteer.offer("Qwrtzp")


def test_the_larger_town_of_a_name_comes_first():
    assert gazetteer.find("Birmingham").territory == "GBR"
    assert gazetteer.find("Birmingham, USA").territory == "USA"


def test_towns_lie_in_their_territories():
    """Of every thousandth town; harbours stand on piers, so 5 km of coast are forgiven."""
    towns = [places[0] for places in gazetteer.towns().values()][::1000]
    numbers = land.load().territory_of([one.longitude_deg for one in towns], [one.latitude_deg for one in towns])
    for town, number in zip(towns, numbers, strict=True):
        if number >= 0:
            assert land.load().territories[number] == town.territory, town


def test_territories_with_people_are_found_by_their_id():
    inhabited = [row for row in territories().values() if row.population > 1_000]
    assert [row.id for row in inhabited if gazetteer.find(row.id) is None] == []
