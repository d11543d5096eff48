"""Forwarding states: next hops of any graph against brute force; blocks, threads and lost satellites change nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.errors import InputError
from openleo.geodesy import ecef_km, up
from openleo.interchange import hypatia_out
from openleo.network import ephemeris, forwarding, topology
from openleo.network.constellation import Constellation, from_elements, from_shells
from openleo.network.constellation.elements import read_elements
from openleo.network.constellation.shells import Shell
from openleo.network.kernels import forwarding as kernels
from openleo.network.kernels import pairs, paths
from openleo.network.pairs import ByElevation, Places, Sky

START = datetime(2026, 1, 1, tzinfo=UTC)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(links, their lengths in whole km so that ties happen, ground links' lengths (place, satellite), 0 for none)."""
    satellites, places = draw(st.integers(2, 9)), draw(st.integers(1, 4))
    every = [(a, b) for b in range(satellites) for a in range(b)]
    links = draw(st.lists(st.sampled_from(every), unique=True, max_size=16))
    lengths = draw(st.lists(st.integers(1, 6), min_size=len(links), max_size=len(links)))
    row = st.lists(st.integers(0, 5), min_size=satellites, max_size=satellites)
    ground = draw(st.lists(row, min_size=places, max_size=places))
    return np.array(links, np.int32).reshape(-1, 2), np.array(lengths, float), np.array(ground, float)


@pytest.mark.slow
@given(graphs())
@settings(max_examples=150, deadline=None)
def test_next_hops_lead_down_by_the_least_way(graph: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    """Bellman–Ford by hand; with ties, any of the least ways will do, and there is no circle."""
    links, lengths, ground = graph
    places, satellites = ground.shape
    wiring = forwarding.wire(links, satellites)
    length_km = np.full(wiring.neighbours.shape, np.inf)
    for (a, b), km in zip(links.tolist(), lengths, strict=True):
        length_km[a, wiring.neighbours[a].tolist().index(b)] = km
        length_km[b, wiring.neighbours[b].tolist().index(a)] = km
    place, satellite = (one.astype(np.int32) for one in np.nonzero(ground))
    range_km = ground[place, satellite]
    offsets = np.searchsorted(place, np.arange(places + 1)).astype(np.int64)

    least = np.where(ground.T > 0, ground.T, np.inf)
    for _ in range(satellites):
        for (a, b), km in zip(links.tolist(), lengths, strict=True):
            least[a], least[b] = np.minimum(least[a], least[b] + km), np.minimum(least[b], least[a] + km)

    distance_km = np.where(ground.T > 0, ground.T, np.inf)
    pairs.settle_many(wiring.neighbours, length_km, distance_km)
    interface, first = np.empty((satellites, places), np.int16), np.empty((places, places), np.int32)
    kernels.next_interfaces(
        wiring.neighbours, length_km, offsets, satellite, range_km, distance_km, np.inf, np.inf, interface
    )
    kernels.first_satellites(offsets, satellite, range_km, 0, distance_km, np.inf, first)
    for s in range(satellites):
        for j in range(places):
            k, left = interface[s, j], least[s, j]
            if left == np.inf:
                assert k == paths.NO_WAY
            elif k == paths.LANDS_HERE:
                assert ground[j, s] == left
            else:
                assert length_km[s, k] + least[wiring.neighbours[s, k], j] == left
                assert k == min(
                    i for i, n in enumerate(wiring.neighbours[s]) if n >= 0 and length_km[s, i] + least[n, j] == left
                )
                far = wiring.neighbours[s, k]
                assert wiring.neighbours[far, wiring.far_interface[s, k]] == s
    for i in range(places):
        for j in range(places):
            ways = [(ground[i, s] + least[s, j], s) for s in range(satellites) if ground[i, s] and least[s, j] < np.inf]
            assert first[i, j] == (min(ways)[1] if ways and i != j else -1)


def sky() -> Sky:
    made = from_shells("s", START, [Shell("a", 1150.0, 65.0, planes=10, per_plane=12, phasing=3)])
    return Sky(made, topology.build(made, "+grid"), ByElevation(20.0))


def towns(count: int) -> Places:
    latitude, longitude = np.linspace(-70.0, 75.0, count), np.linspace(0.0, 3000.0, count) % 360.0 - 180.0
    return Places(tuple(str(n) for n in range(count)), ecef_km(latitude, longitude), up(latitude, longitude))


def states(threads: int = 1, count: int = 13, over: Sky | None = None) -> list[forwarding.State]:
    seen = over or sky()
    wiring = forwarding.wire(forwarding.links_of(seen.topology.neighbours), seen.constellation.satellites)
    return list(forwarding.states(seen, wiring, towns(count), START, [0.0, 60.0, 120.0], threads))


def test_blocks_of_places_and_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = states()
    monkeypatch.setattr(forwarding, "SOURCES_AT_ONCE", 4)
    monkeypatch.setattr(forwarding, "INSTANTS_AT_ONCE", 2)
    for threads in (1, 3):
        for one, other in zip(whole, states(threads), strict=True):
            assert one.after_s == other.after_s
            np.testing.assert_array_equal(one.interface, other.interface)
            np.testing.assert_array_equal(one.first, other.first)


def test_a_satellite_without_a_position_is_on_no_way(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = 17

    def without(constellation: Constellation, start: datetime, seconds: list[float]) -> ephemeris.Ephemeris:
        moved = real(constellation, start, seconds)
        moved.valid[:, lost] = False
        moved.position_km[:, lost] = 0.0
        return moved

    real = ephemeris.positions
    monkeypatch.setattr(ephemeris, "positions", without)
    wiring = forwarding.wire(forwarding.links_of(sky().topology.neighbours), 120)
    for state in states():
        assert (state.interface[lost] == paths.NO_WAY).all()
        assert not (state.first == lost).any()
        here, towards = np.nonzero(state.interface >= 0)
        assert not (wiring.neighbours[here, state.interface[here, towards]] == lost).any()


def test_links_of_neighbours_and_back() -> None:
    joined = sky().topology.neighbours
    links = forwarding.links_of(joined)
    assert (links[:, 0] < links[:, 1]).all()
    assert len(links) == (joined >= 0).sum() / 2
    again = forwarding.wire(links, len(joined)).neighbours
    assert [set(row) - {-1} for row in again.tolist()] == [set(row) - {-1} for row in joined.tolist()]


# --- what Hypatia's files cannot hold -----------------------------------------------------------------------------

TLES = """A
1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753
2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667
"""


def of_elements(path: Path, text: str) -> Sky:
    path.write_text(text)
    made = from_elements("e", read_elements(path))
    return replace(sky(), constellation=made, topology=topology.build(made, "none"))


def test_elements_keep_their_numbers_and_their_epoch_is_the_start(tmp_path: Path) -> None:
    seen = of_elements(tmp_path / "one.tle", TLES)
    written = hypatia_out.network_of("e", seen, seen.constellation.epoch, towns(2), None, "s.toml")
    was, now = seen.constellation.elements[0], written.sky.constellation.elements[0]
    for key in ("mean_motion_rev_per_day", "eccentricity", "inclination_deg", "raan_deg", "bstar_per_earth_radius"):
        assert getattr(now, key) == getattr(was, key), key
    columns = slice(8, 63)  # of line 2, from the inclination to the mean motion
    assert written.files["tles.txt"].splitlines()[3][columns] == TLES.splitlines()[2][columns]
    with pytest.raises(InputError, match="ns-3 starts at the epoch of the TLEs"):
        hypatia_out.network_of("e", seen, START, towns(2), None, "s.toml")


def test_a_real_catalogue_is_refused(tmp_path: Path) -> None:
    other = TLES.replace("00005", "00006").replace("78495062", "78495063")

    def mended(line: str) -> str:
        return line[:68] + str(sum(int(c) if c.isdigit() else c == "-" for c in line[:68]) % 10)

    text = TLES + "\n".join(mended(line) if line[:2] in ("1 ", "2 ") else line for line in other.splitlines())
    seen = of_elements(tmp_path / "two.tle", text)
    with pytest.raises(InputError, match="element sets of 2 epochs; Hypatia's satellites share one"):
        hypatia_out.network_of("e", seen, seen.constellation.epoch, towns(2), None, "s.toml")


def test_a_year_that_satgenpy_would_take_for_another_is_refused() -> None:
    with pytest.raises(InputError, match="two digits of a year"):
        hypatia_out.network_of("s", sky(), datetime(2057, 1, 1, tzinfo=UTC), towns(2), None, "s.toml")
