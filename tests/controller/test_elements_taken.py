"""Element sets of a running network: what is taken of a newer file, and what age leaves unknown."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from flown import FLOWN, later, sets, with_elements, write
from planned import BEGINS, permitting, small_twin
from planned import in_force as said

from openleo.controller import elements, twin
from openleo.controller.elements import Ages, NotTaken, in_use, merged, off_km_p95
from openleo.controller.elements_file import ElementsFile, with_sets
from openleo.controller.slot_plan import compute
from openleo.controller.twin import Twin
from openleo.network.constellation import omm
from openleo.network.constellation.elements import read_elements
from openleo.results import Case

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elements")


@pytest.fixture(scope="module")
def flown(folder: Path) -> Twin:
    return twin.load(with_elements(folder)).using(7.0)


def number_of(one: Twin, days: float = 0.0) -> int:
    return one.slots.number((BEGINS + days * DAY).timestamp())


# --- written and read


def test_written_sets_are_read_again_to_the_last_bit(tmp_path: Path) -> None:
    those = tuple(replace(one, epoch=one.epoch + timedelta(microseconds=n)) for n, one in enumerate(sets()))
    those = (replace(those[0], mean_anomaly_deg=0.1 + 0.2, launch_year=None, name='Ö "1"'), *those[1:])
    file = tmp_path / "sets"
    file.write_bytes(omm.written(those))
    assert read_elements(file).sets == those


# --- merged


def test_each_satellite_has_its_newest_elements_in_the_approved_order() -> None:
    held = sets()
    newer = later(DAY)
    found = merged(held, [*reversed(newer[:-10]), replace(newer[-1], id=99_999)], BEGINS + DAY, 100)
    assert [one.id for one in found.sets] == [one.id for one in held]
    assert [one.epoch for one in found.sets] == [FLOWN + DAY] * (len(held) - 10) + [FLOWN] * 10
    assert (found.known, found.moved, found.others) == (len(held) - 10, len(held) - 10, 1)


def test_older_elements_and_the_same_ones_move_nothing() -> None:
    held = later(DAY)
    assert merged(held, sets(), BEGINS, 1).moved == 0
    assert merged(held, held, BEGINS, 1).sets == held


def test_an_epoch_far_ahead_is_no_newer_one() -> None:
    """It would stand in the way of every true one for years."""
    held = sets()
    slip = [replace(held[0], epoch=held[0].epoch.replace(year=2050)), *later(DAY)[1:]]
    found = merged(held, slip, BEGINS + DAY, 1)
    assert found.sets[0] is held[0]
    assert found.moved == len(held) - 1


def test_a_file_with_too_few_satellites_is_not_taken() -> None:
    with pytest.raises(NotTaken, match="52 of the network's satellites, and 475 are asked for"):
        merged(sets(), later(DAY)[:52], BEGINS + DAY, 0.9 * len(sets()))


def test_what_a_satellite_is_called_stays_what_was_approved() -> None:
    (found,) = merged(sets()[:1], [replace(later(DAY)[0], name="OTHER", launch_year=2020)], BEGINS + DAY, 1).sets
    assert (found.name, found.launch_year, found.epoch) == ("S0-0", 2026, FLOWN + DAY)


def test_satellites_that_files_have_no_more_are_not_asked_for() -> None:
    held = (*sets()[:100], *later(20 * DAY)[100:])
    assert in_use(held, 7.0) == len(held) - 100
    assert in_use(held, math.inf) == len(held)


# --- ages


def test_uncertainty_grows_with_age_as_was_measured() -> None:
    """Jankovic 2026 (arXiv:2605.19850): medians of 1 km after 6 hours and 38 km after 7 days; sgp4: 1 to 3 km a day."""
    hours = np.array([6.0, 24.0, 48.0, 168.0])
    off_km = off_km_p95(hours * 3600.0)
    assert (np.diff(off_km) > 0.0).all()
    medians_km = off_km * 0.674 / elements.SIGMAS_P95
    assert medians_km[[0, 3]] == pytest.approx([1.0, 38.0], rel=0.01)
    assert 1.0 < medians_km[1] < 7.0


def test_what_is_said_of_ages() -> None:
    age_s = np.array([-2.0, 12.0, 48.0, 200.0]) * 3600.0  # one epoch is ahead
    said = Ages("ab", age_s, 7.0).as_json()
    assert (said["satellites"], said["unusable"]) == (4, 1)
    assert (said["age_h_p50"], said["age_h_max"]) == (30.0, 200.0)
    assert said["off_km_p95_max"] == pytest.approx(float(off_km_p95(48 * 3600.0)), abs=0.1)
    assert Ages("ab", age_s * 10.0, 0.1).as_json()["off_km_p95_max"] is None


def test_the_alarm_begins_when_half_are_older_than_said() -> None:
    ages = Ages("ab", np.array([1.0, 3.0, 3.0]) * 86_400.0, 2.5)
    assert ages.alarm(3.0) == ""
    assert "3.0 days old or older" in ages.alarm(2.9)
    assert "2 of 3 satellites are no longer used" in ages.alarm(2.9)


def test_shells_have_no_ages() -> None:
    assert small_twin().ages(BEGINS.timestamp()) is None
    assert small_twin().elements == ""


# --- the network


def test_satellites_and_links_stay_what_was_approved_and_fly_where_they_are_observed(flown: Twin, folder: Path) -> None:
    """Docs, design: who takes part is a change; where it is, is an observation. A day on, 2° ahead: 240 km."""
    newer = later(DAY, ahead_deg=2.0)
    found = flown.renewed(newer, "ab" * 32)
    before, after = flown.case.network, found.case.network
    assert found.network == flown.network
    assert after.topology is before.topology
    assert after.constellation.satellite_name == before.constellation.satellite_name
    assert np.array_equal(after.constellation.plane, before.constellation.plane)
    assert (found.elements, flown.elements) == ("ab" * 32, before.constellation.sha256)
    number = number_of(flown, 1.0)
    was, now = (one._positions(one.case.network, number).middle_km[0] for one in (flown, found))
    apart_km = np.linalg.norm(was - now, axis=-1)
    assert np.median(apart_km) == pytest.approx(math.radians(2.0) * 6921.0, rel=0.03)
    # What the scenario's hash is of has not moved; the same scenario with the newer file would be another network.
    assert found.case.inputs == flown.case.inputs
    write(folder, newer)
    other = twin.load(folder / "small.toml")
    write(folder, sets())
    assert other.network != flown.network


@pytest.mark.parametrize("those", [sets()[:-1], sets()[::-1]])
def test_other_satellites_are_no_newer_elements(flown: Twin, those: tuple[elements.ElementSet, ...]) -> None:
    with pytest.raises(ValueError, match="the same satellites"):
        flown.renewed(those, "ab" * 32)


def test_higher_orbits_are_looked_for_higher_up(flown: Twin) -> None:
    higher = tuple(replace(one, mean_motion_rev_per_day=14.0) for one in sets())
    found = flown.renewed(higher, "ab" * 32)
    fresh = replace(flown, case=_with(flown.case, higher), groups=found.groups)
    number = number_of(flown)
    assert np.array_equal(found.sky(number, frozenset()).seen, fresh.sky(number, frozenset()).seen)
    assert found.sky(number, frozenset()).seen.sum() > flown.sky(number, frozenset()).seen.sum()
    assert found.groups is not flown.groups


def _with(case: Case, those: tuple[elements.ElementSet, ...]) -> Case:
    constellation = replace(case.network.constellation, elements=those)
    return replace(case, network=replace(case.network, constellation=constellation))


def test_a_satellite_with_too_old_elements_is_not_used(flown: Twin) -> None:
    number = number_of(flown)
    fresh = flown.sky(number, frozenset())
    served = fresh.satellite[fresh.satellite >= 0]
    gone = int(np.bincount(served).argmax())
    those = list(sets())
    those[gone] = replace(those[gone], epoch=those[gone].epoch - 8 * DAY)
    found = flown.renewed(tuple(those), "ab" * 32)
    assert gone not in found.sky(number, frozenset()).satellite
    assert not found.holds(number, np.full(len(flown.cells), gone, np.int32)).any()
    assert not (flown.sky(number_of(flown, 7.0), frozenset()).seen > 0).any()  # none at all, on the eighth day


def test_a_plan_names_its_elements_and_is_made_again_from_them(flown: Twin) -> None:
    newer = later(DAY, 1.0)
    content = omm.written(newer)
    found = with_sets(flown, content)
    rules = said(permitting("POL", "URY"))
    first, second = (compute(one, number_of(flown, 1.0), rules) for one in (found, with_sets(flown, content)))
    assert first.sha256 == second.sha256
    assert first.elements == found.elements != flown.elements
    assert compute(flown, number_of(flown, 1.0), rules).sha256 != first.sha256


# --- the file


@pytest.fixture
def file(flown: Twin, tmp_path: Path) -> ElementsFile:
    path = with_elements(tmp_path).parent / "sats.json"
    return ElementsFile(path, path.read_bytes(), 600.0, 0.9)


def looked(file: ElementsFile, one: Twin) -> Twin | None:
    file.look(one, BEGINS + DAY)
    return file.take()


def test_a_file_is_taken_once_when_it_has_newer_elements(file: ElementsFile, flown: Twin) -> None:
    assert looked(file, flown) is None
    write(file.path.parent, later(DAY))
    found = looked(file, flown)
    assert found is not None
    assert found.case.network.constellation.elements == later(DAY)
    assert (file.fault, file.take(), looked(file, found)) == ("", None, None)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.89])
@pytest.mark.parametrize("whole_objects", [True, False])
def test_a_file_that_breaks_off_is_not_taken(
    file: ElementsFile, flown: Twin, share: float, whole_objects: bool
) -> None:
    whole = later(DAY)
    content = omm.written(whole[: int(share * len(whole))])
    file.path.write_bytes(content if whole_objects else omm.written(whole)[: len(content)])
    assert looked(file, flown) is None
    assert ("are asked for" if whole_objects else "malformed") in file.fault
    write(file.path.parent, whole)
    assert looked(file, flown) is not None
    assert file.fault == ""


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"<html>503</html>", b"[]", b"[" * 100_000])
def test_what_is_no_element_file_is_not_taken(file: ElementsFile, flown: Twin, content: bytes) -> None:
    file.path.write_bytes(content)
    assert looked(file, flown) is None
    assert file.fault.startswith("the file of element sets is not taken: ")


def test_a_file_that_is_gone_is_told_until_it_is_back(file: ElementsFile, flown: Twin) -> None:
    assert looked(file, flown) is None
    content = file.path.read_bytes()
    file.path.unlink()
    assert looked(file, flown) is None
    assert file.fault == "the file of element sets cannot be read: No such file or directory"
    file.path.write_bytes(content)
    assert looked(file, flown) is None
    assert file.fault == ""


def test_satellites_that_were_never_approved_are_counted_and_not_flown(file: ElementsFile, flown: Twin) -> None:
    write(file.path.parent, (*later(DAY), *(replace(one, id=one.id + 10_000) for one in later(DAY)[:7])))
    found = looked(file, flown)
    assert found is not None
    assert len(found.case.network.constellation) == len(sets())
    assert file.others == 7


def test_how_often_a_file_is_looked_at(file: ElementsFile) -> None:
    assert [at_s for at_s in range(0, 2000, 15) if file.due(at_s)] == [0, 600, 1200, 1800]
    file.every_s = 0.0
    assert not file.due(1e9)


@pytest.mark.slow  # tables of rates are made twice
def test_rates_end_with_old_elements_and_come_back_with_newer_ones(tmp_path: Path) -> None:
    path = with_elements(tmp_path)
    path.write_text(path.read_text() + "\n[capacity]\nenabled = true\n")
    before = twin.load(path).using(7.0)
    after = before.renewed(later(9 * DAY), "ab" * 32)
    given = []
    for one, days in ((before, 0.0), (before, 9.0), (after, 9.0)):
        permitted = one.permitted(permitting("POL", "URY"), number_of(one, days))
        allowed = np.ones((len(one.cells), len(permitted.classes)), np.bool_)
        rates = one.rates(number_of(one, days), permitted, allowed)
        assert rates is not None
        given.append(float(rates.down_mbps.sum()))
    assert given[1] == 0.0 < min(given[0], given[2])
    assert after.shared is not before.shared  # its tables are of satellites as they fly now
