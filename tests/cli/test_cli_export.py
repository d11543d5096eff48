"""`openleo export`: what other programs read, checked against the library, their own rules and brute force."""

from __future__ import annotations

import csv
import json
import re
import shutil
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from scipy.interpolate import lagrange

from openleo.instants import parse_instant
from openleo.interchange import hypatia_out, hypatia_text, traces
from openleo.network import ephemeris, hypatia
from openleo.network.constellation import from_shells
from openleo.network.constellation.shells import Shell
from openleo.network.forwarding import links_of
from openleo.network.pairs import ground_links, rtt_between
from openleo.scenario import load_pairs, read_sites

SHELLS = """
name = "two"
start = 2026-11-20T06:30:12.5Z
duration = "2m"
[constellation]
epoch = 2026-11-19T00:00:00Z
[[constellation.shell]]
name = "low"
altitude_km = 1100.0
inclination_deg = 60.0
planes = 12
per_plane = 14
phasing = 5
[[constellation.shell]]
name = "polar"
altitude_km = 1250.0
inclination_deg = 88.0
planes = 6
per_plane = 11
phasing = 3
raan_span_deg = 180.0
[ground]
area = ["TWN"]
resolution = 3
"""
SITES = 'name,lat_deg,lon_deg\nTaipei,25.05,121.53\n"Naha, Okinawa",26.21,127.68\nNairobi,-1.28,36.82\n'
PLAIN_SITES = SITES.replace('"Naha, Okinawa"', "Naha")


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "two.toml"
    path.write_text(SHELLS)
    (tmp_path / "sites.csv").write_text(SITES)
    (tmp_path / "plain.csv").write_text(PLAIN_SITES)
    return path


# --- Hypatia ------------------------------------------------------------------------------------------------------


def test_shells_become_tles_that_stay_near_them(run, scenario: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = run(
        "export",
        "hypatia",
        scenario,
        "--out",
        out,
        "--sites",
        tmp_path / "plain.csv",
        "--duration",
        "2s",
        "--step",
        "1s",
    )
    assert said.code == 0, said.err
    assert "Not carried over: the elevation mask" in said.err
    case, found = load_pairs(scenario), hypatia.read(out)
    assert abs((found.constellation.epoch - case.start).total_seconds()) < 1e-3
    assert found.grid == (12 * 14 + 6 * 11, 1)  # planes of two sizes
    np.testing.assert_array_equal(found.links, links_of(case.sky.topology.neighbours))
    assert found.places.names == ("Taipei", "Naha", "Nairobi")
    seconds = [0.0, 3600.0, 86_400.0]
    theirs = ephemeris.positions(found.constellation, found.constellation.epoch, seconds).position_km
    ours = ephemeris.positions(case.sky.constellation, found.constellation.epoch, seconds).position_km
    apart_km = np.linalg.norm(theirs - ours, axis=-1)
    assert apart_km.max() < 17.0  # SGP4's short-period terms, as for any shell of ours
    assert apart_km[-1].mean() == pytest.approx(apart_km[0].mean(), abs=0.5)  # and no drift
    assert (found.constellation.satellites * 3 + 1) == len((out / "tles.txt").read_text().splitlines())
    assert (out / "dynamic_state_1000ms_for_2s" / "fstate_1000000000.txt").is_file()


def test_states_of_a_scenario_keep_to_its_mask(run, scenario: Path, tmp_path: Path) -> None:
    """Every link to the ground in the first state is above the mask, told by angles and not by our kernels."""
    out = tmp_path / "out"
    options = ("--sites", tmp_path / "plain.csv", "--duration", "1s", "--step", "1s")
    assert run("export", "hypatia", scenario, "--out", out, *options).code == 0
    found, mask_deg = hypatia.read(out), 25.0
    satellites = found.constellation.satellites
    position_km = ephemeris.positions(found.constellation, found.constellation.epoch, 0.0).position_km[0]
    used = 0
    for row in csv.reader((out / "dynamic_state_1000ms_for_1s" / "fstate_0.txt").read_text().splitlines()):
        here, onward = int(row[0]), int(row[2])
        if onward < 0 or (here < satellites and onward < satellites):
            continue
        place, satellite = max(here, onward) - satellites, min(here, onward)
        sight = position_km[satellite] - found.places.position_km[place]
        sine = sight @ found.places.up[place] / np.linalg.norm(sight)
        assert np.degrees(np.arcsin(sine)) >= mask_deg - 1e-9
        assert np.linalg.norm(sight) <= found.longest_ground_link_km + 30.0  # the limit is of a round Earth
        used += 1
    assert used > 6


@pytest.mark.parametrize(("low_deg", "polar_deg"), [(38.0, 30.0), (28.0, 60.0)])
def test_states_keep_to_the_mask_of_each_shell(run, scenario: Path, tmp_path: Path, low_deg, polar_deg) -> None:
    """Which links to the ground there are at the first instant, told by angles and not by our kernels."""
    masks = "".join(
        f'[[links.shell]]\nname = "{name}"\nuser_elevation_deg = {deg}\n'
        for name, deg in (("low", low_deg), ("polar", polar_deg))
    )
    scenario.write_text(SHELLS + masks)
    (tmp_path / "plain.csv").write_text(PLAIN_SITES + "Alert,82.5,-62.3\nBelem,-1.45,-48.5\n")
    case, places = load_pairs(scenario), read_sites(tmp_path / "plain.csv", hypatias=True)
    written = hypatia_out.network_of(case.name, case.sky, case.start, places, None, "two.toml")
    assert written.sky.constellation.shell_names == ("low", "polar")
    position_km = ephemeris.positions(written.sky.constellation, written.start, 0.0).position_km[0]
    offsets, satellite, _ = ground_links(written.sky, places, position_km, np.ones(len(position_km), np.bool_))
    mask_deg = np.where(np.arange(len(position_km)) < 12 * 14, low_deg, polar_deg)
    found = []
    for place, (at_km, zenith) in enumerate(zip(places.position_km, places.up, strict=True)):
        sight = position_km - at_km
        sine = sight @ zenith / np.linalg.norm(sight, axis=1)
        expected = np.flatnonzero(np.degrees(np.arcsin(sine)) >= mask_deg)
        found += expected.tolist()
        assert sorted(satellite[offsets[place] : offsets[place + 1]]) == expected.tolist()
    assert min(found) < 12 * 14 <= max(found)  # satellites of both shells are in use


def test_what_only_the_states_keep_to_is_said_where_it_is_set(run, scenario: Path, tmp_path: Path) -> None:
    options = ("--sites", tmp_path / "plain.csv", "--duration", "1s", "--step", "1s")

    def lost(name: str) -> list[str]:
        answer = run("export", "hypatia", scenario, "--out", tmp_path / name, *options)
        assert answer.code == 0, answer.err
        return [line for line in answer.err.splitlines() if line.startswith("Not carried over: ")]

    plain = lost("plain")
    assert [line.split(" (")[0].removeprefix("Not carried over: ") for line in plain] == [
        "the elevation mask", "the shells' exact circles", "gateways, hand-over policy and processing",
    ]  # fmt: skip
    (tmp_path / "gateways.csv").write_text("name,lat_deg,lon_deg\nTaipei,25.05,121.53\nElsewhere,0,0\n")
    (tmp_path / "h.csv").write_text(
        "site,azimuth_deg,elevation_deg\nTaipei,0,30\nTaipei,90,30\nElsewhere,0,30\nElsewhere,9,30\n"
    )
    text = SHELLS.replace("[constellation]", "[constellation]\nisl_polar_cutoff_deg = 80")
    text += (
        'gateways = "gateways.csv"\nhorizons = "h.csv"\n[links]\ngso_exclusion_deg = 12\n'
        '[[links.shell]]\nname = "polar"\nuser_elevation_deg = 30\n'
        '[[failures.out]]\nkind = "satellite"\nname = "low p3 s2"\n'
        '[[failures.out]]\nkind = "gateway"\nname = "Elsewhere"\n'
    )
    scenario.write_text(text)
    more = [line.removeprefix("Not carried over: ") for line in lost("more") if line not in plain]
    assert more == [
        "the masks of shells (the states keep to them: polar 30°).",
        "horizons (the states keep to those of Taipei).",
        "the angle to the geostationary arc (the states keep to 12°).",
        "the polar cut-off of links (the states keep to 80°; isls.txt lists all).",
        "failures in orbit (1 outage; the states avoid what is out, tles.txt and isls.txt list everything).",
    ]


def test_a_network_without_links_between_satellites(run, scenario: Path, tmp_path: Path) -> None:
    """Bent pipes only: the satellites above a place land there, all others have no way."""
    scenario.write_text(SHELLS.replace("[[constellation.shell]]", 'isl = "none"\n[[constellation.shell]]', 1))
    out = tmp_path / "out"
    options = ("--sites", tmp_path / "plain.csv", "--duration", "1s", "--step", "1s")
    answer = run("export", "hypatia", scenario, "--out", out, *options)
    assert answer.code == 0, answer.err
    assert "4 of 6 ordered pairs of ground stations have no way" in answer.err  # Nairobi is far from the other two
    assert (out / "isls.txt").read_text() == ""
    rows = list(csv.reader((out / "dynamic_state_1000ms_for_1s" / "fstate_0.txt").read_text().splitlines()))
    assert len(rows) == 234 * 3 + 6
    assert {tuple(row[3:]) for row in rows} == {("0", "0"), ("-1", "-1")}
    assert all(row[2] in ("-1", row[1]) for row in rows if int(row[0]) < 234)
    assert hypatia.read(out).constellation.satellites == 234


def test_states_of_another_network_are_named_and_nothing_is_deleted(run, scenario: Path, tmp_path: Path) -> None:
    out, sites = tmp_path / "out", tmp_path / "plain.csv"

    def export(step: str):
        return run("export", "hypatia", scenario, "--out", out, "--sites", sites, "--duration", "1s", "--step", step)

    assert [export(step).code for step in ("1s", "500ms", "1s")] == [0, 0, 0]  # of one network
    (out / "mine.txt").write_text("kept")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert {path.parent.name for path in before} == {"out", "dynamic_state_1000ms_for_1s", "dynamic_state_500ms_for_1s"}
    sites.write_text(PLAIN_SITES.replace("25.05", "25.06"))
    for step, others in (("100ms", ("1000ms", "500ms")), ("1s", ("1000ms", "500ms"))):
        answer = export(step)
        assert answer.code == 2
        assert [line.split(": ")[1] for line in answer.err.splitlines() if line.startswith("--out")] == [
            f"dynamic_state_{other}_for_1s" for other in others
        ]
        assert "name another directory" in answer.err
        assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    for step in ("500ms", "1000ms"):
        shutil.rmtree(out / f"dynamic_state_{step}_for_1s")
    assert export("1s").code == 0  # the same satellites with other stations
    assert "25.06" in (out / "ground_stations.txt").read_text()
    assert (out / "mine.txt").read_text() == "kept"
    assert not [path for path in out.parent.iterdir() if "partial" in path.name]


def test_another_network_is_not_overwritten_by_states_of_the_same_names(run, scenario: Path, tmp_path: Path) -> None:
    """Whoever made it, by whatever program: it is refused as soon as one of its files is not of this network."""
    out, other = tmp_path / "out", tmp_path / "other.toml"
    asked = ("--out", out, "--sites", tmp_path / "plain.csv", "--duration", "1s", "--step", "500ms")
    assert run("export", "hypatia", scenario, *asked).code == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    for line, files in (
        ("altitude_km = 610.0", ["tles.txt", "dynamic_state_500ms_for_1s"]),
        ("phasing = 4", ["tles.txt", "isls.txt", "dynamic_state_500ms_for_1s"]),
    ):
        key = line.split(" = ")[0]
        other.write_text(re.sub(rf"^{key} = .*$", line, scenario.read_text(), count=1, flags=re.MULTILINE))
        answer = run("export", "hypatia", other, *asked)
        assert answer.code == 2
        assert [said.split(": ")[1] for said in answer.err.splitlines() if said.startswith("--out")] == files
        assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    shutil.rmtree(out / "dynamic_state_500ms_for_1s")
    answer = run("export", "hypatia", other, *asked)  # without states, too
    assert answer.code == 2
    assert "tles.txt: is of another network, and would be overwritten. Move it away" in answer.err
    assert run("export", "hypatia", scenario, *asked).code == 0
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_the_directory_that_is_read_is_not_written_to(run, scenario: Path, tmp_path: Path) -> None:
    directory, again = tmp_path / "theirs", tmp_path / "again.toml"
    options = ("--duration", "1s", "--step", "1s")
    assert run("export", "hypatia", scenario, "--out", directory, "--sites", tmp_path / "plain.csv", *options).code == 0
    again.write_text('conventions = "hypatia"\n[constellation]\nhypatia = "theirs"\n')
    (tmp_path / "link").symlink_to(directory)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.rglob("*") if path.is_file()}
    for name in ("theirs", "link", "link/../theirs"):
        answer = run("export", "hypatia", again, "--out", name, *options)
        assert answer.code == 2
        assert "is the directory that the scenario reads its network from" in answer.err
    after = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in directory.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--sites", "sites.csv"), "cut at commas"),
        ((), "--sites"),
        (("--sites", "plain.csv", "--step", "0.5ms"), "whole milliseconds"),
        (("--sites", "plain.csv", "--duration", "1500ms"), "whole seconds"),
    ],
)
def test_what_hypatia_cannot_hold_is_refused(
    run, scenario: Path, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    given = [tmp_path / one if one.endswith(".csv") else one for one in options]
    answer = run("export", "hypatia", scenario, "--out", tmp_path / "out", *given)
    assert answer.code == 2
    assert said in answer.err
    assert not (tmp_path / "out").exists()


def test_numbers_of_a_tle() -> None:
    assert hypatia_text._power(0.28098e-4) == " 28098-4"
    assert hypatia_text._power(-0.11606e-4) == "-11606-4"
    assert hypatia_text._power(0.0) == " 00000+0"
    assert hypatia_text._power(0.9999999) == " 10000+1"
    assert hypatia_text._angle(359.99999) == "  0.0000"
    assert hypatia_text.tle_epoch(datetime.fromisoformat("2000-01-01T00:00:00Z")) == ("00001.00000000", 0.0)
    assert hypatia_text.tle_epoch(datetime.fromisoformat("2024-12-31T12:00:00Z")) == ("24366.50000000", 0.0)


def test_mean_elements_are_those_of_the_shell() -> None:
    """Against SGP4's own view of them: the mean semi-major axis that the shell asks for."""
    start = parse_instant("2026-01-01T00:00:00Z")
    shells = from_shells("one", start, [Shell("a", 550.0, 53.0, planes=3, per_plane=4, phasing=1)])
    for one in hypatia_text.circular_elements(shells, start + timedelta(hours=5)):
        assert one.satrec.a * 6378.135 == pytest.approx(6378.137 + 550.0, abs=1e-6)


# --- traces -------------------------------------------------------------------------------------------------------


def test_traces_hold_what_the_library_computes(run, scenario: Path, tmp_path: Path) -> None:
    sites = tmp_path / "sites.csv"
    sites.write_text(SITES + "Pole,-90,0\n")  # the low shell does not see it, the polar one does at times
    for name in ("t.csv", "t.parquet"):
        answer = run("export", "traces", scenario, "--sites", sites, "--every", "40s", "--out", tmp_path / name)
        assert answer.code == 0, answer.err
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table = pyarrow.parquet.read_table(tmp_path / "t.parquet")
    assert list(rows[0]) == table.column_names == ["t_s", "src", "dst", "rtt_ms", "down_mbps", "up_mbps"]
    case = load_pairs(scenario)
    places = read_sites(sites, hypatias=False)
    expected = []
    for after_s, times in zip((0, 40, 80), rtt_between(case.sky, places, case.start, [0.0, 40.0, 80.0]), strict=True):
        for i, start in enumerate(places.names):
            expected += [(after_s, start, end, times.rtt_ms[i, j]) for j, end in enumerate(places.names) if i != j]
    assert len(rows) == table.num_rows == len(expected)
    for row, kept, (after_s, start, end, rtt_ms) in zip(rows, table.to_pylist(), expected, strict=True):
        assert (float(row["t_s"]), row["src"], row["dst"]) == (after_s, start, end)
        assert (kept["t_s"], kept["src"], kept["dst"]) == (after_s, start, end)
        if np.isfinite(rtt_ms):
            assert float(row["rtt_ms"]) == kept["rtt_ms"] == pytest.approx(rtt_ms, abs=6e-6)
        else:
            assert (row["rtt_ms"], kept["rtt_ms"]) == ("", None)
        assert (row["down_mbps"], row["up_mbps"], kept["down_mbps"], kept["up_mbps"]) == ("", "", None, None)


def test_traces_of_one_pair_are_those_rows_of_all(run, scenario: Path, tmp_path: Path) -> None:
    common = ("export", "traces", scenario, "--sites", tmp_path / "sites.csv", "--out")
    assert run(*common, tmp_path / "all.csv").code == 0
    assert run(*common, tmp_path / "one.csv", "--from", "Nairobi", "--to", "Naha, Okinawa").code == 0
    head, *rows = (tmp_path / "all.csv").read_text().splitlines()
    mine = [row for row in rows if '"Nairobi","Naha, Okinawa"' in row]
    assert (tmp_path / "one.csv").read_text().splitlines() == [head, *mine]
    assert len(mine) == 8  # every 15 s of 2 min


def test_rows_of_a_long_run_come_instant_by_instant(scenario: Path, tmp_path: Path) -> None:
    """Ten million instants would not fit in memory, nor be computed in an hour; the first is there at once."""
    case, places = load_pairs(scenario), read_sites(tmp_path / "sites.csv", hypatias=False)
    pairs = traces.pairs_of(places.names, "Nairobi", None)
    coming = traces.batches(case.sky, places, pairs, case.start, range(10_000_000), threads=1)
    first, second = next(coming), next(coming)
    assert first.column("dst").to_pylist() == ["Taipei", "Naha, Okinawa"]
    assert (set(first.column("t_s").to_pylist()), set(second.column("t_s").to_pylist())) == ({0.0}, {1.0})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--out", "t.txt"), "written as .csv or .parquet"),
        (("--out", "t.csv", "--from", "Taipe"), "Did you mean Taipei?"),
        (("--out", "t.csv", "--from", "Taipei", "--to", "Taipei"), "two places"),
        (("--out", "t.csv", "--every", "0s"), "more than nothing"),
    ],
)
def test_traces_that_cannot_be_are_refused(
    run, scenario: Path, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    given = [tmp_path / one if one.startswith("t.") else one for one in options]
    answer = run("export", "traces", scenario, "--sites", tmp_path / "sites.csv", *given)
    assert answer.code == 2
    assert said in answer.err
    assert not list(tmp_path.glob("t.*"))


# --- CZML ---------------------------------------------------------------------------------------------------------

INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"


def packets(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))


def test_czml_has_the_form_that_cesium_reads(run, scenario: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.czml"
    answer = run("export", "czml", scenario, "--satellites", "7", "--out", out, "--duration", "30m")
    assert answer.code == 0, answer.err
    document, *rest = packets(out)
    assert (document["id"], document["version"]) == ("document", "1.0")
    clock = document["clock"]
    assert re.fullmatch(rf"{INSTANT}/{INSTANT}", clock["interval"])
    start, end = (parse_instant(one) for one in clock["interval"].split("/"))
    assert start == parse_instant(clock["currentTime"]) == load_pairs(scenario).start
    assert end - start == timedelta(minutes=30)
    assert clock["range"] in ("UNBOUNDED", "CLAMPED", "LOOP_STOP")
    assert clock["step"] in ("TICK_DEPENDENT", "SYSTEM_CLOCK_MULTIPLIER", "SYSTEM_CLOCK")
    assert len({one["id"] for one in rest}) == len(rest)
    moving = [one for one in rest if one["id"].startswith("satellite/")]
    standing = [one for one in rest if one["id"].startswith("gateway/")]
    assert len(moving) == 7
    assert len(moving) + len(standing) == len(rest)
    gateways = load_pairs(scenario).gateways
    assert gateways is not None
    assert [one["name"] for one in standing] == [station.name for station in gateways.stations]
    for packet in moving:
        position = packet["position"]
        assert parse_instant(position["epoch"]) == start
        assert (position["referenceFrame"], position["interpolationAlgorithm"]) == ("FIXED", "LAGRANGE")
        assert position["interpolationDegree"] == 5
        assert len(position["cartesian"]) % 4 == 0
        after_s = position["cartesian"][::4]
        assert after_s[0] == 0.0
        assert all(b > a for a, b in pairwise(after_s))
        shown = [parse_instant(one) for one in packet["availability"].split("/")]
        assert start == shown[0]
        assert shown[1] <= start + timedelta(seconds=after_s[-1])
    for packet in rest:
        assert all(isinstance(value, int | float) for value in packet["position"]["cartesian"])
        assert all(0 <= part <= 255 for part in packet["point"]["color"]["rgba"])
        assert 6.3e6 < np.linalg.norm(packet["position"]["cartesian"][-3:]) < 7.7e6


def test_czml_samples_are_the_ephemeris_and_interpolate_to_a_centimetre(run, scenario: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.czml"
    asked = ["low p3 s2", "polar p5 s10"]
    assert run("export", "czml", scenario, "--satellites", ",".join(asked), "--out", out).code == 0
    case = load_pairs(scenario)
    for packet in packets(out)[1:3]:
        number = case.sky.constellation.satellite_name.index(packet["name"])
        samples = np.array(packet["position"]["cartesian"]).reshape(-1, 4)
        computed = ephemeris.positions(case.sky.constellation, case.start, samples[:, 0]).position_km[:, number]
        np.testing.assert_allclose(samples[:, 1:], computed * 1e3, atol=1e-3)
        first = 40  # six samples around an instant, as a globe takes them for the fifth degree
        around = samples[first : first + 6]
        for after_s in (first * 60.0 + 121.0, first * 60.0 + 150.0, first * 60.0 + 170.0):
            there = [
                lagrange(around[:, 0] - around[0, 0], around[:, 1 + axis])(after_s - around[0, 0]) for axis in range(3)
            ]
            exact = ephemeris.positions(case.sky.constellation, case.start, after_s).position_km[0, number] * 1e3
            assert np.linalg.norm(np.array(there) - exact) < 0.01
    assert [one["name"] for one in packets(out)[1:3]] == asked


def pieces_of(message: str, *pieces: tuple[int, int]) -> str:
    """Of an ephemeris message of one satellite only some pieces, each a segment: from one of its states to another."""
    lines = message.splitlines()
    begin, end = lines.index("META_START"), lines.index("META_STOP") + 1
    meta, states = lines[begin:end], [line for line in lines[end:] if line[:2] == "20"]
    text = lines[:begin]
    for first, last in pieces:
        span = {"START": states[first].split()[0], "STOP": states[last].split()[0]}
        for line in meta:
            which = re.match(r"(?:USEABLE_)?(START|STOP)_TIME", line)
            text.append(f"{line.split(' = ')[0]} = {span[which[1]]}" if which else line)
        text += states[first : last + 1]
    return "\n".join(text) + "\n"


def test_czml_shows_a_satellite_for_the_time_it_has_a_position(run, scenario: Path, tmp_path: Path) -> None:
    """Ephemerides that begin later, have a gap, or are too short for a polynomial."""
    name, later, out = "low p3 s2", tmp_path / "later.toml", tmp_path / "a.czml"
    asked = ("--satellite", name, "--step", "60s", "--duration", "60m")
    assert run("export", "oem", scenario, "--out", tmp_path / "all.oem", *asked).code == 0
    later.write_text(
        SHELLS[: SHELLS.index("[constellation]")].replace("2m", "60m")
        + '[constellation]\nephemerides = "e.oem"\n[ground]\narea = ["TWN"]\nresolution = 3\n'
    )
    start = load_pairs(scenario).start

    def shown(*pieces: tuple[int, int]) -> tuple[str, dict | None]:
        (tmp_path / "e.oem").write_text(pieces_of((tmp_path / "all.oem").read_text(), *pieces))
        options = ("--satellites", "1", "--duration", "50m", "--every", "60s", "--out", out)
        answer = run("export", "czml", later, *options)
        assert answer.code == 0, answer.err
        found = [one for one in packets(out) if one["id"].startswith("satellite/")]
        return answer.err, found[0] if found else None

    def minutes(interval: str) -> list[float]:
        return [(parse_instant(one) - start).total_seconds() / 60.0 for one in interval.split("/")]

    def check(part: dict, first_min: float, last_min: float) -> None:
        samples = np.array(part["cartesian"]).reshape(-1, 4)
        assert (samples[0, 0], samples[-1, 0]) == (first_min * 60.0, last_min * 60.0)
        moved = ephemeris.positions(load_pairs(later).sky.constellation, start, samples[:, 0])
        assert moved.valid.all()
        np.testing.assert_allclose(samples[:, 1:], moved.position_km[:, 0] * 1e3, atol=1e-3)

    said, packet = shown((20, 61))
    assert packet is not None
    assert minutes(packet["availability"]) == [20.0, 50.0]
    check(packet["position"], 20.0, 50.0)
    assert "Without a position at some time, and left out then" in said
    assert "never shown" not in said

    said, packet = shown((0, 15), (30, 34), (40, 61))
    assert packet is not None
    assert [minutes(one) for one in packet["availability"]] == [[0.0, 15.0], [40.0, 50.0]]
    assert [minutes(one["interval"]) for one in packet["position"]] == [[0.0, 15.0], [40.0, 50.0]]
    for part, span in zip(packet["position"], ((0.0, 15.0), (40.0, 50.0)), strict=True):
        check(part, *span)

    said, packet = shown((30, 34))
    assert packet is None
    assert f"1 satellite is never shown, without a position at 6 samples on end: {name}." in said


def test_satellites_that_are_not_there_are_named(run, scenario: Path, tmp_path: Path) -> None:
    answer = run("export", "czml", scenario, "--satellites", "low p3 s22,nobody", "--out", tmp_path / "a.czml")
    assert answer.code == 2
    assert "low p3 s2" in answer.err
    assert "nobody" in answer.err
    assert not (tmp_path / "a.czml").exists()


def test_a_hypatia_directory_becomes_traces_and_czml_with_its_own_stations(run, scenario: Path, tmp_path: Path) -> None:
    directory, again = tmp_path / "out", tmp_path / "again.toml"
    options = ("--sites", tmp_path / "plain.csv", "--duration", "1s", "--step", "1s")
    assert run("export", "hypatia", scenario, "--out", directory, *options).code == 0
    again.write_text(f'conventions = "hypatia"\n[constellation]\nhypatia = "{directory}"\n')
    assert run("export", "czml", again, "--satellites", "3", "--out", tmp_path / "a.czml").code == 0
    shown = packets(tmp_path / "a.czml")
    assert [one["name"] for one in shown[1:]] == ["two 0", "two 78", "two 156", "Taipei", "Naha", "Nairobi"]
    answer = run("export", "traces", again, "--out", tmp_path / "t.csv")
    assert answer.code == 2
    assert "--duration" in answer.err  # three lines say no duration
    assert run("export", "traces", again, "--out", tmp_path / "t.csv", "--duration", "30s").code == 0
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 1 + 2 * 6


def test_a_start_that_is_not_the_epoch_is_refused(run, scenario: Path, tmp_path: Path) -> None:
    directory, again = tmp_path / "out", tmp_path / "again.toml"
    options = ("--sites", tmp_path / "plain.csv", "--duration", "1s", "--step", "1s")
    assert run("export", "hypatia", scenario, "--out", directory, *options).code == 0
    again.write_text(
        f'conventions = "hypatia"\nstart = 2026-11-21T00:00:00Z\n[constellation]\nhypatia = "{directory}"\n'
    )
    answer = run("export", "hypatia", again, "--out", tmp_path / "other")
    assert answer.code == 2
    assert "ns-3 starts at the epoch" in answer.err
    assert not (tmp_path / "other").exists()


def test_all_that_is_wrong_is_said_at_once(run, scenario: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    wrong = ("--step", "soon", "--duration", "1.5s", "--out", tmp_path / "taken", "--sites", tmp_path / "none.csv")
    answer = run("export", "hypatia", scenario, *wrong)
    assert answer.code == 2
    assert all(said in answer.err for said in ("'soon'", "whole seconds", "is a file", "none.csv"))
    answer = run("export", "traces", scenario, "--every", "soon", "--duration", "later", "--out", tmp_path / "t.txt")
    assert answer.code == 2
    assert all(said in answer.err for said in ("'soon'", "'later'", ".parquet", "--sites"))
    assert (tmp_path / "taken").read_text() == ""


# --- planes -------------------------------------------------------------------------------------------------------


def test_planes_of_element_sets_are_those_of_the_shells_they_were_made_from(run, scenario: Path, tmp_path) -> None:
    run(
        "export",
        "hypatia",
        scenario,
        "--out",
        tmp_path / "tles",
        "--sites",
        tmp_path / "plain.csv",
        "--duration",
        "10s",
    )
    flown = tmp_path / "flown.toml"
    lines = (tmp_path / "tles" / "tles.txt").read_text().splitlines()[1:]  # the first line counts planes and slots
    (tmp_path / "two.tle").write_text("\n".join(lines) + "\n")
    shells = SHELLS.split("[constellation]")
    ground = "[ground]" + shells[1].split("[ground]")[1]
    flown.write_text(shells[0] + '[constellation]\nelements = "two.tle"\n' + ground)
    tables = {}
    for name, path in (("filed", scenario), ("flown", flown)):
        said = run("export", "planes", path, "--out", tmp_path / f"{name}.csv", "--plot", tmp_path / f"{name}.png")
        assert "234 of 234 satellites in 18 planes of 2 shells" in said.err
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
        with (tmp_path / f"{name}.csv").open() as file:
            tables[name] = list(csv.DictReader(file))
    # The same satellites share a plane, whatever the planes are called.
    for filed in {(row["shell"], row["plane"]) for row in tables["filed"]}:
        places = [n for n, row in enumerate(tables["filed"]) if (row["shell"], row["plane"]) == filed]
        assert len({(tables["flown"][n]["shell"], tables["flown"][n]["plane"]) for n in places}) == 1
