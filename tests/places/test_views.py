"""Points of view: to whom each contested area belongs, held against the embedded table itself."""

from __future__ import annotations

import pytest

from openleo.errors import InputError
from openleo.places.territories import contested_areas, territories
from openleo.places.views import View, read_view

PARTIES = sorted({party for area in contested_areas().values() for party in area.parties})
VIEWS = [View(), *(View(party) for party in PARTIES)]


@pytest.mark.parametrize("view", VIEWS, ids=str)
def test_an_area_belongs_to_the_party_or_to_its_administrators(view):
    for area in contested_areas().values():
        owners = {land for land in territories() if area.id in view.areas_of(land)}
        expected = {view.party} if view.party in area.parties else set(area.administered_by)
        assert owners == expected - {area.id}, area.id


def test_views_are_read_by_name():
    assert (read_view("de-facto", "--view"), read_view(" Claims:jpn ", "--view")) == (View(), View("JPN"))
    assert [str(View()), str(View("JPN"))] == ["de-facto", "claims:JPN"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("natural", 'there is no view "natural". Write de-facto, or claims:ID'),
        ("claims:", '"" administers or claims no contested area'),
        ("claims:LUX", '"LUX" administers or claims no contested area besides itself'),
        ("claims:JPM", "Did you mean JPN"),
    ],
)
def test_a_view_that_there_is_not_is_refused(text, said):
    with pytest.raises(InputError, match="--view") as fault:
        read_view(text, "--view")
    assert said in str(fault.value)
