"""Polygons of GeoJSON against RFC 7946."""

from __future__ import annotations

import pytest

from openleo.errors import InputError
from openleo.places.geojson import polygons_of

OPEN = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
CLOSED = [*OPEN, OPEN[0]]
HOLE = [[0.2, 0.2], [0.4, 0.2], [0.4, 0.4]]


@pytest.mark.parametrize(
    ("kind", "coordinates", "place"),
    [
        ("Polygon", [OPEN], "coordinates[0]"),
        ("Polygon", [CLOSED, HOLE], "coordinates[1]"),
        ("MultiPolygon", [[CLOSED], [OPEN]], "coordinates[1][0]"),
        ("Polygon", [OPEN[:3]], "coordinates[0]"),
        ("Polygon", [[*OPEN, [0.0, 1e-9]]], "coordinates[0]"),
    ],
)
def test_a_ring_that_is_not_closed_is_refused_with_its_ends(kind, coordinates, place):
    """Section 3.1.6: "The first and last positions are equivalent, and they MUST contain identical values"."""
    with pytest.raises(InputError) as refused:
        polygons_of({"type": kind, "coordinates": coordinates}, "zone.geojson")
    said = str(refused.value)
    assert (
        f"zone.geojson: geometry 0: is not a GeoJSON geometry: {place} is a ring that is not closed: it begins" in said
    )
    assert "Repeat its first position at the end: see RFC 7946, section 3.1.6." in said


def test_a_closed_ring_is_an_area_whatever_its_heights():
    """Section 3.1.1: what stands behind longitude and latitude says nothing about the area."""
    assert polygons_of({"type": "Polygon", "coordinates": [CLOSED]}, "f").area == 1.0
    heights = [[*position, float(number)] for number, position in enumerate(CLOSED)]
    assert polygons_of({"type": "Polygon", "coordinates": [heights]}, "f").area == 1.0
