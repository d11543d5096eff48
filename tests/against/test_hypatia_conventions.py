"""Hypatia's conventions with more than three lines: failures, other satellites and single paths.

Against `as_satgenpy`, Hypatia's rules written out again; ways without what is out are networkx's on its graph.
"""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import networkx as nx
import pytest
from as_satgenpy import LIGHT_M_PER_S, Answer, Directory, Shell, answers

from command_line import openleo, rtt
from compared import compared

LAST_DIGIT_MS = 1e-6
SHELL = Shell(6, 8, 1400.0, 60.0, 3600.0, 9000.0)
STATIONS = (
    ("Taipei", 25.033, 121.5654, 0.0),
    ("Nairobi", -1.2921, 36.8219, 1795.0),
    ("Quito", -0.1807, -78.4678, 2850.0),
    ("North Pole", 90.0, 0.0, 0.0),
)
NAMES = [station[0] for station in STATIONS]
OF_DIRECTORY = 'conventions = "hypatia"\n{}[constellation]\nhypatia = "made"\n{}'
DEMO = """
[[constellation.shell]]
name = "demo"
altitude_km = 1200
inclination_deg = 60
planes = 12
per_plane = 12
"""
ORDINARY = """name = "s"
start = 2026-11-20T06:00:00Z
duration = "5m"
conventions = "hypatia"
{}
[ground]
area = ["TON"]
{}"""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sites.csv").write_text(
        "name,lat_deg,lon_deg\nTaipei,25.033,121.5654\nNairobi,-1.29,36.82\nApia,-14,-172\n"
    )
    return Directory(SHELL, STATIONS).write(tmp_path / "made")


def written(text: str) -> Path:
    path = Path("s.toml").absolute()
    path.write_text(text)
    return path


def of_pairs(rows: list[dict[str, str]]) -> dict[tuple[str, str], float]:
    return {(row["from"], row["to"]): float(row["rtt_ms"] or "inf") for row in rows}


def without(answer: Answer, *satellites: int, link: tuple[int, int] | None = None) -> dict[tuple[str, str], float]:
    """The times between the stations with some satellites and a link out of order: networkx, on the graph as it is."""
    graph = answer.graph.copy()
    graph.remove_nodes_from(satellites)
    graph.remove_edges_from([link, link[::-1]] if link else [])
    found = {}
    for i, start in enumerate(NAMES):
        km = nx.single_source_dijkstra_path_length(graph, ("up", i), weight="km")
        found |= {(start, end): 2e6 * km.get(("down", j), math.inf) / LIGHT_M_PER_S for j, end in enumerate(NAMES)}
    return {pair: ms for pair, ms in found.items() if pair[0] != pair[1]}


def alike(found: dict[tuple[str, str], float], expected: dict[tuple[str, str], float]) -> bool:
    return found == pytest.approx(expected, abs=LAST_DIGIT_MS)


# --- a directory with more keys -------------------------------------------------------------------------------------


def test_keys_of_an_ordinary_scenario_change_no_time(made: Path) -> None:
    head = 'name = "n"\nduration = "90s"\nslot = "15s"\nslot_phase_s = 12\n'
    rest = '[ground]\narea = ["TON"]\nresolution = 3\n[links]\nhand_over = "highest"\nuser_elevation_deg = 80\n'
    more = rest + "[capacity]\nenabled = false\n"
    plain = rtt(written(OF_DIRECTORY.format("", "")), "0,60")
    many = written(OF_DIRECTORY.format(head, more))
    assert rtt(many, "0,60") == plain
    _, _, err = openleo("rtt", many, "--at", "0", "--out", "o.csv")
    assert "Without effect on pairs of a Hypatia directory: links.hand_over, links.user_elevation_deg (" in err
    code, _, err = openleo("export", "traces", many, "--every", "30s", "--out", "t.csv")
    assert code == 0, err
    assert len(Path("t.csv").read_text().splitlines()) == 1 + 3 * 12  # of 90 s


def test_a_start_and_a_range_of_its_own(made: Path) -> None:
    _, (_, expected) = answers(
        Directory(replace(SHELL, ground_km=3000.0), STATIONS).write(made.parent / "near"), [0.0, 90.0]
    )
    head, links = "start = 2000-01-01T00:01:30Z\n", "[links]\nground_range_km = 3000\n"
    assert alike(of_pairs(rtt(written(OF_DIRECTORY.format(head, links)), "0")), without(expected))


@pytest.mark.parametrize("at", [0, 120])
def test_satellites_and_links_out_of_order(made: Path, at: int) -> None:
    _, (whole,) = answers(made, [float(at)])
    first = json.loads(openleo("path", written(OF_DIRECTORY.format("", "")), "--from", "Taipei", "--to", "Quito",
        "--at", f"2000-01-01T00:0{at // 60}:00Z", "--json")[1])  # fmt: skip
    on_way = [int(hop["from"].split()[1]) for hop in first["hops"][1:]]
    assert len(on_way) > 3
    out = f'[[failures.out]]\nkind = "satellite"\nname = "shell {on_way[0]}"\n'
    a, b = on_way[-2:]
    out += f'[[failures.out]]\nkind = "isl"\nname = "shell {a} -- shell {b}"\nuntil = 2000-01-01T00:10:00Z\n'
    found = of_pairs(rtt(written(OF_DIRECTORY.format("", out)), str(at)))
    expected = without(whole, on_way[0], link=(a, b))
    assert alike(found, expected)
    assert expected["Taipei", "Quito"] > first["rtt_ms"] + 1e-3


def test_failures_by_chance(made: Path) -> None:
    """Half the satellites out: fewer are reached, later or not at all; over time, only within the duration."""
    plain = of_pairs(rtt(written(OF_DIRECTORY.format("", "")), "0"))
    share = "[failures.random]\nseed = 1\nsatellites = { share = 0.5 }\n"
    found = of_pairs(rtt(written(OF_DIRECTORY.format("", share)), "0"))
    assert all(found[pair] >= plain[pair] for pair in plain)
    assert found != plain
    over_time = "[failures.random]\nseed = 1\nisls = { hours_between = 1.0, hours_out = 1.0 }\n"
    (said,) = refused(OF_DIRECTORY.format("", over_time))
    assert "failures.random: has hours_between and hours_out, and the scenario does not say how long" in said
    text = OF_DIRECTORY.format('duration = "1h"\n', over_time)
    assert len(rtt(written(text), "3599")) == 12
    (said,) = refused(text, "--at", "3600")
    assert "draws failures over the scenario's time" in said


# --- other satellites -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("links", "range_km"),
    [
        ("[links]\nuser_elevation_deg = 20\n", 1200.0 / math.sin(math.radians(20.0))),
        ("[links]\nuser_elevation_deg = 20\nground_range_km = 3000\n", 3000.0),
    ],
)
def test_shells_are_as_satgenpy_has_what_is_exported_of_them(made: Path, links: str, range_km: float) -> None:
    scenario = written(ORDINARY.format(DEMO, links))
    mine = of_pairs(rtt(scenario, "0,61", "--sites", "sites.csv"))
    options = ("--sites", "sites.csv", "--out", "out", "--duration", "1s", "--step", "1s")
    code, _, err = openleo("export", "hypatia", scenario, *options)
    assert code == 0, err
    said = dict(line.split("=") for line in Path("out/description.txt").read_text().split())
    assert float(said["max_gsl_length_m"]) == pytest.approx(range_km * 1e3, rel=1e-12)
    names, (_, expected) = answers(Path("out"), [0.0, 61.0])
    assert expected.robust.all()
    places = {(i, j): expected.rtt_ms[a, b] for a, i in enumerate(names) for b, j in enumerate(names) if a != b}
    assert alike(mine, places)


def test_element_sets_by_range(made: Path) -> None:
    constellation = '[constellation]\nelements = "made/tles.txt"\nisl = "none"\n'
    text = ORDINARY.format(constellation, "[links]\nground_range_km = 4500\n").replace(
        "2026-11-20T06:00:00Z", "2000-01-01T00:00:00Z"
    )
    Path("two.csv").write_text("name,lat_deg,lon_deg\nTaipei,25.033,121.5654\nNaha,26.21,127.68\n")
    near = Directory(replace(SHELL, ground_km=4500.0), (STATIONS[0], ("Naha", 26.21, 127.68, 0.0)), links=()).write(
        made.parent / "near"
    )
    _, (expected,) = answers(near, [30.0])
    found = of_pairs(rtt(written(text), "30", "--sites", "two.csv"))
    compared(
        authority="Hypatia's rules",
        what="RTT over element sets by a range",
        theirs=expected.rtt_ms[0, 1],
        ours=found["Taipei", "Naha"],
        tolerance=LAST_DIGIT_MS,
        unit="ms",
    )
    assert math.isfinite(found["Taipei", "Naha"])


# --- one path -------------------------------------------------------------------------------------------------------


def path(*options: str) -> dict[str, object]:
    code, out, err = openleo("path", "s.toml", *options, "--json")
    assert code == 0, err
    found: dict[str, object] = json.loads(out)
    return found


@pytest.mark.parametrize("at", [0, 300])
def test_the_hops_of_a_path_add_up_to_its_round_trip(made: Path, at: int) -> None:
    times = of_pairs(rtt(written(OF_DIRECTORY.format("", "")), str(at)))
    _, (expected,) = answers(made, [float(at)])
    by_rules = without(expected)
    assert times.keys() == by_rules.keys()
    compared(
        authority="Hypatia's rules",
        what="RTT of all pairs, by networkx",
        theirs=list(by_rules.values()),
        ours=[times[pair] for pair in by_rules],
        tolerance=LAST_DIGIT_MS,
        unit="ms",
    )
    when = f"2000-01-01T00:0{at // 60}:00Z"
    reached = 0
    for (start, end), ms in times.items():
        found = path("--from", start.lower(), "--to", end, "--at", when)
        hops = found["hops"]
        assert isinstance(hops, list)
        if math.isinf(ms):
            assert (found["rtt_ms"], hops) == (None, [])
            continue
        reached += 1
        assert [hops[0]["from"], hops[-1]["to"]] == [start, end]
        assert 2 * sum(hop["delay_ms"] for hop in hops) == pytest.approx(ms, abs=2 * len(hops) * LAST_DIGIT_MS)
        assert found["rtt_ms"] == pytest.approx(ms, abs=LAST_DIGIT_MS)
        assert [hop["kind"] for hop in hops] == ["user link", *["inter-satellite link"] * (len(hops) - 2), "user link"]
    assert reached > 0


def test_places_by_coordinates_and_several_paths(made: Path) -> None:
    written(OF_DIRECTORY.format("", ""))
    named = path("--from", "Taipei", "--to", "Quito")
    # The stations lie at other heights than the ground, and Taipei's is the ground.
    assert path("--from", "25.033,121.5654", "--to", "Quito")["rtt_ms"] == named["rtt_ms"]
    several = path("--from", "Taipei", "--to", "Quito", "--paths", "3")["paths"]
    assert isinstance(several, list)
    rtts = [one["rtt_ms"] for one in several]
    assert rtts == sorted(rtts)
    assert rtts[0] == named["rtt_ms"]
    assert len(rtts) == 3


# --- refused --------------------------------------------------------------------------------------------------------


def refused(text: str, *options: str) -> list[str]:
    written(text)
    code, out, err = openleo("rtt", "s.toml", *(options or ("--at", "0")), "--out", "no.csv")
    assert (code, out, Path("no.csv").exists()) == (2, "", False), err
    return [line for line in err.splitlines() if line.startswith("s.toml")]


REFUSED_OF_DIRECTORY = {
    "[links]\ngso_exclusion_deg = 10\n": "links.gso_exclusion_deg: is not honoured: under Hypatia's",
    '[[links.shell]]\nname = "x"\nuser_elevation_deg = 40\n': "links.shell: are not honoured",
    '[ground]\nhorizons = "h.csv"\n': "ground.horizons: is not honoured",
    '[policy]\nrules = "r.toml"\n': "policy: says who may be served",
    "[links]\nground_range_km = 0\n": "links.ground_range_km: is 0",
    "[links]\nuser_elevation = 3\n": 'links.user_elevation: there is no key "user_elevation" here. Did you mean',
    '[[failures.out]]\nkind = "gateway"\nname = "G"\n': "failures.out[0]: is for a directory's gateways",
    "[failures.random]\nseed = 1\npops = { share = 0.1 }\n": "failures.random.pops: is for a directory's gateways",
    '[[failures.out]]\nkind = "satellite"\nname = "shell 99"\n': 'failures.out[0]: there is no satellite "shell 99"',
    '[[failures.out]]\nkind = "isl"\nname = "shell 0 -- shell 20"\n': "no inter-satellite link joins shell 0 and",
}


@pytest.mark.parametrize("rest", REFUSED_OF_DIRECTORY)
def test_what_a_range_cannot_honour_is_refused_with_its_reason(made: Path, rest: str) -> None:
    (said,) = refused(OF_DIRECTORY.format("", rest))
    assert REFUSED_OF_DIRECTORY[rest] in said


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ('duration = "5s"\n', "duration is 5 s, shorter than one slot of 15 s"),
        ('slot = "0s"\n', "slot is 0 s"),
        ('duration = "1h"\nend = 2000-01-01T01:00:00Z\n', "needs a duration or an end, and not both"),
        ("end = 1999-01-01T01:00:00Z\n", "is not after start 2000-01-01T00:00:00Z"),
    ],
)
def test_times_at_fault(made: Path, head: str, says: str) -> None:
    (said,) = refused(OF_DIRECTORY.format(head, ""))
    assert says in said


def test_all_faults_of_a_directory_and_its_scenario_together(made: Path) -> None:
    (made / "isls.txt").write_text("0 999\n")
    written(OF_DIRECTORY.format("", 'isl = "+grid"\n[links]\ngso_exclusion_deg = 4\n'))
    code, _, err = openleo("rtt", "s.toml", "--at", "0", "--out", "no.csv")
    assert code == 2
    said = err.splitlines()
    assert len(said) == 3
    assert "constellation.isl: is not for a Hypatia directory" in said[0]
    assert "gso_exclusion_deg" in said[1]
    assert "isls.txt: line 1: joins 0 and 999" in said[2]


SECOND = DEMO + DEMO.replace("demo", "high").replace("1200", "1300")


@pytest.mark.parametrize(
    ("constellation", "rest", "says"),
    [
        (SECOND, "", "has shells at 1200, 1300 km, and satgenpy derives the range of ground links from one altitude."),
        (DEMO, "[links]\nuser_elevation_deg = 0\n", "links.user_elevation_deg: is 0, and satgenpy"),
        ('[constellation]\nelements = "made/tles.txt"\n', "", "has no shells of its own, and satgenpy"),
        (DEMO, "[links]\ngso_exclusion_deg = 10\n", "links.gso_exclusion_deg: is not honoured"),
        (DEMO, '[[links.shell]]\nname = "demo"\nuser_elevation_deg = 40\n', "links.shell: are not honoured"),
    ],
)
def test_satellites_without_a_range_of_satgenpy_s(made: Path, constellation: str, rest: str, says: str) -> None:
    (said,) = refused(ORDINARY.format(constellation, rest), "--at", "0", "--sites", "sites.csv")
    assert says in said
    assert "openleo export hypatia" in said or 'conventions = "openleo"' in said


@pytest.mark.parametrize("rest", ["[links]\nground_range_km = 900\n", ""])
def test_our_own_conventions_take_neither_a_range_nor_a_directory(made: Path, rest: str) -> None:
    constellation = DEMO if rest else '[constellation]\nhypatia = "made"\nisl = "none"\n'
    text = ORDINARY.format(constellation, rest).replace('"hypatia"\n', '"openleo"\n', 1)
    said = "\n".join(refused(text, "--at", "0", "--sites", "sites.csv"))
    assert ('is for conventions = "hypatia"' if rest else 'which is read under conventions = "hypatia" alone') in said


@pytest.mark.parametrize("verb", [("plan",), ("passes", "--at", "Taipei")])
@pytest.mark.parametrize("text", [OF_DIRECTORY.format("", ""), ORDINARY.format(DEMO, "")])
def test_other_verbs_say_which_ones_take_it(made: Path, verb: tuple[str, ...], text: str) -> None:
    written(text)
    code, _, err = openleo(verb[0], "s.toml", *verb[1:])
    assert code == 2
    for name in ("openleo rtt", "openleo path", "traces", "load", "czml", "oem", "hypatia"):
        assert name in err


def test_a_path_that_hypatia_does_not_know(made: Path) -> None:
    written(OF_DIRECTORY.format("", ""))
    for options, says in (
        (("--from", "Taipei"), "--to internet: is for an ordinary scenario"),
        (("--from", "Taipie", "--to", "Quito"), '--from: there is no place "Taipie". Did you mean Taipei?'),
        (("--track", "t.csv", "--to", "Quito"), "--from-track: is for a user of an ordinary scenario"),
    ):
        code, _, err = openleo("path", "s.toml", *options)
        assert (code, says in err) == (2, True), err
