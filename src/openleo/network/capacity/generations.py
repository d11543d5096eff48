"""Satellites of unlike generations in one network: whose radio each has, and what that one carries.

Takes a case and the shells of a constellation; gives the tables of every radio beside the first (`Generation`), and the
caps with a number for each satellite where generations differ. All of them share the channels of a cell, so the
channels of their service links are alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo import cells as h3cells
from openleo.errors import InputError, Problem, near_names
from openleo.network.capacity.caps import Caps
from openleo.network.capacity.case import CapacityCase
from openleo.network.capacity.feeders import FeederRates
from openleo.network.capacity.radios import SatelliteRadio
from openleo.network.capacity.rates import ChannelRates
from openleo.network.constellation import Constellation
from openleo.network.ground.gateways import Gateways

# What a satellite of another generation may have more or less of, and which limit of the scenario stands before it.
OF_SATELLITE = ("beams", "satellite_down_mbps", "satellite_up_mbps")


@dataclass(frozen=True, eq=False)
class Generation:
    """The satellites of one radio, and its tables. Axes (satellite,): whether it is one of them."""

    has_it: NDArray[np.bool_]
    rates: ChannelRates
    feeders: FeederRates | None


def by_radio(
    case: CapacityCase, constellation: Constellation, file: str = ""
) -> list[tuple[CapacityCase, NDArray[np.bool_]]]:
    """(the case with that radio for all, which satellites have it) for every radio but the case's own.

    Raises InputError for a shell that there is not, and for channels that are not those of the case's own radio.
    """
    names = constellation.shell_names
    problems = [
        Problem(file, "capacity.radio_of_shell", f'there is no shell "{name}".',
                near_names(name, names) or (f"Shells: {', '.join(names)}." if names else "No shells are known here."))
        for name in case.of_shell if name not in names
    ]  # fmt: skip
    problems += [
        Problem(file, "capacity.radio_of_shell", f'the channels of "{one.name}" are not those of '
                f'"{case.satellite.name}", so they cannot be reused together.', "Take radios of one system.")
        for one in {radio.name: radio for radio in case.of_shell.values()}.values() if not alike(one, case.satellite)
    ]  # fmt: skip
    if problems:
        raise InputError(problems)
    found: list[tuple[CapacityCase, NDArray[np.bool_]]] = []
    for name in sorted({one.name for one in case.of_shell.values()} - {case.satellite.name}):
        numbers = [names.index(shell) for shell, one in case.of_shell.items() if one.name == name]
        radio = next(one for one in case.of_shell.values() if one.name == name)
        found.append((replace(case, satellite=radio, of_shell={}), np.isin(constellation.shell, numbers)))
    return found


def alike(one: SatelliteRadio, other: SatelliteRadio) -> bool:
    """Whether channels of the service links are the same."""
    return all(
        (a.frequency_ghz, a.bandwidth_mhz, a.channels) == (b.frequency_ghz, b.bandwidth_mhz, b.channels)
        for a, b in ((one.down, other.down), (one.up, other.up))
    )


def generation(
    case: CapacityCase,
    has_it: NDArray[np.bool_],
    cells: h3cells.Cells,
    gateways: Gateways,
    altitude_km: ArrayLike,
    user_first_deg: float,
    gateway_first_deg: float,
) -> Generation:
    """The tables of one; the elevations are those at which they begin."""
    return Generation(
        has_it,
        case.rates(cells, altitude_km, user_first_deg),
        case.feeders(gateways, altitude_km, gateway_first_deg),
    )


def caps_of(caps: Caps, stated: Mapping[str, float], others: list[tuple[CapacityCase, NDArray[np.bool_]]]) -> Caps:
    """The caps with each satellite's own beams and Mbit/s; what the scenario states stays one number for all.

    A site's limit, where it has one, is as high as its best generation allows.
    """
    made = caps
    for case, has_it in others:
        theirs = case.caps()
        own: dict[str, Any] = {}
        for name in OF_SATELLITE:
            if name not in stated:
                own[name] = np.where(has_it, getattr(theirs, name), getattr(made, name))
        if "beams" in own:
            own["beams"] = own["beams"].astype(np.int32)
        made = replace(made, **own)
    return made
