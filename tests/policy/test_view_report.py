"""Rules under a point of view take exactly the areas that it gives to their lands, and nothing else moves."""

from __future__ import annotations

import pytest

from openleo.places.areas import extent
from openleo.places.expressions import labels_of
from openleo.places.point import at
from openleo.places.territories import contested_areas, contested_with, territories
from openleo.places.views import View
from openleo.policy.decide import decide
from openleo.policy.diff import compare
from openleo.policy.request import Request
from openleo.policy.rule_file import read_rules
from openleo.policy.view_report import as_json, rows, text

RULE = """
[[rule]]
id = "{id}"
effect = "permit"
territory = {territory}
reason = "service is licensed"
"""


@pytest.fixture
def read(tmp_path):
    def read(view=None, **rules):
        path = tmp_path / "r.toml"
        said = "".join(RULE.format(id=id_, territory=territory) for id_, territory in rules.items())
        path.write_text(f'schema = 1\nbook = "operator"\n{said}')
        return read_rules([path], view)

    return read


def lands_in(rule_set, id_="r"):
    (rule,) = [rule for rule in rule_set.rules if rule.id == id_]
    return labels_of(rule.territory) & set(territories())


@pytest.mark.parametrize("land", ["JPN", "CHN", "UKR", "RUS", "IND", "GBR", "ISR", "LUX"])
@pytest.mark.parametrize("view", [View(), View("JPN"), View("CHN"), View("UKR"), View("PAK")], ids=str)
@pytest.mark.parametrize("written", ["include", "exclude"])
def test_a_rule_on_a_land_takes_what_the_view_gives_it(read, land, view, written):
    touched = [area.id for area in contested_with(land)]
    territory = f'{{ in = "{land}", {written} = {touched} }}'
    assert lands_in(read(view, r=territory)) == {land, *view.areas_of(land)}


def test_areas_named_by_the_rule_and_polygons_stand(read):
    named = '{ in = ["UKR - crimea", "TWN"], include = [] }'
    assert not permits(read(View("UKR"), r=named), "crimea")
    assert permits(read(View("CHN"), r=named), "TWN")
    cells = '{ cells = ["841f1d5ffffffff"] }'
    assert compare(read(r=cells), read(View("CHN"), r=cells)).empty


def permits(rule_set, label):
    return decide(rule_set, Request(class_="fixed"), at(label)).permitted


def test_the_waters_of_an_area_go_with_it(read):
    written = read(r='{ in = "JPN", include = [] }')
    viewed = read(View("JPN"), r='{ in = "JPN", include = [] }')
    for label in ("southern-kurils", "southern-kurils.sea12"):
        assert (permits(written, label), permits(viewed, label)) == (False, True)
    assert not permits(viewed, "southern-kurils.sea200")


def test_of_a_strip_a_view_only_says_what_is_cut_out(read):
    strip = '{ in = "coast(JPN, 50)", include = [] }'  # the Southern Kurils' waters begin within it
    written = read(r=strip)
    assert rows(compare(written, read(View("CHN"), r=strip))) == ()
    (row,) = rows(compare(written, read(View("JPN"), r=strip)))
    assert (row.verb, row.label, row.whole) == ("gains", "southern-kurils.sea12", False)
    assert row.area_km2 == pytest.approx(5_000, rel=0.2)  # half of a strait 20 to 30 km wide, and round the islands
    included = '{ in = "coast(JPN, 50)", include = ["southern-kurils"] }'  # all of them, as the rule says itself
    assert permits(read(View("JPN"), r=included), "southern-kurils")
    assert not permits(read(View(), r=included), "southern-kurils")


def test_rows_have_the_km2_and_people_of_the_table(read):
    territory = '{ in = "UKR", include = ["crimea"] }'
    found = rows(compare(read(r=territory), read(View(), r=territory)))
    assert {(row.verb, row.label) for row in found} == {
        ("loses", "crimea"), ("gains", "donetsk-oblast"), ("gains", "luhansk-oblast"),
        ("gains", "zaporizhzhia-oblast"), ("gains", "kherson-oblast"),
    }  # fmt: skip
    for row in found:
        known = territories()[row.label]
        assert (row.whole, row.area_km2, row.people) == (True, known.area_km2, known.population)


@pytest.mark.slow
def test_a_part_of_an_area_is_measured(read):
    others = ["crimea", "donetsk-oblast", "luhansk-oblast", "zaporizhzhia-oblast"]
    territory = f'{{ in = "UKR + buffer(kherson-oblast, 20)", exclude = {others} }}'
    written, viewed = read(r=territory), read(View("UKR"), r=territory)
    found = {row.label: row for row in rows(compare(written, viewed))}
    assert (found["crimea"].verb, found["crimea"].whole) == ("gains", False)
    (measured,) = [km2 for label, km2, _ in extent(viewed.rules[0].territory, 4).labels if label == "crimea"]
    assert found["crimea"].area_km2 == pytest.approx(measured)


def test_the_text_names_parties_dates_and_sources_and_takes_no_side(read):
    territory = '{ in = "JPN", include = [] }'
    told = text(compare(read(r=territory), read(View("JPN"), r=territory)), View("JPN"))
    for id_ in ("dokdo", "senkaku", "southern-kurils"):
        area = contested_areas()[id_]
        assert f"{id_}: {area.in_words}, as of {area.as_of}\n    {'; '.join(area.sources)}\n" in told
    answer = as_json(compare(read(r=territory), read(View("JPN"), r=territory)), View("JPN"))
    assert [row["territory"] for row in answer["changes"]] == ["dokdo", "senkaku", "southern-kurils"]
    assert all(row["contested"]["claimed_by"] for row in answer["changes"])


def test_an_area_of_several_administrators_is_said_to_be_shared(read):
    territory = '{ in = "UKR", include = [] }'
    assert "it belongs to each of them" in text(compare(read(r=territory), read(View(), r=territory)), View())
    told = text(compare(read(r=territory), read(View("UKR"), r=territory)), View("UKR"))
    assert "it belongs to each of them" not in told


def test_rules_that_touch_nothing_contested_stay(read):
    territory = '{ in = "LUX" }'
    told = text(compare(read(r=territory), read(View(), r=territory)), View())
    assert told.endswith("Every rule reaches exactly what it reaches as it is written.\n")


def test_an_area_that_a_rule_names_itself_is_kept_and_told(read):
    territory = '{ in = "TWN", include = ["kinmen"] }'
    written, viewed = read(r=territory), read(View("CHN"), r=territory)
    told = text(compare(written, viewed), View("CHN"))
    assert "loses kinmen" in told
    assert 'permit "r" (operator): TWN, which under the view belongs to CHN' in told
    (kept,) = as_json(compare(written, viewed), View("CHN"))["kept"]
    assert (kept["territory"], kept["belongs_to"]) == ("TWN", ["CHN"])
    assert as_json(compare(written, read(View(), r=territory)), View())["kept"] == []
    both = '{ in = ["CHN", "TWN"], include = [] }'  # whoever it belongs to, the rule is about both
    assert as_json(compare(read(r=both), read(View("CHN"), r=both)), View("CHN"))["kept"] == []
