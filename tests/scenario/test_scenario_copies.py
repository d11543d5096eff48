"""A scenario handed on: from its copies alone somebody else reads the same network."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from command_line import openleo
from openleo.errors import InputError
from openleo.scenario import Scenario
from openleo.scenario_copies import Copies, copies, lay_out

HEAD = 'name = "t"\nstart = 2026-11-20T00:00:00Z\nduration = "10m"\n'
SHELL = """[[constellation.shell]]
name = "low"
altitude_km = 1100.0
inclination_deg = 60.0
planes = 3
per_plane = 4
phasing = 1
"""
GROUND = """[ground]
area = ["TON", "zones/a.geojson", "FJI - zones/b.geojson", "cells.txt & WSM"]
resolution = 2
gateways = "lists/g.csv"
pops = "lists/p.csv"
horizons = "lists/h.csv"
[failures]
file = "../elsewhere/out.csv"
"""
POLICY = '[policy]\nrules = "no-such-file.toml"\n'


def polygon(ring: list[list[int]]) -> str:
    return json.dumps({"type": "Polygon", "coordinates": [ring]})


FILES = {
    "zones/a.geojson": polygon([[-175, -21], [-174, -21], [-174, -20], [-175, -21]]),
    "zones/b.geojson": polygon([[178, -18], [179, -18], [179, -17], [178, -18]]),
    "cells.txt": "845bb3dffffffff\n",
    "lists/g.csv": "name,lat_deg,lon_deg\nHere,-21,-175\n",
    "lists/p.csv": "name,lat_deg,lon_deg\nThere,-18,178\n",
    "lists/h.csv": "site,azimuth_deg,elevation_deg\nHere,0,40\nHere,180,50\n",
    "../elsewhere/out.csv": "kind,name,from,until\nsatellite,low p0 s0,,\n",
}


def written(folder: Path, ground: str = GROUND + POLICY) -> Path:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "s.toml").write_text(HEAD + SHELL + ground)
    return folder / "s.toml"


def elsewhere(path: Path, to: Path) -> tuple[str, Copies]:
    """(the network that is read from the copies when nothing else is left, the copies)."""
    made = copies(path)
    shutil.rmtree(path.parent)
    read = Scenario.load(lay_out(made.files, to) / made.name, own_rules=False)
    return read.case.network_sha256, made


def test_everything_that_a_scenario_names_goes_along(tmp_path: Path) -> None:
    path = written(tmp_path / "s")
    case = Scenario.load(path, own_rules=False).case
    read, made = elsewhere(path, tmp_path / "to")
    assert read == case.network_sha256
    assert set(made.files) == {"s.toml", *FILES}
    assert made.left_out == ()
    document = case.network_document["inputs"]
    for name, file in (("gateways", "lists/g.csv"), ("pops", "lists/p.csv"), ("horizons", "lists/h.csv")):
        assert document[name] == hashlib.sha256(FILES[file].encode()).hexdigest()  # as sha256sum says it


@pytest.mark.parametrize(
    ("said", "files"),
    [
        ('elements = "sky/e.oem.tle"', {"sky/e.oem.tle"}),
        ('ephemerides = "sky/one.oem"', {"sky/one.oem"}),
        ('ephemerides = "sky"', {"sky/one.oem", "sky/two.oem"}),
        ('ephemerides = "sky/t*.oem"', {"sky/two.oem"}),
    ],
)
def test_satellites_of_files_folders_and_patterns_go_along(tmp_path: Path, said: str, files: set[str]) -> None:
    ground = '[ground]\narea = ["TON"]\nresolution = 2\n'
    path = written(tmp_path / "s", ground=ground)
    sky = path.parent / "sky"
    sky.mkdir()
    for name in ("one", "two"):
        code, _, err = openleo("export", "oem", path, "--out", sky / f"{name}.oem")
        assert code == 0, err
    (sky / "two.oem").write_text((sky / "two.oem").read_text().replace("low p", "high p"))
    tle = (
        "A\n1 90001U 26001A   26323.50000000  .00000000  00000-0  10000-3 0    13\n"
        "2 90001  53.0000  10.0000 0001000  90.0000  20.0000 15.06400000    13\n"
    )
    (sky / "e.oem.tle").write_text(with_checksums(tle))
    path.write_text(HEAD + f"[constellation]\n{said}\n" + ground)
    case = Scenario.load(path, own_rules=False).case
    read, made = elsewhere(path, tmp_path / "to")
    assert read == case.network_sha256
    assert set(made.files) == {"s.toml", *files}


def with_checksums(tle: str) -> str:
    lines = []
    for line in tle.splitlines():
        digits = sum(int(one) if one.isdigit() else one == "-" for one in line[:68]) % 10
        lines.append(line if len(line) < 68 else line[:68] + str(digits))
    return "\n".join(lines) + "\n"


def test_what_is_large_or_elsewhere_is_named_and_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "s")
    made = copies(path, most_bytes=80)
    assert {one.name for one in made.left_out} == {"s.toml", "zones/a.geojson", "zones/b.geojson"}
    absolute = path.parent / "lists" / "g.csv"
    path.write_text(path.read_text().replace("lists/g.csv", str(absolute)))
    made = copies(path)
    (left,) = made.left_out
    assert (left.name, left.bytes) == (str(absolute), len(FILES["lists/g.csv"]))
    assert left.sha256 == hashlib.sha256(FILES["lists/g.csv"].encode()).hexdigest()


@pytest.mark.parametrize("name", ["/etc/x", "../" * 11 + "x", "", "a\\b", "a\0b", "in/" * 300 + "x"])
def test_copies_are_laid_out_within_their_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        lay_out({name: b""}, tmp_path / "to")
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


def test_as_many_steps_up_as_there_may_be_stay_within(tmp_path: Path) -> None:
    lay_out({"../" * 9 + "x": b"1"}, tmp_path / "to")
    assert [one.relative_to(tmp_path) for one in tmp_path.rglob("x")] == [Path("to/in/x")]
