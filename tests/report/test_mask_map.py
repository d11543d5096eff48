"""The map of a mask: which part of the Earth it shows, and that each point has the answer of the cell that holds it."""

from __future__ import annotations

import h3.api.numpy_int as h3
import numpy as np
import pytest
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


def drawn(tmp_path, may, said="an example", title="Who may be served: fixed"):
    mask_map.draw(WORLD, may, title, said, tmp_path / "m.png")
    return imread(tmp_path / "m.png")[:, :, :3]


def colour_at(picture, frame, latitude, longitude):
    tall, wide = (length / mask_map.DPI for length in picture.shape[:2])
    map_tall, map_wide = tall - mask_map.TITLE_IN - mask_map.KEY_IN, wide - 2.0 * mask_map.MARGIN_IN
    x = mask_map.MARGIN_IN + map_wide * (longitude - frame.west_deg) / (frame.east_deg - frame.west_deg)
    y = mask_map.KEY_IN + map_tall * (latitude - frame.south_deg) / (frame.north_deg - frame.south_deg)
    return picture[round((tall - y) * mask_map.DPI), round(x * mask_map.DPI)]


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
    picture = drawn(tmp_path, answers(cells))
    frame = mask_map.frame_around(cells)
    for longitude, latitude, green in (
        (177.0, -19.5, True),
        (181.5, -19.5, True),
        (frame.west_deg + 1.0, -17.0, False),
    ):
        red, of_green, _ = colour_at(picture, frame, latitude, longitude)
        assert (of_green > red + 0.15) == green
    assert picture.shape[1] / mask_map.DPI >= mask_map.LEAST_PAGE_IN - 0.01


@pytest.mark.slow
def test_antarctica_is_land_up_to_the_pole_and_nothing_covers_it(tmp_path):
    picture = drawn(tmp_path, answers(WORLD[:0]))
    inland, sea = (colour_at(picture, mask_map.WORLD, *place) for place in ((-79.0, 20.0), (-50.0, 20.0)))
    assert abs(inland - sea).max() > 0.02
    for place in ((-84.2, 100.0), (-84.5, 100.0), (-89.5, 100.0), (-88.0, -172.0), (-85.5, -147.0)):
        assert abs(colour_at(picture, mask_map.WORLD, *place) - inland).max() < 0.01, place


def test_long_words_stay_on_the_page(tmp_path):
    picture = drawn(tmp_path, answers(around(49.0, 31.0)), "rules-of-many-words.toml, " * 9, "Who may be served: " * 4)
    edge = round(0.2 * mask_map.DPI)
    above = round(0.9 * mask_map.TITLE_IN * mask_map.DPI)
    assert (picture[:above] < 0.5).any()
    assert (picture[:above, -edge:] == 1.0).all()


def test_a_tall_country_fills_the_width_of_the_page(tmp_path):
    tall = np.unique(np.concatenate([around(latitude, -71.0, 1) for latitude in range(-54, -18, 3)]))
    frame = mask_map.frame_around(tall)
    assert mask_map.TALL_IN * frame.aspect >= mask_map.LEAST_PAGE_IN - 2.0 * mask_map.MARGIN_IN - 1e-6
    assert abs((frame.west_deg + frame.east_deg) / 2.0 + 71.0) < 2.0
    picture = drawn(tmp_path, answers(tall))
    red, green, _ = colour_at(picture, frame, -35.0, -71.0)
    assert green > red + 0.15
