"""Hypatia directories that are unlike the usual one: what is read all the same, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openleo.errors import InputError, Problem
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


# --- refused --------------------------------------------------------------------------------------------------------


def refused(directory: Path) -> list[Problem]:
    """Every problem of a directory, each with its file, a place, a rule and a way out."""
    with pytest.raises(InputError) as told:
        hypatia.read(directory)
    for problem in told.value.problems:
        assert problem.file.startswith(str(directory))
        assert problem.where
        assert problem.rule
        assert problem.way_out
    return list(told.value.problems)


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("isls.txt", "0 6", "joins 0 and 6; there are satellites 0 to 5."),
        ("isls.txt", "-1 2", "joins -1 and 2; there are satellites 0 to 5."),
        ("isls.txt", "2 2", "joins 2 and 2; a link has two different ends."),
        ("isls.txt", "4 5", "joins 4 and 5, as line 1 does; a link stands there once."),
        ("isls.txt", "3 0", "joins 3 and 0, as line 2 does; a link stands there once."),
        ("isls.txt", "1 2.5", "is '1 2.5'; a link is two numbers."),
        ("isls.txt", "1", "is '1'; a link is two numbers."),
        ("ground_stations.txt", "1,There,225,2,0,0,0,0", '"There" has the latitude 225, not within -90 to 90.'),
        ("ground_stations.txt", "1,There,nan,2,0,0,0,0", '"There" has the latitude nan, not within -90 to 90.'),
        ("ground_stations.txt", "1,There,1,-181,0,0,0,0", '"There" has the longitude -181, not within -180 to 180.'),
        ("ground_stations.txt", "1,There,1,inf,0,0,0,0", '"There" has the longitude inf, not within -180 to 180.'),
        ("ground_stations.txt", "1,There,1,2,nan,0,0,0", '"There" has the elevation nan, not within -500 to 50000.'),
        ("ground_stations.txt", "1,There,1,2,4e5,0,0,0", '"There" has the elevation 4e5, not within -500 to 50000.'),
        ("ground_stations.txt", "1,Here,1,2,0,0,0,0", '"Here" stands there twice, in line 1 too.'),
        ("ground_stations.txt", "1, ,1,2,0,0,0,0", "has the name ' ', which nobody can read."),
        ("ground_stations.txt", "1,There,1", "is '1,There,1', without latitude, longitude and elevation as numbers."),
        ("description.txt", "max_gsl_length_m=3", "says max_gsl_length_m = 3; line 1 says 2000000."),
    ],
)  # fmt: skip
def test_a_line_at_fault_is_named_with_its_number_and_value(directory: Path, file: str, line: str, said: str) -> None:
    text = (directory / file).read_text()
    (directory / file).write_text(f"{text}\n{line}\n")  # after a blank line, which counts
    (problem,) = refused(directory)
    assert problem.file == str(directory / file)
    assert problem.where == f"line {text.count(chr(10)) + 2}"
    assert problem.rule == said


@pytest.mark.parametrize("value", ["-1000000", "0", "nan", "inf", "far", ""])
@pytest.mark.parametrize(("number", "key"), [(1, "max_gsl_length_m"), (2, "max_isl_length_m")])
def test_a_limit_of_range_is_a_length(directory: Path, number: int, key: str, value: str) -> None:
    lines = (directory / "description.txt").read_text().splitlines()
    lines[number - 1] = f"{key}={value}"
    (directory / "description.txt").write_text("\n".join(lines))
    (problem,) = refused(directory)
    assert (problem.file, problem.where) == (str(directory / "description.txt"), f"line {number}")
    assert problem.rule == f"{key} is {value}; a length is a number of metres above 0."


def test_a_limit_that_is_missing(directory: Path) -> None:
    (directory / "description.txt").write_text("max_isl_length_m=9000000\n")
    (problem,) = refused(directory)
    assert (problem.where, problem.rule) == ("max_gsl_length_m", "is missing.")


def test_every_problem_of_every_file_comes_at_once(directory: Path) -> None:
    (directory / "isls.txt").write_text("0 1\n1 0\n3 3\n2 99\n-4 1\nx y\n")
    (directory / "ground_stations.txt").write_text("0,A,225,361,nan,0,0,0\n1,A,0,0,0,0,0,0\n2,B,north,0,0\n")
    (directory / "description.txt").write_text("max_gsl_length_m=nan\nmax_isl_length_m=-5\n")
    places = [(Path(one.file).name, one.where) for one in refused(directory)]
    assert places == [
        *[("ground_stations.txt", "line 1")] * 3, ("ground_stations.txt", "line 2"), ("ground_stations.txt", "line 3"),
        ("description.txt", "line 1"), ("description.txt", "line 2"),
        *[("isls.txt", f"line {number}") for number in range(2, 7)],
    ]  # fmt: skip


def test_an_element_set_at_fault_hides_nothing_and_blames_no_link_beside_it(directory: Path) -> None:
    lines = (directory / "tles.txt").read_text().splitlines()
    lines[-1] = lines[-1][:-1] + str((int(lines[-1][-1]) + 1) % 10)
    (directory / "tles.txt").write_text("\n".join(lines))
    (directory / "isls.txt").write_text("4 5\n1 1\n")
    found = [(Path(one.file).name, one.where) for one in refused(directory)]
    assert found == [("isls.txt", "line 2"), ("tles.txt", "line 19 (some 5)")]


def test_files_that_are_not_there_are_all_named(directory: Path) -> None:
    (directory / "isls.txt").unlink()
    (directory / "ground_stations.txt").unlink()
    with pytest.raises(InputError) as told:
        hypatia.read(directory)
    assert [Path(one.file).name for one in told.value.problems] == ["isls.txt", "ground_stations.txt"]
    with pytest.raises(InputError, match="there is no such directory"):
        hypatia.read(directory / "none")


def test_mixed_epochs_are_refused_with_both(directory: Path) -> None:
    lines = (directory / "tles.txt").read_text().splitlines()
    for n in (7, 13):  # satellites 2 and 4 of 0 to 5
        lines[n + 1] = with_checksum(lines[n + 1].replace("00001.00000000", "00002.50000000")[:-1])
    (directory / "tles.txt").write_text("\n".join(lines))
    (problem,) = refused(directory)
    assert problem.where == "some 2 and 1 more"
    assert problem.rule == "has the epoch 2000-01-02T12:00:00Z, some 0 has 2000-01-01T00:00:00Z; one is needed."


def test_a_satellite_left_out_would_move_every_link_behind_it(directory: Path) -> None:
    lines = (directory / "tles.txt").read_text().splitlines()
    (directory / "tles.txt").write_text("\n".join(["1 5", *lines[1:4], *lines[7:]]))
    (directory / "isls.txt").write_text("0 1\n")
    with pytest.raises(InputError, match=r'satellite 1 is called "some 2"; isls.txt joins'):
        hypatia.read(directory)
