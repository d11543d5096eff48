"""The other verbs, and what holds for all: exit codes, and answers on stdout apart from talk on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise

import pytest

import openleo
from openleo.places.territories import contested_areas, territories

PNG = b"\x89PNG\r\n\x1a\n"
LIGHT_KM_PER_MS = 299.792458


# --- as a process -------------------------------------------------------------------------------------------------


def process(*arguments, cwd):
    return subprocess.run([sys.executable, "-m", "openleo", *arguments], capture_output=True, text=True, cwd=cwd)


def test_input_at_fault_is_exit_2_with_all_its_problems_on_stderr_and_no_traceback(tmp_path):
    (tmp_path / "s.toml").write_text('name = "x"\nslots = 3\n')
    done = process("plan", "s.toml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "s.toml: start: is missing. It has no default.",
        "s.toml: constellation: is missing. It has no default.",
        "s.toml: ground: is missing. It has no default.",
        's.toml: slots: there is no key "slots" here. Did you mean slot?',
    ]


def test_a_reader_that_leaves_early_is_no_drama(tmp_path):
    command = f"{sys.executable} -m openleo territory list | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.startswith("ABW")
    assert "Traceback" not in done.stderr


# --- what holds for all -------------------------------------------------------------------------------------------


def test_version(run):
    done = run("--version")
    assert (done.code, done.out) == (0, f"{openleo.__version__}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["plan", "--help"], ["territory", "--help"]])
def test_help_is_an_answer(run, arguments):
    done = run(*arguments)
    assert done.code == 0
    assert "Usage: openleo" in done.out


def test_help_names_every_verb_of_the_contract(run):
    said = run("--help").out
    for verb in ("init", "plan", "path", "passes", "territory", "fetch", "doctor"):
        assert f"\n  {verb}" in said


@pytest.mark.parametrize("group", [[], ["policy"], ["change"], ["officer"], ["ledger"], ["territory"], ["export"]])
def test_lists_of_verbs_break_no_sentence_off(run, group):
    listed = run(*group, "--help").out.partition("\nCommands:\n")[2]
    assert len(listed.splitlines()) >= 3
    assert "..." not in listed


@pytest.mark.parametrize("arguments", [["bogus"], ["plan"], ["plan", "--bogus"], ["path"], ["territory", "show"]])
def test_a_command_that_is_none_is_exit_2(run, arguments):
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Usage:" in done.err


@pytest.mark.parametrize(
    "arguments",
    [["plan", "no.toml"], ["path", "no.toml", "--from", "Taipei"], ["passes", "no.toml", "--at", "Taipei"]],
)
def test_a_scenario_that_is_not_there(run, arguments):
    done = run(*arguments)
    assert (done.code, done.out, done.err) == (2, "", "no.toml: there is no such file. Check the path.\n")


# --- territory ----------------------------------------------------------------------------------------------------


def test_territory_list(run):
    done = run("territory", "list")
    assert (done.code, done.err) == (0, "")
    assert len(done.out.splitlines()) == len(territories())
    assert [line.split()[0] for line in done.out.splitlines()] == list(territories())
    kinmen = next(line for line in done.out.splitlines() if line.startswith("kinmen"))
    assert "administered by TWN; claimed by CHN" in kinmen


def test_territory_list_of_contested_areas(run):
    assert {line.split()[0] for line in run("territory", "list", "--contested").out.splitlines()} == set(
        contested_areas()
    )


def test_territory_list_as_json(run):
    rows = run("territory", "list", "--json").json
    assert {row["id"] for row in rows} == set(territories())
    assert all(row["source"] and row["version"] and row["point_of_view"] for row in rows)
    contested = run("territory", "list", "--contested", "--json").json
    assert {row["id"] for row in contested} == set(contested_areas())


def test_territory_show_says_who_disputes_what_and_takes_no_side(run):
    said = run("territory", "show", "JPN").out
    assert said.startswith("JPN: Japan\n")
    for words in ("people", "land", "source", "point of view", "senkaku", "dokdo", "southern-kurils", "sources:"):
        assert words in said
    kinmen = run("territory", "show", "Kinmen").out
    assert "administered by TWN; claimed by CHN" in kinmen


def test_territory_show_as_json(run):
    japan = run("territory", "show", "jpn", "--json").json
    assert (japan["id"], japan["contested"]) == ("JPN", None)
    assert {area["id"] for area in japan["contested_with"]} == {"senkaku", "dokdo", "southern-kurils"}
    kinmen = run("territory", "show", "kinmen", "--json").json
    assert kinmen["contested"]["administered_by"] == ["TWN"]
    assert kinmen["contested"]["claimed_by"] == ["CHN"]
    assert kinmen["contested"]["as_of"] == "2026-11-01"


@pytest.mark.slow
@pytest.mark.parametrize("sea", ["JPN.sea12", "JPN.sea200", "high-seas"])
def test_territory_show_of_the_sea(run, sea):
    assert "no legal boundary" in run("territory", "show", sea).out
    assert run("territory", "show", sea, "--json").json["kind"] == "sea"


def test_territory_show_of_what_is_none_offers_near_names(run):
    done = run("territory", "show", "Japn")
    assert (done.code, done.out) == (2, "")
    assert "JPN" in done.err


def test_territory_show_of_an_expression(run):
    said = run("territory", "show", "MCO + LIE - buffer(crimea, 5)", "--resolution", "5").out
    for words in ("(LIE + MCO) - (crimea + edge(crimea, 5))", "sha256", "wholly inside", "people", "edge(crimea, 5)"):
        assert words in said
    answer = run("territory", "show", "LIE + MCO", "--json").json
    assert answer["resolution"] == 4
    assert answer["cells_inside"] + answer["cells_border"] == len(answer["cells"]["inside"] + answer["cells"]["border"])
    assert {row["label"] for row in answer["labels"]} == {"LIE", "MCO"}
    assert answer["population"] == sum(territories()[id_].population for id_ in ("LIE", "MCO"))
    other = run("territory", "show", "MCO + LIE", "--json", "--resolution", "3").json
    assert (other["expression"], answer["expression"]) == ("LIE + MCO", "LIE + MCO")
    assert other["sha256"] != answer["sha256"]


def test_territory_show_counts_the_cells_of_a_territory(run):
    assert "wholly inside" in run("territory", "show", "LIE", "--resolution", "6").out


def test_territory_show_names_what_is_contested_of_an_expression(run):
    said = run("territory", "show", "coast(TWN, 10)", "--json").json
    assert {"kinmen", "senkaku"} <= set(said["contested"])
    assert "no legal boundary" in run("territory", "show", "coast(TON, 10)").out


def test_territory_show_writes_the_polygon_which_reads_back(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("territory", "show", "buffer(LIE, 5)", "--out", "F.geojson").code == 0
    feature = json.loads((tmp_path / "F.geojson").read_text())["features"][0]
    assert feature["properties"]["expression"] == "LIE + edge(LIE, 5)"
    there, back = (run("territory", "show", text, "--json").json for text in ("buffer(LIE, 5)", "F.geojson"))
    assert back["area_km2"] == pytest.approx(there["area_km2"], rel=1e-6)
    assert run("territory", "show", "LIE & F.geojson", "--json").json["population"] == territories()["LIE"].population


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("UKX + MDA", 'EXPRESSION: "UKX + MDA", character 1: there is no territory "UKX"'),
        ("MDA +", "an area is missing"),
        ("world - UKR", "at most"),
    ],
)
def test_territory_show_of_what_cannot_be(run, expression, said):
    done = run("territory", "show", expression, "--resolution", "7")
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_territory_show_writes_no_polygon_of_a_strip_of_sea(run, tmp_path):
    done = run("territory", "show", "TON.sea12", "--out", tmp_path / "F.geojson")
    assert done.code == 2
    assert "point by point" in done.err
    assert not (tmp_path / "F.geojson").exists()


def test_territory_import_eez(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ring = [[-176.0, -22.0], [-173.0, -22.0], [-173.0, -18.0], [-176.0, -18.0], [-176.0, -22.0]]
    features = [
        {"type": "Feature", "properties": {"ISO_TER1": "TON"}, "geometry": {"type": "Polygon", "coordinates": [ring]}},
        {"type": "Feature", "properties": {"ISO_TER1": "TON", "ISO_TER2": "FJI"},
         "geometry": {"type": "Polygon", "coordinates": [[[x - 3.0, y] for x, y in ring]]}},
    ]  # fmt: skip
    (tmp_path / "eez.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    done = run("territory", "import-eez", "eez.geojson")
    assert done.code == 0
    assert [line.split()[0] for line in done.out.splitlines()] == ["waters/FJI-TON.geojson", "waters/TON.geojson"]
    assert "several" in done.out.splitlines()[0]
    inside = run("territory", "show", "TON & waters/TON.geojson", "--json").json
    assert inside["population"] > 0.8 * territories()["TON"].population
    assert run("territory", "import-eez", "no.geojson").code == 2


# --- path ---------------------------------------------------------------------------------------------------------


def test_path_to_the_internet_adds_up(run, starter):
    done = run("path", starter, "--from", "TON", "--json")
    assert done.code == 0
    answer = done.json
    kinds = [hop["kind"] for hop in answer["hops"]]
    assert kinds[0] == "user link"
    assert kinds[-3:] == ["feeder link", "fibre", "processing"]
    assert set(kinds[1:-3]) <= {"inter-satellite link"}
    *links, processing = answer["hops"]
    assert answer["rtt_ms"] == pytest.approx(
        2.0 * sum(hop["delay_ms"] for hop in links) + processing["delay_ms"], abs=1e-4
    )
    for hop in links:
        index = 1.468 if hop["kind"] == "fibre" else 1.0
        assert hop["delay_ms"] == pytest.approx(hop["length_km"] * index / LIGHT_KM_PER_MS, abs=1e-5)
    for hop, following in pairwise(links):
        assert hop["to"] == following["from"]
    assert (answer["at"], answer["why_none"]) == ("2026-11-20T00:00:07.500000Z", None)


def test_path_between_two_places_is_light_alone(run, starter):
    answer = run(
        "path", starter, "--from", "TON", "--to", "-18.14,178.44", "--at", "2026-11-20T00:30:00Z", "--json"
    ).json
    assert answer["at"] == "2026-11-20T00:30:00Z"
    kinds = [hop["kind"] for hop in answer["hops"]]
    assert (kinds[0], kinds[-1]) == ("user link", "user link")
    assert answer["rtt_ms"] == pytest.approx(2.0 * sum(hop["delay_ms"] for hop in answer["hops"]), abs=1e-4)
    assert answer["hops"][-1]["to"] == "-18.14,178.44"


def test_path_for_people(run, starter):
    done = run("path", starter, "--from", "TON", "--to", "Suva")
    assert done.code == 0
    assert "ms there and back" in done.out.splitlines()[0]
    assert done.out.splitlines()[1].split()[:3] == ["1", "user", "link"]
    assert "--from TON: Tonga (TON)" in done.err  # which place was meant


def test_path_from_where_no_satellite_is(run, starter, tmp_path):
    (tmp_path / "s.toml").write_text(
        'name = "n"\nstart = 2026-11-20T00:00:00Z\nduration = "30s"\n[ground]\narea = "TON"\n'
        '[[constellation.shell]]\nname = "a"\naltitude_km = 550\ninclination_deg = 53\nplanes = 4\nper_plane = 4\n'
    )
    done = run("path", "s.toml", "--from", "85,0", "--json")
    assert done.code == 0
    assert done.json["rtt_ms"] is None
    assert done.json["why_none"] == "no_satellite"
    assert done.json["hops"] == []
    assert "no path (no_satellite)" in run("path", "s.toml", "--from", "85,0").out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--from", "Taipeh"], "--from: there is no place"),
        (["--from", "TON", "--to", "Taipeh"], "Did you mean Taipei"),
        (["--from", "91,0"], "latitude,longitude"),
        (["--from", "TON", "--at", "soon"], "--at: 'soon' is not an instant"),
        (["--from", "TON", "--at", "0001-01-01T00:00:00+05:00"], "is not an instant"),
    ],
)
def test_a_place_or_instant_that_is_none(run, starter, options, said):
    done = run("path", starter, *options)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_path_to_a_named_pop_ends_there(run, starter):
    own = run("path", starter, "--from", "TON", "--json").json
    pop = next(hop["to"] for hop in own["hops"] if hop["kind"] == "fibre")
    assert run("path", starter, "--from", "TON", "--to", f"pop:{pop.lower()}", "--json").json == own
    other = run("path", starter, "--from", "TON", "--to", "pop:Sydney", "--json").json
    assert next(hop["to"] for hop in other["hops"] if hop["kind"] == "fibre") == "Sydney" != pop
    assert (other["at"], other["rtt_ms"] > own["rtt_ms"]) == (own["at"], True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--to", "pop:Sidney"], '--to: there is no PoP "Sidney". Did you mean Sydney?'),
        (["--to", "pop:"], '--to: there is no PoP "". PoPs of this scenario: '),
        (["--to", "pop:Sydney", "--paths", "2"], "--paths: is for two places; down to a PoP there is one path."),
    ],
)
def test_a_pop_that_is_none(run, starter, options, said):
    done = run("path", starter, "--from", "TON", *options)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_a_gateway_of_the_scenario_is_a_place(run, starter):
    assert run("path", starter, "--from", "Clevedon", "--json").code == 0


# --- passes -------------------------------------------------------------------------------------------------------


def test_passes_as_json_with_a_picture(run, starter, tmp_path):
    done = run("passes", starter, "--at", "TON", "--for", "3m", "--json")
    assert done.code == 0
    answer = done.json
    assert answer["place"] == "Tonga"
    assert len(answer["passes"]) > 10
    for one in answer["passes"]:
        assert 25.0 <= one["elevation_deg_max"] <= 90.0
        assert (one["rises"] or "") <= one["culminates"] <= (one["sets"] or "3")
    assert answer["hand_overs"][0]["from"] is None
    assert answer["hand_overs"][0]["why"] == "first service"
    names = {one["satellite"] for one in answer["passes"]}
    assert {change["to"] for change in answer["hand_overs"]} - {None} <= names
    picture = tmp_path / "out" / "starter" / "passes-Tonga.png"
    assert picture.read_bytes().startswith(PNG)
    assert str(picture.relative_to(tmp_path)) in done.err


def test_passes_for_people(run, starter, tmp_path):
    done = run(
        "passes", starter, "--at", "25.03,121.56", "--for", "1m", "--start", "2026-11-20T06:00:00Z", "--out", "sky.png"
    )
    assert done.code == 0
    assert "satellites above 25° in 1m" in done.out
    assert "hand-over" in done.out
    assert (tmp_path / "sky.png").exists()
    assert "06:00" in done.out


def test_a_picture_has_one_name_whatever_the_places_name(run, starter, tmp_path):
    """GeoNames has "Biel/Bienne"; a slash must not become a folder."""
    assert run("passes", starter, "--at", "Biel/Bienne", "--for", "15s").code == 0
    assert len(list((tmp_path / "out" / "starter").glob("passes-*.png"))) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--at", "Taipeh"], "--at: there is no place"),
        (["--at", "TON", "--for", "soon"], "--for: 'soon' is not a duration"),
        (["--at", "TON", "--start", "soon"], "--start: 'soon' is not an instant"),
        (["--at", "TON", "--for", "15s", "--out", "file/sky.png"], "file/sky.png: cannot be written"),
    ],
)
def test_passes_that_cannot_be(run, starter, tmp_path, options, said):
    (tmp_path / "file").write_text("mine")
    done = run("passes", starter, *options)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


# --- doctor and fetch ---------------------------------------------------------------------------------------------


def test_a_cold_start_says_what_it_is_doing(run, monkeypatch, tmp_path, capsys):
    from openleo.cli import common

    monkeypatch.setattr(common, "compiled_kernels", lambda: (tmp_path, 0))
    common.tell_if_cold()
    assert "compiles the kernels" in capsys.readouterr().err
    monkeypatch.setattr(common, "compiled_kernels", lambda: (tmp_path, 9))
    common.tell_if_cold()
    assert capsys.readouterr().err == ""


KERNELS = """
import importlib, pkgutil, openleo
from numba.core.registry import CPUDispatcher
from openleo.cli.warming import warm_up
warm_up()
for module in pkgutil.walk_packages(openleo.__path__, "openleo."):
    if module.name == "openleo.__main__":
        continue
    for name, found in vars(importlib.import_module(module.name)).items():
        ours = isinstance(found, CPUDispatcher) and found.py_func.__module__ == module.name
        if ours and found.targetoptions.get("inline") != "always":
            print(len(found.signatures), module.name, name)
"""
VERBS = """
import sys
from openleo.cli import main
for line in sys.stdin.read().splitlines():
    sys.argv = ["openleo", *line.split()]
    try:
        main()
    except SystemExit as left:
        assert not left.code, line
"""
EVERYTHING = """
plan scenario.toml --slots 2
path scenario.toml --from TON --to NZL --paths 2
path scenario.toml --from TON
passes scenario.toml --at TON --for 5m
rtt scenario.toml --sites sites.csv --at 0,15 --out o.csv --summary s.csv --paths p.jsonl
export traces scenario.toml --sites sites.csv --duration 1m --out t.parquet
export hand-overs scenario.toml --sites sites.csv --for 5m --out h.csv
export load scenario.toml --sites sites.csv --demand demand.csv --out l.csv
export hypatia scenario.toml --sites sites.csv --out dir --duration 1s --step 500ms
export oem scenario.toml --duration 5m --out e.oem

rtt limited.toml --sites sites.csv --at 0 --out o.csv
plan limited.toml --slots 2
plan crowded.toml --slots 3
plan elements.toml --slots 2
rtt elements.toml --sites sites.csv --at 0 --out o.csv
export planes elements.toml --out planes.csv
plan ephemerides.toml --slots 2
rtt hypatia.toml --at 0,15 --out o.csv --summary s.csv
"""
SMALL = """
name = "small"
start = 2026-11-20T00:00:00Z
duration = "10m"
[constellation]
{constellation}
[ground]
area = ["TON"]
resolution = 3
[links]
{links}
"""
SHELL = """
[[constellation.shell]]
name = "low"
altitude_km = 1100.0
inclination_deg = 60.0
planes = 12
per_plane = 14
"""


@pytest.mark.slow
def test_warming_up_leaves_nothing_to_compile(tmp_path):
    """In a new process with an empty cache: every kernel is compiled, and no verb compiles another one."""
    cache, here = tmp_path / "cache", tmp_path / "here"
    here.mkdir()
    cold = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}

    def python(code: str, lines: str = "") -> str:
        ran = subprocess.run(
            [sys.executable, "-c", code], cwd=here, env=cold, input=lines, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    kernels = [line.split() for line in python(KERNELS).splitlines()]
    assert {module.rpartition(".")[2] for _, module, _ in kernels} >= {"serving", "forwarding", "statistics"}
    assert not [f"{module}.{name} is cold" for count, module, name in kernels if count == "0"]
    kept = {path.name for path in cache.rglob("*.nbc")}
    (here / "sites.csv").write_text("name,lat_deg,lon_deg\na,10,100\nb,12,130\n")
    (here / "demand.csv").write_text("from,to,mbps\na,b,400\n")
    limits = 'gso_exclusion_deg = 10\ngateway_choice = "spread"\ngateway_antennas = 8'
    for name, constellation, links in (
        ("scenario", SHELL, ""),
        ("limited", SHELL, limits),
        ("crowded", SHELL, f"{limits}\n[capacity]\nenabled = true\nevery_slots = 2\n[demand]\nfactor = 500"),
        ("elements", 'elements = "elements.tle"\nisl = "+grid"', ""),
        ("ephemerides", 'ephemerides = "e.oem"', ""),
    ):
        (here / f"{name}.toml").write_text(SMALL.format(constellation=constellation, links=links))
    (here / "hypatia.toml").write_text('conventions = "hypatia"\n[constellation]\nhypatia = "dir"\n')
    first, last = EVERYTHING.strip().split("\n\n")
    python(VERBS, first)
    (here / "elements.tle").write_text("\n".join((here / "dir" / "tles.txt").read_text().splitlines()[1:]))
    python(VERBS, last)
    assert {path.name for path in cache.rglob("*.nbc")} == kept


def test_a_cold_start_is_told_and_a_warm_one_is_not(run, monkeypatch):
    from openleo.cli import doctor, warming

    monkeypatch.setattr(warming, "warm_up", lambda: None)
    monkeypatch.setattr(doctor, "tell_if_cold", lambda: print("cold", file=sys.stderr))
    done = run("doctor", "--warm")
    assert done.code == 0
    assert done.err == "cold\n"
    assert "warm-up" in done.out


def test_doctor_finds_this_machine_well(run):
    done = run("doctor")
    assert done.code == 0
    assert "BAD" not in done.out
    assert "embedded data" in done.out
    answer = run("doctor", "--json").json
    assert answer["ok"] is True
    assert {finding["what"] for finding in answer["findings"]} >= {"python", "libraries", "embedded data", "memory"}


@pytest.mark.parametrize("source", ["celestrak", "celestrak:", "celestrak:a b", "other:starlink", "celestrak:../x", ""])
def test_fetch_of_a_source_that_is_none(run, tmp_path, source):
    done = run("fetch", source, "--cache", tmp_path / "cache")
    assert (done.code, done.out) == (2, "")
    assert "celestrak:GROUP" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_plain_name_is_reported_as_an_expression_is(run, tmp_path):
    """It named no hash and no cells before; and two hashes, one with the resolution in it, had one name."""
    named = run("territory", "show", "LUX", "--json", "--out", tmp_path / "lux.geojson").json
    asked = run("territory", "show", "LUX", "--resolution", "4", "--json").json
    assert (named["resolution"], named["sha256"]) == (4, asked["sha256"])
    assert named["cells_inside"] + named["cells_border"] > 0
    written = json.loads((tmp_path / "lux.geojson").read_text())["features"][0]["properties"]
    assert written == {"expression": "LUX", "area_sha256": named["area_sha256"]}
    assert named["area_sha256"] != named["sha256"]
