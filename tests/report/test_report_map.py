"""Maps: what must be seen on them, and where their edges are."""

import io

import numpy as np
import pytest
import shapely
from matplotlib.colors import to_rgb
from matplotlib.image import imread

from openleo import cells as h3cells
from openleo.report import map_layers as layers
from openleo.report.map import draw, picture
from openleo.report.map_frame import Frame, frame_of
from openleo.service.serve import Reason


def pixels(png: bytes) -> np.ndarray:
    """Every third pixel either way, axes (y, x, rgb)."""
    return imread(io.BytesIO(png))[::3, ::3, :3]


def share_of(image: np.ndarray, colour: str, within: float = 0.02) -> float:
    return float((np.abs(image - np.array(to_rgb(colour))).max(axis=2) < within).mean())


def share_of_served(image: np.ndarray) -> float:
    """Of pixels in a colour of the scale of round-trip times."""
    ramp = layers.rtt_colours()(np.linspace(0.0, 1.0, 64))[:, :3]
    nearest = np.min([np.abs(image - colour).max(axis=2) for colour in ramp], axis=0)
    return float((nearest < 0.02).mean())


def test_before_and_after_show_what_changes(compared):
    image = pixels(picture(compared))
    left, right = np.split(image[:, : image.shape[1] // 2 * 2], 2, axis=1)
    barred = layers.REASON_COLOURS[Reason.NOT_PERMITTED]
    upper = slice(0, int(image.shape[0] * 0.8))  # the panels, without the key
    assert share_of(left[upper], barred) > 0.002
    assert share_of(left[upper], layers.HATCH_COLOUR, 0.2) > 0.0002
    assert share_of(right[upper], barred) == 0.0
    assert share_of_served(right[upper]) > 0.01
    assert share_of_served(left[upper]) < 0.001


def test_one_panel_without_a_second_rule_set(fiji, tmp_path):
    draw(fiji, tmp_path / "map.png")
    image = pixels((tmp_path / "map.png").read_bytes())
    assert share_of(image, layers.OCEAN) > 0.1
    assert share_of_served(image) > 0.05


def test_an_area_across_the_antimeridian_is_not_torn_apart(fiji):
    outlines = h3cells.outlines(fiji.cells)
    frame = frame_of(fiji.cells, outlines)
    assert 170.0 < frame.west_deg < 180.0 < frame.east_deg < 190.0
    shapes = layers.shapes_of(frame, outlines)
    assert set(shapes.of.tolist()) == set(range(len(fiji.cells)))
    longitude = np.concatenate([corners[:, 0] for corners in shapes.corners])
    assert frame.west_deg <= longitude.min() < 180.0 < longitude.max() <= frame.east_deg


def test_reasons_have_their_colours(patchy):
    image = pixels(picture(patchy))
    assert share_of(image, layers.REASON_COLOURS[Reason.NO_GATEWAY]) > 0.002
    assert share_of_served(image) > 0.005


def test_the_world_is_shown_whole_and_once():
    cells = h3cells.world(1)
    outlines = h3cells.outlines(cells)
    frame = frame_of(cells, outlines)
    assert frame == Frame(-180.0, 180.0, -90.0, 90.0)
    shapes = layers.shapes_of(frame, outlines)
    area = sum(shapely.area(shapely.polygons(corners)) for corners in shapes.corners)
    assert area == pytest.approx(360.0 * 180.0, rel=1e-6)


@pytest.mark.parametrize("centre", [(-18.0, 179.9), (64.0, -179.5), (1.3, 103.8), (-75.0, 0.0), (40.0, -100.0)])
def test_a_frame_holds_its_cells_with_a_margin(centre):
    latitude, longitude = centre
    cells = np.unique([h3cells.at(latitude + dy, longitude + dx, 4) for dx in (-4, 0, 4) for dy in (-3, 0, 3)])
    outlines = h3cells.outlines(cells)
    frame = frame_of(cells, outlines)
    assert frame.east_deg - frame.west_deg < 60.0
    shapes = layers.shapes_of(frame, outlines)
    corners = np.concatenate(shapes.corners)
    assert set(shapes.of.tolist()) == set(range(len(cells)))
    assert frame.west_deg < corners[:, 0].min()
    assert corners[:, 0].max() < frame.east_deg
    assert frame.south_deg < corners[:, 1].min()
    assert corners[:, 1].max() < frame.north_deg


def test_the_same_results_give_the_same_map(fiji):
    assert picture(fiji) == picture(fiji)
