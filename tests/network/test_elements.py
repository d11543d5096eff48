"""Element sets: every form of OMM and TLE, and everything that can be wrong with one."""

from __future__ import annotations

import csv
import io
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sgp4 import omm as sgp4_omm
from sgp4.api import Satrec

from openleo.errors import InputError
from openleo.network import ephemeris
from openleo.network.constellation import elements, from_elements, tle
from openleo.network.constellation.elements import read_elements

SNAPSHOT = Path(__file__).resolve().parents[3] / "shared" / "data" / "starlink_2026-08-22.tle"

Message = dict[str, str]

# A made-up satellite near 550 km, with a catalogue number that no TLE can hold.
NINE_DIGITS: Message = {
    "OBJECT_NAME": "EXAMPLE-1",
    "OBJECT_ID": "2026-001A",
    "EPOCH": "2026-08-22T04:08:56.166336",
    "MEAN_MOTION": "15.05591365",
    "ECCENTRICITY": "0.0001456",
    "INCLINATION": "53.0536",
    "RA_OF_ASC_NODE": "110.2629",
    "ARG_OF_PERICENTER": "75.9267",
    "MEAN_ANOMALY": "284.2321",
    "EPHEMERIS_TYPE": "0",
    "CLASSIFICATION_TYPE": "U",
    "NORAD_CAT_ID": "799501234",
    "ELEMENT_SET_NO": "999",
    "REV_AT_EPOCH": "37448",
    "BSTAR": "0.00089842",
    "MEAN_MOTION_DOT": "0.00077595",
    "MEAN_MOTION_DDOT": "0",
}
SIX_DIGITS = NINE_DIGITS | {"OBJECT_NAME": "EXAMPLE-2", "NORAD_CAT_ID": "100001", "MEAN_ANOMALY": "12.5"}

# Satellite 88888 of Spacetrack Report #3, as in SGP4-VER.TLE.
LINE_1 = "1 88888U          80275.98708465  .00073094  13844-3  66816-4 0    87"
LINE_2 = "2 88888  72.8435 115.9689 0086731  52.6988 110.5714 16.05824518  1058"


def as_json(messages: list[Message]) -> str:
    return json.dumps(messages)


def as_json_numbers(messages: list[Message]) -> str:
    """As CelesTrak writes it: numbers are numbers."""
    words = {"OBJECT_NAME", "OBJECT_ID", "EPOCH", "CLASSIFICATION_TYPE"}
    return json.dumps(
        [{k: v if k in words else float(v) if "." in v else int(v) for k, v in one.items()} for one in messages]
    )


def as_csv(messages: list[Message]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(messages[0]))
    writer.writeheader()
    writer.writerows(messages)
    return out.getvalue()


def as_xml(messages: list[Message]) -> str:
    metadata = {"OBJECT_NAME", "OBJECT_ID"}
    mean = {
        "EPOCH",
        "MEAN_MOTION",
        "ECCENTRICITY",
        "INCLINATION",
        "RA_OF_ASC_NODE",
        "ARG_OF_PERICENTER",
        "MEAN_ANOMALY",
    }

    def leaves(one: Message, keys: set[str]) -> str:
        return "".join(f"<{key}>{value}</{key}>" for key, value in one.items() if key in keys)

    bodies = "".join(
        '<omm id="CCSDS_OMM_VERS" version="2.0"><header><ORIGINATOR>US</ORIGINATOR></header><body><segment><metadata>'
        f"{leaves(one, metadata)}<CENTER_NAME>EARTH</CENTER_NAME><REF_FRAME>TEME</REF_FRAME>"
        "<TIME_SYSTEM>UTC</TIME_SYSTEM><MEAN_ELEMENT_THEORY>SGP4</MEAN_ELEMENT_THEORY></metadata><data><meanElements>"
        f"{leaves(one, mean)}</meanElements><tleParameters>{leaves(one, set(one) - mean - metadata)}</tleParameters>"
        "</data></segment></body></omm>"
        for one in messages
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<ndm xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{bodies}</ndm>'


def as_kvn(messages: list[Message]) -> str:
    return "\n".join(
        "CCSDS_OMM_VERS = 2.0\nCOMMENT one = message\nREF_FRAME = TEME\n"
        + "\n".join(f"{key:<20}= {value}" + (" [deg]" if key == "INCLINATION" else "") for key, value in one.items())
        for one in messages
    )


FORMS: dict[str, Callable[[list[Message]], str]] = {
    "json": as_json,
    "json of numbers": as_json_numbers,
    "csv": as_csv,
    "xml": as_xml,
    "kvn": as_kvn,
}


def mended(line: str) -> str:
    return line[:68] + str(tle.checksum(line))


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str | bytes], elements.ElementSets]:
    def of(content: str | bytes) -> elements.ElementSets:
        path = tmp_path / "elements.txt"  # the extension says nothing
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_elements(path)

    return of


Read = Callable[[str | bytes], elements.ElementSets]


def faults(read: Read, content: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(content)
    return str(caught.value)


# What is good.


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_identical_states(read: Read, form: str) -> None:
    found = read(FORMS[form]([NINE_DIGITS, SIX_DIGITS]))
    expected = read(as_json([NINE_DIGITS, SIX_DIGITS]))
    assert found.set_aside == ()
    assert [(one.id, one.name, one.epoch) for one in found.sets] == [
        (799501234, "EXAMPLE-1", datetime(2026, 8, 22, 4, 8, 56, 166336, tzinfo=UTC)),
        (100001, "EXAMPLE-2", datetime(2026, 8, 22, 4, 8, 56, 166336, tzinfo=UTC)),
    ]
    for one, other in zip(found.sets, expected.sets, strict=True):
        assert (one.satrec.jdsatepoch, one.satrec.jdsatepochF) == (other.satrec.jdsatepoch, other.satrec.jdsatepochF)
        for minutes in (0.0, 17.0, 1440.0):
            assert one.satrec.sgp4_tsince(minutes) == other.satrec.sgp4_tsince(minutes)


def test_states_against_the_sgp4_packages_own_omm_reader(read: Read) -> None:
    (found,) = read(as_json([SIX_DIGITS])).sets
    reference = Satrec()
    sgp4_omm.initialize(reference, SIX_DIGITS)
    _, expected_km, _ = reference.sgp4(2461275.5, 0.25)
    _, found_km, _ = found.satrec.sgp4(2461275.5, 0.25)
    assert np.abs(np.array(found_km) - np.array(expected_km)).max() < 1e-5  # a centimetre: its epoch is one float


def test_states_of_a_tle_against_the_sgp4_packages_own_reader(read: Read) -> None:
    (found,) = read(f"TEST\n{LINE_1}\n{LINE_2}\n").sets
    reference = Satrec.twoline2rv(LINE_1, LINE_2)
    assert (found.id, found.name) == (88888, "TEST")
    for minutes in (0.0, 360.0, 1440.0):
        assert found.satrec.sgp4_tsince(minutes) == reference.sgp4_tsince(minutes)


def test_alpha_5_numbers(read: Read) -> None:
    # space-track.org, "Alpha-5": A0000 is 100000, Z9999 is 339999, I and O are left out.
    numbers = {"A0001": 100001, "H9999": 179999, "J0000": 180000, "P0000": 230000, "Z9999": 339999}
    text = "\n".join(mended(line[:2] + written + line[7:]) for written in numbers for line in (LINE_1, LINE_2))
    assert [one.id for one in read(text).sets] == list(numbers.values())


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("name", ["", "STARLINK-1", "0 STARLINK-1"])
def test_two_and_three_lines(read: Read, ending: str, name: str) -> None:
    (found,) = read(ending.join([*([name] if name else []), LINE_1, LINE_2, ""])).sets
    assert found.name == ("STARLINK-1" if name else "88888")


def test_a_byte_order_mark_and_blank_lines(read: Read) -> None:
    assert len(read("\ufeff\n\n" + as_kvn([NINE_DIGITS]))) == 1


def test_the_day_of_the_year_and_a_zone(read: Read) -> None:
    found = read(as_json([NINE_DIGITS | {"EPOCH": "2026-234T04:08:56.1663359Z"}]))
    assert found.sets[0].epoch == datetime(2026, 8, 22, 4, 8, 56, 166336, tzinfo=UTC)


def test_deep_space_sets_are_allowed(read: Read) -> None:
    (found,) = read(as_json([NINE_DIGITS | {"MEAN_MOTION": "2.00561", "ECCENTRICITY": "0.72"}])).sets
    assert found.satrec.method == "d"


def test_a_constellation_of_element_sets(read: Read) -> None:
    constellation = from_elements("mixed", read(as_json([NINE_DIGITS, SIX_DIGITS | {"EPOCH": "2026-08-23T00:00:00"}])))
    assert constellation.satellite_id.tolist() == [799501234, 100001]
    assert constellation.plane.tolist() == constellation.shell.tolist() == [-1, -1]
    assert constellation.has_laser.all()
    assert constellation.epoch == datetime(2026, 8, 23, tzinfo=UTC)
    assert len(constellation.sha256) == 64


def test_a_constellation_of_element_sets_goes_to_another_process_and_back(read: Read) -> None:
    constellation = from_elements("two", read(as_json([NINE_DIGITS, SIX_DIGITS])))
    here = ephemeris.positions(constellation, constellation.epoch, [0.0, 60.0])
    there = ephemeris.positions(pickle.loads(pickle.dumps(constellation)), constellation.epoch, [0.0, 60.0])
    assert (here.position_km == there.position_km).all()


# What is set aside, and said.


def test_a_wrong_checksum_among_good_sets_is_set_aside_and_reported(read: Read) -> None:
    wrong = LINE_1[:68] + "0"
    good = mended("1 00001" + LINE_1[7:]), mended("2 00001" + LINE_2[7:])
    found = read("\n".join(["GOOD", *good, "BAD", wrong, LINE_2]))
    assert [one.name for one in found.sets] == ["GOOD"]
    (problem,) = found.set_aside
    assert problem.where == "line 5 (BAD)"
    assert problem.rule == "the checksum is '0'; the digits of the line add up to 7."


def test_a_wrong_checksum_alone_stops(read: Read) -> None:
    assert "line 1: the checksum is '0'" in faults(read, f"{LINE_1[:68]}0\n{LINE_2}")


def test_of_two_epochs_the_newest_is_kept(read: Read) -> None:
    older = NINE_DIGITS | {"EPOCH": "2026-08-21T00:00:00"}
    for messages in (
        [older, SIX_DIGITS, NINE_DIGITS],
        [NINE_DIGITS, SIX_DIGITS, older],
        [NINE_DIGITS, SIX_DIGITS, NINE_DIGITS],
    ):
        found = read(as_json(messages))
        assert [one.id for one in found.sets] == [799501234, 100001]
        assert found.sets[0].epoch.day == 22
        (problem,) = found.set_aside
        assert "satellite 799501234 is there twice" in problem.rule


def test_all_problems_of_all_rows_come_together(read: Read) -> None:
    one = NINE_DIGITS | {"ECCENTRICITY": "1.0", "INCLINATION": "181", "MEAN_MOTION": "0"}
    other = {key: value for key, value in SIX_DIGITS.items() if key not in ("EPOCH", "BSTAR", "NORAD_CAT_ID")}
    said = faults(read, as_json([one, other]))
    assert said.count("\n") == 5
    for words in (
        "object 1 (EXAMPLE-1): ECCENTRICITY is 1.0; an eccentricity is at least 0 and below 1.",
        "object 1 (EXAMPLE-1): INCLINATION is 181; an inclination is from 0 to 180 degrees.",
        "object 1 (EXAMPLE-1): MEAN_MOTION is 0;",
        "object 2 (EXAMPLE-2): EPOCH is missing.",
        "object 2 (EXAMPLE-2): BSTAR is missing.",
        "object 2 (EXAMPLE-2): NORAD_CAT_ID is missing.",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"MEAN_MOTION": "-1"}, "MEAN_MOTION is -1"),
        ({"MEAN_MOTION": "1561.5"}, "at most 18"),
        ({"MEAN_MOTION": ""}, "MEAN_MOTION is missing"),
        ({"ECCENTRICITY": "-0.1"}, "below 1"),
        ({"ECCENTRICITY": "nan"}, "ECCENTRICITY is nan"),
        ({"ECCENTRICITY": "1_0"}, "ECCENTRICITY is 1_0"),
        ({"INCLINATION": "inf"}, "INCLINATION is inf"),
        ({"INCLINATION": "1e999"}, "INCLINATION is 1e999"),
        ({"MEAN_ANOMALY": "361"}, "within one turn"),
        ({"BSTAR": "six"}, "BSTAR is six"),
        ({"NORAD_CAT_ID": "1234567890"}, "one to nine digits"),
        ({"NORAD_CAT_ID": "-5"}, "one to nine digits"),
        ({"NORAD_CAT_ID": "2.5"}, "one to nine digits"),
        ({"EPOCH": "22 August 2026"}, "an epoch is written"),
        ({"EPOCH": "2026-02-30T00:00:00"}, "an epoch is written"),
        ({"EPOCH": "2026-366T00:00:00"}, "an epoch is written"),
        ({"EPOCH": "2026-08-22T25:00:00"}, "an epoch is written"),
        ({"EPOCH": "2026-08-22T00:00:00+02:00"}, "an epoch is written"),
        ({"EPOCH": "9999-12-31T23:59:59.9999999"}, "an epoch is written"),
        ({"EPOCH": "1926-08-22T00:00:00"}, "between 1957 and 2100"),
        ({"MEAN_ELEMENT_THEORY": "SGP4-XP"}, "only SGP4 is read"),
        ({"EPHEMERIS_TYPE": "4"}, "only 0 is read"),
        ({"TIME_SYSTEM": "TAI"}, "only UTC is read"),
        ({"REF_FRAME": "GCRF"}, "only TEME is read"),
        ({"CENTER_NAME": "MARS"}, "only EARTH is read"),
    ],
    ids=str,
)
def test_each_rule_of_a_row(read: Read, change: Message, words: str) -> None:
    found = read(as_json([SIX_DIGITS, NINE_DIGITS | change]))
    assert len(found) == 1
    (problem,) = found.set_aside
    assert problem.where.startswith("object 2 (EXAMPLE-1)")
    assert words in problem.rule


@pytest.mark.parametrize(
    ("lines", "where", "words"),
    [
        ([LINE_1], "line 1", "a line 1 stands without its line 2"),
        ([LINE_2], "line 1", "a line 2 stands without its line 1"),
        (["NAME", LINE_1, "OTHER", LINE_2], "line 2 (NAME)", "a line 1 stands without its line 2"),
        ([LINE_1[:60], LINE_2], "line 1", "60 columns; an element line has 69"),
        ([LINE_1, LINE_2 + "7"], "line 2", "goes on after its 69 columns"),
        ([LINE_1[:30] + "é" + LINE_1[31:], LINE_2], "line 1", "not ASCII"),
        ([LINE_1, mended("2 88887" + LINE_2[7:])], "line 2", "line 2 is of satellite 88887, line 1 of 88888"),
        ([mended(LINE_1[:20] + "400" + LINE_1[23:]), LINE_2], "line 1 (88888)", "EPOCH is 80 400"),
        ([mended(LINE_1[:53] + " 6681X-4" + LINE_1[61:]), LINE_2], "line 1 (88888)", "BSTAR is 6681X-4"),
        ([LINE_1, mended(LINE_2[:52] + "-6.05824518" + LINE_2[63:])], "line 1 (88888)", "MEAN_MOTION is -6.05824518"),
        ([LINE_1, mended(LINE_2[:26] + " 08 731" + LINE_2[33:])], "line 1 (88888)", "ECCENTRICITY is 0.08 731"),
        ([mended(LINE_1[:62] + "4" + LINE_1[63:]), LINE_2], "line 1 (88888)", "EPHEMERIS_TYPE is 4"),
        ([mended("1 8O888" + LINE_1[7:]), mended("2 8O888" + LINE_2[7:])], "line 1 (8O888)", "NORAD_CAT_ID is 8O888"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_rule_of_a_tle(read: Read, lines: list[str], where: str, words: str) -> None:
    good = [mended("1 00001" + LINE_1[7:]), mended("2 00001" + LINE_2[7:])]
    found = read("\n".join([*lines, *good]))
    assert [one.id for one in found.sets] == [1]
    assert found.set_aside[0].where == where
    assert words in found.set_aside[0].rule


# What cannot be read at all.

BOMB = '<?xml version="1.0"?><!DOCTYPE ndm [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><ndm><omm>&b;</omm></ndm>'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "neither an OMM"),
        ("No GP data found", "begins with 'No GP data found'"),
        ("<!DOCTYPE html><html><body>403</body></html>", "declares a document type"),
        ("<html><body>403</body></html>", "holds no element set"),
        ("[]", "holds no element set"),
        ('{"error": "rate limited"}', "NORAD_CAT_ID is missing"),
        ("[1, null]", "object 2: EPOCH is missing"),
        (as_json([NINE_DIGITS])[:100], "the JSON breaks off"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"NORAD_CAT_ID": NaN}]', "NORAD_CAT_ID is NaN"),
        ('[{"NORAD_CAT_ID": ' + "9" * 5000 + "}]", "one to nine digits"),
        (as_xml([NINE_DIGITS])[:-10], "the XML breaks off"),
        (BOMB, "declares a document type"),
        (BOMB.encode("utf-16"), "is not UTF-8"),
        (b"\x1f\x8b\x08\x00\x00", "byte 1 is not UTF-8"),
        (as_csv([NINE_DIGITS]).replace("ECCENTRICITY", "ECC"), "ECCENTRICITY is missing"),
        ('OBJECT_NAME,NORAD_CAT_ID\n"A', "the CSV is malformed"),
        ("CCSDS_OMM_VERS = 2.0\nOBJECT_NAME = A\n", "line 1 (A): NORAD_CAT_ID is missing"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_each_file_that_cannot_be_read(read: Read, content: str | bytes, words: str) -> None:
    assert words in faults(read, content)


def test_a_path_that_is_not_there_and_one_that_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it cannot be read: No such file"):
        read_elements(tmp_path / "none.json")
    with pytest.raises(InputError, match="it cannot be read: Is a directory"):
        read_elements(tmp_path)


def test_a_file_too_large(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "LARGEST_FILE_BYTES", 100)
    assert "an element file has at most 100" in faults(read, as_json([NINE_DIGITS]))


# The sky of one day.


@pytest.mark.skipif(not SNAPSHOT.exists(), reason=f"the real snapshot {SNAPSHOT} is not here")
def test_a_real_snapshot_of_starlink() -> None:
    found = read_elements(SNAPSHOT)
    assert len(found) == 10_744
    assert found.set_aside == ()
    constellation = from_elements("starlink", found)
    at_epoch = ephemeris.positions(constellation, constellation.epoch, [0.0])
    assert at_epoch.valid.sum() >= 10_740
    radius_km = np.linalg.norm(at_epoch.position_km[at_epoch.valid], axis=-1)
    assert radius_km.min() > 6357.0 + 100.0  # one of that day is coming down
    assert (radius_km < 6378.0 + 200.0).sum() < 20
    assert np.median(radius_km) == pytest.approx(6378.0 + 500.0, abs=60.0)
