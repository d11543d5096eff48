"""The constellation: which satellites there are, and what is needed to move them.

Takes shells (Walker), element sets (SGP4) or ephemerides (states of files); gives one frozen `Constellation` with a row
for each satellite. The ephemeris moves it, the topology reads its planes and lasers. Nothing here knows where a
satellite is at an instant.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sgp4.api import SatrecArray

from openleo.instants import instant_text, utc
from openleo.network.constellation.element_set import ElementSet
from openleo.network.constellation.elements import ElementSets
from openleo.network.constellation.ephemeris_set import EphemerisSet
from openleo.network.constellation.mean_orbits import placed
from openleo.network.constellation.planes import NO_PLANE, Placement, orbits_at, place
from openleo.network.constellation.shells import Shell, has_laser, rates
from openleo.units import WGS72_RADIUS_KM

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]

MOST_ECCENTRIC = 0.05  # of an orbit that is near a circle

__all__ = ["NO_PLANE", "Constellation", "from_elements", "from_ephemerides", "from_shells", "only"]


@dataclass(frozen=True, eq=False)  # by identity: arrays do not compare to one truth
class Constellation:
    """Satellites in the order shell, plane, slot; or in the order of their element file.

    A constellation is made of shells, of element sets or of ephemerides; the shells of the latter two are inferred.
    Shells that were written as element sets have both: they are moved by the element sets. Axes: (satellite,) and
    (plane,); `shell`, `plane` and `slot_in_plane` are NO_PLANE for satellites in none.
    `plane` is the index of the plane among all planes of all shells.
    """

    name: str
    epoch: datetime  # UTC: of the shells' angles; of the newest element set; where half of the ephemerides have begun
    source: str  # where the numbers come from, for people
    sha256: str  # of the file, or of the shells' numbers

    satellite_name: tuple[str, ...]
    satellite_id: NDArray[np.int64]  # catalogue number, up to nine digits; for shells the satellite's own index
    shell: Ints
    plane: Ints
    slot_in_plane: Ints
    has_laser: NDArray[np.bool_]
    argument_rad: Floats  # (satellite,): argument of latitude at the epoch
    plane_shell: Ints
    raan_rad: Floats  # (plane,), at the epoch

    # Of shells only.
    shells: tuple[Shell, ...]
    plane_first: Ints  # index of the plane's first satellite; its satellites stand together
    plane_count: Ints
    semi_major_axis_km: Floats  # (plane,), as all below
    inclination_rad: Floats
    raan_rate_rad_s: Floats
    argument_rate_rad_s: Floats

    # Of element sets only.
    elements: tuple[ElementSet, ...]

    # Of element sets and of ephemerides.
    placement: Placement | None = None

    # Of ephemerides only.
    ephemerides: EphemerisSet | None = None

    def __len__(self) -> int:
        return len(self.satellite_name)

    @property
    def satellites(self) -> int:
        """How many satellites there are."""
        return len(self.satellite_name)

    @property
    def planes(self) -> int:
        """How many planes all shells have together."""
        return len(self.plane_shell)

    @property
    def shell_names(self) -> tuple[str, ...]:
        """Of the shells that it is made of, or of those inferred."""
        return tuple(shell.name for shell in (self.placement.shells if self.placement else self.shells))

    def __getstate__(self) -> dict[str, Any]:
        # SGP4's own objects cannot be sent to another process; they are made anew there.
        return {key: value for key, value in self.__dict__.items() if key != "satrecs"}

    @cached_property
    def satrecs(self) -> Any:
        """All element sets for one vectorised call of SGP4."""
        return SatrecArray([one.satrec for one in self.elements])

    @cached_property
    def numbers_by_name(self) -> dict[str, list[int]]:
        """The satellites of each name, and of each catalogue number where there are element sets."""
        found: dict[str, list[int]] = {}
        for number, name in enumerate(self.satellite_name):
            found.setdefault(name, []).append(number)
        for number, one in enumerate(self.satellite_id.tolist() if self.elements else []):
            if number not in found.setdefault(str(one), []):
                found[str(one)].append(number)
        return found

    @cached_property
    def epochs_s(self) -> Floats:
        """(satellite,): of element sets, POSIX time."""
        return np.array([one.epoch.timestamp() for one in self.elements])

    @cached_property
    def apogee_km(self) -> Floats:
        """(satellite,): of element sets, from the Earth's centre at their epochs, by the mean elements."""
        return np.array([one.satrec.a * (1.0 + one.eccentricity) for one in self.elements]) * WGS72_RADIUS_KM

    @cached_property
    def near_circular(self) -> NDArray[np.bool_]:
        """(satellite,): of element sets, those up to MOST_ECCENTRIC that SGP4 moves without its deep-space part."""
        return np.array([one.eccentricity <= MOST_ECCENTRIC and one.satrec.method == "n" for one in self.elements])


def from_shells(
    name: str, epoch: datetime, shells: Iterable[Shell], *, source: str = "", sha256: str = ""
) -> Constellation:
    """A constellation of Walker shells whose angles hold at `epoch`."""
    shells = tuple(shells)
    if not shells:
        raise ValueError("a constellation needs at least one shell")
    planes = np.array([shell.planes for shell in shells])
    of_plane = np.repeat(np.arange(len(shells), dtype=np.int32), planes)
    within_shell = np.concatenate([np.arange(shell.planes) for shell in shells])
    count = np.array([shells[s].per_plane for s in of_plane], dtype=np.int32)
    first = np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.int32)
    plane = np.repeat(np.arange(len(count), dtype=np.int32), count)
    slot = (np.arange(len(plane)) - first[plane]).astype(np.int32)
    shell_of = of_plane[plane]

    turning = [rates(shell) for shell in shells]

    def of_planes(per_shell: Iterable[float]) -> Floats:
        return np.array(list(per_shell), dtype=np.float64)[of_plane]

    span_rad = of_planes(np.radians(shell.raan_span_deg) / shell.planes for shell in shells)
    phase_rad = of_planes(2.0 * np.pi * shell.phasing / shell.satellites for shell in shells)
    return Constellation(
        name=name,
        epoch=utc(epoch),
        source=source,
        sha256=sha256 or _sha256_of(epoch, shells),
        satellite_name=tuple(
            f"{shells[s].name} p{p} s{k}" for s, p, k in zip(shell_of, within_shell[plane], slot, strict=True)
        ),
        satellite_id=np.arange(len(plane), dtype=np.int64),
        shell=shell_of,
        plane=plane,
        slot_in_plane=slot,
        has_laser=np.concatenate([has_laser(shell) for shell in shells]),
        shells=shells,
        argument_rad=np.mod(2.0 * np.pi * slot / count[plane] + (phase_rad * within_shell)[plane], 2.0 * np.pi),
        plane_shell=of_plane,
        plane_first=first,
        plane_count=count,
        semi_major_axis_km=of_planes(shell.semi_major_axis_km for shell in shells),
        inclination_rad=of_planes(np.radians(shell.inclination_deg) for shell in shells),
        raan_rad=np.mod(
            of_planes(np.radians(shell.raan_offset_deg) for shell in shells) + span_rad * within_shell, 2.0 * np.pi
        ),
        raan_rate_rad_s=of_planes(turn.node_rad_s for turn in turning),
        argument_rate_rad_s=of_planes(turn.argument_rad_s for turn in turning),
        elements=(),
    )


def from_elements(name: str, sets: ElementSets) -> Constellation:
    """A constellation of element sets, in their order.

    No element set says whether its satellite has lasers; all are taken to have them.
    """
    elements = sets.sets
    epoch = max(one.epoch for one in elements)
    none, empty = np.zeros(0), np.zeros(0, dtype=np.int32)
    orbits = orbits_at(elements, epoch)
    placement = place(orbits)
    return Constellation(
        name=name,
        epoch=epoch,
        source=sets.source,
        sha256=sets.sha256,
        satellite_name=tuple(one.name for one in elements),
        satellite_id=np.array([one.id for one in elements], dtype=np.int64),
        shell=placement.shell,
        plane=placement.plane,
        slot_in_plane=placement.slot,
        has_laser=np.ones(len(elements), dtype=np.bool_),
        argument_rad=np.radians(orbits.argument_deg),
        plane_shell=placement.plane_shell,
        raan_rad=np.radians(placement.plane_node_deg),
        shells=(),
        plane_first=empty,
        plane_count=empty,
        semi_major_axis_km=none,
        inclination_rad=none,
        raan_rate_rad_s=none,
        argument_rate_rad_s=none,
        elements=elements,
        placement=placement,
    )


def from_ephemerides(name: str, sets: EphemerisSet) -> Constellation:
    """A constellation of ephemerides, in their order; all are taken to have lasers.

    Where an id is no number of up to nine digits, the satellite's own index stands for it.
    """
    none, empty = np.zeros(0), np.zeros(0, dtype=np.int32)
    epoch = sets.instant(float(np.median(sets.begin_s)))
    placement = placed(sets, epoch)
    numbers = [int(one) if re.fullmatch(r"\d{1,9}", one, re.ASCII) else n for n, one in enumerate(sets.ids)]
    return Constellation(
        name=name,
        epoch=epoch,
        source=sets.source,
        sha256=sets.sha256,
        satellite_name=sets.names,
        satellite_id=np.array(numbers, dtype=np.int64),
        shell=placement.shell,
        plane=placement.plane,
        slot_in_plane=placement.slot,
        has_laser=np.ones(len(sets), dtype=np.bool_),
        shells=(),
        argument_rad=np.radians(placement.orbits.argument_deg),
        plane_shell=placement.plane_shell,
        plane_first=empty,
        plane_count=empty,
        semi_major_axis_km=none,
        inclination_rad=none,
        raan_rad=np.radians(placement.plane_node_deg),
        raan_rate_rad_s=none,
        argument_rate_rad_s=none,
        elements=(),
        placement=placement,
        ephemerides=sets,
    )


def only(constellation: Constellation, satellites: Sequence[int]) -> Constellation:
    """Some of the satellites, in the order given, that move as they do among the others.

    Of shells each is in a plane of its own.
    """
    chosen = np.asarray(satellites, dtype=np.intp)
    moved: dict[str, Any] = {
        name: getattr(constellation, name)[chosen]
        for name in ("satellite_id", "shell", "plane", "slot_in_plane", "has_laser", "argument_rad")
    }
    if constellation.elements:
        moved["elements"] = tuple(constellation.elements[s] for s in chosen)
    if constellation.placement:
        moved["placement"] = constellation.placement.only(chosen)
    if constellation.ephemerides is not None:
        moved["ephemerides"] = constellation.ephemerides.only(chosen)
    if len(constellation.plane_first):
        own = np.arange(len(chosen), dtype=np.int32)
        moved |= {"plane": own, "slot_in_plane": 0 * own, "plane_first": own, "plane_count": 0 * own + 1}
        for name in OF_PLANES:
            moved[name] = getattr(constellation, name)[constellation.plane[chosen]]
    names = tuple(constellation.satellite_name[s] for s in chosen)
    return replace(constellation, satellite_name=names, **moved)


OF_PLANES = (
    "plane_shell", "raan_rad", "semi_major_axis_km", "inclination_rad", "raan_rate_rad_s", "argument_rate_rad_s",
)  # fmt: skip


def _sha256_of(epoch: datetime, shells: tuple[Shell, ...]) -> str:
    """A fingerprint of everything that moves the satellites; a value's basis moves nothing."""
    said = [instant_text(epoch)]
    for shell in shells:
        said += [f"{one.name}={getattr(shell, one.name)!r}" for one in fields(Shell) if one.name != "basis"]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()
