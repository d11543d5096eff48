"""Outlines that cross too often are refused before they are overlaid."""

from __future__ import annotations

import json

import pytest
import shapely
import shapely.affinity

from openleo.errors import InputError
from openleo.places import crossings
from openleo.places.areas import extent
from openleo.places.expression_text import parse


def comb(teeth, lying):
    edge = [(10 + one / teeth, 40.1) for one in range(teeth)]
    ring = [(10.0, 40.0), (10.0, 40.1)]
    for west, south in edge:
        ring += [(west, 41.0), (west + 0.5 / teeth, 41.0), (west + 0.5 / teeth, south), (west + 1 / teeth, south)]
    ring += [(11.0, 40.0), (10.0, 40.0)]
    return [(y - 30.0, x + 30.0) for x, y in ring] if lying else ring


def test_two_combs_are_refused_before_they_are_overlaid(tmp_path):
    """10,000 teeth each cross at 400 million places: it took the memory of the machine."""
    for name, lying in (("a", False), ("b", True)):
        content = {"type": "Polygon", "coordinates": [comb(10_000, lying)]}
        (tmp_path / f"{name}.geojson").write_text(json.dumps(content))
    area = parse("a.geojson & b.geojson", tmp_path, "AREA", "")
    with pytest.raises(InputError, match=r"a.geojson.*crosses b.geojson too often"):
        extent(area, 4)


def test_outlines_that_cross_a_little_are_overlaid():
    one, other = (shapely.Polygon(comb(100, lying)) for lying in (False, True))
    crossings.check_crossings([one, other])
    round_ = shapely.Point(0, 0).buffer(1.0, quad_segs=20_000)
    crossings.check_crossings([round_, shapely.affinity.translate(round_, 1e-9)])
