"""The scenario file: its defaults, what it becomes, and that every fault is named with its place and a way out."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openleo.errors import InputError
from openleo.network import chain
from openleo.network.constellation import tle
from openleo.scenario import Scenario
from openleo.scenario_file import LONGEST_RUN_SLOTS

EXAMPLES = Path(__file__).parents[2] / "examples"
STARTER = Path(__file__).parents[2] / "src" / "openleo" / "data" / "starter"

SHELL = """
[[constellation.shell]]
name = "demo"
altitude_km = 550
inclination_deg = 53
planes = 6
per_plane = 4
"""
FROM_CATALOGUE = '[constellation]\ncatalogue = "starlink-shell1"\n'
GROUND = """
[ground]
area = ["TON"]
"""
BASE = 'name = "t"\nstart = 2026-11-20T00:00:00Z\nduration = "1h"\n'
RULES = """schema = 1
book = "operator"
classes = ["press"]
[[rule]]
id = "r1"
effect = "permit"
territory = {in = "TON"}
authority = "operator"
reason = "licensed"
"""


def text(head=BASE, shell=SHELL, ground=GROUND, rest=""):
    return f"{head}{shell}{ground}{rest}"


@pytest.fixture
def load(tmp_path):
    """Loads a scenario from its text; further files beside it by name."""

    def load(content, **files):
        for name, said in files.items():
            (tmp_path / name.replace("__", ".")).write_text(said, encoding="utf-8")
        (tmp_path / "scenario.toml").write_text(content, encoding="utf-8")
        return Scenario.load(tmp_path / "scenario.toml")

    return load


@pytest.fixture
def refusal(load, tmp_path):
    """The problems of a scenario that is refused, a line each, without the folder's name."""

    def refusal(content, **files):
        with pytest.raises(InputError) as refused:
            load(content, **files)
        return [str(one).replace(f"{tmp_path}/", "") for one in refused.value.problems]

    return refusal


def only(lines):
    (one,) = lines
    return one


# --- good ---------------------------------------------------------------------------------------------------------


def test_every_default(load):
    case = load(text()).case
    assert case.name == "t"
    assert case.grid.start == datetime(2026, 11, 20, tzinfo=UTC)
    assert (case.grid.slot_s, case.grid.slots) == (15.0, 240)
    assert case.resolution == 4
    assert case.area.ids == ("TON",)
    assert case.classes == ("fixed",)
    assert (case.rules, case.compare) == (None, None)
    network = case.network
    assert (network.user_elevation_deg, network.gateway_elevation_deg) == (25.0, 25.0)
    assert (network.hand_over, network.mask_at, network.processing_ms) == ("least_rtt", "middle", 11.0)
    assert network.constellation.satellites == 24
    assert network.constellation.epoch == datetime(2026, 1, 1, tzinfo=UTC)
    assert network.topology.neighbours.shape == (24, 4)  # +grid
    assert len(network.gateways) > 100
    assert set(case.inputs) == {"scenario", "constellation", "gateways", "pops", "area", "territories", "population"}
    assert all(len(source.sha256) == 64 and source.source for source in case.inputs.values())
    assert case.notes == ("No rules were given: everything is permitted in this run.",)


def test_every_key(load):
    head = 'name = "all.keys_1-2"\nstart = 2026-11-20T08:00:00+08:00\nend = 2026-11-20T00:10:00Z\n'
    head += 'slot = 30\nslot_phase_s = 12\nconventions = "openleo"\n'
    shell = SHELL.replace("[[", '[constellation]\nepoch = 2026-06-01T00:00:00Z\nisl = "none"\nlasers = "all"\n[[')
    ground = '[ground]\narea = "TON"\nresolution = 3\ngateways = "g.csv"\npops = "oneweb-2024"\nfibre_detour = 2.0\n'
    rest = (
        "[links]\nuser_elevation_deg = 40\ngateway_elevation_deg = 5\n"
        'mask_at = "both_ends"\nhand_over = "highest"\nprocessing_ms = 0\n[capacity]\nenabled = false\n'
        '[policy]\nrules = "r.toml"\ncompare = ["r.toml"]\nclasses = ["maritime", "press"]\n'
    )
    gateways = "name,lat_deg,lon_deg\nNuku'alofa,-21.1,-175.2\n"
    case = load(text(head, shell, ground, rest), g__csv=gateways, r__toml=RULES).case
    assert case.grid.start == datetime(2026, 11, 20, 0, 0, 12, tzinfo=UTC)
    assert (case.grid.slot_s, case.grid.slots) == (30.0, 19)  # the end holds, wherever the slots begin
    assert case.resolution == 3
    assert case.classes == ("maritime", "press")
    network = case.network
    assert network.constellation.epoch == datetime(2026, 6, 1, tzinfo=UTC)
    assert network.topology.neighbours.shape == (24, 0)
    assert [station.name for station in network.gateways.stations] == ["Nuku'alofa"]
    assert (network.user_elevation_deg, network.gateway_elevation_deg) == (40.0, 5.0)
    assert (network.mask_at, network.hand_over, network.processing_ms) == ("both_ends", "highest", 0.0)
    assert case.rules.sha256 == case.compare.sha256
    assert case.inputs["gateways"].source == "g.csv"
    assert case.inputs["rules"].source == "r.toml"


@pytest.mark.parametrize(
    "path",
    [
        *sorted(path for path in EXAMPLES.glob("*.toml") if not path.name.startswith("emulate-")),
        STARTER / "scenario.toml",
    ],
    ids=lambda path: path.stem,
)
def test_every_scenario_that_we_ship_loads(path):
    assert Scenario.load(path).case.grid.slots > 0


def test_the_commented_keys_of_the_starter_are_keys(load):
    """A person takes the # away: what stands there must be understood, and say the default or a true alternative."""
    said = (STARTER / "scenario.toml").read_text()
    head, _, _ = said.partition("[constellation]")
    head = head.replace("# slot_phase_s", "slot_phase_s")
    ground = said[said.index("[ground]") :]
    for key in ("pops", "fibre_detour", "mask_at", "processing_ms", "classes"):
        ground = ground.replace(f"# {key}", key)
    ground = ground.replace("rules/", "")
    constellation = '[constellation]\ncatalogue = "starlink-shell1"\nisl = "+grid"\nlasers = "all"\n'
    rules = (STARTER / "rules" / "permitted.toml").read_text().replace("# who", "who")
    assert load(head + constellation + ground, permitted__toml=rules, withdrawn__toml=rules)
    assert tomllib.loads(head)["slot_phase_s"] == 12


def test_paths_are_relative_to_the_scenario_and_not_to_where_one_stands(load, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert load(text(rest='[policy]\nrules = "r.toml"\n'), r__toml=RULES).case.rules is not None


def test_the_first_slots_are_a_shorter_run_of_the_same(load):
    scenario = load(text())
    assert scenario.first_slots(4).case.grid.slots == 4
    assert scenario.first_slots(10**6).case.grid.slots == 240
    assert scenario.first_slots(4).case.network is scenario.case.network


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"head": BASE.replace('"1h"', '"2h"')}, False),
        ({"ground": GROUND.replace("TON", "FJI")}, False),
        ({"shell": SHELL.replace("550", "560")}, False),
        ({"rest": "[links]\nuser_elevation_deg = 30\n"}, False),
        ({"rest": "[links]\nprocessing_ms = 12\n"}, False),
        ({"ground": GROUND + "fibre_detour = 1.6\n"}, False),
        ({"shell": SHELL.replace("[[", '[constellation]\nisl = "none"\n[[')}, False),
        ({"rest": '[policy]\nrules = "r.toml"\n'}, True),
        ({"head": BASE.replace('"t"', '"other"')}, True),
    ],
)
def test_the_hash_of_the_network_is_of_all_that_moves_it_and_of_no_rule(load, changed, same):
    base = load(text()).case.network_sha256
    assert (load(text(**changed), r__toml=RULES).case.network_sha256 == base) is same


# --- time ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ('duration = "1h"\nend = 2026-11-21T00:00:00Z', ["duration", "end", "not both"]),
        ("", ["duration or an end"]),
        ("end = 2026-11-19T00:00:00Z", ["end 2026-11-19T00:00:00Z", "start 2026-11-20T00:00:00Z", "after the start"]),
        ("end = 2026-11-20T00:00:00Z", ["end 2026-11-20T00:00:00Z", "after the start"]),
        ('duration = "0s"', ["0 s", "15 s"]),
        ('duration = "10s"', ["10 s", "one slot of 15 s"]),
        ("duration = -5", ["-5"]),
        ('duration = "-5s"', ["duration", "'-5s'", "15s, 90m, 24h or 7d"]),
        ('duration = "a day"', ["duration", "'a day'", "24h"]),
        ("duration = nan", ["duration", "nan"]),
        ("duration = inf", ["duration", "inf"]),
        ('duration = "1h"\nslot = "2h"', ["3600 s", "7200 s"]),
        ('duration = "1h"\nslot = "0s"', ["slot", "0 s", "longer"]),
        ('duration = "1h"\nslot = -15', ["slot", "-15"]),
        ('duration = "1h"\nslot = nan', ["slot", "nan"]),
        ('duration = "30d"', ["172800", str(LONGEST_RUN_SLOTS)]),
        ('duration = "1h"\nslot_phase_s = 60', ["slot_phase_s", "60"]),
        ('duration = "1h"\nslot_phase_s = -1', ["slot_phase_s", "-1"]),
        ("duration = [1]", ["duration", "[1]"]),
    ],
)
def test_a_time_at_fault(refusal, head, said):
    line = only(refusal(text(f'name = "t"\nstart = 2026-11-20T00:00:00Z\n{head}\n')))
    assert line.startswith("scenario.toml: ")
    for words in said:
        assert words in line


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ('"yesterday"', "'yesterday'"),
        ("2026-11-20T00:00:00", "without its zone"),
        ("2026-11-20", "write an instant"),
        ("3", "3"),
    ],
)
def test_a_start_that_is_no_instant(refusal, start, said):
    line = only(refusal(text(f'name = "t"\nstart = {start}\nduration = "1h"\n')))
    assert line.startswith("scenario.toml: start: ")
    assert said in line


# --- keys and values ----------------------------------------------------------------------------------------------


def test_unknown_keys_are_named_at_every_level_with_near_names(refusal):
    head = 'nam = "x"\n' + BASE
    shell = SHELL.replace("[[", '[constellation]\ncatalog = "x"\n[[')
    ground = GROUND + "resolutoin = 3\n"
    rest = '[links]\nhandover = "highest"\n[capacity]\nenable = true\n[link]\n'
    rest += '[policy]\nrule = "r.toml"\nrules = "r.toml"\n'
    said = refusal(text(head, shell, ground, rest), r__toml=RULES)
    assert sorted(said) == [
        'scenario.toml: capacity.enable: there is no key "enable" here. Did you mean enabled?',
        'scenario.toml: constellation.catalog: there is no key "catalog" here. Did you mean catalogue?',
        'scenario.toml: ground.resolutoin: there is no key "resolutoin" here. Did you mean resolution?',
        'scenario.toml: link: there is no key "link" here. Did you mean links?',
        'scenario.toml: links.handover: there is no key "handover" here. Did you mean hand_over?',
        'scenario.toml: nam: there is no key "nam" here. Did you mean name?',
        'scenario.toml: policy.rule: there is no key "rule" here. Did you mean rules?',
    ]


def test_an_unknown_key_of_a_shell(refusal):
    line = only(refusal(text(shell=SHELL + "phase = 3\n")))
    assert line.startswith("scenario.toml: constellation.shell[0]: 'phase'")
    assert "phasing" in line


@pytest.mark.parametrize(
    ("changed", "place", "said"),
    [
        ({"head": BASE.replace('"t"', '"a/b"')}, "name", "'a/b'"),
        ({"head": BASE.replace('"t"', '".."')}, "name", "'..'"),
        ({"head": BASE.replace('"t"', '""')}, "name", "''"),
        ({"head": BASE + 'conventions = "hypatai"\n'}, "conventions", "'hypatai'; it must be openleo or hypatia"),
        ({"ground": GROUND.replace('["TON"]', "[]")}, "ground.area", "at least 1"),
        ({"ground": GROUND.replace('["TON"]', '""')}, "ground.area", 'no territory ""'),
        ({"ground": GROUND.replace('["TON"]', "3")}, "ground.area", "3"),
        ({"ground": GROUND.replace('["TON"]', '["TOM"]')}, "ground.area", "Did you mean"),
        ({"ground": GROUND.replace('["TON"]', '["Tonga"]')}, "ground.area", "Tonga is TON."),
        ({"ground": GROUND + "resolution = 16\n"}, "ground.resolution", "16"),
        ({"ground": GROUND + "resolution = -1\n"}, "ground.resolution", "-1"),
        ({"ground": GROUND + "resolution = 3.5\n"}, "ground.resolution", "3.5"),
        ({"ground": GROUND + "fibre_detour = 0.5\n"}, "ground.fibre_detour", "0.5"),
        ({"ground": GROUND + "fibre_detour = nan\n"}, "ground.fibre_detour", "nan"),
        ({"rest": "[links]\nuser_elevation_deg = 91\n"}, "links.user_elevation_deg", "91"),
        ({"rest": "[links]\nuser_elevation_deg = nan\n"}, "links.user_elevation_deg", "nan"),
        ({"rest": "[links]\nprocessing_ms = inf\n"}, "links.processing_ms", "inf"),
        ({"rest": "[links]\nprocessing_ms = -1\n"}, "links.processing_ms", "-1"),
        ({"rest": '[links]\nhand_over = "higest"\n'}, "links.hand_over", "Did you mean highest?"),
        ({"rest": '[links]\nmask_at = "start"\n'}, "links.mask_at", "'start'; it must be middle or both_ends"),
        ({"rest": "[capacity]\nenabled = 7\n"}, "capacity.enabled", "is 7"),
        ({"rest": "[policy]\n"}, "policy.rules", "missing"),
        ({"rest": "[policy]\nrules = []\n"}, "policy.rules", "at least 1"),
        ({"rest": '[policy]\nrules = "r.toml"\ncompare = []\n'}, "policy.compare", "at least 1"),
        ({"rest": '[policy]\nrules = "r.toml"\nclasses = []\n'}, "policy.classes", "at least 1"),
        ({"rest": '[policy]\nrules = "r.toml"\nclasses = ["fixd"]\n'}, "policy.classes", 'no class "fixd"'),
        ({"shell": ""}, "constellation", "missing"),
        ({"shell": "[constellation]\n"}, "constellation", "it has none"),
        ({"shell": FROM_CATALOGUE + 'elements = "e.tle"\n'}, "constellation", "catalogue and elements"),
        ({"shell": FROM_CATALOGUE + SHELL}, "constellation", "catalogue and shell"),
        ({"shell": '[constellation]\ncatalogue = "starlnk-gen1"\n'}, "constellation.catalogue", "starlink-gen1"),
        ({"shell": "[constellation]\nshell = []\n"}, "constellation.shell", "no shell"),
        ({"shell": "[constellation]\nshell = [5]\n"}, "constellation.shell[0]", "5"),
        ({"shell": FROM_CATALOGUE + 'isl = "grid"\n'}, "constellation.isl", "Did you mean +grid?"),
    ],
)  # fmt: skip
def test_a_value_at_fault_is_named_with_its_place(refusal, changed, place, said):
    line = only(refusal(text(**changed), r__toml=RULES))
    assert line.startswith(f"scenario.toml: {place}: ")
    assert said in line


def test_a_shell_whose_satellites_do_not_divide_by_its_planes(refusal):
    shell = SHELL.replace("planes = 6\nper_plane = 4", "planes = 7\nsatellites = 40").replace("demo", "polar")
    assert only(refusal(text(shell=shell))) == (
        'scenario.toml: constellation.shell[0]: shell "polar" has 40 satellites in 7 planes; a Walker shell needs the '
        "same number in each plane. Try satellites = 42 or planes = 8."
    )


def test_every_shell_at_fault_is_named(refusal):
    lines = refusal(text(shell=SHELL.replace("550", "50") + SHELL + SHELL.replace("53", "-3")))
    assert [line.split(": ")[1] for line in lines] == ["constellation.shell[0]", "constellation.shell[2]"]


def test_two_shells_of_one_name_are_told_apart(refusal):
    """Satellites are named after their shell; a hand-over from "demo p0 s0" to "demo p0 s0" would say nothing."""
    assert "demo" in only(refusal(text(shell=SHELL + SHELL)))


def test_a_key_that_would_be_passed_over_is_refused(refusal):
    """The epoch is of one's own shells; a catalogue's system has its own."""
    assert "epoch" in only(refusal(text(shell=FROM_CATALOGUE + "epoch = 2026-06-01T00:00:00Z\n")))


def test_every_class_that_is_none_is_named_with_near_names(refusal):
    lines = refusal(text(rest='[policy]\nrules = "r.toml"\nclasses = ["fixd", "marine"]\n'), r__toml=RULES)
    assert len(lines) == 2
    assert "fixed" in lines[0]
    assert "maritime" in lines[1]


def test_faults_of_the_file_hide_none_of_what_it_names(refusal):
    head = 'name = "t"\nstart = 2026-11-20T00:00:00Z\nend = 2026-11-19T00:00:00Z\n'
    ground = GROUND.replace("TON", "TNO") + 'gateways = "no.csv"\nresolutoin = 3\n'
    said = "\n".join(refusal(text(head, "[constellation]\n", ground)))
    for fault in ("end 2026-11-19", "exactly one of catalogue", '"TNO"', "no.csv", "resolutoin"):
        assert fault in said


def test_a_phase_that_leaves_no_slot_before_the_end_is_refused(refusal):
    head = 'name = "t"\nstart = 2026-11-20T00:00:00Z\nend = 2026-11-20T00:00:15Z\nslot_phase_s = 12\n'
    assert "no whole slot" in only(refusal(text(head)))


# --- files that a scenario names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"shell": '[constellation]\nelements = "no.tle"\n'}, "no.tle"),
        ({"ground": GROUND.replace("TON", "no.geojson")}, "no.geojson"),
        ({"ground": GROUND + 'gateways = "no.csv"\n'}, "no.csv"),
        ({"ground": GROUND + 'pops = "no.csv"\n'}, "no.csv"),
        ({"rest": '[policy]\nrules = "no.toml"\n'}, "no.toml"),
        ({"rest": '[policy]\nrules = "r.toml"\ncompare = "no.toml"\n'}, "no.toml"),
    ],
)
@pytest.mark.parametrize("odd", ["missing", "zero byte", "folder", "long"])
def test_a_file_that_cannot_be_read(refusal, tmp_path, changed, name, odd):
    ending = name.partition(".")[2]
    if odd == "folder":
        (tmp_path / name).mkdir()
    other = {"missing": name, "folder": name, "zero byte": f"a\\u0000b.{ending}", "long": "a" * 5_000 + f".{ending}"}[
        odd
    ]
    line = only(refusal(text(**{key: value.replace(name, other) for key, value in changed.items()}), r__toml=RULES))
    if odd in ("missing", "folder"):
        assert name in line
    if odd == "missing":
        assert "no such file" in line.lower()


def test_a_scenario_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"no\.toml: there is no such file"):
        Scenario.load(tmp_path / "no.toml")


def test_a_rule_on_a_contested_country_says_its_file_and_rule(refusal):
    rules = RULES.replace('"TON"', '"JPN"')
    line = only(refusal(text(rest='[policy]\nrules = "r.toml"\n'), r__toml=rules))
    assert line.startswith('r.toml: rule "r1": JPN touches contested areas')
    for word in ("senkaku", "dokdo", "southern-kurils", "administered by", "claimed by", "include = [...]"):
        assert word in line


def test_an_area_of_a_contested_country_need_not_decide(load):
    assert load(text(ground=GROUND.replace('["TON"]', '["JPN", "UKR"]'))).case.area.ids == ("JPN", "UKR")


def test_a_polygon_that_crosses_itself_is_refused_with_the_place(refusal):
    bow_tie = {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]}
    line = only(refusal(text(ground=GROUND.replace("TON", "bow.geojson")), bow__geojson=json.dumps(bow_tie)))
    assert line.startswith("bow.geojson: geometry 0: is not a simple polygon: Self-intersection[1 1]")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "name,lat_deg,lon_deg\n",
        "name,lat,lon\na,1,2\n",
        "name,lat_deg,lon_deg\na,91,0\n",
        "name,lat_deg,lon_deg\na,0,181\n",
        "name,lat_deg,lon_deg\na,nan,0\n",
        "name,lat_deg,lon_deg\na,north,0\n",
        "name,lat_deg,lon_deg\na,1,2\na,3,4\n",
        "name,lat_deg,lon_deg,status\na,1,2,planned\n",
        'name,lat_deg,lon_deg\n"' + "x" * 200_000 + '",1,2\n',
        '{"features": 5}',
        '{"features": [1]}',
        '{"features": [{"geometry": {"type": "Point", "coordinates": 5}, "properties": {"name": "a"}}]}',
        '{"features": [{"geometry": {"type": "Point", "coordinates": []}, "properties": {"name": "a"}}]}',
        '{"features": ' + "[" * 100_000,
        "\0\0\0",
    ],
    ids=range(16),
)  # fmt: skip
@pytest.mark.parametrize("key", ["gateways", "pops"])
def test_a_list_of_stations_at_fault(refusal, content, key):
    lines = refusal(text(ground=GROUND + f'{key} = "s.csv"\n'), s__csv=content)
    assert all(line.startswith("s.csv: ") for line in lines)


# --- elements -----------------------------------------------------------------------------------------------------


def a_line(body):
    return body + str(tle.checksum(body))


def satellite(number, name, mean_anomaly_deg=0.0):
    one = a_line(f"1 {number:05d}U 26001A   26324.00000000  .00000000  00000-0  10000-3 0  999")
    two = a_line(f"2 {number:05d}  53.0500 110.0000 0001500  75.0000 {mean_anomaly_deg:8.4f} 15.0600000000001")
    return f"{name}\n{one}\n{two}\n"


def test_a_tle_with_a_wrong_checksum_is_set_aside_and_said_and_the_others_run(load):
    good = [satellite(80_000 + n, f"GOOD-{n}", 30.0 * n) for n in range(3)]
    bad = satellite(90_000, "BAD").splitlines()
    bad[1] = bad[1][:-1] + str((int(bad[1][-1]) + 1) % 10)
    elements = good[0] + "\n".join(bad) + "\n" + "".join(good[1:])
    scenario = load(text(shell='[constellation]\nelements = "e.tle"\n'), e__tle=elements)
    assert scenario.case.network.constellation.satellite_name == ("GOOD-0", "GOOD-1", "GOOD-2")
    said = [note for note in scenario.case.notes if "BAD" in note]
    assert len(said) == 1
    assert "Set aside" in said[0]
    assert "checksum" in said[0]
    assert "e.tle" in said[0]
    assert "line 5" in said[0]
    results = scenario.first_slots(2).run()
    assert results.summary()["satellites"] == 3
    assert any("BAD" in note for note in results.summary()["notes"])


def test_element_sets_in_no_plane_have_no_links_and_that_is_said(load):
    shell = '[constellation]\nelements = "e.tle"\nisl = "+grid"\n'
    case = load(text(shell=shell), e__tle=satellite(80_000, "ONE")).case
    assert case.network.topology.neighbours.shape == (1, 0)
    assert any("No planes are found among the element sets" in note for note in case.notes)


# --- all at once --------------------------------------------------------------------------------------------------


def test_every_fault_of_every_file_is_reported(refusal):
    content = text(
        shell='[constellation]\nelements = "no.tle"\n',
        ground='[ground]\narea = ["TOM", "no.geojson"]\ngateways = "no.csv"\npops = "bad.csv"\n',
        rest='[policy]\nrules = ["no.toml", "r.toml"]\ncompare = "other.toml"\n',
    )
    lines = refusal(
        content,
        bad__csv="name,lat_deg,lon_deg\na,91,0\nb,0,200\n",
        r__toml=RULES.replace('"TON"', '"JPN"'),
        other__toml=RULES.replace('"licensed"', '""'),
    )
    assert [line.split(": ")[0] for line in lines] == [
        *(
            "no.tle",
            "scenario.toml",
            "no.geojson",
            "scenario.toml",
            "bad.csv",
            "bad.csv",
            "no.toml",
            "r.toml",
            "other.toml",
        )
    ]


def test_several_faults_of_the_file_itself_are_reported_together(refusal):
    head = 'nam = "t"\nstart = 2026-11-20T00:00:00Z\nduration = "long"\n'
    places = [line.split(": ")[1] for line in refusal(text(head, ground=GROUND + "resolution = 16\n"))]
    assert sorted(places) == ["duration", "ground.resolution", "nam", "name"]


def test_an_unknown_key_does_not_hide_an_end_before_the_start(refusal):
    head = 'name = "t"\nstart = 2026-11-20T00:00:00Z\nend = 2026-11-19T00:00:00Z\nslots = 3\n'
    said = "\n".join(refusal(text(head)))
    assert "slots" in said
    assert "end 2026-11-19" in said


def test_chain_and_serving_pops_enter_the_networks_fingerprint_and_nothing_moves_without_them(tmp_path):
    plain = 'name = "x"\nstart = 2026-01-01T00:00:00Z\nduration = "1m"\n[constellation]\ncatalogue = "oneweb"\n'
    ground = '[ground]\narea = "LUX"\n'

    def sha256(text: str) -> str:
        (tmp_path / "s.toml").write_text(text)
        return Scenario.load(tmp_path / "s.toml").case.network_sha256

    off = sha256(plain + ground)
    assert sha256(plain + ground + 'serving_pops = "nearest"\npop_gateways = false\n[links]\nchain = false\n') == off
    on = [
        sha256(plain + ground + "[links]\nchain = true\n"),
        sha256(plain + ground + 'serving_pops = "starlink-2026"\n'),
        sha256(plain + ground + "pop_gateways = true\n"),
    ]
    assert len({off, *on}) == 4


@pytest.mark.parametrize(
    ("constellation", "ground", "said"),
    [
        (
            'catalogue = "oneweb"',
            "",
            "Gateways and PoPs are Starlink's (starlink-2026): [ground] gateways names none of",
        ),
        ('catalogue = "oneweb"', 'pops = "oneweb-2024"', "Gateways are Starlink's (starlink-2026)"),
        ('catalogue = "oneweb"', 'gateways = "oneweb-2024"', ""),
        ('catalogue = "oneweb"', 'gateways = "starlink-2026"', ""),
        (
            'catalogue = "oneweb"',
            'gateways = "g.csv"',
            "PoPs are Starlink's (starlink-2026): [ground] pops names none.",
        ),
        ('catalogue = "starlink-shell1"', "", ""),
        ('catalogue = "starlink-shell1"', 'gateways = "g.csv"\npops = "starlink-2026"', ""),
    ],
)
def test_whose_stations_are_taken_where_none_are_named_is_said(tmp_path, constellation, ground, said):
    (tmp_path / "g.csv").write_text("name,lat_deg,lon_deg\nNuku'alofa,-21.1,-175.2\n")
    head = 'name = "x"\nstart = 2026-01-01T00:00:00Z\nduration = "1m"\n'
    (tmp_path / "s.toml").write_text(f'{head}[constellation]\n{constellation}\n[ground]\narea = "LUX"\n{ground}\n')
    notes = [note for note in Scenario.load(tmp_path / "s.toml").case.notes if "Starlink's" in note]
    assert len(notes) == bool(said)
    assert all(said in note for note in notes)


def test_the_chain_brings_its_own_detour_unless_one_is_said(tmp_path):
    plain = 'name = "x"\nstart = 2026-01-01T00:00:00Z\nduration = "1m"\n[constellation]\ncatalogue = "oneweb"\n'

    def detour(ground: str) -> float:
        (tmp_path / "s.toml").write_text(f'{plain}[ground]\narea = "LUX"\n{ground}\n[links]\nchain = true\n')
        return Scenario.load(tmp_path / "s.toml").case.network.gateways.detour

    assert detour("") == chain.read_constants()[0].fibre_detour
    assert detour("fibre_detour = 2.0") == 2.0
