"""The map of a mask: which part of the Earth it shows, and that each point has the answer of the cell that holds it."""

from __future__ import annotations

import h3.api.numpy_int as h3
import numpy as np
from matplotlib.image import imread

from openleo import cells as h3cells
from openleo.report import mask_map

WORLD = h3cells.world(2)


def around(latitude_deg, longitude_deg, rings=2):
    return np.sort(np.asarray(h3.grid_disk(int(h3cells.at(latitude_deg, longitude_deg, 2)), rings), dtype=np.uint64))


def answers(cells, value=2):
    may = np.zeros(len(WORLD), dtype=np.uint8)
    may[np.searchsorted(WORLD, cells)] = value
    return may


def test_each_point_has_the_answer_of_its_cell():
    random = np.random.default_rng(3)
    may = random.integers(0, 3, len(WORLD)).astype(np.uint8)
    latitude, longitude = random.uniform(-90.0, 90.0, 500), random.uniform(-180.0, 540.0, 500)
    found = mask_map.answers_at(latitude, longitude, WORLD, may)
    for number in range(500):
        turned = (longitude[number] + 180.0) % 360.0 - 180.0
        cell = h3cells.at(latitude[number], turned, 2)
        assert found[number] == may[np.flatnonzero(cell == WORLD)[0]]


def test_the_part_of_the_earth_that_rules_speak_of():
    ukraine, fiji = mask_map.frame_around(around(49.0, 31.0)), mask_map.frame_around(around(-17.8, 178.0))
    assert ukraine.west_deg < 31.0 < ukraine.east_deg < ukraine.west_deg + 60.0
    assert ukraine.south_deg < 49.0 < ukraine.north_deg
    assert fiji.west_deg < 178.0 < 180.0 < fiji.east_deg < fiji.west_deg + 60.0
    for everything in (WORLD, WORLD[:0], np.concatenate([around(40.0, -100.0), around(-25.0, 135.0)])):
        assert mask_map.frame_around(everything) == mask_map.WORLD


def test_a_map_across_the_antimeridian_is_coloured_where_its_cells_are(tmp_path):
    cells = around(-17.8, 179.0)
    mask_map.draw(WORLD, answers(cells), "Who may be served: fixed", "an example", tmp_path / "m.png")
    picture = imread(tmp_path / "m.png")[:, :, :3]
    frame = mask_map.frame_around(cells)
    tall, wide = (length / mask_map.DPI for length in picture.shape[:2])
    map_tall = tall - mask_map.TITLE_IN - mask_map.KEY_IN
    map_wide = map_tall * frame.aspect
    for longitude, latitude, green in (
        (177.0, -19.5, True),
        (181.5, -19.5, True),
        (frame.west_deg + 1.0, -17.0, False),
    ):
        x = mask_map.MARGIN_IN + map_wide * (longitude - frame.west_deg) / (frame.east_deg - frame.west_deg)
        y = mask_map.KEY_IN + map_tall * (latitude - frame.south_deg) / (frame.north_deg - frame.south_deg)
        red, of_green, _ = picture[round((tall - y) * mask_map.DPI), round(x * mask_map.DPI)]
        assert (of_green > red + 0.15) == green
    assert wide >= mask_map.LEAST_PAGE_IN - 0.01
