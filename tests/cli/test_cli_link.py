"""`openleo link`: what a person sees of one link, and what a script reads of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def answer(run, *words: str) -> dict:
    done = run("link", *words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_the_terms_add_up_to_what_is_left(run):
    said = answer(run, "--at", "Singapore", "--percent", "0.5")
    assert said["place"] == "Singapore"
    assert said["climate"]["r001_mm_h"] > 80.0
    for way in said["links"].values():
        assert sum(way["terms_db"].values()) == pytest.approx(way["es_n0_db"], abs=2e-3)
        low, high = way["channel_mbps_interval"]
        assert low <= way["channel_mbps"] <= high


def test_an_empty_sky_takes_nothing(run):
    said = answer(run, "--elevation", "90")
    assert (said["place"], said["climate"], said["percent"]) == (None, None, None)
    down = said["links"]["down"]
    assert down["es_n0_db"] == pytest.approx(12.76, abs=0.01)
    assert (down["modcod"], down["slant_range_km"]) == ("16APSK 7/9", 550.0)
    assert down["channel_mbps"] == pytest.approx(703.4, abs=0.1)


def test_a_link_that_does_not_close_says_so(run):
    done = run("link", "--at", "Taipei", "--gateway", "ka-1.5m", "--percent", "0.01")
    assert done.code == 0
    assert "none closes" in done.out
    said = answer(run, "--at", "Taipei", "--gateway", "ka-1.5m", "--percent", "0.01")["links"]["up"]
    assert (said["modcod"], said["channel_mbps"]) == (None, 0.0)


def test_every_number_stands_with_its_source(run):
    done = run("link")
    assert " ? eirp_dbw = 38.2 (34 to 38.2; up -1.3/+0.0 dB): FCC licence E190066" in done.out
    assert "mbps_down_max" not in done.out  # no term of a link
    assert "feeder" not in done.out


def test_a_picture_is_drawn(run, tmp_path: Path):
    target = tmp_path / "link.png"
    assert run("link", "--at", "51.5,-0.14", "--plot", str(target)).code == 0
    assert target.read_bytes().startswith(b"\x89PNG")


def test_radios_and_modcods_of_ones_own(run, tmp_path: Path):
    radios, modcods = tmp_path / "mine.toml", tmp_path / "mine.csv"
    radios.write_text(
        '[[terminal]]\nname = "mine"\ng_t_db_k = 9.0\nnoise_k = 250.0\neirp_dbw = 38.2\nantenna_m = 0.48\n'
        "scan_exponent = 0.0\n"
    )
    modcods.write_text("modulation,code_rate,bits_per_symbol,es_n0_db\nBPSK,1/2,0.5,-1.0\n")
    own = ("--radios", str(radios), "--terminal", "mine", "--modcods", str(modcods))
    assert answer(run, *own, "--elevation", "25")["links"]["down"]["channel_mbps"] == pytest.approx(
        240.0 / 1.05 * 0.5, abs=1e-3
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--satellite", "starlink-v11", "--terminal", "fixd"), ["starlink-v1", "Did you mean fixed?"]),
        (("--gateway", "ka-1.5m", "--satellite", "dp2019-oneweb"), ["feeder links of dp2019-oneweb are not known"]),
        (("--at", "Nowhereville-on-Sea"), ['there is no place "Nowhereville-on-Sea"']),
        (("--terminal", "dish-ka-85cm"), ["needs a gain of 41.0 dBi, but 0.85 m has at most 40.4 dBi"]),
        (("--plot", "link.gif"), ["is not named as a PNG file"]),
        (("--radios", "nowhere.toml", "--modcods", "nowhere.csv"), ["nowhere.toml", "nowhere.csv"]),
    ],
)
def test_inputs_at_fault_end_with_2(run, words, said):
    done = run("link", *words)
    assert done.code == 2
    for one in said:
        assert one in done.err
