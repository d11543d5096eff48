"""What limits a network's rates: how many beams, channels and Mbit/s each of its parts has.

A value of numbers alone: where they come from (a filing, a link budget, an assumption) is the caller's business.
Numbers of Mbit/s are given for down (from the Internet to the terminal) and up; infinite means no limit.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

MOST_CHANNELS = 32  # a cell's channels are the bits of one word
MOST_SHARES = 32
Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


class Binding(IntEnum):
    """What stops a cell from having more.

    DEMAND: nothing, it has what it asks for. BEAM: its satellites have no beam left. CELL: its channels (or its own
    Mbit/s) are used up, by itself or, for interference, by its neighbours. SATELLITE, FEEDER, ISL, POP: Mbit/s of the
    part of that name on its way; a gateway's site counts as FEEDER. TERMINAL: its terminals can take no more. POLICY:
    it may not be served. NO_WAY: no satellite above its mask has a way to a gateway; which of the two, reach says.
    """

    DEMAND = 0
    BEAM = 1
    CELL = 2
    SATELLITE = 3
    FEEDER = 4
    ISL = 5
    POP = 6
    TERMINAL = 7
    POLICY = 8
    NO_WAY = 9


@dataclass(frozen=True)
class Caps:
    """The limits of one network.

    A slot is a frame of `shares` sub-slots that repeats while the slot lasts. In each sub-slot a satellite has `beams`
    beams; a beam serves one cell on one of `channels` channels (its number is that of a channel down and of one up).
    So a beam may be shared by up to `shares` cells, each with 1/shares of the time. interference_deg: the angle, seen
    from either of two adjacent cells, from which on two satellites may use one channel there in the same sub-slot.

    Satellites of unlike generations have `beams` and satellite_… each (satellite,), in place of one number for all.

    A cell has at most cell_…; the terminals of a satellite satellite_…; one antenna of a gateway, which is one
    satellite and all that comes through it, feeder_… (a number, or one for each gateway); a gateway's site site_…
    (likewise: antennas times feeder if they are few); one inter-satellite link isl_mbps each way; a PoP pop_…; one
    terminal terminal_….
    """

    beams: int | Ints
    channels: int
    shares: int
    interference_deg: float = 0.0
    cell_down_mbps: float = np.inf
    cell_up_mbps: float = np.inf
    satellite_down_mbps: float | Floats = np.inf
    satellite_up_mbps: float | Floats = np.inf
    feeder_down_mbps: float | Floats = np.inf
    feeder_up_mbps: float | Floats = np.inf
    site_down_mbps: float | Floats = np.inf
    site_up_mbps: float | Floats = np.inf
    isl_mbps: float = np.inf
    pop_down_mbps: float | Floats = np.inf
    pop_up_mbps: float | Floats = np.inf
    terminal_down_mbps: float = np.inf
    terminal_up_mbps: float = np.inf

    def __post_init__(self) -> None:
        bounds = {"beams": (0, 10_000), "channels": (0, MOST_CHANNELS), "shares": (1, MOST_SHARES)}
        for name, (least, most) in bounds.items():
            value = np.asarray(getattr(self, name))
            if ((value < least) | (value > most)).any():
                wrong = value[(value < least) | (value > most)].flat[0]
                raise ValueError(f"{name} = {wrong}; it is {least} to {most}")
        if np.ndim(self.beams) > 1:
            raise ValueError("beams are one number, or one for each satellite")
        if not 0.0 <= self.interference_deg <= 180.0:
            raise ValueError(f"interference_deg = {self.interference_deg:g}; an angle is 0 to 180")
        for field in fields(self):
            if field.name.endswith("_mbps") and not (np.asarray(getattr(self, field.name)) >= 0.0).all():
                raise ValueError(f"{field.name} is negative or not a number; a rate is at least 0, or infinite")

    def beams_of(self, satellites: int) -> Ints:
        """Each satellite's, axes (satellite,)."""
        return np.array(np.broadcast_to(np.asarray(self.beams, np.int32), satellites))
