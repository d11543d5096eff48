"""Bad input of capacity (issue 6): each case by the command that a user types; exit 2, and a line for every problem.

A line says the file, the place in it, the value that stands there, the rule it breaks and a way out; nothing is
written.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from command_line import openleo

SCENARIO = """name = "t"
start = 2026-11-20T00:00:00Z
duration = "1m"
[constellation]
catalogue = "starlink-shell1"
[ground]
area = ["TON"]
{ground}
[capacity]
enabled = true
{capacity}
[demand]
{demand}
"""
SKY = """[[satellite]]
name = "sky"
mbps_down_max = 18000
[satellite.down]
frequency_ghz = 11.7
bandwidth_mhz = 240
channels = 8
eirp_dbw = 37
pfd_dbw_m2_4khz = -146
[satellite.up]
frequency_ghz = 14.25
bandwidth_mhz = 62.5
channels = 8
g_t_db_k = 8.7
"""
ROOF = """[[terminal]]
name = "roof"
g_t_db_k = 9.0
noise_k = 250
eirp_dbw = 38.2
antenna_m = 0.48
"""
DOOR = """[[gateway]]
name = "door"
eirp_dbw = 54.5
g_t_db_k = 22.7
noise_k = 280
antenna_m = 1.47
"""
OWN = SKY + ROOF + DOOR
NAMED = 'radios = "r.toml"\nsatellite_radio = "sky"\nterminal = "roof"'


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(here: Path, files: dict[str, str], ground: str = "", capacity: str = "", demand: str = "") -> None:
    (here / "s.toml").write_text(SCENARIO.format(ground=ground, capacity=capacity, demand=demand))
    for name, text in files.items():
        (here / name).write_text(text)


def refused(here: Path, *words: str) -> list[str]:
    """The lines on stderr of a command that has to end with 2, say nothing on stdout and write nothing."""
    before = {path.name: path.read_bytes() for path in here.iterdir()}
    code, out, err = openleo(*words)
    assert (code, out) == (2, ""), err
    assert {path.name: path.read_bytes() for path in here.iterdir()} == before
    return sorted(err.splitlines())


def assert_told(lines: list[str], expected: list[list[str]]) -> None:
    """As many lines as expected, and in each all words of one of them."""
    assert len(lines) == len(expected), "\n".join(lines)
    for words in expected:
        assert any(all(word in line for word in words) for line in lines), (words, lines)


# --- budgets whose units do not fit -------------------------------------------------------------------------------

# What is wrong: (what stands in place of what, what each line says).
UNITS = {
    "a terminal's dBm": (
        [("eirp_dbw = 38.2", "eirp_dbw = 68.2")],
        [["roof.eirp_dbw", "68.2 dBW from 0.48 m at 14.25 GHz takes", "W at least", "Is it in dBm? dBW is 30 less."]],
    ),
    "a satellite's dBm": (
        [("eirp_dbw = 37\n", "eirp_dbw = 67\n")],
        [["r.toml", "satellite[0].down.eirp_dbw", "is 67", "above the -146 of pfd_dbw_m2_4khz", "Then it is 37 here."]],
    ),
    "dBm in a key's name": (
        [("eirp_dbw = 38.2", "eirp_dbm = 68.2")],
        [
            ["r.toml", "terminal[0].eirp_dbm", "there is no key", "Write eirp_dbw: dBm less 30."],
            ["r.toml", "terminal[0].eirp_dbw", "is missing"],
        ],
    ),
    "MHz where GHz": (
        [("frequency_ghz = 11.7", "frequency_ghz = 11700")],
        [["r.toml", "satellite[0].down.frequency_ghz", "is 11700; it is GHz, from 1 to 50", "In MHz? Then it is 11.7"]],
    ),
    "GHz where MHz": (
        [("bandwidth_mhz = 240", "bandwidth_mhz = 0.24")],
        [["satellite[0].down.bandwidth_mhz", "is 0.24; around 11.7 GHz", "1 MHz at least", "In GHz? Then it is 240"]],
    ),
    "MHz in a key's name": (
        [("frequency_ghz = 14.25", "frequency_mhz = 14250"), ("bandwidth_mhz = 62.5", "bandwidth_khz = 62500")],
        [
            ["satellite[0].up.frequency_mhz", "there is no key", "Write frequency_ghz: MHz over 1,000."],
            ["satellite[0].up.frequency_ghz", "is missing"],
            ["satellite[0].up.bandwidth_khz", "there is no key", "Write bandwidth_mhz: kHz over 1,000."],
            ["satellite[0].up.bandwidth_mhz", "is missing"],
        ],
    ),
    "a terminal's gain where G/T": (
        [("g_t_db_k = 9.0", "g_t_db_k = 33.2")],
        [["roof.g_t_db_k", "33.2 dB/K at 250 K needs a gain of 57.2 dBi", "at most 35.4 dBi", "Is it a gain in dBi?"]],
    ),
    "a satellite's gain where G/T": (
        [("g_t_db_k = 8.7", "g_t_db_k = 36")],
        [["satellite[0].up.g_t_db_k", "is 36; it is dB/K, from -40 to 30", "Is it a gain in dBi?"]],
    ),
    "cm where m": (
        [("antenna_m = 0.48", "antenna_m = 30")],
        [["terminal[0].antenna_m", "is 30; it is m, from 0.05 to 10", "In cm? Then it is 0.3 here."]],
    ),
    "Gbit/s where Mbit/s": (
        [("mbps_down_max = 18000", "mbps_down_max = 18")],
        [["satellite[0].mbps_down_max", "is 18, less than one channel of 240 MHz", "Then it is 18000 here."]],
    ),
    "percent where a share": (
        [("channels = 8\neirp", "channels = 8\nroll_off = 20\neirp")],
        [["satellite[0].down.roll_off", "is 20; it is as a share, from 0 to 1", "In percent? Then it is 0.2 here."]],
    ),
}  # fmt: skip


def changed(changes: list[tuple[str, str]]) -> str:
    text = OWN
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("name", UNITS)
def test_units_that_do_not_fit_are_refused_by_plan_and_by_link(here, name):
    changes, expected = UNITS[name]
    write(here, {"r.toml": changed(changes)}, capacity=NAMED)
    by_plan = refused(here, "plan", "s.toml")
    assert_told(by_plan, expected)
    by_link = refused(here, "link", "--radios", "r.toml", "--satellite", "sky", "--terminal", "roof")
    assert_told(by_link, expected)


def test_radios_that_fit_are_taken(here):
    """So that nothing above is refused for another reason; the embedded ones are read in each of its cases."""
    (here / "r.toml").write_text(OWN)
    code, _, err = openleo("link", "--radios", "r.toml", "--satellite", "sky", "--terminal", "roof")
    assert code == 0, err


def test_dbw_where_a_gateway_has_dbm(here):
    write(here, {"r.toml": OWN.replace("eirp_dbw = 54.5", "eirp_dbw = 96.5")})
    told = refused(here, "link", "--radios", "r.toml", "--gateway", "door")
    assert_told(told, [["r.toml", "gateway[0].eirp_dbw", "is 96.5; it is dBW, from -30 to 95"]])


# --- MODCODs ------------------------------------------------------------------------------------------------------


def test_modcods_out_of_order_are_refused(here):
    (here / "m.csv").write_text(
        "modulation,code_rate,bits_per_symbol,es_n0_db\n"
        "QPSK,1/2,0.99,1.0\nQPSK,1/4,0.49,-2.35\n8PSK,2/3,1.98,6.6\n8PSK,2/3,2.1,6.7\n16APSK,3/4,9,10\nQPSK,x,-1,eleven\n"
    )
    assert_told(
        refused(here, "link", "--modcods", "m.csv"),
        [
            ["m.csv", "line 3", "QPSK 1/4 needs -2.35 dB, less than 1 dB of QPSK 1/2 before it", "Sort the rows"],
            ["m.csv", "line 5", "8PSK 2/3 stands twice", "Leave one of them out"],
            ["m.csv", "line 6", "carries 9 bits a symbol at 10 dB, where Shannon's limit is 3.459", "Eb/N0"],
            ["m.csv", "line 7", "es_n0_db is 'eleven', which is no number"],
        ],
    )


# --- demand -------------------------------------------------------------------------------------------------------


def test_negative_demand_is_refused_wherever_it_stands(here):
    write(
        here,
        {
            "subscribers.csv": "territory,subscribers\nTON,-4\nFJI,-1\n",
            "day.csv": "hour,relative\n" + "".join(f"{hour},{-1 if hour == 7 else 1}\n" for hour in range(24)),
        },
        demand="busy_hour_mbps_down = -3\nbusy_hour_mbps_up = -0.3\npenetration = -0.1\nfactor = -1\n"
        'subscriptions = "subscribers.csv"\ncurve = "day.csv"\n',
    )
    at_least = "greater than or equal to 0"
    assert_told(
        refused(here, "plan", "s.toml"),
        [
            ["s.toml", "demand.busy_hour_mbps_down", "is -3", at_least],
            ["s.toml", "demand.busy_hour_mbps_up", "is -0.3", at_least],
            ["s.toml", "demand.penetration", "is -0.1", at_least],
            ["s.toml", "demand.factor", "is -1", at_least],
            ["subscribers.csv", "line 2, subscribers", "is -4; it must be at least 0"],
            ["subscribers.csv", "line 3, subscribers", "is -1; it must be at least 0"],
            ["day.csv", "line 9, relative", "is -1; it must be at least 0"],
        ],
    )


def test_negative_demand_of_a_table_by_cell_is_refused(here):
    table = (
        "cell,down_mbps,up_mbps,subscribers\n849b5d5ffffffff,-1,2,3\n849b5c3ffffffff,1,-2,-3\n849b5c1ffffffff,nan,1,1\n"
    )
    write(here, {"d.csv": table}, demand='table = "d.csv"')
    assert_told(
        refused(here, "plan", "s.toml"),
        [
            ["d.csv", "line 2, down_mbps", "is -1; it must be at least 0"],
            ["d.csv", "line 3, up_mbps", "is -2; it must be at least 0"],
            ["d.csv", "line 3, subscribers", "is -3; it must be at least 0"],
            ["d.csv", "line 4, down_mbps", 'is "nan", which is no number'],
        ],
    )


def test_keys_of_demand_that_contradict_are_refused_together(here):
    write(
        here,
        {},
        demand='table = "none.csv"\npenetration = 0.1\nterminals = "t.csv"\n'
        "plan_mbps_down = 100\nplan_mbps_up = 20\noversubscription = 20\nbusy_hour_mbps_up = 1\n"
        '[[demand.class]]\nname = "a"\nshare = 0.7\n[[demand.class]]\nname = "a"\nshare = 0.6\n',
    )
    assert_told(
        refused(here, "plan", "s.toml"),
        [
            ["s.toml", "demand", "has penetration beside a table, which stands in its place", "leave it out"],
            ["s.toml", "demand", "has terminals beside a table, which stands in its place", "leave it out"],
            ["s.toml", "demand", "has busy_hour_mbps_up beside a plan", "leave out one of the two"],
            ["s.toml", "demand", "classes whose shares make 1.3; they make 1 together"],
            ["s.toml", "demand", 'has two classes "a"'],
            ["none.csv", "there is no such file", "Check the path"],
        ],
    )


def test_half_a_plan_is_refused(here):
    write(here, {}, demand="plan_mbps_down = 100\n")
    (line,) = refused(here, "plan", "s.toml")
    for words in ("s.toml", "demand", "lacks plan_mbps_up and oversubscription", "go together"):
        assert words in line


# --- PoPs that no gateway reaches ---------------------------------------------------------------------------------

GATEWAYS = "name,lat_deg,lon_deg\nSuva,-18.1,178.4\n"
POPS = "name,lat_deg,lon_deg\nAuckland,-36.8,174.8\nFrankfurt,50.1,8.7\n"
FAR = 'gateways = "g.csv"\npops = "pops.csv"\npop_gateways = false\nserving_pops = "serving.csv"\n'


def test_a_pop_that_no_gateway_reaches_is_refused(here):
    write(
        here,
        {
            "g.csv": GATEWAYS,
            "pops.csv": POPS,
            "serving.csv": "territory,pop,as_of,basis\nTON,Auckland,2026,x\nFJI,Frankfurt,2026,x\nNZL,Aukland,2026,x\n",
        },
        ground=FAR,
    )
    assert_told(
        refused(here, "plan", "s.toml"),
        [
            ["serving.csv", "line 3", "no gateway reaches the PoP Frankfurt", "within 5,000 km of it", "Add a gateway"],
            ["serving.csv", "line 4", 'there is no PoP "Aukland"', "Did you mean Auckland?"],
        ],
    )


def test_a_pop_that_serves_nobody_by_the_table_may_be_out_of_reach(here):
    """Only what the table names has to be reached: lists of PoPs are of the whole network."""
    serving = "territory,pop,as_of,basis\nTON,Auckland,2026,x\n"
    write(here, {"g.csv": GATEWAYS, "pops.csv": POPS, "serving.csv": serving, "r.toml": "nonsense = 1\n"}, ground=FAR,
          capacity='radios = "r.toml"')  # fmt: skip
    (line,) = refused(here, "plan", "s.toml")
    assert line.startswith("r.toml: nonsense")


@pytest.mark.parametrize("assumed", ["true", "false"])
def test_pops_that_no_gateway_reaches_are_refused_without_a_table_too(here, assumed):
    """Each gateway is joined to the nearest PoP, which must not be half the Earth away."""
    pops = "name,lat_deg,lon_deg\nFrankfurt,50.1,8.7\nLisbon,38.7,-9.1\n"
    ground = f'gateways = "g.csv"\npops = "pops.csv"\npop_gateways = {assumed}\n'
    write(here, {"g.csv": GATEWAYS, "pops.csv": pops}, ground=ground)
    if assumed == "true":  # gateways stand at both
        code, _, err = openleo("plan", "s.toml", "--slots", "1")
        assert code == 0, err
        return
    (line,) = refused(here, "plan", "s.toml")
    for words in ("s.toml: ground.pops: no gateway reaches a PoP (Frankfurt, Lisbon)", "within 5,000 km", "Add a"):
        assert words in line


def test_a_pop_out_of_reach_among_others_is_told(here):
    write(here, {"g.csv": GATEWAYS, "pops.csv": POPS}, ground='gateways = "g.csv"\npops = "pops.csv"\n')
    code, _, err = openleo("plan", "s.toml", "--slots", "1")
    assert code == 0, err
    assert "No gateway works within 5,000 km of these PoPs: Frankfurt." in err


# --- all of it at once --------------------------------------------------------------------------------------------


def test_problems_of_all_files_are_told_at_once(here):
    write(
        here,
        {
            "r.toml": OWN.replace("frequency_ghz = 11.7", "frequency_ghz = 11700"),
            "g.csv": GATEWAYS,
            "pops.csv": POPS,
            "serving.csv": "territory,pop,as_of,basis\nTON,Frankfurt,2026,x\n",
            "subscribers.csv": "territory,subscribers\nTON,-4\n",
        },
        ground=FAR,
        capacity=f'{NAMED}\nisl_mbps = -1\nobjectiv = "total"',
        demand='penetration = -1\nsubscriptions = "subscribers.csv"\nplan_mbps_up = 20',
    )
    assert_told(
        refused(here, "plan", "s.toml"),
        [
            ["s.toml", "capacity.isl_mbps", "is -1"],
            ["s.toml", "capacity.objectiv", "there is no key", "Did you mean objective"],
            ["s.toml", "demand.penetration", "is -1"],
            ["s.toml", "demand", "lacks plan_mbps_down and oversubscription"],
            ["r.toml", "satellite[0].down.frequency_ghz", "In MHz? Then it is 11.7 here."],
            ["serving.csv", "line 2", "no gateway reaches the PoP Frankfurt"],
            ["subscribers.csv", "line 2, subscribers", "is -4"],
        ],
    )
