"""Every verb that writes makes the folders that its output is to stand in; where it cannot, it leaves no trace."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest
from test_cli_notes_and_outputs import OVER_SITES, folder  # noqa: F401

from openleo.sources import celestrak

RULES = """schema = 1
book = "operator"
[[rule]]
id = "ton"
effect = "permit"
territory = { in = "TON" }
reason = "an example"
"""
AT = "2026-11-20T00:00:00Z"
EFFECT = ("policy", "effect", "r.toml", "r.toml", "--scenario", "s.toml", "--slots", 1, "--beam-km", 0)
WRITING = [
    ("plan", "s.toml", "--slots", 1, "--out", "NEW"),
    ("passes", "s.toml", "--at", "TON", "--for", "15s", "--out", "NEW/x.png"),
    ("rtt", *OVER_SITES, "--at", 0, "--out", "NEW/x.csv"),
    ("rtt", *OVER_SITES, "--at", 0, "--paths", "NEW/x.csv", "--summary", "NEW/y.csv"),
    ("export", "traces", *OVER_SITES, "--out", "NEW/x.csv", "--duration", "15s"),
    ("export", "czml", "s.toml", "--satellites", 1, "--out", "NEW/x.czml", "--duration", "1m"),
    ("export", "hypatia", *OVER_SITES, "--out", "NEW", "--duration", "1s"),
    ("export", "failures", "s.toml", "--out", "NEW/x.csv"),
    ("export", "hand-overs", *OVER_SITES, "--for", "15s", "--out", "NEW/x.csv"),
    ("export", "planes", "s.toml", "--out", "NEW/x.csv", "--plot", "NEW/y/z.png"),
    ("export", "load", *OVER_SITES, "--demand", "d.csv", "--out", "NEW/x.csv"),
    ("export", "oem", "s.toml", "--duration", "1m", "--out", "NEW/x.oem"),
    ("init", "NEW"),
    ("territory", "show", "TON", "--out", "NEW/x.geojson"),
    (*EFFECT, "--out", "NEW"),
    ("policy", "mask", "r.toml", "--at", AT, "--resolution", 3, "--out", "NEW/x.parquet", "--map", "NEW/y/z.png"),
    ("policy", "decide", "r.toml", "--terminals", "t.csv", "--at", AT, "--out", "NEW/x.csv"),
]


@pytest.fixture
def ready(run, folder):  # noqa: F811
    (folder / "r.toml").write_text(RULES)
    (folder / "t.csv").write_text("id,class,lat_deg,lon_deg,uncertainty_m\nt-1,fixed,-21.13,-175.2,30\n")
    return folder


def named(arguments, new):
    return [str(word).replace("NEW", new) for word in arguments]


@pytest.mark.parametrize("arguments", WRITING, ids=lambda words: " ".join(map(str, words[:2])))
def test_folders_are_made(run, ready, arguments):
    done = run(*named(arguments, "new/er/est"))
    assert done.code == 0, done.err
    left = [path for path in (ready / "new" / "er" / "est").rglob("*") if path.is_file()]
    assert len(left) >= sum("NEW" in str(word) for word in arguments)
    assert not list(ready.rglob(".*"))


@pytest.mark.parametrize("arguments", WRITING, ids=lambda words: " ".join(map(str, words[:2])))
def test_where_a_file_is_in_the_way_nothing_is_left(run, ready, arguments):
    (ready / "file").write_text("in the way")
    before = sorted(ready.rglob("*"))
    done = run(*named(arguments, "file/new"))
    assert done.code == 2, (done.out, done.err)
    assert "cannot be written" in done.err
    assert sorted(ready.rglob("*")) == before


def test_a_fetched_file_is_copied_whole_or_not_at_all(run, tmp_path, monkeypatch):
    (tmp_path / "kept.json").write_text("[1, 2]")
    fetched = celestrak.Fetched(tmp_path / "kept.json", "", "0" * 64, datetime(2026, 11, 20, tzinfo=UTC), 2, True)
    monkeypatch.setattr(celestrak, "fetch", lambda *_: fetched)
    assert run("fetch", "celestrak:starlink", "--out", "new/er/x.json").out == "new/er/x.json\n"
    assert (tmp_path / "new" / "er" / "x.json").read_text() == "[1, 2]"

    def half(_source, target):
        target.write_text("[1,")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", half)
    done = run("fetch", "celestrak:starlink", "--out", "new/er/x.json")
    assert (done.code, "x.json: cannot be written: No space left on device" in done.err) == (2, True)
    assert [path.name for path in (tmp_path / "new" / "er").iterdir()] == ["x.json"]
    assert (tmp_path / "new" / "er" / "x.json").read_text() == "[1, 2]"
