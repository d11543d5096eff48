"""What is computed over: constellations, cities and cells shared by the workloads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np

from openleo.geodesy import ecef_km, up
from openleo.instants import SlotGrid
from openleo.network import pairs, topology
from openleo.network.constellation import Constellation, catalogue, from_shells
from openleo.network.constellation.shells import Shell
from openleo.network.ground import gateways, stations
from openleo.network.reach import Network

START = datetime(2026, 11, 20, tzinfo=UTC)
GRID = SlotGrid(START, 15.0, 5760)
MASK_DEG = 25.0

SHELL_1 = (Shell("550-53.0", 550.0, 53.0, planes=72, per_plane=22, phasing=39),)
THREE_SHELLS = tuple(
    Shell(name, altitude_km, inclination_deg, planes=28, per_plane=120, phasing=13)
    for name, altitude_km, inclination_deg in (("525", 525.0, 53.0), ("530", 530.0, 43.0), ("535", 535.0, 33.0))
)


@cache
def network() -> Network:
    """Starlink's first generation, 4,408 satellites, with the embedded gateways."""
    return with_gateways(catalogue.load("starlink-gen1").constellation())


def with_gateways(constellation: Constellation) -> Network:
    lists = [stations.read("starlink-2026", kind, Path(), "", "")[0] for kind in ("gateways", "pops")]
    joined = gateways.join(*lists, detour=1.5)
    links = topology.build(constellation, "+grid")
    return Network(constellation, links, joined, MASK_DEG, MASK_DEG, "middle", "highest", 0.0)


def satellites_of(shells: Sequence[Shell]) -> Constellation:
    return from_shells("bench", START, shells)


def cities(count: int) -> pairs.Places:
    """Places between 40° south and 52° north, evenly over the ground."""
    random = np.random.default_rng(1)
    latitude = np.degrees(np.arcsin(random.uniform(np.sin(np.radians(-40)), np.sin(np.radians(52)), count)))
    longitude = random.uniform(-180.0, 180.0, count)
    return pairs.Places(tuple(map(str, range(count))), ecef_km(latitude, longitude), up(latitude, longitude))


def sky_of(constellation: Constellation, pattern: str = "+grid") -> pairs.Sky:
    return pairs.Sky(constellation, topology.build(constellation, pattern), pairs.ByElevation(MASK_DEG))


def one_shell(planes: int, per_plane: int) -> tuple[Shell, ...]:
    return (replace(SHELL_1[0], planes=planes, per_plane=per_plane, phasing=1),)
