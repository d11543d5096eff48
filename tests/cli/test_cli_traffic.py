"""`openleo path --paths` and `openleo export load`: what they print and write, and every fault at once."""

from __future__ import annotations

import csv
import struct
from pathlib import Path

import pytest

SCENARIO = """
name = "t"
start = 2026-11-20T00:00:00Z
duration = "1m"
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
SITES = "name,lat_deg,lon_deg\nhere,10,20\nthere,-30,140\nthe pole,90,0\n"
DEMANDS = 'from,to,mbps\nhere,there,400\nthere,Nairobi,100\nthe pole,here,30\n"0,0",here,70\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "s.toml").write_text(SCENARIO)
    (tmp_path / "sites.csv").write_text(SITES)
    (tmp_path / "d.csv").write_text(DEMANDS)
    return tmp_path


def test_several_paths_in_words_and_as_json(run, folder):
    done = run("path", "s.toml", "--from", "Nairobi", "--to", "Lima", "--paths", 3)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "2026-11-20T00:00:00Z: 3 of 3 paths"
    assert [line.split(":")[0] for line in lines if line.startswith("path")] == ["path 1", "path 2", "path 3"]
    found = run("path", "s.toml", "--from", "Nairobi", "--to", "Lima", "--paths", 3, "--json").json
    assert list(found) == ["at", "asked", "why_none", "paths"]
    assert (found["asked"], found["why_none"], len(found["paths"])) == (3, None, 3)
    first = found["paths"][0]
    assert list(first) == ["rtt_ms", "links", "links_shared_with_first", "hops"]
    assert first["links_shared_with_first"] == first["links"] == len(first["hops"])
    one = run("path", "s.toml", "--from", "Nairobi", "--to", "Lima", "--json").json
    assert list(one) == ["at", "rtt_ms", "why_none", "hops"]  # a single path stays what it was
    assert one == {"at": found["at"], "rtt_ms": first["rtt_ms"], "why_none": None, "hops": first["hops"]}
    assert one == run("path", "s.toml", "--from", "Nairobi", "--to", "Lima", "--paths", 1, "--json").json
    rtts = [path["rtt_ms"] for path in found["paths"]]
    assert rtts == sorted(rtts)


def test_disjoint_paths_share_nothing_and_end_when_there_are_no_more(run, folder):
    found = run("path", "s.toml", "--from", "Nairobi", "--to", "Lima", "--paths", 60, "--disjoint", "--json").json
    assert 1 < len(found["paths"]) < found["asked"]
    assert {path["links_shared_with_first"] for path in found["paths"][1:]} == {0}
    met = [hop["to"] for path in found["paths"] for hop in path["hops"][:-1]]
    assert len(met) == len(set(met))
    none = run("path", "s.toml", "--from", "Nairobi", "--to", "90,0", "--paths", 2)
    assert (none.code, none.out) == (0, "2026-11-20T00:00:00Z: no path (no satellite above 90,0)\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--paths", 2), "--paths: is for two places"),
        (("--disjoint",), "--disjoint: is for two places"),
        (("--to", "Lima", "--disjoint"), "--disjoint: needs more than one path."),
        (("--to", "Lima", "--paths", 0), "Invalid value for '--paths'"),
    ],
)
def test_options_that_do_not_go_together(run, folder, arguments, said):
    done = run("path", "s.toml", "--from", "Nairobi", *arguments)
    assert done.code == 2
    assert said in " ".join(done.err.split())


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("routing", ["shortest", "k-paths", "least-loaded"])
def test_a_table_of_links_with_what_leaves_arrives_and_is_lost(run, folder, routing):
    arguments = ("--demand", "d.csv", "--sites", "sites.csv", "--routing", routing, "--isl-mbps", 300)
    done = run("export", "load", "s.toml", *arguments, "--out", "load.csv", "--plot", "load.png")
    assert (done.code, done.out) == (0, "")
    assert "3 of 4 demands carried: 570 of 600 Mbps" in done.err
    assert "1 unreachable, 30 Mbps: the pole → here" in done.err
    rows = table(folder / "load.csv")
    assert list(rows[0]) == ["link", "from", "to", "mbps", "flows", "share_of_capacity", "from_id", "to_id"]
    left = {
        name: sum(float(r["mbps"]) for r in rows if r["link"] == "up" and r["from"] == name)
        for name in ("here", "there", "0,0")
    }
    assert left == pytest.approx({"here": 400.0, "there": 100.0, "0,0": 70.0})
    arrived = sum(float(row["mbps"]) for row in rows if row["link"] == "down" and row["to"] == "here")
    assert arrived == pytest.approx(70.0)
    for row in rows:
        expected = f"{float(row['mbps']) / 300:.6f}".rstrip("0") if row["link"] == "isl" else ""
        assert row["share_of_capacity"].rstrip("0") == expected
    above = sum(float(row["mbps"]) > 300.0 for row in rows if row["link"] == "isl")
    assert f"{above} of them above 300 Mbps" in done.err
    content = (folder / "load.png").read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", content[16:24]) == (1920, 1168)
    assert not list(folder.glob(".*"))


def test_faults_of_demands_and_options_are_named_at_once(run, folder):
    (folder / "d.csv").write_text(
        "from,to,mbps\nhere,here,1\nhere,there,-5\nhere,,7\nhere,there,nan\nthere,here,1\nthere,here,2\n"
    )
    done = run(
        "export", "load", "s.toml", "--demand", "d.csv", "--sites", "sites.csv", "--out", "load.txt", "--paths", 3,
        "--isl-mbps", 0, "--plot", "load.jpg", "--at", "inf",
    )  # fmt: skip
    assert done.code == 2
    for said in (
        'd.csv: line 2: "here" is both ends.', "d.csv: line 3: has mbps '-5'", "d.csv: line 4: lacks a place.",
        "d.csv: line 5: has mbps 'nan'", 'd.csv: line 5: "here" to "there" is there twice.',
        'd.csv: line 7: "there" to "here" is there twice.', "--out load.txt", "--paths: is for", "--isl-mbps: is 0",
        "--plot load.jpg", "--at: is inf",
    ):  # fmt: skip
        assert said in done.err
    assert not (folder / "load.txt").exists()


def test_places_that_nobody_knows_and_files_that_are_none(run, folder):
    (folder / "d.csv").write_text("from,to,mbps\nher,there,1\nthere,Nirgendwoheim,2\n")
    done = run("export", "load", "s.toml", "--demand", "d.csv", "--sites", "sites.csv", "--out", "load.csv")
    assert done.code == 2
    assert 'd.csv: line 2: there is no place "her". Did you mean here' in done.err
    assert 'd.csv: line 3: there is no place "Nirgendwoheim".' in done.err
    for content, said in (
        (b"from,mbps\na,1\n", "lacks the column to."),
        (b"from,to,mbps\n", "holds no demand."),
        (b"from,to,mbps\n\xff\xfe", "cannot be read as CSV"),
    ):
        (folder / "d.csv").write_bytes(content)
        done = run("export", "load", "s.toml", "--demand", "d.csv", "--out", "load.csv")
        assert done.code == 2
        assert said in done.err
    assert run("export", "load", "s.toml", "--demand", "none.csv", "--out", "load.csv").code == 2


def test_the_places_of_a_hypatia_directory(run, folder):
    assert run("export", "hypatia", "s.toml", "--sites", "sites.csv", "--out", "h").code == 0
    (folder / "h.toml").write_text('conventions = "hypatia"\n[constellation]\nhypatia = "h"\n')
    (folder / "d.csv").write_text("from,to,mbps\nhere,there,400\nLima,here,100\n")
    done = run("export", "load", "h.toml", "--demand", "d.csv", "--out", "load.parquet")
    assert done.code == 0, done.err
    assert "2 of 2 demands carried: 500 of 500 Mbps" in done.err


@pytest.mark.parametrize("at", ["1e12", "1e300", "-1e10"])
@pytest.mark.parametrize("plot", [(), ("--plot", "load.png")])
def test_an_instant_of_no_year_that_orbits_are_computed_for_is_refused(run, folder, at, plot):
    before = sorted(folder.iterdir())
    arguments = ("--demand", "d.csv", "--sites", "sites.csv", "--out", "load.csv", *plot)
    done = run("export", "load", "s.toml", *arguments, f"--at={at}")
    assert (done.code, done.out) == (2, "")
    when = f"{float(at):g} s after 2026-11-20T00:00:00Z"
    assert f"--at: reaches {when}; orbits are computed from 1957 to 2100" in done.err
    assert sorted(folder.iterdir()) == before


SITES_AND_OUT = ("--demand", "d.csv", "--sites", "sites.csv", "--out", "load.csv")


def test_numbers_and_places_are_found_at_fault_in_one_round(run, folder):
    (folder / "d.csv").write_text(
        "from,to,mbps\nhere,there,nan\nher,there,-1\nthere,Nirgendwoheim,2\nNirgendwoheim,here,1e308\n,her,x\n"
    )
    done = run("export", "load", "s.toml", *SITES_AND_OUT, "--isl-mbps", "1e-300")
    assert done.code == 2
    allowed = "it is a number from 1e-06 to 1e+12."
    said = [line for line in done.err.splitlines() if "d.csv: line" in line]
    expected = [
        f"line 2: has mbps 'nan'; {allowed}", f"line 3: has mbps '-1'; {allowed}",
        'line 3: there is no place "her". Did you mean here', 'line 4: there is no place "Nirgendwoheim".',
        f"line 5: has mbps '1e308'; {allowed}", f"line 6: has mbps 'x'; {allowed}", "line 6: lacks a place.",
    ]  # fmt: skip
    assert len(said) == len(expected)  # a name that nobody knows is named once
    for line, part in zip(said, expected, strict=True):
        assert part in line
    assert "--isl-mbps: is 1e-300; a capacity is from 1e-06 to 1e+12." in done.err


def test_faults_of_numbers_do_not_wait_for_a_scenario_or_sites_that_cannot_be_read(run, folder):
    (folder / "d.csv").write_text("from,to,mbps\nanybody,there,0\n")
    for arguments in (("none.toml", *SITES_AND_OUT), ("s.toml", *SITES_AND_OUT, "--sites", "none.csv")):
        done = run("export", "load", *arguments)
        assert done.code == 2
        assert "d.csv: line 2: has mbps '0'" in done.err
        assert "none." in done.err
        assert "no place" not in done.err  # nobody knows yet


def test_the_most_and_the_least_that_may_be_asked_for_are_carried(run, folder):
    (folder / "d.csv").write_text("from,to,mbps\nhere,there,1e12\nthere,here,1e-6\n")
    for routing in ("shortest", "k-paths", "least-loaded"):
        done = run("export", "load", "s.toml", *SITES_AND_OUT, "--routing", routing, "--isl-mbps", "1e-6")
        assert done.code == 0, done.err
        assert "inf" not in (folder / "load.csv").read_text()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("Taipei,taipei,5\n", 'line 2: "Taipei" and "taipei" are one place. A demand has two places.'),
        ("TWN,Taiwan,5\n", 'line 2: "TWN" and "Taiwan" are one place.'),
        ('here,"10.0,20",5\n', 'line 2: "here" and "10.0,20" are one place.'),
        ('"10,-160","+10.0,200",5\n', 'line 2: "10,-160" and "+10.0,200" are one place.'),
        ("HERE,here,5\n", 'line 2: "HERE" and "here" are one place.'),
        ('"90,0",the pole,5\n"90,7",here,1\nthe pole,here,1\n',
         'line 4: "the pole" to "here" is there twice: line 3 has "90,7" to "here", the same places. Add them up.'),
    ],
)  # fmt: skip
def test_spellings_of_one_place_are_that_place(run, folder, rows, said):
    (folder / "d.csv").write_text(f"from,to,mbps\n{rows}")
    done = run("export", "load", "s.toml", *SITES_AND_OUT)
    assert done.code == 2
    assert said in done.err


def test_a_place_has_one_name_in_the_table_whatever_the_order_of_rows(run, folder):
    rows = ['there,"10,20",1', "here,there,2", "lima,here,4", "there,Lima,8"]
    tables = []
    for order in (rows, rows[::-1]):
        (folder / "d.csv").write_text("\n".join(["from,to,mbps", *order]))
        assert run("export", "load", "s.toml", *SITES_AND_OUT).code == 0
        tables.append(table(folder / "load.csv"))
    assert tables[0] == tables[1]
    ends = {row["from"] for row in tables[0] if row["link"] == "up"}
    ends |= {row["to"] for row in tables[0] if row["link"] == "down"}
    assert ends == {"here", "there", "Lima"}


def test_two_sites_in_one_place_stay_two(run, folder):
    (folder / "sites.csv").write_text(SITES + "beside,10,20\n")
    (folder / "d.csv").write_text("from,to,mbps\nhere,there,1\nbeside,there,2\nhere,beside,3\n")
    done = run("export", "load", "s.toml", *SITES_AND_OUT)
    assert done.code == 0, done.err
    assert {row["from"] for row in table(folder / "load.csv") if row["link"] == "up"} == {"here", "beside"}


def test_small_amounts_are_told_in_digits_that_say_something(run, folder):
    (folder / "d.csv").write_text("from,to,mbps\nhere,there,0.0456\nthere,here,0.0123\nthe pole,here,0.00012\n")
    done = run("export", "load", "s.toml", *SITES_AND_OUT, "--isl-mbps", 0.04)
    assert done.code == 0, done.err
    assert "2 of 3 demands carried: 0.0579 of 0.058 Mbps" in done.err
    assert "1 unreachable, 0.00012 Mbps: the pole" in done.err
    loads = [float(row["mbps"]) for row in table(folder / "load.csv") if row["link"] == "isl"]
    assert f"{sum(loads) / len(loads):.3g} Mbps in the mean, at most 0.0456 Mbps: " in done.err
    assert "of them above 0.04 Mbps" in done.err


def test_satellites_of_one_name_have_their_ids_in_table_and_summary(run, folder):
    assert run("export", "hypatia", "s.toml", "--sites", "sites.csv", "--out", "h").code == 0
    lines = (folder / "h" / "tles.txt").read_text().splitlines()
    sets = [line for line in lines[1:] if line.startswith(("1 ", "2 "))]
    named = [text for n in range(0, len(sets), 2) for text in ("SAT", *sets[n : n + 2])]
    (folder / "sets.tle").write_text("\n".join(named) + "\n")
    head, _, rest = SCENARIO.partition("[[constellation.shell]]")
    (folder / "s.toml").write_text(
        f'{head}[constellation]\nelements = "sets.tle"\nisl = "+grid"\n{rest[rest.index("[ground]") :]}'
    )
    done = run("export", "load", "s.toml", *SITES_AND_OUT)
    assert done.code == 0, done.err
    isl = [row for row in table(folder / "load.csv") if row["link"] == "isl"]
    assert {(row["from"], row["to"]) for row in isl} == {("SAT", "SAT")}
    assert len({(row["from_id"], row["to_id"]) for row in isl}) == len(isl) > 3
    assert f": SAT ({isl[0]['from_id']}) → SAT ({isl[0]['to_id']})" in done.err
