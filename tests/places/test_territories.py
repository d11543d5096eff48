"""Territories: who is who, who disputes what, and what is offered for a word that names none."""

from __future__ import annotations

import pytest

from openleo.places.territories import (
    HIGH_SEAS,
    STRIPS,
    contested_areas,
    contested_with,
    display_name,
    territories,
    territory_id,
    unknown_territory,
    with_territorial_sea,
)


@pytest.mark.parametrize(
    ("word", "id_"),
    [
        ("TWN", "TWN"),
        ("twn", "TWN"),
        (" twn ", "TWN"),
        ("kinmen", "kinmen"),
        ("Kinmen", "kinmen"),
        ("JPN.sea12", "JPN.sea12"),
        ("jpn.SEA200", "JPN.sea200"),
        ("kinmen.sea12", "kinmen.sea12"),
        ("high-seas", HIGH_SEAS),
        ("High Seas", HIGH_SEAS),
        ("Northern Cyprus", "northern-cyprus"),
        ("Krym", "crimea"),
        ("XKX", "XKX"),
    ],
)
def test_a_word_names_a_territory_in_any_case(word, id_):
    assert territory_id(word) == id_


@pytest.mark.parametrize("word", ["", "TWNX", "JPN.sea24", ".sea12", "high-seas.sea12", "TWN.sea12.sea12", "world"])
def test_a_word_that_names_none(word):
    assert territory_id(word) is None


@pytest.mark.parametrize(
    ("word", "offered"),
    [
        ("TWM", "TWN"),
        ("Japan", "Japan is JPN."),
        ("japan", "JPN"),
        ("Philipines", "PHL (Philippines)"),
        ("kinmn", "kinmen"),
    ],
)
def test_near_names_are_offered(word, offered):
    rule, way_out = unknown_territory(word)
    assert f'"{word}"' in rule
    assert offered in way_out


def test_a_word_near_nothing_is_sent_to_the_list():
    assert unknown_territory("qqqqqqqqq")[1] == "See `openleo territory list`."


def test_names_are_printed_for_lands_strips_and_the_high_seas():
    assert display_name("JPN") == "Japan"
    assert display_name("JPN.sea12") == "Japan, 0 to 12 nautical miles"
    assert display_name("JPN.sea200") == "Japan, 12 to 200 nautical miles"
    assert display_name(HIGH_SEAS) == "High seas"


def test_what_a_rule_on_a_country_must_decide():
    assert {area.id for area in contested_with("JPN")} == {"senkaku", "dokdo", "southern-kurils"}
    assert {"kinmen", "matsu", "pratas", "senkaku"} <= {area.id for area in contested_with("TWN")}
    assert {"TWN", "kinmen", "matsu", "aksai-chin", "arunachal-pradesh"} <= {area.id for area in contested_with("CHN")}
    assert contested_with("LUX") == []
    assert "TWN" not in {area.id for area in contested_with("TWN")}


def test_every_party_of_an_area_must_decide_it():
    for area in contested_areas().values():
        for party in area.parties - {area.id}:
            assert area in contested_with(party), (party, area.id)


def test_land_brings_its_territorial_sea_and_nothing_else():
    assert with_territorial_sea(["LUX"]) == {"LUX", "LUX.sea12"}
    assert with_territorial_sea(["JPN.sea200", HIGH_SEAS]) == {"JPN.sea200", HIGH_SEAS}
    assert with_territorial_sea([]) == frozenset()
    assert with_territorial_sea(iter(["a-land-of-later"])) == {"a-land-of-later", "a-land-of-later.sea12"}
    no_land = {HIGH_SEAS, *(id_ + strip for id_ in territories() for strip in STRIPS)}
    for id_ in (*territories(), *no_land):  # as the table has it
        assert with_territorial_sea([id_]) == {id_} | ({f"{id_}.sea12"} if id_ in territories() else set())
    assert no_land.isdisjoint(territories())


def test_every_territory_names_its_source_version_and_point_of_view():
    for row in territories().values():
        assert row.source, row.id
        assert row.version, row.id
        assert row.point_of_view, row.id


@pytest.mark.parametrize("word", ["LUX.sea12", "che.SEA200", "golan.sea12", "AFG.sea12"])
def test_a_land_without_a_coast_has_no_strip_of_sea(word):
    """The CIA World Factbook (coastline: 0 km) has each of the ISO entries as landlocked."""
    assert territory_id(word) is None
    rule, way_out = unknown_territory(word)
    land = word.partition(".")[0]
    assert f'there is no territory "{word}"' in rule
    assert "has no coast" in rule
    assert territory_id(land) in way_out
