"""Results over time on the command line: hand-overs, tracks, and the times of pairs summed up."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

PNG = b"\x89PNG\r\n\x1a\n"
SITES = "name,lat_deg,lon_deg\nSuva,-18.14,178.44\nTongatapu,-21.14,-175.2\nPole,90,0\n"
TRACK = "t,lat,lon,alt\n30,-18,178,11000\n150,-18.1,-179.9,11000\n"


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "sites.csv").write_text(SITES)
    (tmp_path / "track.csv").write_text(TRACK)


def test_hand_overs_as_csv_and_parquet_are_the_same_and_sum_up(run, starter, tmp_path):
    asked = ("export", "hand-overs", starter, "--sites", "sites.csv", "--for", "5m", "--out")
    done = run(*asked, "h.csv", "--json")
    assert done.code == 0
    rows = table(tmp_path / "h.csv")
    assert list(rows[0]) == ["at", "site", "from", "to", "why", "rtt_ms_before", "rtt_ms_after", "served_s"]
    assert f"{len(rows)} records of 20 slots written to h.csv" in done.err
    sites = {one["site"]: one for one in done.json["sites"]}
    assert list(sites) == ["Suva", "Tongatapu", "Pole"]
    for name, one in sites.items():
        mine = [row for row in rows if row["site"] == name]
        assert mine[0]["at"] == "2026-11-20T00:00:00Z"
        assert one["hand_overs"] == sum(bool(row["from"] and row["to"]) for row in mine)
        assert one["there_s"] == 300.0
    assert run(*asked, "h.parquet").code == 0
    read = pq.read_table(tmp_path / "h.parquet").to_pylist()
    assert [row["to"] or "" for row in read] == [row["to"] for row in rows]
    assert [row["rtt_ms_after"] for row in read] == [float(row["rtt_ms_after"]) for row in rows]


def test_hand_overs_are_those_of_passes(run, starter, tmp_path):
    assert run("export", "hand-overs", starter, "--sites", "sites.csv", "--for", "3m", "--out", "h.csv").code == 0
    passed = run("passes", starter, "--at", "-18.14,178.44", "--for", "3m", "--json").json["hand_overs"]
    rows = [row for row in table(tmp_path / "h.csv") if row["site"] == "Suva"]
    assert [(one["at"], one["to"], one["why"]) for one in passed] == [
        (row["at"], row["to"], row["why"]) for row in rows
    ]


def test_a_user_who_moves(run, starter, tmp_path):
    done = run("export", "hand-overs", starter, "--track", "track.csv", "--for", "4m", "--out", "h.csv", "--json")
    assert done.code == 0
    rows = table(tmp_path / "h.csv")
    assert (rows[0]["why"], rows[1]["why"], rows[-1]["why"]) == (
        "not on its track",
        "first service",
        "not on its track",
    )
    assert rows[1]["at"] == "2026-11-20T00:00:30Z"
    (user,) = done.json["sites"]
    assert (user["site"], user["there_s"], user["away_s"]) == ("track", 120.0, 120.0)
    passed = run("passes", starter, "--track", "track.csv", "--for", "4m", "--out", "sky.png", "--json")
    assert [one["to"] for one in passed.json["hand_overs"]] == [row["to"] or None for row in rows]
    assert (tmp_path / "sky.png").read_bytes().startswith(PNG)
    assert "to -18.1" in run("passes", starter, "--track", "track.csv", "--for", "4m").out.splitlines()[0]


def test_a_path_from_a_track(run, starter):
    there = run("path", starter, "--from-track", "track.csv", "--at", "2026-11-20T00:01:00Z", "--json").json
    assert (there["hops"][0]["kind"], there["hops"][0]["from"]) == ("user link", "track")
    same = run("path", starter, "--track", "track.csv", "--at", "2026-11-20T00:01:00Z", "--json").json
    assert same == there  # as passes and export hand-overs call it
    between = ("--to", "Suva", "--at", "2026-11-20T00:01:00Z")
    assert run("path", starter, "--from-track", "track.csv", *between, "--json").json["rtt_ms"] > 0.0
    for options in ([], ["--to", "Suva"]):
        gone = run("path", starter, "--from-track", "track.csv", "--at", "2026-11-20T01:00:00Z", "--json", *options)
        assert (gone.code, gone.json["why_none"]) == (0, "not on its track")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["passes"], "--at or --track: is needed."),
        (["passes", "--at", "TON", "--track", "track.csv"], "--at: was given with --track"),
        (["path"], "--from or --from-track: is needed."),
        (["path", "--from-track", "none.csv"], "none.csv: cannot be read as CSV: No such file"),
        (["export", "hand-overs", "--out", "h.csv"], "--sites or --track: is needed."),
        (["export", "hand-overs", "--sites", "sites.csv", "--out", "h.txt"], "neither as a CSV nor as a Parquet"),
        (["export", "hand-overs", "--sites", "sites.csv", "--out", "sites.csv/h.csv"], "cannot be written"),
        (["rtt", "--sites", "sites.csv", "--at", "0"], "there is nothing to write"),
        (["rtt", "--sites", "sites.csv", "--at", "0", "--plot", "p.svg"], "is not named as a PNG file"),
        (["rtt", "--sites", "sites.csv", "--at", "0", "--summary", "p.txt"], "neither as a CSV nor as a Parquet"),
        (["rtt", "--sites", "sites.csv", "--at", "0:1e8:1", "--out", "r.csv"], "100,000,000 instants"),
        (["rtt", "--sites", "sites.csv", "--at", "0:1e999999:1e-999999", "--out", "r.csv"], "is no range"),
        (["rtt", "--sites", "sites.csv", "--at", "5:1:1,soon", "--out", "r.csv"], "'soon' is no number of seconds"),
        (["rtt", "--sites", "sites.csv", "--at", "5:1:1,soon", "--out", "r.csv"], "'5:1:1' is no range"),
    ],
)
def test_what_cannot_be(run, starter, tmp_path, arguments, said):
    verb = 2 if arguments[0] == "export" else 1
    done = run(*arguments[:verb], starter, *arguments[verb:])
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sites.csv", "track.csv"]


def test_ranges_leave_their_stop_out_and_words_are_echoed(run, starter, tmp_path):
    done = run("rtt", starter, "--sites", "sites.csv", "--at", "5e1,0:0.3:0.1, 7.50 ,30:61:15", "--out", "r.csv")
    assert done.code == 0
    words = list(dict.fromkeys(row["t_s"] for row in table(tmp_path / "r.csv")))
    assert words == ["5e1", "0", "0.1", "0.2", "7.50", "30", "45", "60"]


def test_a_summary_with_paths_and_a_plot(run, starter, tmp_path):
    asked = ("rtt", starter, "--sites", "sites.csv", "--at", "0:120:30")
    done = run(*asked, "--out", "r.csv", "--summary", "s.csv", "--paths", "p.jsonl", "--plot", "p.png")
    assert done.code == 0
    rows, times = table(tmp_path / "s.csv"), table(tmp_path / "r.csv")
    assert len(rows) == 6
    for row in rows:
        mine = [one for one in times if (one["from"], one["to"]) == (row["from"], row["to"])]
        rtt = [float(one["rtt_ms"]) for one in mine if one["rtt_ms"]]
        assert int(row["instants"]) == len(mine) == 4
        assert int(row["unreachable"]) == 4 - len(rtt)
        assert float(row["reachable"]) == len(rtt) / 4
        assert (row["rtt_ms_max"] == "") == (not rtt)
        if rtt:
            assert float(row["rtt_ms_max"]) == pytest.approx(max(rtt), abs=1e-3)
            assert float(row["stretch_vacuum_max"]) >= 1.0
            assert row["hops_max"] == max((one["hops"] for one in mine if one["hops"]), key=int)
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(one["t_s"], one["from"], one["to"]) for one in lines] == [
        (one["t_s"], one["from"], one["to"]) for one in times
    ]
    assert [len(one["satellites"]) for one in lines] == [int(one["hops"] or 1) - 1 for one in times]
    assert (tmp_path / "p.png").read_bytes().startswith(PNG)
    # In another order, with an instant twice: the same summary, since it follows time.
    again = run(
        "rtt", starter, "--sites", "sites.csv", "--at", "90,0,30,60,0", "--out", "r2.csv", "--summary", "s2.csv"
    )
    assert again.code == 0
    assert (tmp_path / "s2.csv").read_bytes() == (tmp_path / "s.csv").read_bytes()
    assert [row["t_s"] for row in table(tmp_path / "r2.csv")][::6] == ["90", "0", "30", "60", "0"]


def test_a_plot_of_many_pairs(run, starter, tmp_path):
    with (tmp_path / "sites.csv").open("a") as more:
        more.write("Apia,-13.83,-171.77\nNoumea,-22.27,166.45\n")
    assert run("rtt", starter, "--sites", "sites.csv", "--at", "0,15", "--plot", "new/p.png").code == 0
    assert (tmp_path / "new" / "p.png").read_bytes().startswith(PNG)


def test_more_times_than_fit_are_refused_with_a_way_out(run, starter, tmp_path, monkeypatch):
    monkeypatch.setattr("openleo.network.ways.MOST_VALUES", 20)
    done = run("rtt", starter, "--sites", "sites.csv", "--at", "0,15,30", "--summary", "s.csv")
    assert done.code == 2
    assert "3 places at 3 instants are 27 times to keep; 20 fit. Take a longer step" in done.err


LOST_SITES = ("--sites", "lost-sites.csv")


@pytest.fixture
def lost(tmp_path) -> Path:
    """A scenario of SGP4-VER's 28872, which is sub-orbital and lost within 50 minutes of its epoch."""
    import sgp4

    lines = (Path(sgp4.__file__).parent / "SGP4-VER.TLE").read_text().splitlines()
    kept = [line[:69] for line in lines if line[:1] in "12" and line[2:7] == "28872"]
    (tmp_path / "one.tle").write_text("\n".join(kept))
    (tmp_path / "lost.toml").write_text(
        'name = "lost"\nstart = 2005-11-29T00:30:00Z\nduration = "2h"\n[constellation]\nelements = "one.tle"\n'
        '[ground]\narea = ["TON"]\n'
    )
    (tmp_path / "lost-sites.csv").write_text("name,lat_deg,lon_deg\nA,0,0\nB,10,10\n")
    (tmp_path / "demand.csv").write_text("from,to,mbps\nA,B,100\n")
    return tmp_path / "lost.toml"


@pytest.mark.parametrize(
    "asked",
    [
        ("plan", "lost.toml"),
        ("rtt", "lost.toml", *LOST_SITES, "--at", "0:7000:300", "--out", "o.csv"),
        ("rtt", "lost.toml", *LOST_SITES, "--at", ",".join(map(str, [*range(200), 3600])), "--out", "o.csv"),
        ("path", "lost.toml", "--from", "TON", "--at", "3600"),
        ("path", "lost.toml", "--from", "TON", "--to", "NZL", "--at", "3600"),
        ("path", "lost.toml", "--from", "TON", "--to", "NZL", "--at", "3600", "--paths", "2"),
        ("passes", "lost.toml", "--at", "TON", "--start", "2005-11-29T01:25:00Z"),
        ("export", "traces", "lost.toml", *LOST_SITES, "--every", "5m", "--out", "o.csv"),
        ("export", "hand-overs", "lost.toml", *LOST_SITES, "--out", "o.csv"),
        ("export", "load", "lost.toml", *LOST_SITES, "--demand", "demand.csv", "--at", "3600", "--out", "o.csv"),
        ("export", "czml", "lost.toml", "--satellites", "1", "--out", "o.czml"),
    ],
    ids=lambda asked: " ".join(asked[:2]),
)
def test_a_decayed_satellite_is_named_by_every_verb(run, lost, asked):
    done = run(*asked)
    assert done.code == 0, done.err
    assert "Without a position at some time, and left out then: 28872: no position at 2005-11-29T0" in done.err
    assert "(1 in all)" in done.err
    if "0:7000:300" in asked:
        assert "48 of them unreachable" in done.err


def test_a_satellite_that_has_a_position_is_not_named(run, lost):
    done = run("path", lost, "--from", "TON", "--at", "0")
    assert done.code == 0
    assert "Without a position" not in done.err


def test_hand_overs_go_on_up_to_the_end_of_the_scenario(run, starter):
    asked = ("export", "hand-overs", starter, "--sites", "sites.csv", "--out", "h.csv", "--json", "--start")
    assert run(*asked, "2026-11-20T00:50:00Z").json["slots"] == 40  # of an hour
    early = run(*asked, "2026-11-19T23:59:00Z").json
    assert (early["start"], early["slots"]) == ("2026-11-19T23:59:00Z", 244)
    late = run(*asked, "2026-11-20T01:00:00Z")
    assert late.code == 2
    assert "--start: is 2026-11-20T01:00:00Z; the scenario's last slot ends at 2026-11-20T01:00:00Z." in late.err
    assert run(*asked, "2026-11-20T01:00:00Z", "--for", "30s").json["slots"] == 2


def test_hand_overs_tell_how_far_they_are_where_nothing_changes(run, starter, monkeypatch):
    from contextlib import contextmanager

    told = []

    @contextmanager
    def progress():
        yield lambda _, done, of: told.append((done, of))

    monkeypatch.setattr("openleo.cli.export_hand_overs.progress", progress)
    monkeypatch.setattr("openleo.network.reach.MOST_SLOTS_IN_CHUNK", 1)
    asked = ("export", "hand-overs", starter, "--sites", "sites.csv", "--for", "1m", "--out", "h.csv")
    assert run(*asked).code == 0
    assert told == [(done, 4) for done in range(5)]


def test_an_instant_of_a_path_is_also_said_in_seconds_as_for_rtt(run, starter, tmp_path):
    asked = ("path", starter, "--from", "-18.14,178.44", "--to", "-21.14,-175.2", "--json", "--at")
    by_seconds = run(*asked, "90.5").json
    assert by_seconds == run(*asked, "2026-11-20T00:01:30.500Z").json
    assert run("rtt", starter, "--sites", "sites.csv", "--at", "90.5", "--out", "o.csv").code == 0
    assert float(table(tmp_path / "o.csv")[0]["rtt_ms"]) == pytest.approx(by_seconds["rtt_ms"], abs=2e-6)
    for word, said in (("nan", "'nan' is no number of seconds"), ("1e12", "orbits are computed from"), ("x", "'x' is")):
        done = run(*asked, word)
        assert done.code == 2
        assert said in done.err


def test_passes_as_json_say_their_window(run, starter):
    asked = ("passes", starter, "--at", "-18.14,178.44", "--start", "2026-11-20T00:00:20Z", "--for", "65s", "--json")
    answer = run(*asked).json
    assert (answer["start"], answer["for_s"]) == ("2026-11-20T00:00:15Z", 60.0)


def test_one_is_told_as_one(run, starter, lost):
    asked = ("rtt", starter, "--sites", "sites.csv", "--at", "0", "--paths", "p.jsonl", "--summary", "s.csv")
    done = run(*asked)
    assert "The ways at 1 instant written to" in done.err
    assert "over 1 instant summed up" in done.err
    asked = ("--from", "Suva", "--to", "Pole", "--duration", "15s", "--out", "t.csv")
    assert "1 row, " in run("export", "traces", starter, "--sites", "sites.csv", *asked).err
    done = run("export", "czml", lost, "--satellites", "1", "--out", "o.czml", "--duration", "5m")
    assert "1 satellite and " in done.err
    done = run("export", "planes", lost, "--out", "planes.csv")
    assert "0 of 1 satellite in 0 planes of 0 shells" in done.err


def test_times_of_pairs_are_the_same_for_any_number_of_threads(run, starter, tmp_path):
    asked = ("rtt", starter, "--sites", "sites.csv", "--at", "0:300:15")
    for threads in (1, 3):
        written = [f"{threads}.csv", f"{threads}-sum.csv", f"{threads}.jsonl"]
        options = ("--out", written[0], "--summary", written[1], "--paths", written[2], "--threads", threads)
        assert run(*asked, *options).code == 0
        traces = ("--duration", "5m", "--out", f"{threads}-traces.csv", "--threads", threads)
        assert run("export", "traces", *asked[1:4], *traces).code == 0
    for name in (".csv", "-sum.csv", ".jsonl", "-traces.csv"):
        assert (tmp_path / f"1{name}").read_bytes() == (tmp_path / f"3{name}").read_bytes()
    assert run(*asked, "--out", "o.csv", "--threads", 0).code == 2


@pytest.mark.parametrize("name", ["times.parquet", "times", "times.csv.gz"])
def test_times_are_written_as_csv_and_are_named_so(run, starter, tmp_path, name):
    done = run("rtt", starter, "--sites", "sites.csv", "--at", 0, "--out", name)
    assert done.code == 2
    assert f"--out {name}: is not named as a CSV file" in done.err
    assert not (tmp_path / name).exists()
