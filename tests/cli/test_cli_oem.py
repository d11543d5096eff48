"""`openleo export oem`, and the way back: what is written puts satellites where they were."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from sgp4.api import Satrec

from openleo.geodesy import teme_to_ecef
from openleo.instants import julian_date
from openleo.network import ephemeris
from openleo.network.constellation.ephemeris_set import read_ephemerides
from openleo.scenario import Scenario

SHELL = """
epoch = 2026-11-19T00:00:00Z
[[constellation.shell]]
name = "low"
altitude_km = 1100.0
inclination_deg = 60.0
planes = 12
per_plane = 14
phasing = 5
"""
# Neutral numbers; 550 km and 53°, and one at 300 km that drag takes along.
TLE = """EXAMPLE 1
1 90001U 26001A   26323.50000000  .00000000  00000-0  10000-3 0    10
2 90001  53.0000  10.0000 0001000  90.0000  20.0000 15.06400000    10
EXAMPLE 2
1 90002U 26001B   26323.50000000  .00000000  00000-0  10000-2 0    10
2 90002  97.0000 110.0000 0010000  90.0000 120.0000 15.90000000    10
"""
# What reading back may move a satellite by, with states a minute apart: see the page on ephemerides.
ELEMENT_SETS_WITHIN_M = 0.05
SHELLS_WITHIN_M = 1.5


def scenario(path: Path, constellation: str, duration: str = "1h") -> Path:
    path.write_text(
        f'name = "t"\nstart = 2026-11-20T06:30:12.5Z\nduration = "{duration}"\n'
        f'[constellation]\n{constellation}\n[ground]\narea = ["TWN"]\nresolution = 2\n'
    )
    return path


@pytest.fixture
def by_elements(tmp_path: Path) -> Path:
    lines = TLE.splitlines()
    (tmp_path / "two.tle").write_text("\n".join(with_checksum(line) for line in lines))
    return scenario(tmp_path / "elements.toml", 'elements = "two.tle"')


def with_checksum(line: str) -> str:
    """A TLE's line with its last digit set right; a name as it is."""
    if not re.match(r"[12] ", line):
        return line
    return line[:68] + str(sum(int(c) if c.isdigit() else c == "-" for c in line[:68]) % 10)


def moved_m(run, tmp_path: Path, written_from: Path, *options: str) -> tuple[float, int]:
    """How far satellites are moved by writing and reading back, and how many have no position during the run."""
    done = run("export", "oem", written_from, "--out", "back.oem", *options)
    assert done.code == 0, done.err
    back = Scenario.load(scenario(tmp_path / "back.toml", 'ephemerides = "back.oem"')).case
    there = Scenario.load(written_from).case
    after_s = np.arange(0.0, 3600.0, 11.0)
    before = ephemeris.positions(there.network.constellation, there.grid.start, after_s)
    after = ephemeris.positions(back.network.constellation, back.grid.start, after_s)
    assert back.network.constellation.satellite_name == there.network.constellation.satellite_name
    apart_m = 1000.0 * np.linalg.norm(after.position_km - before.position_km, axis=-1)
    return float(apart_m[after.valid].max()), int((~after.valid).any(axis=0).sum())


@pytest.mark.parametrize("frame", ["ITRF", "TEME", "EME2000"])
def test_element_sets_come_back(run, tmp_path: Path, by_elements: Path, frame: str) -> None:
    moved, lost = moved_m(run, tmp_path, by_elements, "--frame", frame)
    assert lost == 0
    assert 0.0 < moved < ELEMENT_SETS_WITHIN_M


def test_shells_come_back(run, tmp_path: Path) -> None:
    moved, lost = moved_m(run, tmp_path, scenario(tmp_path / "shell.toml", SHELL))
    assert lost == 0
    assert 0.0 < moved < SHELLS_WITHIN_M
    case = Scenario.load(tmp_path / "back.toml").case
    assert case.network.constellation.planes == 0  # an hour is less than a revolution
    assert (case.network.topology.neighbours < 0).all()


def test_the_states_are_sgp4_s_own_in_teme(run, tmp_path: Path, by_elements: Path) -> None:
    """Authority: the sgp4 package, called here for each instant. Its velocities differ by what drag does to them."""
    assert run("export", "oem", by_elements, "--out", "teme.oem", "--frame", "TEME", "--step", "7m").code == 0
    found = read_ephemerides(tmp_path / "teme.oem")
    lines = TLE.splitlines()
    for satellite, (first, second) in enumerate((lines[1:3], lines[4:6])):
        satrec = Satrec.twoline2rv(first, second)
        own = slice(found.node_first[satellite], found.node_first[satellite + 1])
        for at_s, position, velocity in zip(
            found.node_s[own], found.position_km[own], found.velocity_km_s[own], strict=True
        ):
            _, there, speed = satrec.sgp4(*julian_date(found.instant(at_s)))
            assert np.abs(position - there).max() < 2e-6
            assert np.abs(velocity - speed).max() < 0.001


def test_an_earth_fixed_file_says_what_we_compute_from(run, tmp_path: Path, by_elements: Path) -> None:
    assert (
        run("export", "oem", by_elements, "--out", "one.oem", "--satellite", "EXAMPLE 2", "--duration", "10m").code == 0
    )
    content = (tmp_path / "one.oem").read_text()
    assert content.startswith("CCSDS_OEM_VERS = 2.0\nCOMMENT ")
    assert content.count("META_START") == 1
    assert "\nOBJECT_NAME = EXAMPLE 2\nOBJECT_ID = 90002\nCENTER_NAME = EARTH\nREF_FRAME = ITRF2000\n" in content
    assert "\nSTART_TIME = 2026-11-20T06:30:12.500000\nSTOP_TIME = 2026-11-20T06:41:12.500000\n" in content
    first = np.array(content.partition("META_STOP\n")[2].split()[1:4], float)
    case = Scenario.load(by_elements).case
    jd, fraction = julian_date(case.grid.start)
    _, position, _ = Satrec.twoline2rv(*map(with_checksum, TLE.splitlines()[4:6])).sgp4(jd, fraction)
    assert np.abs(teme_to_ecef(np.array(position)[np.newaxis], jd, fraction)[0] - first).max() < 2e-6


def test_the_file_enters_the_fingerprint_and_its_end_is_noted(run, tmp_path: Path, by_elements: Path) -> None:
    assert run("export", "oem", by_elements, "--out", "back.oem", "--duration", "30m").code == 0
    path = scenario(tmp_path / "back.toml", 'ephemerides = "back.oem"')
    case = Scenario.load(path).case
    assert any("0 of 2 satellites have an ephemeris for the whole run" in note for note in case.notes)
    (tmp_path / "back.oem").write_text((tmp_path / "back.oem").read_text().replace("OPENLEO", "ANOTHER"))
    assert Scenario.load(path).case.network_sha256 != case.network_sha256
    done = run("plan", path, "--out", "out", "--slots", "2")
    assert done.code == 0, done.err
    (tmp_path / "sites.csv").write_text("name,lat_deg,lon_deg\nTaipei,25.05,121.53\nNaha,26.21,127.68\n")
    done = run("rtt", path, "--at", "0,3000", "--sites", "sites.csv", "--out", "rtt.csv")
    assert done.code == 0, done.err
    assert "its ephemeris runs from 2026-11-20T06:30:12.500000Z to 2026-11-20T07:01:12.500000Z" in done.err


def test_faults_of_the_file_and_of_the_scenario_come_together(run, tmp_path: Path) -> None:
    (tmp_path / "bad.oem").write_text("CCSDS_OEM_VERS = 2.0\nMETA_START\nOBJECT_NAME = A\nMETA_STOP\n")
    path = scenario(tmp_path / "bad.toml", 'ephemerides = "bad.oem"')
    path.write_text(path.read_text() + 'gateways = "none.csv"\n')
    done = run("plan", path, "--out", "out")
    assert done.code == 2
    for key in ("OBJECT_ID", "REF_FRAME", "STOP_TIME", "none.csv"):
        assert key in done.err, done.err


def test_options_that_cannot_be_are_named_together(run, tmp_path: Path, by_elements: Path) -> None:
    done = run(
        "export", "oem", by_elements, "--out", "x.oem", "--frame", "TOD", "--step", "0s", "--satellite", "EXAMPLE 3"
    )
    assert done.code == 2
    for said in ("--frame: is TOD", "--step: is 0s", '--satellite: there is no satellite "EXAMPLE 3"'):
        assert said in done.err
    assert not (tmp_path / "x.oem").exists()
    done = run("export", "oem", by_elements, "--out", "x.oem", "--step", "1ms", "--duration", "30d")
    assert done.code == 2
    assert "take a longer step" in done.err


def test_hypatia_s_files_hold_no_ephemerides(run, tmp_path: Path, by_elements: Path) -> None:
    assert run("export", "oem", by_elements, "--out", "back.oem").code == 0
    (tmp_path / "sites.csv").write_text("name,lat_deg,lon_deg\nTaipei,25.05,121.53\nNaha,26.21,127.68\n")
    path = scenario(tmp_path / "back.toml", 'ephemerides = "back.oem"')
    done = run("export", "hypatia", path, "--sites", "sites.csv", "--out", "h", "--duration", "2s", "--step", "1s")
    assert done.code == 2
    assert "has ephemerides; Hypatia's files hold elements" in done.err


def test_a_report_of_ephemerides_names_them(run, tmp_path: Path, by_elements: Path) -> None:
    assert run("export", "oem", by_elements, "--out", "back.oem").code == 0
    path = scenario(tmp_path / "back.toml", 'ephemerides = "back.oem"\nisl = "nearest"')
    assert run("plan", path, "--out", "out", "--slots", "2").code == 0
    assert "The constellation is 2 ephemerides" in (tmp_path / "out" / "report.html").read_text()
