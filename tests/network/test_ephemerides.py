"""Files of ephemerides: OEM and MEME as written by hand here, their faults, and where satellites then are."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openleo.errors import InputError
from openleo.geodesy import EarthOrientation, teme_to_ecef
from openleo.instants import julian_date
from openleo.network import ephemeris
from openleo.network.constellation import NO_PLANE, frames, from_ephemerides, only
from openleo.network.constellation.ephemeris_set import EphemerisSet, read_ephemerides
from openleo.network.constellation.states import instant_of

START = datetime(2026, 8, 22, 6, tzinfo=UTC)
ONE_MILLIMETRE_KM = 1e-6
RADIUS_KM, MU_KM3_S2, J2, EQUATOR_KM = 6928.0, 398_600.4418, 1.08263e-3, 6378.137
# A circle over the equator, where the flattening pulls straight down: Vallado, Fundamentals of Astrodynamics, eq. 8-30.
RATE = np.sqrt(MU_KM3_S2 / RADIUS_KM**3 * (1.0 + 1.5 * J2 * (EQUATOR_KM / RADIUS_KM) ** 2))


def state_of(after_s: float) -> np.ndarray:
    """(x, y, z, vx, vy, vz) of a circle over the equator, in km and km/s; the frame is the file's."""
    u = RATE * after_s
    return np.array(
        [
            RADIUS_KM * np.cos(u), RADIUS_KM * np.sin(u), 0.0,
            -RADIUS_KM * RATE * np.sin(u), RADIUS_KM * RATE * np.cos(u), 0.0,
        ]
    )  # fmt: skip


def rows(after_s: list[float], start: datetime = START) -> str:
    return "\n".join(
        f"{(start + timedelta(seconds=s)).isoformat().removesuffix('+00:00')} "
        + " ".join(f"{value:.9f}" for value in state_of(s))
        for s in after_s
    )


def meta(last_s: float = 600.0, *, first_s: float = 0.0, **said: str) -> str:
    keys = {
        "OBJECT_NAME": "ONE",
        "OBJECT_ID": "2026-001A",
        "CENTER_NAME": "EARTH",
        "REF_FRAME": "TEME",
        "TIME_SYSTEM": "UTC",
        "START_TIME": (START + timedelta(seconds=first_s)).isoformat().removesuffix("+00:00"),
        "STOP_TIME": (START + timedelta(seconds=last_s)).isoformat().removesuffix("+00:00"),
        **said,
    }
    return "\n".join(["META_START", *(f"{key} = {value}" for key, value in keys.items() if value), "META_STOP", ""])


HEAD = "CCSDS_OEM_VERS = 2.0\nCREATION_DATE = 2026-08-22T00:00:00\nORIGINATOR = TEST\n"
EVERY_MINUTE = [60.0 * n for n in range(11)]
GOOD = HEAD + meta() + rows(EVERY_MINUTE)


def read(tmp_path: Path, text: str, name: str = "one.oem") -> EphemerisSet:
    path = tmp_path / name
    path.write_text(text)
    return read_ephemerides(path)


def faults(tmp_path: Path, text: str, name: str = "one.oem") -> list[str]:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text, name)
    return [str(problem) for problem in caught.value.problems]


# --- OEM ----------------------------------------------------------------------------------------------------------


def test_an_oem_as_the_standard_shows_it(tmp_path: Path) -> None:
    text = (
        "CCSDS_OEM_VERS = 3.0\r\nCOMMENT all of it\r\nCLASSIFICATION = public\r\nCREATION_DATE = 2026-234T00:00:00Z\r\n"
        "ORIGINATOR = TEST\r\nMESSAGE_ID = 1\r\n\r\n"
        + meta(INTERPOLATION="HERMITE", INTERPOLATION_DEGREE="7").replace("\n", "\r\n")
        + "COMMENT states follow\r\n"
        + rows(EVERY_MINUTE).replace("\n", " 0.001 0.002 0.003\r\n")
        + "\r\nCOVARIANCE_START\r\nEPOCH = 2026-08-22T06:00:00\r\nCOV_REF_FRAME = RTN\r\n1.0\r\n0.1 1.0\r\n"
        "COVARIANCE_STOP\r\n"
    )
    found = read(tmp_path, text)
    assert (found.names, found.ids, found.frame) == (("ONE",), ("2026-001A",), ("TEME",))
    assert found.midnight == START.replace(hour=0)
    np.testing.assert_array_equal(found.node_s, 21_600.0 + np.array(EVERY_MINUTE))
    np.testing.assert_allclose(found.position_km[3], state_of(180.0)[:3], atol=1e-9)
    np.testing.assert_allclose(found.velocity_km_s[3], state_of(180.0)[3:], atol=1e-9)
    assert found.sha256 == hashlib.sha256((tmp_path / "one.oem").read_bytes()).hexdigest()


def test_a_satellite_is_where_its_states_and_the_laws_of_motion_put_it(tmp_path: Path) -> None:
    constellation = from_ephemerides("one", read(tmp_path, GOOD))
    assert (constellation.plane == NO_PLANE).all()
    assert constellation.has_laser.all()
    after_s = np.arange(0.0, 600.5, 7.5)
    found = ephemeris.positions(constellation, START, after_s)
    jd, fraction = julian_date(START)
    expected = teme_to_ecef(
        np.array([state_of(s)[:3] for s in after_s])[:, np.newaxis], jd, fraction + after_s / 86_400
    )
    assert found.valid.all()
    assert np.linalg.norm(found.position_km - expected, axis=-1).max() < ONE_MILLIMETRE_KM


def test_outside_its_span_a_satellite_has_no_position_and_the_span_is_named(tmp_path: Path) -> None:
    constellation = from_ephemerides("one", read(tmp_path, GOOD))
    found = ephemeris.positions(constellation, START, [-1.0, 0.0, 600.0, 601.0])
    assert found.valid[:, 0].tolist() == [False, True, True, False]
    assert (found.position_km[~found.valid] == 0.0).all()
    assert [str(one) for one in found.failures] == [
        (
            "ONE: no position at 2026-08-22T05:59:59Z: "
            "its ephemeris runs from 2026-08-22T06:00:00Z to 2026-08-22T06:10:00Z."
        )
    ]


def test_a_long_gap_has_no_positions_and_is_noted(tmp_path: Path) -> None:
    after_s = [0.0, 300.0, 900.0, 1501.0, 1561.0]  # the fourth step is a second too long
    sets = read(tmp_path, HEAD + meta(1561.0) + rows(after_s))
    assert sets.notes == ("1 gaps of more than 600 s between states have no positions.",)
    found = ephemeris.positions(from_ephemerides("one", sets), START, [600.0, 900.0, 1000.0, 1501.0, 1530.0])
    assert found.valid[:, 0].tolist() == [True, True, False, True, True]
    assert "has a gap there" in str(found.failures[0])


def test_segments_of_one_satellite_follow_each_other_and_are_not_joined(tmp_path: Path) -> None:
    jump = "2026-08-22T06:05:00 -6928.0 0.0 0.0 0.0 -7.585 0.0\n2026-08-22T06:06:00 -6914.0 -454.0 0.0 0.5 -7.57 0.0"
    text = HEAD + meta(300.0) + rows([0.0, 60.0, 120.0, 180.0, 240.0, 300.0]) + "\n"
    text += meta(360.0, first_s=300.0) + jump
    sets = read(tmp_path, text)
    assert len(sets) == 1
    assert len(sets.begin_s) == 2
    found = ephemeris.positions(from_ephemerides("one", sets), START, [299.999, 300.0])
    assert found.valid.all()
    assert np.linalg.norm(found.position_km[1, 0] - found.position_km[0, 0]) > 10_000.0  # the later one speaks


def test_some_of_the_satellites_move_as_they_do_among_the_others(tmp_path: Path) -> None:
    text = HEAD
    for number, hours in enumerate((1.0, 0.0, 2.0)):  # the middle one has two segments
        later = START + timedelta(hours=hours)
        said = {"OBJECT_NAME": f"S{number}", "OBJECT_ID": f"2026-00{number}A"}
        text += meta(600.0 + 3600.0 * hours, first_s=3600.0 * hours, **said) + rows(EVERY_MINUTE, later) + "\n"
        if number == 1:
            text += meta(4200.0, first_s=3600.0, **said) + rows(EVERY_MINUTE, START + timedelta(hours=1)) + "\n"
    whole = from_ephemerides("three", read(tmp_path, text))
    few = only(whole, [2, 1])
    assert few.satellite_name == ("S2", "S1")
    seconds = [0.0, 100.0, 3700.0, 7300.0]
    found, expected = (ephemeris.positions(one, START, seconds) for one in (few, whole))
    np.testing.assert_array_equal(found.valid, [[False, True], [False, True], [False, True], [True, False]])
    np.testing.assert_array_equal(found.position_km, expected.position_km[:, [2, 1]])


def test_useable_times_bound_a_segment_and_states_beyond_serve_the_interpolation(tmp_path: Path) -> None:
    said = {"USEABLE_START_TIME": "2026-08-22T06:01:30", "USEABLE_STOP_TIME": "2026-08-22T06:08:30"}
    sets = read(tmp_path, HEAD + meta(**said) + rows(EVERY_MINUTE))
    found = ephemeris.positions(from_ephemerides("one", sets), START, [89.0, 90.0, 300.0, 510.0, 511.0])
    assert found.valid[:, 0].tolist() == [False, True, True, True, False]


@pytest.mark.parametrize(("clock", "ahead_s"), [("UTC", 0.0), ("TAI", 37.0), ("GPS", 18.0), ("TT", 69.184)])
def test_clocks_that_run_beside_utc(tmp_path: Path, clock: str, ahead_s: float) -> None:
    later = START + timedelta(seconds=ahead_s)
    said = {
        "TIME_SYSTEM": clock,
        "START_TIME": later.isoformat().removesuffix("+00:00"),
        "STOP_TIME": (later + timedelta(seconds=600)).isoformat().removesuffix("+00:00"),
    }
    sets = read(tmp_path, HEAD + meta(**said) + rows(EVERY_MINUTE, later))
    np.testing.assert_allclose(sets.node_s, 21_600.0 + np.array(EVERY_MINUTE), atol=1e-6)


def test_every_fault_of_a_message_is_named_with_its_line(tmp_path: Path) -> None:
    lines = rows(EVERY_MINUTE).split("\n")
    lines[2] = lines[1]  # twice
    lines[3] = lines[3].rsplit(" ", 1)[0]
    lines[4] = lines[4].replace(lines[4].split()[1], "nan")
    lines[5] = lines[5].replace(lines[5].split()[1], "6928e3")
    lines[6] = lines[6].replace("06:06:00", "06:66:00")
    lines[7] = lines[7].replace(lines[7].split()[1], "12x4")
    lines[8] = " ".join([*lines[8].split()[:4], "7000.0", "0.0", "0.0"])
    text = HEAD + meta(CENTER_NAME="MARS", REF_FRAME="TOD", TIME_SYSTEM="UT1", USABLE_START_TIME="x") + "\n".join(lines)
    found = faults(tmp_path, text)
    for line, rule in (
        (7, "CENTER_NAME is MARS; only EARTH is read"),
        (8, "the frame is TOD; read are TEME, EME2000"),
        (9, "TIME_SYSTEM is UT1; read are UTC, TAI, GPS, TT"),
        (12, "USABLE_START_TIME is no keyword of metadata. Did you mean USEABLE_START_TIME"),
        (16, "does not come after the state before it"),
        (17, "has 6 words; a state is an instant and 6 numbers"),
        (18, "holds a number that is not finite"),
        (19, "km from the Earth's centre"),
        (20, "2026-08-22T06:66:00 is no instant"),
        (21, "are not all numbers"),
        (22, "the speed is 7,000.0 km/s"),
    ):
        assert any(f"line {line}" in one and rule in one for one in found), (line, rule, found)
    assert all(one.startswith(str(tmp_path / "one.oem")) for one in found)


@pytest.mark.parametrize("key", ["OBJECT_NAME", "OBJECT_ID", "CENTER_NAME", "REF_FRAME", "TIME_SYSTEM", "STOP_TIME"])
def test_metadata_that_is_missing(tmp_path: Path, key: str) -> None:
    found = faults(tmp_path, HEAD + meta(**{key: ""}) + rows(EVERY_MINUTE))
    assert len(found) == 1
    assert f"{key} is missing above" in found[0]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (HEAD + meta() + rows(EVERY_MINUTE[:-1]), "the states end 60.000 s before its STOP_TIME"),
        (HEAD + meta() + rows(EVERY_MINUTE[1:]), "the states begin 60.000 s after its START_TIME"),
        (HEAD + meta(0.0) + rows([0.0]), "it has 1 state; a position between states needs two"),
        (HEAD + meta() + meta() + rows(EVERY_MINUTE), "it has 0 states"),
        (HEAD, "it holds no META_START"),
        (HEAD + meta()[:-11], "the file ends within a block of meta"),
        (HEAD + rows(EVERY_MINUTE), "is out of place (header)"),
        (HEAD.replace("2.0", "4.0") + meta() + rows(EVERY_MINUTE), "CCSDS_OEM_VERS is 4.0; read are 1.0, 2.0, 3.0"),
        (GOOD + "\nCOVARIANCE_START\n1 2 3", "the file ends within a block of covariance"),
        (
            GOOD.replace("OBJECT_ID = 2026-001A", "OBJECT_ID = A\nOBJECT_ID = B"),
            "OBJECT_ID is there twice, first at line 6",
        ),
        (
            GOOD.replace("STOP_TIME = 2026-08-22T06:10:00", "STOP_TIME = 2026-08-22"),
            "STOP_TIME is 2026-08-22; an instant is",
        ),
        (HEAD + meta(STOP_TIME="2026-08-22T05:00:00") + rows(EVERY_MINUTE), "STOP_TIME is before START_TIME"),
        (GOOD.replace("2026-", "2016-").replace("TEM = UTC", "TEM = GPS"), "GPS is read from 2017 on"),
        (HEAD + meta(REF_FRAME_EPOCH="2000-01-01T12:00:00") + rows(EVERY_MINUTE), "makes it TEME of one instant"),
        ("<?xml version='1.0'?><oem/>", "it is neither an OEM in KVN nor a MEME file"),
        (GOOD + "\n" + meta(900.0, first_s=540.0) + rows([540.0, 600.0, 900.0]), "begins before the segment at"),
        (
            GOOD + "\n" + meta(720.0, first_s=600.0, REF_FRAME="ICRF") + rows([600.0, 720.0]),
            "is in ICRF here and in TEME",
        ),
    ],
)
def test_one_fault_at_a_time(tmp_path: Path, text: str, rule: str) -> None:
    found = faults(tmp_path, text)
    assert any(rule in one for one in found), found


def test_very_many_faults_are_cut_short(tmp_path: Path) -> None:
    found = faults(
        tmp_path, HEAD + meta(60_000.0) + rows([60.0 * n for n in range(1001)]).replace(" 0.000000000", " x")
    )
    assert len(found) == 21
    assert "so are perhaps others after it" in found[-1]


def test_bytes_that_are_no_text_and_files_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "packed.oem").write_bytes(b"\x1f\x8b\x08\xff")
    with pytest.raises(InputError, match="Unpack it first"):
        read_ephemerides(tmp_path / "packed.oem")
    with pytest.raises(InputError, match="it cannot be read: No such file"):
        read_ephemerides(tmp_path / "gone.oem")
    with pytest.raises(InputError, match="it holds no ephemeris"):
        read_ephemerides(tmp_path.joinpath("empty").mkdir() or tmp_path / "empty")


# --- MEME ---------------------------------------------------------------------------------------------------------

NAME = "MEME_100001_EXAMPLE-7_2340600_Operational_1471500000_UNCLASSIFIED.txt"
COVARIANCE = "1e-07 2e-07 3e-07 4e-07 5e-07 6e-07 7e-07\n" * 3


def meme(after_s: list[float], covariance: str = COVARIANCE) -> str:
    stop = (START + timedelta(seconds=after_s[-1])).strftime("%Y-%m-%d %H:%M:%S")
    head = (
        "created:2026-08-22 06:10:52 UTC\n"
        f"ephemeris_start:2026-08-22 06:00:00 UTC ephemeris_stop:{stop} UTC step_size:60\n"
        "ephemeris_source:blend\nUVW\n"
    )
    return head + "".join(
        f"{(START + timedelta(seconds=s)).strftime('%Y%j%H%M%S')}.000 "
        + " ".join(f"{value:.10f}" for value in state_of(s))
        + f"\n{covariance}"
        for s in after_s
    )


def test_a_head_with_spaces_and_a_stop_that_is_not_among_the_states(tmp_path: Path) -> None:
    text = meme(EVERY_MINUTE).replace("_start:", "_start: ").replace("_stop:", "_stop: ")
    text = text.replace("06:10:00 UTC step_size:", "06:11:00 UTC step_size: ")
    assert len(read(tmp_path, text, NAME).node_s) == len(EVERY_MINUTE)


@pytest.mark.parametrize("covariance", [COVARIANCE, ""])
def test_a_meme_file(tmp_path: Path, covariance: str) -> None:
    found = read(tmp_path, meme(EVERY_MINUTE, covariance), NAME)
    assert (found.names, found.ids, found.frame) == (("EXAMPLE-7",), ("100001",), ("MEME",))
    np.testing.assert_array_equal(found.node_s, 21_600.0 + np.array(EVERY_MINUTE))
    # EME2000 stands a third of a degree from TEME by 2026: the states were turned, and by no more than that.
    turned_km = np.linalg.norm(found.position_km - [state_of(s)[:3] for s in EVERY_MINUTE], axis=-1)
    assert 10.0 < turned_km.min() < turned_km.max() < RADIUS_KM * np.radians(0.4)
    np.testing.assert_allclose(np.linalg.norm(found.position_km, axis=-1), RADIUS_KM, atol=1e-8)
    assert from_ephemerides("one", found).satellite_id.tolist() == [100001]


@pytest.mark.parametrize(
    ("text", "name", "rule"),
    [
        (meme(EVERY_MINUTE), "ephemeris.txt", "its name does not say the satellite"),
        (meme(EVERY_MINUTE), NAME.replace("MEME", "TOD"), "the frame is TOD"),
        (meme(EVERY_MINUTE).replace("step_size", "size"), NAME, "line 2"),
        (meme(EVERY_MINUTE)[:-60], NAME, "three lines of 7 covariances follow a state"),
        (meme(EVERY_MINUTE).replace("06:10:00 UTC step", "06:20:00 UTC step"), NAME, "the states stop 600 s before"),
        (meme(EVERY_MINUTE).replace("2026234060300", "2026934060300"), NAME, "2026934060300.000 is no instant"),
        (meme([0.0]), NAME, "it has 1 state"),
        (meme([0.0, 120.0, 60.0]), NAME, "does not come after the state before it"),
    ],
)
def test_faults_of_a_meme_file(tmp_path: Path, text: str, name: str, rule: str) -> None:
    found = faults(tmp_path, text, name)
    assert any(rule in one for one in found), found


@pytest.mark.parametrize("frame", ["TEME", "ITRF"])
def test_velocities_that_are_not_those_of_the_way(tmp_path: Path, frame: str) -> None:
    """Units that are mixed, and inertial velocities of Earth-fixed positions; a true step of ten minutes passes."""

    def written(velocity_factor: float, step_s: float = 60.0, turn: float = 0.0) -> str:
        lines = []
        for s in (0.0, step_s, 2.0 * step_s):
            state = state_of(s)
            speed = state[3:] * velocity_factor + turn * np.array([-state[1], state[0], 0.0])
            values = " ".join(f"{value:.9f}" for value in [*state[:3], *speed])
            lines.append(f"{(START + timedelta(seconds=s)).isoformat().removesuffix('+00:00')} {values}")
        return HEAD + meta(2.0 * step_s, REF_FRAME=frame) + "\n".join(lines)

    assert len(read(tmp_path, written(1.0, 600.0))) == 1
    for factor, turn, line in ((0.0, 0.0, 14), (1e-3, 0.0, 14), (1.0 / 1.609344, 0.0, 14), (1.0, 7.292e-5, 14)):
        found = faults(tmp_path, written(factor, turn=turn))
        assert len(found) == 2
        assert f"line {line}" in found[0], found
        assert "from where the state before it moves to" in found[0]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([(GOOD, "one.oem"), (meme(EVERY_MINUTE), NAME)]),
    st.integers(0, 900),
    st.integers(0, 200),
    st.sampled_from(["", "\n", "x", "nan", "1e999", "META_START\n", " = ", "9" * 30, "\x00", "２", "-"]),
)
def test_a_damaged_file_is_read_or_refused_and_never_crashes(
    tmp_path: Path, whole: tuple[str, str], at: int, removed: int, put: str
) -> None:
    text, name = whole
    damaged = text[:at] + put + text[at + removed :]
    try:
        found = read(tmp_path, damaged, name)
    except InputError:
        return
    assert np.isfinite(found.position_km).all()
    assert (np.diff(found.node_s) > 0.0).all()
    assert ephemeris.positions(from_ephemerides("one", found), START, [30.0, 300.0]).valid.shape == (2, 1)


# --- folders ------------------------------------------------------------------------------------------------------


def test_a_folder_of_both_kinds_and_what_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(meme(EVERY_MINUTE))
    (tmp_path / "two.oem").write_text(GOOD)
    (tmp_path / "MANIFEST.txt").write_text(NAME)
    (tmp_path / "notes.md").write_text("not looked at")
    found = read_ephemerides(tmp_path)
    assert found.names == ("EXAMPLE-7", "ONE")
    assert found.notes == ("MANIFEST.txt is neither an OEM (KVN) nor a MEME file, and was passed over.",)
    before = found.sha256
    (tmp_path / "two.oem").write_text(GOOD.replace("ORIGINATOR = TEST", "ORIGINATOR = REST"))
    assert read_ephemerides(tmp_path).sha256 != before


def test_a_pattern_chooses_files(tmp_path: Path) -> None:
    (tmp_path / "a1.oem").write_text(GOOD)
    (tmp_path / "a2.oem").write_text(GOOD.replace("2026-001A", "2026-002A").replace("= ONE", "= TWO"))
    (tmp_path / "b1.oem").write_text("not read")
    assert read_ephemerides(tmp_path / "a*.oem").names == ("ONE", "TWO")
    with pytest.raises(InputError, match="it holds no ephemeris"):
        read_ephemerides(tmp_path / "c*.oem")


def test_the_name_of_a_meme_file_counts(tmp_path: Path) -> None:
    first = read(tmp_path, meme(EVERY_MINUTE), NAME).sha256
    (tmp_path / NAME).unlink()
    assert read(tmp_path, meme(EVERY_MINUTE), NAME.replace("MEME", "TEME")).sha256 != first


def test_the_same_satellite_in_two_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.oem").write_text(GOOD)
    (tmp_path / "b.oem").write_text(GOOD)
    with pytest.raises(InputError) as caught:
        read_ephemerides(tmp_path)
    assert "satellite 2026-001A is in" in str(caught.value)


def test_faults_of_all_files_of_a_folder_come_together(tmp_path: Path) -> None:
    (tmp_path / "a.oem").write_text(GOOD.replace("TIME_SYSTEM = UTC", "TIME_SYSTEM = TDB"))
    (tmp_path / "b.oem").write_text(GOOD.replace("EARTH", "MOON"))
    with pytest.raises(InputError) as caught:
        read_ephemerides(tmp_path)
    assert {Path(problem.file).name for problem in caught.value.problems} == {"a.oem", "b.oem"}


def test_satellites_of_one_name_are_told_apart(tmp_path: Path) -> None:
    other = meta(OBJECT_ID="2026-001B") + rows(EVERY_MINUTE)
    assert read(tmp_path, GOOD + "\n" + other).names == ("ONE (2026-001A)", "ONE (2026-001B)")


# --- frames and instants ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "kind"),
    [("TEME", "TEME"), ("EME2000", "EME2000"), ("gcrf", "EME2000"), ("ITRF-97", "ITRF"), ("ITRF2014", "ITRF")]
    + [(name, None) for name in ("TOD", "MOD", "GRC", "TDR", "ITRF14X", "EME1950", "")],
)
def test_frames_that_are_known(frame: str, kind: str | None) -> None:
    assert frames.kind_of(frame) == kind


def test_earth_fixed_states_come_back_as_they_are_whatever_the_earth_does(tmp_path: Path) -> None:
    sets = read(tmp_path, HEAD + meta(REF_FRAME="ITRF2014") + rows(EVERY_MINUTE))
    constellation = from_ephemerides("one", sets)
    for orientation in (EarthOrientation(), EarthOrientation(0.4, 0.2, 0.3)):
        found = ephemeris.positions(constellation, START, EVERY_MINUTE, orientation)
        expected = np.array([state_of(s)[:3] for s in EVERY_MINUTE])
        assert np.abs(found.position_km[:, 0] - expected).max() < ONE_MILLIMETRE_KM


@given(st.datetimes(datetime(2017, 1, 2), datetime(2100, 1, 1)), st.floats(0.0, 100.0))
def test_instants_read_back(instant: datetime, ahead_s: float) -> None:
    day, second = instant_of(instant.isoformat(), ahead_s) or (0, 0.0)
    assert 0.0 <= second < 86_400.0
    found = datetime.fromordinal(day) + timedelta(seconds=second)
    assert abs(found + timedelta(seconds=ahead_s) - instant) <= timedelta(microseconds=1)
    of_year = instant.strftime("%Y-%jT") + instant.isoformat().partition("T")[2]
    assert instant_of(of_year, ahead_s) == (day, second)


@pytest.mark.parametrize(
    "text",
    ["", "2026-08-22", "2026-08-22 06:00:00", "2026-13-01T00:00:00", "2026-366T00:00:00", "2026-000T00:00:00",
     "2026-08-22T24:00:00",
      "2026-08-22T06:00:60", "2026-08-22T06:00", "26-08-22T06:00:00", "2026-08-22T06:00:00+01:00"],
)  # fmt: skip
def test_what_is_no_instant(text: str) -> None:
    assert instant_of(text) is None
