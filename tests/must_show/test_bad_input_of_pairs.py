"""Bad input of `openleo rtt` and of what it reads: Hypatia directories, lists of sites, failures, element sets.

Each by the command that a user types: exit 2, every problem said with its file, place, value, rule and way out, nothing
written. What is no fault of the input (a decayed satellite, a site that nothing reaches) is counted and named.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from command_line import openleo

SHELL = """[[constellation.shell]]
name = "demo"
altitude_km = 550
inclination_deg = 53
planes = 6
per_plane = 4
"""
ORDINARY = 'name = "t"\nstart = 2026-11-20T00:00:00Z\nduration = "5m"\n' + SHELL + '[ground]\narea = ["TON"]\n'
OF_DIRECTORY = 'conventions = "hypatia"\n[constellation]\nhypatia = "made"\n'
FIRST = "1 {:05d}U 00000ABC {}  .00000000  00000-0  00000+0 0    0"
SECOND = "2 {:05d}  53.0000   0.0000 {:07d}   0.0000 {:8.4f} {:11.8f}    0"


def with_checksum(line: str) -> str:
    return line + str(sum(int(c) if c.isdigit() else c == "-" for c in line) % 10)


def element_lines(number: int, epoch: str = "00001.00000000", eccentricity: float = 0.0) -> list[str]:
    """Lines 1 and 2 of one of 12 satellites of a plane."""
    second = SECOND.format(number + 1, round(eccentricity * 1e7), 30.0 * number, 13.0)
    return [with_checksum(FIRST.format(number + 1, epoch)), with_checksum(second)]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a Hypatia directory, a scenario of it, an ordinary one, and sites; where one stands."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "made").mkdir()
    lines = [line for n in range(12) for line in (f"some {n}", *element_lines(n))]
    (tmp_path / "made" / "tles.txt").write_text("\n".join(["1 12", *lines]) + "\n")
    (tmp_path / "made" / "isls.txt").write_text("".join(f"{n} {n + 1}\n" for n in range(11)))
    (tmp_path / "made" / "ground_stations.txt").write_text("0,Here,1,2,3,0,0,0\n1,There,20,20,0,0,0,0\n")
    (tmp_path / "made" / "description.txt").write_text("max_gsl_length_m=4000000\nmax_isl_length_m=9000000\n")
    (tmp_path / "h.toml").write_text(OF_DIRECTORY)
    (tmp_path / "s.toml").write_text(ORDINARY)
    (tmp_path / "sites.csv").write_text("name,lat_deg,lon_deg\nA,0,0\nB,5,5\n")
    return tmp_path


def refused(*arguments: object) -> list[str]:
    """What a command says that exits with 2 and leaves everything as it was."""
    before = sorted(Path().rglob("*"))
    code, out, err = openleo(*arguments)
    assert (code, out) == (2, "")
    assert sorted(Path().rglob("*")) == before
    return err.splitlines()


def rtt(scenario: str, *options: object) -> tuple[list[dict[str, str]], str]:
    """(rows, what was said)."""
    code, out, err = openleo("rtt", scenario, "--at", "0,60", "--out", "o.csv", *options)
    assert (code, out) == (0, ""), err
    with Path("o.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file)), err


def test_the_directory_itself_is_good(here: Path) -> None:
    rows, _ = rtt("h.toml")
    assert len(rows) == 4


# --- refused --------------------------------------------------------------------------------------------------------


def test_mixed_epochs(here: Path) -> None:
    lines = (here / "made" / "tles.txt").read_text().splitlines()
    lines[5:7] = element_lines(1, "00001.50000000")
    (here / "made" / "tles.txt").write_text("\n".join(lines))
    (said,) = refused("rtt", "h.toml", "--at", "0", "--out", "o.csv")
    for words in (
        "tles.txt",
        "some 1",
        "2000-01-01T12:00:00Z",
        "2000-01-01T00:00:00Z",
        "one is needed",
        "Use elements",
    ):
        assert words in said


def test_an_isl_to_a_satellite_that_does_not_exist(here: Path) -> None:
    (here / "made" / "isls.txt").write_text("0 1\n5 12\n3 3\n1 0\n")
    said = refused("rtt", "h.toml", "--at", "0", "--out", "o.csv")
    assert len(said) == 3
    assert "isls.txt: line 2: joins 5 and 12; there are satellites 0 to 11. Leave the line out" in said[0]
    assert "line 3: joins 3 and 3; a link has two different ends" in said[1]
    assert "line 4: joins 1 and 0, as line 1 does" in said[2]


@pytest.mark.parametrize("verb", [["plan"], ["rtt", "--sites", "sites.csv", "--at", "0", "--out", "o.csv"]])
def test_a_failing_isl_to_a_satellite_that_does_not_exist(here: Path, verb: list[str]) -> None:
    links = ("demo p0 s0 -- demo p9 s0", "demo p0 s0 -- demo p0 s0", "demo p0 s0")
    (here / "s.toml").write_text(ORDINARY + "".join(
        f'[[failures.out]]\nkind = "isl"\nname = "{link}"\n' for link in links
    ))  # fmt: skip
    said = refused(verb[0], "s.toml", *verb[1:])
    assert len(said) == 3
    assert 's.toml: failures.out[0]: there is no satellite "demo p9 s0". Did you mean' in said[0]
    assert 'failures.out[1]: "demo p0 s0 -- demo p0 s0" is no link' in said[1]
    assert 'failures.out[2]: "demo p0 s0" is no link. Write "SATELLITE -- SATELLITE"' in said[2]


@pytest.mark.parametrize("verb", [["plan"], ["rtt", "--sites", "sites.csv", "--at", "0", "--out", "o.csv"]])
def test_an_altitude_and_a_mean_motion_that_do_not_agree(here: Path, verb: list[str]) -> None:
    (here / "s.toml").write_text(ORDINARY.replace("[ground]", "mean_motion_rev_per_day = 12.5\n[ground]"))
    (said,) = refused(verb[0], "s.toml", *verb[1:])
    for words in ("constellation.shell[0]", "altitude_km = 550", "mean_motion_rev_per_day = 12.5", "1464 km", "Leave"):
        assert words in said


@pytest.mark.parametrize("scenario", ["s.toml", "h.toml"])
def test_duplicate_site_names_with_their_lines_and_all_else(here: Path, scenario: str) -> None:
    (here / "sites.csv").write_text("name,lat_deg,lon_deg\nA,0,0\nB,1,1\nA,2,2\n A ,3,3\nC,95,0\nB,1,1\n")
    said = refused("rtt", scenario, "--sites", "sites.csv", "--at", "0", "--out", "o.csv")
    bounds = "latitude is within ±90, longitude within ±180."
    assert said == [
        'sites.csv: line 4: "A" stands there twice, at line 2 too. Names of sites must differ.',
        'sites.csv: line 5: "A" stands there twice, at line 2 too. Names of sites must differ.',
        f'sites.csv: line 6: "C" lies at 95.0, 0.0; {bounds} Mend the row, or leave it out.',
        'sites.csv: line 7: "B" stands there twice, at line 3 too. Names of sites must differ.',
    ]


def test_duplicate_names_in_a_directory(here: Path) -> None:
    (here / "made" / "ground_stations.txt").write_text("0,Here,1,2,3,0,0,0\n1,Here,225,20,nan,0,0,0\n")
    said = refused("rtt", "h.toml", "--at", "0", "--out", "o.csv")
    assert len(said) == 3
    assert 'ground_stations.txt: line 2: "Here" stands there twice, in line 1 too. Names must differ.' in said[0]
    assert "the latitude 225, not within -90 to 90" in said[1]
    assert "the elevation nan, not within -500 to 50000" in said[2]


@pytest.mark.parametrize("key", ["gateways", "pops"])
def test_duplicate_names_of_stations(here: Path, key: str) -> None:
    (here / "s.toml").write_text(f'{ORDINARY}{key} = "sites.csv"\n')
    (here / "sites.csv").write_text("name,lat_deg,lon_deg\nA,0,0\nA,5,5\n")
    (said,) = refused("plan", "s.toml")
    assert said == f'sites.csv: line 3: "A" stands there twice, at line 2 too. Names of {key} must differ.'


# --- counted and named ----------------------------------------------------------------------------------------------


def test_an_unreachable_site_is_in_every_output(here: Path) -> None:
    """Nobody flies over 53 degrees plus what 550 km reach."""
    (here / "sites.csv").write_text("name,lat_deg,lon_deg\nPole,90,0\nA,0,0\nB,1,1\n")
    rows, said = rtt("s.toml", "--sites", "sites.csv", "--summary", "sum.csv", "--paths", "p.jsonl", "--plot", "p.png")
    assert len(rows) == 2 * 3 * 2
    empty = [row for row in rows if "Pole" in (row["from"], row["to"])]
    assert [(row["rtt_ms"], row["hops"]) for row in empty] == [("", "")] * 8
    unreachable = sum(row["rtt_ms"] == "" for row in rows)
    assert f"12 pairs, {unreachable} of them unreachable" in said
    with Path("sum.csv").open() as file:
        summed = {(row["from"], row["to"]): row for row in csv.DictReader(file)}
    assert (summed["Pole", "A"]["reachable"], summed["Pole", "A"]["unreachable"]) == ("0.0", "2")
    ways = [json.loads(line) for line in Path("p.jsonl").read_text().splitlines()]
    assert sum(way["rtt_ms"] is None and way["satellites"] == [] for way in ways) == unreachable
    assert Path("p.png").exists()
    code, out, _ = openleo("path", "s.toml", "--from", "90,0", "--to", "0,0", "--json")
    answer = json.loads(out)
    assert (code, answer["rtt_ms"], answer["why_none"]) == (0, None, "no satellite above 90,0")


def test_a_decayed_satellite_is_named_and_on_no_way(here: Path) -> None:
    """With an eccentricity of 0.9 the perigee is inside the Earth: SGP4 says that it has decayed."""
    lines = (here / "made" / "tles.txt").read_text().splitlines()
    lines[2:4] = element_lines(0, eccentricity=0.9)
    (here / "made" / "tles.txt").write_text("\n".join(lines))
    rows, said = rtt("h.toml", "--paths", "p.jsonl")
    assert "some 0: no position at 2000-01-01T00:00:00Z: SGP4" in said
    assert "(1 in all)" in said
    assert len(rows) == 4
    assert "some 0" not in Path("p.jsonl").read_text()

    ordinary = ORDINARY.replace(SHELL, '[constellation]\nelements = "made/tles.txt"\n')
    (here / "s.toml").write_text(ordinary.replace("2026-11-20", "2000-01-01"))
    code, out, said = openleo("plan", "s.toml", "--json")
    assert code == 0
    (named,) = json.loads(out)["satellites_masked"]
    assert named.startswith("some 0: no position at 2000-01-01T00:00:07.500000Z: SGP4")
    assert "left out then: some 0" in said
    assert "(1 in all)" in said


def test_mixed_epochs_of_a_real_catalogue_are_no_fault(here: Path) -> None:
    """Each set is propagated from its own epoch; old ones are told."""
    lines = (here / "made" / "tles.txt").read_text().splitlines()
    lines[5:7] = element_lines(1, "00015.50000000")
    (here / "made" / "tles.txt").write_text("\n".join(lines))
    ordinary = ORDINARY.replace(SHELL, '[constellation]\nelements = "made/tles.txt"\n')
    (here / "s.toml").write_text(ordinary.replace("2026-11-20", "2000-01-01"))
    rows, said = rtt("s.toml", "--sites", "sites.csv")
    assert len(rows) == 4
    assert "Element sets drift by kilometres a day" in said
