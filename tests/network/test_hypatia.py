"""Hypatia directories that are unlike the usual one: what is read all the same, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openleo.errors import InputError
from openleo.network import hypatia

FIRST = "1 {:05d}U 00000ABC 00001.00000000  .00000000  00000-0  00000+0 0    0"
SECOND = "2 {:05d}  53.0000   0.0000 0000001   0.0000 {:8.4f} 15.19000000    0"


def with_checksum(line: str) -> str:
    return line + str(sum(int(c) if c.isdigit() else c == "-" for c in line) % 10)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    lines = ["2 3"]
    for n in range(6):
        lines += [f"some {n}", with_checksum(FIRST.format(n + 1)), with_checksum(SECOND.format(n + 1, 60.0 * n))]
    (tmp_path / "tles.txt").write_text("\n".join(lines) + "\n")
    (tmp_path / "isls.txt").write_text("4 5\n0 3\n0 1\n1 4\n")
    (tmp_path / "ground_stations.txt").write_text("0,Here,1.0,2.0,30.0,0,0,0\n")
    (tmp_path / "description.txt").write_text("max_gsl_length_m=2000000\nmax_isl_length_m=9000000\n")
    return tmp_path


def test_interfaces_follow_the_lines_of_isls_txt(directory: Path) -> None:
    found = hypatia.read(directory)
    assert found.grid == (2, 3)
    assert found.links.tolist() == [[4, 5], [0, 3], [0, 1], [1, 4]]
    assert found.topology.neighbours.tolist() == [[3, 1], [0, 4], [-1, -1], [0, -1], [5, 1], [4, -1]]


def test_no_links_and_the_basic_list_of_stations_are_read(directory: Path) -> None:
    (directory / "isls.txt").write_text("")
    (directory / "ground_stations.txt").unlink()
    (directory / "ground_stations.basic.txt").write_text("0,Here,1.0,2.0,30.0\n")
    found = hypatia.read(directory)
    assert found.topology.neighbours.shape == (6, 0)
    assert found.links.shape == (0, 2)
    np.testing.assert_allclose(found.places.position_km, hypatia.on_ellipsoid(
        ("Here",), np.array([1.0]), np.array([2.0]), np.array([0.03])).position_km)  # fmt: skip


def test_element_sets_without_the_first_line_are_read(directory: Path) -> None:
    text = (directory / "tles.txt").read_text()
    (directory / "tles.txt").write_text(text.removeprefix("2 3\n"))
    assert hypatia.read(directory).grid == (6, 1)


def test_a_first_line_that_counts_other_satellites_is_refused(directory: Path) -> None:
    text = (directory / "tles.txt").read_text()
    (directory / "tles.txt").write_text("2 4" + text.removeprefix("2 3"))
    with pytest.raises(InputError, match="2 planes of 4 satellites; 6 element sets"):
        hypatia.read(directory)
