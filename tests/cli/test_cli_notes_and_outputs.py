"""What holds for every verb that reads a scenario: notes are told, outputs are there all or not at all, spans
follow one rule."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

SCENARIO = """
name = "t"
start = 2026-11-20T00:00:00Z
duration = "100s"
[constellation]
epoch = 2026-11-20T00:00:00Z
[[constellation.shell]]
name = "low"
altitude_km = 1100.0
inclination_deg = 60.0
planes = 12
per_plane = 14
phasing = 5
[ground]
area = ["TON"]
resolution = 2
"""
SITES = "name,lat_deg,lon_deg\nhere,10,20\nthere,-30,140\n"
LEFT_OUT = "10 s of the time asked for make no whole slot and are left out."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "s.toml").write_text(SCENARIO)
    (tmp_path / "sites.csv").write_text(SITES)
    (tmp_path / "d.csv").write_text("from,to,mbps\nhere,there,400\n")
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


OVER_SITES = ("s.toml", "--sites", "sites.csv")


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "s.toml", "--slots", 1),
        ("path", "s.toml", "--from", "TON"),
        ("passes", "s.toml", "--at", "TON", "--for", "15s"),
        ("rtt", *OVER_SITES, "--at", 0, "--out", "o.csv"),
        ("export", "traces", *OVER_SITES, "--out", "o.csv", "--duration", "15s"),
        ("export", "czml", "s.toml", "--satellites", 1, "--out", "o.czml", "--duration", "1m"),
        ("export", "hypatia", *OVER_SITES, "--out", "h", "--duration", "1s"),
        ("export", "failures", "s.toml", "--out", "o.csv"),
        ("export", "hand-overs", *OVER_SITES, "--for", "15s", "--out", "o.csv"),
        ("export", "planes", "s.toml", "--out", "o.csv"),
        ("export", "load", *OVER_SITES, "--demand", "d.csv", "--out", "o.csv"),
    ],
    ids=lambda words: " ".join(map(str, words[:2])),
)
def test_every_verb_tells_what_was_set_aside_or_assumed(run, folder, arguments):
    done = run(*arguments)
    assert done.code == 0, done.err
    assert done.err.splitlines().count(LEFT_OUT) == 1
    assert ("No rules were given" in done.err) == (arguments[0] == "plan")  # others do not compute under rules


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("rtt", *OVER_SITES, "--at", 0, "--out", "o.csv", "--summary", "new/../o.csv"),
            "--summary new/../o.csv: is --out",
        ),
        (("rtt", *OVER_SITES, "--at", 0, "--paths", "o.png", "--plot", "link.png"), "--plot link.png: is --paths"),
        (("rtt", *OVER_SITES, "--at", 0, "--out", "./sites.csv"), "--out sites.csv: is --sites"),
        (("rtt", *OVER_SITES, "--at", 0, "--paths", "s.toml"), "--paths s.toml: is SCENARIO"),
        (("export", "traces", *OVER_SITES, "--out", "sites.csv"), "--out sites.csv: is --sites"),
        (("export", "czml", "s.toml", "--satellites", 1, "--out", "s.toml"), "--out s.toml: is SCENARIO"),
        (("export", "failures", "s.toml", "--out", "s.toml"), "--out s.toml: is SCENARIO"),
        (("export", "hand-overs", *OVER_SITES, "--out", "sites.csv"), "--out sites.csv: is --sites"),
        (("export", "load", *OVER_SITES, "--demand", "d.csv", "--out", "d.csv"), "--out d.csv: is --demand"),
        (("export", "planes", "s.toml", "--out", "o.csv", "--plot", "o.csv"), "--plot o.csv: is not named as a PNG"),
    ],
)
def test_no_output_takes_the_place_of_another_or_of_an_input(run, folder, arguments, said):
    (folder / "link.png").symlink_to("o.png")
    before = names(folder)
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert names(folder) == before
    assert (folder / "sites.csv").read_text() == SITES


@pytest.mark.parametrize(
    "arguments",
    [
        ("rtt", *OVER_SITES, "--at", "0:30:15", "--out", "o.csv", "--paths", "p.jsonl"),
        ("export", "load", *OVER_SITES, "--demand", "d.csv", "--out", "o.csv"),
        ("export", "planes", "s.toml", "--out", "o.csv"),
    ],
    ids=lambda words: " ".join(map(str, words[:2])),
)
def test_a_late_failure_leaves_no_output_and_names_its_own_option(run, folder, monkeypatch, arguments):
    """The disk is full when the picture, which comes last, is saved."""
    from matplotlib.figure import Figure

    def full(figure, path, **_):
        Path(path).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (folder / "o.csv").write_text("earlier")
    before = names(folder)
    monkeypatch.setattr(Figure, "savefig", full)
    done = run(*arguments, "--plot", "last.png")
    assert (done.code, done.out) == (2, "")
    (said,) = [line for line in done.err.splitlines() if "cannot be written" in line]
    assert said.startswith("last.png: cannot be written: No space left on device")
    assert "with --plot," in said
    assert "written to" not in done.err
    assert names(folder) == before
    assert (folder / "o.csv").read_text() == "earlier"


def test_an_output_that_cannot_be_is_said_before_anything_is_computed(run, folder, monkeypatch):
    monkeypatch.setattr("openleo.cli.rtt._compute", lambda *_: pytest.fail("computed"))
    (folder / "file").write_text("")
    asked = ("rtt", *OVER_SITES, "--at", 0, "--out", "o.csv")
    for option, name in (("--summary", "file/s.csv"), ("--paths", "file/p"), ("--plot", "file/p.png")):
        done = run(*asked, option, name)
        assert done.code == 2
        assert f"{name}: cannot be written" in done.err
        assert f"Choose another place with {option}," in done.err
    assert names(folder) == ["d.csv", "file", "s.toml", "sites.csv"]


def test_slots_are_shifted_and_seconds_count_from_the_start_as_written(run, folder):
    """A phase moves slots; what `t` = 0 is, the file says."""
    (folder / "track.csv").write_text("t,lat,lon,alt\n0,10,20,0\n60,10,21,0\n")
    shifted = SCENARIO.replace('"100s"', '"100s"\nslot_phase_s = 12')
    made = {}
    for name, text in (("plain", SCENARIO), ("shifted", shifted)):
        (folder / "s.toml").write_text(text)
        over = ("s.toml", "--sites", "sites.csv", "--out")
        for verb, *more in (
            ("rtt", *over, "o.csv", "--at", "0,30"),
            ("export", "traces", *over, "o.csv", "--duration", "30s"),
            ("export", "czml", "s.toml", "--satellites", "3", "--out", "o.csv", "--duration", "5m"),
            ("export", "load", *over, "o.csv", "--demand", "d.csv"),
        ):
            assert run(verb, *more).code == 0
            made[name, verb, more[0]] = (folder / "o.csv").read_bytes()
        assert run("export", "hypatia", *over, f"h-{name}", "--duration", "1s", "--step", "1s").code == 0
        made[name, "hypatia", ""] = (folder / f"h-{name}" / "tles.txt").read_bytes()
        made[name, "path", ""] = run("path", "s.toml", "--from", "10,20", "--to", "-30,140", "--json").out.encode()
        # A user on a track is there from t = 0 on, and gone after t = 60.
        moving = ("--from-track", "track.csv", "--to", "-30,140", "--json", "--at")
        for at, there in (("00:00:01", True), ("00:00:59", True), ("00:01:05", False)):
            found = run("path", "s.toml", *moving, f"2026-11-20T{at}Z").json
            assert (found["why_none"] != "not on its track") == there
        done = run("export", "hand-overs", "s.toml", "--track", "track.csv", "--out", "o.csv", "--json")
        assert done.json["sites"][0]["there_s"] == (60.0 if name == "plain" else 45.0)  # slots that middle in it
        assert done.json["start"] == f"2026-11-20T00:00:{'00' if name == 'plain' else '12'}Z"
    for _, *what in made:
        assert made["plain", *what] == made["shifted", *what], what


# --- spans of time ------------------------------------------------------------------------------------------------

TRACES = ("export", "traces", *OVER_SITES, "--out", "o.csv")
HAND_OVERS = ("export", "hand-overs", *OVER_SITES, "--out", "o.csv")
CZML = ("export", "czml", "s.toml", "--satellites", 3, "--out", "o.csv")
HYPATIA = ("export", "hypatia", *OVER_SITES, "--out", "o.csv")
PASSES = ("passes", "s.toml", "--at", "TON", "--out", "o.png")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*TRACES, "--duration", "0s"), "--duration: is 0s; it must be more than nothing"),
        ((*TRACES, "--duration", "99999999d"), "orbits are computed from 1957 to 2100"),
        (
            (*TRACES, "--duration", "20d", "--every", "1s"),
            "--duration: 1 s apart up to 1728000 s are 1,728,000 instants",
        ),
        ((*TRACES, "--duration", "9" * 400 + "s"), "is too long to count in seconds"),
        ((*HYPATIA, "--duration", "9" * 307 + "s"), "is too long to count in seconds"),
        ((*CZML, "--every", "0." + "0" * 320 + "5s"), "samples fit in a file"),
        ((*CZML, "--duration", "0s"), "--duration: is 0s; it must be more than nothing"),
        ((*CZML, "--duration", "99999999d"), "orbits are computed from 1957 to 2100"),
        ((*CZML, "--duration", "30d", "--every", "1s"), "3 satellites at 2,592,001 instants each"),
        ((*HYPATIA, "--duration", "0s"), "--duration: is 0s; it must be more than nothing"),
        ((*HYPATIA, "--duration", "99999999d", "--step", "1d"), "orbits are computed from 1957 to 2100"),
        ((*HYPATIA, "--duration", "1d", "--step", "1ms"), "has 86,400,000 states"),
        ((*HAND_OVERS, "--for", "0s"), "--for: is 0s; it must be more than nothing"),
        ((*HAND_OVERS, "--for", "14s"), "--for: is 14s, shorter than one slot of 15 s"),
        ((*HAND_OVERS, "--for", "99999999d"), "longer than 65,535 slots"),
        ((*HAND_OVERS, "--start", "2100-12-31T23:59:00Z", "--for", "5m"), "orbits are computed from 1957 to 2100"),
        ((*PASSES, "--for", "0s"), "--for: is 0s; it must be more than nothing"),
        ((*PASSES, "--for", "14s"), "--for: is 14s, shorter than one slot of 15 s"),
        ((*PASSES, "--start", "9999-12-31T23:59:59Z"), "--start: reaches 9999-12-31T23:59:59Z; orbits are computed"),
        (("path", "s.toml", "--from", "TON", "--at", "9999-12-31T23:59:59Z"), "--at: reaches 9999-12-31T23:59:59Z"),
        (("rtt", *OVER_SITES, "--at", "1e12", "--out", "o.csv"), "--at: reaches 1e+12 s after 2026-11-20T00:00:00Z"),
        (("rtt", *OVER_SITES, "--at", "0,-1e10", "--out", "o.csv"), "orbits are computed from 1957 to 2100"),
        (
            ("export", "load", *OVER_SITES, "--demand", "d.csv", "--out", "o.csv", "--at", "1e12"),
            "--at: reaches 1e+12 s after 2026-11-20T00:00:00Z",
        ),
    ],
)
def test_a_span_is_more_than_nothing_and_can_be_computed(run, folder, arguments, said):
    before = names(folder)
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert names(folder) == before


def test_one_place_makes_no_pair(run, folder):
    (folder / "sites.csv").write_text("name,lat_deg,lon_deg\nhere,10,20\n")
    for verb in (("rtt", *OVER_SITES, "--at", 0, "--out", "o.csv", "--plot", "p.png"), TRACES):
        done = run(*verb)
        assert done.code == 2
        assert "--sites: holds one place; a pair has two." in done.err


def test_slots_that_are_not_whole_are_left_out_and_told(run, folder):
    for arguments in (HAND_OVERS, PASSES):
        done = run(*arguments, "--for", "50s", "--json")
        assert done.code == 0
        assert "5 s of --for make no whole slot and are left out." in done.err
        assert "of --for" not in run(*arguments, "--for", "45s", "--json").err
    assert run(*HAND_OVERS, "--for", "29s", "--json").json["slots"] == 1  # nothing is rounded up
    assert "satellites above 25° in 45s" in run(*PASSES, "--for", "50s").out


def test_instants_of_a_span_leave_its_end_out_and_are_short_decimals(run, folder):
    assert run(*TRACES, "--duration", "0.8s", "--every", "100ms").code == 0
    rows = (folder / "o.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows[::2]] == ["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"]
    assert run(*TRACES, "--duration", "20s", "--every", "15s").code == 0
    rows = (folder / "o.csv").read_text().splitlines()[1:]
    assert [row.split(",")[0] for row in rows[::2]] == ["0", "15"]
    assert run(*CZML, "--duration", "1s", "--every", "100ms").code == 0
    times = json.loads((folder / "o.csv").read_text())[1]["position"]["cartesian"][::4]
    assert times == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


def test_a_globe_moves_only_the_satellites_it_shows(run, folder, monkeypatch):
    """The big catalogue has 10,000 satellites; a few of them must not cost the memory of all."""
    from openleo.network import ephemeris

    moved = []
    original = ephemeris.positions

    def positions(constellation, *more):
        moved.append(constellation.satellites)
        return original(constellation, *more)

    monkeypatch.setattr(ephemeris, "positions", positions)
    assert run(*CZML).code == 0
    assert moved == [3]
