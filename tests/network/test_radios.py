"""Radios as data: every embedded number has a source, and a file at fault is refused whole, with a way out."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from openleo.errors import InputError
from openleo.network.capacity import radios
from openleo.policy.rules import CLASSES

EMBEDDED = radios.embedded()
ALL = [*EMBEDDED.satellites.values(), *EMBEDDED.terminals.values(), *EMBEDDED.gateways.values()]

OWN = """
[[terminal]]
name = "mine"
g_t_db_k = 9.0
noise_k = 250.0
eirp_dbw = 38.0
antenna_m = 0.48
"""


def own(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "radios.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("radio", ALL, ids=lambda one: one.name)
def test_every_number_is_in_its_interval_and_says_where_it_is_from(radio):
    for key, figure in radio.figures.items():
        assert figure.low <= figure.value <= figure.high
        turns = key.endswith("scan_exponent") and figure.value == 0.0  # says what kind of antenna it is
        assert figure.source or turns, f"{radio.name}.{key} has no source"


def test_terminals_stand_for_the_classes_of_rules():
    assert {name for one in EMBEDDED.terminals.values() for name in one.classes} == set(CLASSES)


def test_every_satellite_has_a_terminal_that_can_be_of_one_link_with_it():
    for satellite in EMBEDDED.satellites.values():
        assert any(not radios.misfits(satellite, one, "") for one in EMBEDDED.terminals.values())
        for gateway in EMBEDDED.gateways.values():
            assert not radios.misfits(satellite, gateway, "")


def test_a_gain_is_that_of_its_aperture():
    """4πA/λ² of a disc of 0.48 m at 11.7 GHz, lit evenly."""
    wavelength = 0.299792458 / 11.7
    expected = 10.0 * math.log10(4.0 * math.pi * (math.pi * 0.24**2) / wavelength**2)
    assert radios.gain_max_dbi(0.48, 11.7) == pytest.approx(expected, abs=1e-9)


def test_a_users_own_terminal_stands_beside_ours(tmp_path):
    read = radios.read([own(tmp_path, OWN)])
    assert read.terminal("mine").g_t_db_k == 9.0
    assert read.terminal("mine").figures["g_t_db_k"].source == ""
    assert read.terminal("fixed") == EMBEDDED.terminal("fixed")
    assert len(read.terminal("mine").sha256) == 64


def test_a_users_own_terminal_of_our_name_takes_its_place(tmp_path):
    assert radios.read([own(tmp_path, OWN.replace("mine", "fixed"))]).terminal("fixed").eirp_dbw == 38.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("eirp_dbw", "eirp_dbm"), ['there is no key "eirp_dbm" here', "eirp_dbw", "is missing"]),
        (("antenna_m = 0.48", "antenna_m = 48"), ["is 48; it is m", "In cm? Then it is 0.48 here"]),
        (("antenna_m = 0.48", "antenna_m = 480"), ["In cm or mm? Then it is 4.8 or 0.48 here"]),
        (("noise_k = 250.0", "noise_k = 2.5"), ["is 2.5; it is K, from 10 to 5000"]),
        (("g_t_db_k = 9.0", 'g_t_db_k = "9 dB/K"'), ["'9 dB/K'"]),
        (("g_t_db_k = 9.0", "g_t_db_k = {value = 9.0, low = 10.0}"), ["outside its own interval"]),
        (("g_t_db_k = 9.0", 'g_t_db_k = {value = 9.0, sorce = "me"}'), ['no key "sorce"', "source"]),
    ],
)
def test_units_that_do_not_fit_are_refused(tmp_path, change, words):
    with pytest.raises(InputError) as error:
        radios.read([own(tmp_path, OWN.replace(*change))])
    for word in words:
        assert word in str(error.value)


SATELLITE = """
[[satellite]]
name = "sky"
[satellite.down]
frequency_ghz = 11700.0
bandwidth_mhz = 240.0
channels = 8
[satellite.up]
frequency_ghz = 14.25
bandwidth_mhz = 2500.0
channels = 8
g_t_db_k = 8.7
polarisations = 1.5
"""


def test_every_fault_of_a_file_is_told_at_once(tmp_path):
    text = OWN + OWN + SATELLITE
    with pytest.raises(InputError) as error:
        radios.read([own(tmp_path, text)])
    said = str(error.value)
    for word in (
        'terminal[1].name: "mine" stands twice',
        "satellite[0].down.frequency_ghz: is 11700; it is GHz",
        "In MHz? Then it is 11.7 here",
        "satellite[0].down.eirp_dbw: is missing. Its end of this link is the transmitter",
        "8 channels of 2500 MHz do not fit around 14.25 GHz",
        "satellite[0].up.polarisations: is 1.5; it must be a whole number",
    ):
        assert word in said


def test_a_name_that_is_not_there_suggests_one_that_is():
    with pytest.raises(InputError, match="starlink-v1"):
        EMBEDDED.satellite("starlink-v11")


def test_ends_that_cannot_be_of_one_link_are_named():
    """A gain in place of a G/T, and dBm in place of dBW."""
    fixed, sky = EMBEDDED.terminal("fixed"), EMBEDDED.satellite("starlink-v1")
    gain = radios.misfits(sky, replace(fixed, g_t_db_k=33.2), "mine.toml")
    assert [("Is it a gain in dBi?" in str(one), "needs a gain of 57.2 dBi" in str(one)) for one in gain] == [
        (True, True)
    ]
    power = radios.misfits(sky, replace(fixed, eirp_dbw=68.2), "mine.toml")
    assert ["Is it in dBm? dBW is 30 less." in str(one) for one in power] == [True]
    assert radios.misfits(sky, fixed, "mine.toml") == []


def test_a_limit_on_the_flux_is_one_of_what_comes_down():
    sky, fixed = EMBEDDED.satellite("starlink-v1"), EMBEDDED.terminal("fixed")
    limited = replace(sky, up=replace(sky.up, pfd_dbw_m2_4khz=-190.0))
    assert radios.up_ends(limited, fixed) == radios.up_ends(sky, fixed)
    assert radios.down_ends(sky, fixed).pfd_dbw_m2_4khz == -146.0
