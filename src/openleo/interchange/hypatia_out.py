"""A network as a Hypatia directory: what satgenpy would generate, for ns-3 scripts that read it.

Takes the sky and places of a scenario; gives a `Written` network (the element sets as the file will have them, the
wiring, the limits, what is lost on the way) and its files. Forwarding states are computed from what is written, so that
a simulator that moves the satellites by their TLEs meets the links that the states speak of.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from openleo.errors import InputError, Problem, counted
from openleo.instants import instant_text, utc
from openleo.interchange import hypatia_text as text
from openleo.network.admission import NO_LIMITS
from openleo.network.constellation import Constellation, from_elements, tle
from openleo.network.constellation.element_set import ElementSet, element_set
from openleo.network.constellation.elements import ElementSets
from openleo.network.forwarding import State, Wiring, links_of, states, wire
from openleo.network.hypatia import Directory
from openleo.network.pairs import ByElevation, ByRange, Places, Sky
from openleo.network.topology import POLE_DEG
from openleo.units import EARTH_RADIUS_KM

NS_PER_S, NS_PER_MS = 10**9, 10**6
MOST_SATELLITES = 99_999  # catalogue numbers of a TLE without letters
YEARS = (2000, 2056)  # satgenpy takes every two-digit year as 20YY; TLEs turn to 19YY from 57
IDENTIFYING = ("tles.txt", "isls.txt")  # by these a network is known; the others may be changed for it
IN_ORBIT = ("satellite", "plane", "isl")  # kinds of failures that the ways of pairs meet
STATES = "dynamic_state_*ms_for_*s"
SAME_INSTANT_S = 1e-3  # a TLE's epoch has eight digits of a day


@dataclass(frozen=True, eq=False)
class Written:
    """What the directory says; `sky` holds the satellites as `tles.txt` has them. `lost`: sentences for people."""

    sky: Sky
    start: datetime
    places: Places
    wiring: Wiring
    files: dict[str, str]
    lost: tuple[str, ...]


@dataclass(frozen=True)
class Instants:
    """The instants of a dynamic state: every `step_ms`, up to and without `duration_s`."""

    step_ms: int
    duration_s: int

    @property
    def folder(self) -> str:
        return f"dynamic_state_{self.step_ms}ms_for_{self.duration_s}s"

    @property
    def count(self) -> int:
        return -(-self.duration_s * 1000 // self.step_ms)

    @property
    def after_ns(self) -> range:
        return range(0, self.duration_s * NS_PER_S, self.step_ms * NS_PER_MS)


def network_of(name: str, sky: Sky, start: datetime, places: Places, directory: Directory | None, file: str) -> Written:
    """What can be said of a network in Hypatia's files. Raises InputError for what they cannot hold."""
    problems = [
        Problem("--sites", f'"{place}"', "has a comma; Hypatia's lists are cut at commas.", "Leave it out.")
        for place in places.names
        if "," in place
    ]
    problems += _unfit(sky.constellation, start, file)
    if problems:
        raise InputError(problems)
    constellation, lost = sky.constellation, []
    elements = list(constellation.elements) or text.circular_elements(constellation, start)
    grid = directory.grid if directory else _grid(constellation)
    tles = text.tles(_label(name), grid, elements)
    moved = _grouped(_read_back(constellation.name, tles), constellation)
    links = directory.links if directory else links_of(sky.topology.neighbours)
    longest_km = _longest_link_km(sky, moved)
    if isinstance(sky.admitted, ByRange):
        range_km = sky.admitted.range_km
    else:
        range_km = _range_km(float(moved.apogee_km.max()), sky.admitted)
        lost.append(
            f"the elevation mask (the states keep to its {sky.admitted.elevation_deg:g}°; description.txt can only say "
            f"the range that it is at the highest orbit, {range_km:.1f} km)"
        )
    lost += _kept_by_states_alone(sky, places)
    if constellation.shells:
        lost.append("the shells' exact circles (they became TLEs, which SGP4 moves within 17 km of them)")
    if not directory:
        lost.append("gateways, hand-over policy and processing (stations reach each other over satellites alone)")
    wiring = wire(links, len(elements))
    files = {
        "tles.txt": tles,
        "isls.txt": text.isls(wiring),
        "ground_stations.txt": text.ground_stations(places),
        "gsl_interfaces_info.txt": text.gsl_interfaces(len(elements) + len(places.names)),
        "description.txt": text.description(range_km, longest_km),
    }
    return Written(replace(sky, constellation=moved), moved.epoch, places, wiring, files, tuple(lost))


def _label(name: str) -> str:
    """The word that names of satellites begin with."""
    return re.sub(r"\W+", "-", name).strip("-") or "satellite"


def moved_by_tles(name: str, shells: Constellation, start: datetime, file: str) -> Constellation:
    """Shells with the motion that whoever reads their TLEs gives them. Raises InputError for what TLEs cannot hold."""
    if problems := list(_unfit(shells, start, file)):
        raise InputError(problems)
    written = text.tles(_label(name), _grid(shells), text.circular_elements(shells, start))
    moved = _grouped(_read_back(shells.name, written), shells)
    return replace(moved, satellite_name=shells.satellite_name, satellite_id=shells.satellite_id)


def _kept_by_states_alone(sky: Sky, places: Places) -> Iterator[str]:
    """What is set and the files of the network cannot say, though the forwarding states keep to it."""
    limits = sky.admitted.limits if isinstance(sky.admitted, ByElevation) else NO_LIMITS
    horizons = [name for name in places.names if name in limits.horizons]
    if any(limits.user_shell_deg):
        masks = zip(sky.constellation.shell_names, limits.user_shell_deg, strict=True)
        said = ", ".join(f"{name} {deg:g}°" for name, deg in masks if deg)
        yield f"the masks of shells (the states keep to them: {said})"
    if horizons:
        yield f"horizons (the states keep to those of {', '.join(horizons)})"
    if limits.gso_exclusion_deg:
        yield f"the angle to the geostationary arc (the states keep to {limits.gso_exclusion_deg:g}°)"
    if sky.topology.polar_cutoff_deg < POLE_DEG:
        yield f"the polar cut-off of links (the states keep to {sky.topology.polar_cutoff_deg:g}°; isls.txt lists all)"
    if out := sum(one.kind in IN_ORBIT for one in sky.failures.outages):
        said = counted(out, "outage")
        yield f"failures in orbit ({said}; the states avoid what is out, tles.txt and isls.txt list everything)"


def _unfit(constellation: Constellation, start: datetime, file: str) -> Iterator[Problem]:
    if constellation.satellites > MOST_SATELLITES:
        rule = f"has {constellation.satellites} satellites; five digits of a TLE number {MOST_SATELLITES}."
        yield Problem(file, "constellation", rule, "Take fewer shells.")
    if not YEARS[0] <= utc(start).year <= YEARS[1]:
        rule = f"is {instant_text(start)}; Hypatia reads the two digits of a year as {YEARS[0]} to {YEARS[1]}."
        yield Problem(file, "start", rule, "Choose another year.")
    if constellation.ephemerides is not None:
        yield Problem(file, "constellation", "has ephemerides; Hypatia's files hold elements.", "Use shells.")
    epochs = {one.epoch for one in constellation.elements}
    if len(epochs) > 1:
        rule = f"has element sets of {len(epochs)} epochs; Hypatia's satellites share one."
        yield Problem(file, "constellation", rule, "Use shells.")
    elif epochs and abs((utc(start) - constellation.epoch).total_seconds()) > SAME_INSTANT_S:
        rule = f"is {instant_text(start)}; ns-3 starts at the epoch of the TLEs, {instant_text(constellation.epoch)}."
        yield Problem(file, "start", rule, "Start at that epoch.")


def _grid(constellation: Constellation) -> tuple[int, int]:
    """Planes and satellites in each, where all planes have as many; else each satellite counts as a plane."""
    alike = constellation.planes and len(set(constellation.plane_count.tolist())) == 1
    return (constellation.planes, int(constellation.plane_count[0])) if alike else (constellation.satellites, 1)


def _read_back(name: str, tles: str) -> Constellation:
    """The satellites as whoever reads the file will have them."""
    rows, faults = tle.rows(tles, "tles.txt")
    read = [element_set(row, "tles.txt") for row in rows]
    sets = tuple(one for one in read if isinstance(one, ElementSet))
    if faults or len(sets) != len(read):
        raise RuntimeError(f"a TLE of ours cannot be read: {faults or read}")
    return from_elements(name, ElementSets(sets, (), "tles.txt", ""))


def _grouped(moved: Constellation, filed: Constellation) -> Constellation:
    """The satellites as read back, in the shells and planes that they are of: masks and lasers go by these.

    What would be inferred from the orbits may differ: other shells, in another order, with satellites in none.
    """
    assert moved.placement is not None
    node_rad = np.radians(moved.placement.orbits.node_deg)
    return replace(
        filed,
        name=moved.name,
        epoch=moved.epoch,
        source=moved.source,
        sha256=moved.sha256,
        satellite_name=moved.satellite_name,
        satellite_id=moved.satellite_id,
        argument_rad=moved.argument_rad,
        raan_rad=node_rad[filed.plane_first] if filed.shells else filed.raan_rad,
        elements=moved.elements,
    )


def _range_km(radius_km: float, mask: ByElevation) -> float:
    """The slant range at a mask (law of cosines on a sphere), to an orbit's radius."""
    sine = math.sin(math.radians(mask.elevation_deg))
    return math.sqrt(radius_km**2 - EARTH_RADIUS_KM**2 * (1.0 - sine**2)) - EARTH_RADIUS_KM * sine


def _longest_link_km(sky: Sky, constellation: Constellation) -> float:
    """The limit that the topology states, or what two satellites of the highest orbit have above the air."""
    clear_km = 2.0 * math.sqrt(max(float(constellation.apogee_km.max()) ** 2 - sky.topology.lowest_km**2, 0.0))
    return min(sky.topology.longest_km, clear_km) if sky.topology.lowest_km else float(sky.topology.longest_km)


def forwarding_states(written: Written, instants: Instants, threads: int) -> Iterator[State]:
    """The states of a written network."""
    seconds = [ns / NS_PER_S for ns in instants.after_ns]
    return states(written.sky, written.wiring, written.places, written.start, seconds, threads)


def write_states(written: Written, instants: Instants, folder: Path, threads: int) -> Iterator[tuple[int, State]]:
    """Write `fstate_<ns>.txt` and `gsl_if_bandwidth_<ns>.txt` of every instant; gives (ns, state) as they are done."""
    lines = text.ForwardingLines(written.wiring, len(written.places.names))
    bandwidth = text.gsl_bandwidth(written.wiring, len(written.places.names))
    for ns, state in zip(instants.after_ns, forwarding_states(written, instants, threads), strict=True):
        (folder / f"fstate_{ns}.txt").write_bytes(lines.lines(state))
        (folder / f"gsl_if_bandwidth_{ns}.txt").write_text(bandwidth if ns == 0 else "", encoding="ascii")
        yield ns, state


def unreachable(state: State) -> int:
    """Ordered pairs of places without a way."""
    count = len(state.first)
    return int((state.first < 0).sum()) - count if count else 0


def of_another(folder: Path, files: dict[str, str]) -> Iterator[tuple[str, str]]:
    """What is in a directory and not of this network: (name, why it cannot be there beside these files).

    States beside any other text of ours would be wrong, also those that this run would write anew: they are somebody's.
    """
    differ = [name for name, content in files.items() if not _holds(folder / name, content)]
    yield from (
        (name, "is of another network, and would be overwritten.")
        for name in differ
        if name in IDENTIFYING and (folder / name).exists()
    )
    if differ:
        rule = "holds forwarding states of another network, wrong beside this one."
        yield from ((path.name, rule) for path in sorted(folder.glob(STATES)))


def _holds(path: Path, content: str) -> bool:
    return path.is_file() and path.read_bytes() == content.encode()
