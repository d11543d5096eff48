"""What holds for every verb that reads a scenario: notes are told, outputs are there all or not at all, spans follow one
rule."""

from __future__ import annotations

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
