"""MODCODs against the frames of EN 302 307 and against Shannon; files of them with faults."""

from __future__ import annotations

import csv
from fractions import Fraction
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compared import compared
from openleo.errors import InputError
from openleo.network.capacity import modcods

ROWS = list(csv.DictReader((files("openleo.data") / "capacity" / "dvb-s2x-modcods.csv").read_text().splitlines()))
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "dvbs2_s2x_modcod.csv"

# EN 302 307-1 and -2: symbols of a normal frame's 64,800 bits (128APSK is padded), 90 of its header, 80 bits of the
# baseband's header, and the check bits of the outer code: 192, but for those rates whose code corrects less.
SYMBOLS = {"QPSK": 32400, "8PSK": 21600, "8APSK": 21600, "16APSK": 16200, "32APSK": 12960, "64APSK": 10800}
SYMBOLS |= {"128APSK": 9270, "256APSK": 8100}
CHECK_BITS = {"2/3": 160, "5/6": 160, "8/9": 128, "9/10": 128}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['modulation']} {row['code_rate']}")
def test_bits_per_symbol_follow_from_the_frame(row):
    share = Fraction(row["code_rate"].removesuffix("-L"))
    check = CHECK_BITS.get(row["code_rate"], 192)
    if (row["modulation"], row["code_rate"]) == ("32APSK", "2/3-L"):
        check = 160
    carried = int(64800 * share) - check - 80
    compared(
        authority="ETSI EN 302 307",
        what="bits per symbol of a MODCOD, by its frame",
        theirs=carried / (SYMBOLS[row["modulation"]] + 90),
        ours=float(row["bits_per_symbol"]),
        tolerance=2e-6,
        unit="bit/symbol",
    )


def test_no_modcod_is_beyond_shannon():
    for row in ROWS:
        limit = np.log2(1.0 + 10.0 ** (float(row["es_n0_db"]) / 10.0))
        assert float(row["bits_per_symbol"]) < limit


def test_the_rows_are_those_of_the_collection_beside_us():
    if not SHARED.exists():
        pytest.skip("the collection of MODCODs in shared/data is not beside this repository")
    theirs = {
        (row["modcod"], float(row["eff_bit_per_sym"]), float(row["ideal_esn0_awgn_db"]))
        for row in csv.DictReader(SHARED.read_text().splitlines())
    }
    ours = {
        (f"{row['modulation']} {row['code_rate']}", float(row["bits_per_symbol"]), float(row["es_n0_db"]))
        for row in ROWS
    }
    assert ours == theirs


def test_the_front_is_what_nothing_beats():
    table = modcods.dvb_s2x()
    assert (len(table), table.names[0], table.names[-1]) == (46, "QPSK 2/9", "256APSK 3/4")
    assert (np.diff(table.bits_per_symbol) > 0).all()
    assert (np.diff(table.es_n0_db) > 0).all()
    for row in ROWS:  # by brute force
        bits, needed = float(row["bits_per_symbol"]), float(row["es_n0_db"])
        beaten = any(
            float(other["es_n0_db"]) <= needed and float(other["bits_per_symbol"]) >= bits and other is not row
            for other in ROWS
        )
        assert (f"{row['modulation']} {row['code_rate']}" in table.names) == (not beaten)


@given(st.floats(-40.0, 60.0), st.floats(0.0, 10.0))
def test_a_margin_is_as_much_less_signal_and_never_beyond_shannon(es_n0_db, margin_db):
    table = modcods.dvb_s2x()
    bits = float(table.efficiency(es_n0_db, margin_db))
    assert bits == float(table.efficiency(es_n0_db - margin_db))
    assert bits <= np.log2(1.0 + 10.0 ** ((es_n0_db - margin_db) / 10.0))
    assert (bits == 0.0) == (es_n0_db - margin_db < -2.85)


def test_the_chain_of_del_portillo_et_al():
    """Their three user links: 599.4, 674.3 and 558.7 Mbit/s in 250 MHz at a roll-off of 0.1."""
    bits = {f"{row['modulation']} {row['code_rate']}": float(row["bits_per_symbol"]) for row in ROWS}
    said = [modcods.rate_mbps(250.0, 0.1, bits[name]) for name in ("16APSK 2/3", "16APSK 3/4", "16APSK 28/45")]
    assert [round(float(one), 1) for one in said] == [599.4, 674.3, 558.7]


HEAD = "modulation,code_rate,bits_per_symbol,es_n0_db\n"


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("QPSK,1/2,0.99,1.0\nQPSK,1/3,0.66,-1.24\n", ["line 3", "needs -1.24 dB, less than 1 dB", "Sort the rows"]),
        ("QPSK,1/2,1.99,1.0\n", ["Shannon's limit is 1.176", "Eb/N0"]),
        ("QPSK,1/2,one,1.0\nQPSK,3/5,1.1,nan\n", ["line 2", "'one', which is no number", "line 3"]),
        ("QPSK,1/2,-1,1.0\n", ["more than 0"]),
        ("QPSK,1/2,0.9,1.0\nQPSK,1/2,0.9,1.0\n", ["stands twice"]),
        ("", ["holds no MODCOD"]),
    ],
)
def test_a_file_at_fault_is_refused_whole(tmp_path, rows, words):
    file = tmp_path / "modcods.csv"
    file.write_text(HEAD + rows)
    with pytest.raises(InputError) as error:
        modcods.read(file)
    for word in words:
        assert word in str(error.value)


def test_a_file_without_its_columns_says_which():
    with pytest.raises(InputError, match='no column "es_n0_db"'):
        modcods.parse("modulation,code_rate,bits_per_symbol\n", "mine.csv")


def test_a_users_own_table_is_read(tmp_path):
    file = tmp_path / "modcods.csv"
    file.write_text(HEAD + "BPSK,1/2,0.5,-1.0\nQPSK,1/2,0.4,0.0\nQPSK,2/3,1.2,3.0\n")
    table = modcods.read(file)
    assert table.names == ("BPSK 1/2", "QPSK 2/3")
    assert table.efficiency([-1.01, -1.0, 2.9, 3.0]).tolist() == [0.0, 0.5, 0.5, 1.2]
