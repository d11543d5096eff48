"""The form of a radio file (TOML): satellites, terminals and gateways, each quantity with its source.

A quantity is a number, or a table `{value, low, high, source, uncertain}`. The unit stands in the key's name. What is
outside the span that a key allows is refused with a guess at the unit that was meant.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from openleo.errors import Problem, join_or
from openleo.reading import Record


class FigureRecord(Record):
    """A quantity with where it comes from."""

    value: float = Field(description="In the unit of the key's name.")
    low: float | None = Field(None, description="It may be as low as this. Default: the value.")
    high: float | None = Field(None, description="It may be as high as this. Default: the value.")
    source: str = Field("", description="Who says so, or how it was estimated.")
    uncertain: bool = Field(False, description="No document that we read says so.")


Quantity = FigureRecord | float


class SideRecord(Record):
    """One direction of a satellite's service or feeder links: the channel, and the satellite's end."""

    frequency_ghz: Quantity = Field(description="Middle of the band.")
    bandwidth_mhz: Quantity = Field(description="Of one channel.")
    roll_off: Quantity = Field(0.05, description="Of the pulse: the symbol rate is bandwidth / (1 + roll_off).")
    channels: Quantity = Field(description="Channels that differ in frequency.")
    polarisations: Quantity = Field(1, description="How often each channel is used in one beam: 1 or 2.")
    eirp_dbw: Quantity | None = Field(None, description="Of one channel at boresight, the most; where it transmits.")
    pfd_dbw_m2_4khz: Quantity | None = Field(
        None, description="The most power flux density on the ground in any 4 kHz. Default: no limit."
    )
    g_t_db_k: Quantity | None = Field(None, description="At boresight; where it receives.")
    scan_exponent: Quantity = Field(0.0, description="The gain goes with cos^n of the angle off nadir. 0: it turns.")
    c_over_i_db: Quantity | None = Field(
        None, description="Interference, intermodulation and the other polarisation together. Default: not counted."
    )


class SatelliteRecord(Record):
    """`[[satellite]]`."""

    name: str = Field(min_length=1, description="Unique in its file.")
    title: str = Field("", description="What it stands for.")
    note: str = Field("", description="What is not known.")
    margin_db: Quantity = Field(2.0, description="Kept between the link and the MODCOD: modems are not ideal. Assumed.")
    down: SideRecord = Field(description="To terminals.")
    up: SideRecord = Field(description="From terminals.")
    feeder_up: SideRecord | None = Field(None, description="From gateways: what users download.")
    feeder_down: SideRecord | None = Field(None, description="To gateways: what users upload.")
    feeder_times: Quantity = Field(
        1.0, description="What one antenna carries over all feeder bands, in what the one described here does."
    )
    beams_down: Quantity | None = Field(None, description="Beams to terminals at a time.")
    beams_up: Quantity | None = Field(None, description="Beams from terminals at a time.")
    mbps_down_max: Quantity | None = Field(None, description="All that the satellite hands down to terminals.")
    mbps_up_max: Quantity | None = Field(None, description="All that it takes from terminals.")


class TerminalRecord(Record):
    """`[[terminal]]`."""

    name: str = Field(min_length=1, description="Unique in its file.")
    title: str = Field("", description="What it stands for.")
    classes: list[str] = Field(default_factory=list, description="Classes of rules whose terminals are like this one.")
    note: str = Field("", description="What is not known.")
    g_t_db_k: Quantity = Field(description="At boresight under a clear sky.")
    noise_k: Quantity = Field(description="Of the receiver with its antenna under a clear sky.")
    eirp_dbw: Quantity = Field(description="At boresight, the most, all in one channel.")
    antenna_m: Quantity = Field(description="Diameter, or that of a disc of the same area.")
    scan_exponent: Quantity = Field(1.3, description="The gain goes with cos^n of the angle off zenith. 0: it turns.")
    bits_per_symbol_up_max: Quantity = Field(6.0, description="The best MODCOD that its transmitter can send.")
    mbps_down_max: Quantity | None = Field(None, description="The most that one terminal takes.")
    mbps_up_max: Quantity | None = Field(None, description="The most that one terminal sends.")


class GatewayRecord(Record):
    """`[[gateway]]`."""

    name: str = Field(min_length=1, description="Unique in its file.")
    title: str = Field("", description="What it stands for.")
    note: str = Field("", description="What is not known.")
    eirp_dbw: Quantity = Field(description="Of one channel in one polarisation, the most.")
    g_t_db_k: Quantity = Field(description="Under a clear sky.")
    noise_k: Quantity = Field(description="Of the receiver with its antenna under a clear sky.")
    antenna_m: Quantity = Field(description="Diameter.")
    antennas: Quantity = Field(8, description="At a site; each tracks one satellite.")


class RadioFile(Record):
    """A radio file: any of the three."""

    schema_: Literal[1] = Field(1, alias="schema")
    satellite: list[SatelliteRecord] = Field(default_factory=list)
    terminal: list[TerminalRecord] = Field(default_factory=list)
    gateway: list[GatewayRecord] = Field(default_factory=list)


# key: (least, most, unit, {factor: unit}). A value outside that fits when divided by a factor was in the other unit.
SPANS: dict[str, tuple[float, float, str, dict[float, str]]] = {
    "frequency_ghz": (1.0, 50.0, "GHz", {1e3: "MHz", 1e9: "Hz"}),
    "bandwidth_mhz": (0.05, 5000.0, "MHz", {1e3: "kHz", 1e6: "Hz"}),
    "roll_off": (0.0, 1.0, "as a share", {100.0: "percent"}),
    "channels": (1, 1000, "a number", {}),
    "polarisations": (1, 2, "a number", {}),
    "eirp_dbw": (-30.0, 95.0, "dBW", {}),
    "pfd_dbw_m2_4khz": (-200.0, -100.0, "dB(W/m²) in 4 kHz", {}),
    "g_t_db_k": (-40.0, 50.0, "dB/K", {}),
    "scan_exponent": (0.0, 4.0, "a power of the cosine", {}),
    "c_over_i_db": (0.0, 60.0, "dB", {}),
    "margin_db": (0.0, 20.0, "dB", {}),
    "noise_k": (10.0, 5000.0, "K", {}),
    "antenna_m": (0.05, 40.0, "m", {100.0: "cm", 1000.0: "mm"}),
    "antennas": (1, 1000, "a number", {}),
    "bits_per_symbol_up_max": (0.1, 12.0, "bits", {}),
    "feeder_times": (1.0, 100.0, "a number", {}),
    "beams_down": (1, 10_000, "a number", {}),
    "beams_up": (1, 10_000, "a number", {}),
    "mbps_down_max": (0.001, 1e7, "Mbit/s", {1e6: "bit/s", 1e3: "kbit/s"}),
    "mbps_up_max": (0.001, 1e7, "Mbit/s", {1e6: "bit/s", 1e3: "kbit/s"}),
}
CHECK = "Check its unit."
# What is narrower for one kind than for all, and what to ask of what is outside.
SPANS_OF: dict[tuple[str, str], tuple[float, float, str]] = {
    ("terminal", "antenna_m"): (0.05, 10.0, CHECK),
    ("satellite", "g_t_db_k"): (-40.0, 30.0, "Is it a gain in dBi? G/T is that less 10·log10 of the noise in K."),
}
# Keys of other units, and how to come from them to ours.
OTHER_UNITS = {
    "eirp_dbm": "Write eirp_dbw: dBm less 30.",
    "eirp_w": "Write eirp_dbw: 10·log10 of the watts.",
    "frequency_mhz": "Write frequency_ghz: MHz over 1,000.",
    "frequency_hz": "Write frequency_ghz: Hz over 1,000,000,000.",
    "bandwidth_ghz": "Write bandwidth_mhz: GHz times 1,000.",
    "bandwidth_khz": "Write bandwidth_mhz: kHz over 1,000.",
    "bandwidth_hz": "Write bandwidth_mhz: Hz over 1,000,000.",
    "antenna_cm": "Write antenna_m: cm over 100.",
    "antenna_mm": "Write antenna_m: mm over 1,000.",
    "gain_dbi": "Write g_t_db_k: the gain less 10·log10(noise_k).",
    "gbps_down_max": "Write mbps_down_max: Gbit/s times 1,000.",
    "gbps_up_max": "Write mbps_up_max: Gbit/s times 1,000.",
}
GEOSTATIONARY_M = 35_786e3  # no satellite of ours is higher
WIDE_FROM_GHZ, NARROWEST_MHZ = 10.0, 1.0  # above 10 GHz a channel is some MHz wide at least
POOREST_BITS_PER_HZ = 0.4  # QPSK 1/4 with its roll-off
WHOLE = {"channels", "polarisations", "antennas", "beams_down", "beams_up"}
TRANSMIT, RECEIVE = "eirp_dbw", "g_t_db_k"
NEEDS = {"down": TRANSMIT, "up": RECEIVE, "feeder_up": RECEIVE, "feeder_down": TRANSMIT}


def problems_of(record: RadioFile, file: str) -> list[Problem]:
    """What pydantic cannot see: spans of units, intervals, names that stand twice, ends that a side lacks."""
    found: list[Problem] = []
    for kind in ("satellite", "terminal", "gateway"):
        names = [one.name for one in getattr(record, kind)]
        for number, one in enumerate(getattr(record, kind)):
            where = f"{kind}[{number}]"
            if names.index(one.name) < number:
                found.append(Problem(file, f"{where}.name", f'"{one.name}" stands twice.', "Rename one of them."))
            found += _in_span(one, file, where, kind)
            for side, needed in NEEDS.items() if kind == "satellite" else ():
                part = getattr(one, side)
                if part is None:
                    continue
                found += _in_span(part, file, f"{where}.{side}", kind)
                if getattr(part, needed) is None:
                    way_out = "Its end of this link is the transmitter." if needed == TRANSMIT else "It receives here."
                    found.append(Problem(file, f"{where}.{side}.{needed}", "is missing.", way_out))
                found += _wider_than_its_band(part, file, f"{where}.{side}")
                narrow = _narrower_than_believed(part, file, f"{where}.{side}")
                found += narrow or _beyond_its_own_flux(part, file, f"{where}.{side}")
            found += _less_than_a_channel(one, file, where) if isinstance(one, SatelliteRecord) else []
    return found


def in_our_units(problem: Problem) -> Problem:
    """A problem whose way out tells how to come from the unit in a key's name to ours, where that is the fault."""
    way_out = OTHER_UNITS.get(problem.where.rpartition(".")[2])
    return replace(problem, way_out=way_out) if way_out and "there is no key" in problem.rule else problem


def _in_span(record: Record, file: str, where: str, kind: str) -> list[Problem]:
    found = []
    for key, (least, most, unit, others) in SPANS.items():
        least, most, way_out = SPANS_OF.get((kind, key), (least, most, CHECK))
        quantity = getattr(record, key, None)
        if quantity is None:
            continue
        place, value = f"{where}.{key}", number(quantity)
        if isinstance(quantity, FigureRecord):
            low, high = quantity.low, quantity.high
            if (low is not None and low > value) or (high is not None and high < value):
                rule = f"is {value:g}, outside its own interval from {low} to {high}."
                found.append(Problem(file, place, rule, "low ≤ value ≤ high."))
        if not least <= value <= most:
            meant = {name: value / factor for factor, name in others.items() if least <= value / factor <= most}
            if meant:
                way_out = (
                    f"In {join_or(list(meant))}? Then it is {join_or([f'{one:g}' for one in meant.values()])} here."
                )
            found.append(Problem(file, place, f"is {value:g}; it is {unit}, from {least:g} to {most:g}.", way_out))
        elif key in WHOLE and value != int(value):
            found.append(Problem(file, place, f"is {value:g}; it must be a whole number."))
    return found


def _wider_than_its_band(side: SideRecord, file: str, where: str) -> list[Problem]:
    """All channels side by side cannot be wider than half of the frequency that they stand around."""
    wide_mhz, frequency = number(side.bandwidth_mhz) * number(side.channels), number(side.frequency_ghz)
    if wide_mhz <= 500.0 * frequency or not 1.0 <= frequency <= 50.0:
        return []
    rule = (
        f"{number(side.channels):g} channels of {number(side.bandwidth_mhz):g} MHz do not fit around {frequency:g} GHz."
    )
    return [Problem(file, f"{where}.bandwidth_mhz", rule, "It is of one channel, in MHz.")]


def _narrower_than_believed(side: SideRecord, file: str, where: str) -> list[Problem]:
    """A channel of a fraction of a MHz above 10 GHz was written in GHz."""
    wide_mhz, frequency = number(side.bandwidth_mhz), number(side.frequency_ghz)
    if frequency < WIDE_FROM_GHZ or not SPANS["bandwidth_mhz"][0] <= wide_mhz < NARROWEST_MHZ:
        return []
    rule = f"is {wide_mhz:g}; around {frequency:g} GHz a channel has {NARROWEST_MHZ:g} MHz at least."
    return [Problem(file, f"{where}.bandwidth_mhz", rule, f"In GHz? Then it is {wide_mhz * 1e3:g} here.")]


def _beyond_its_own_flux(side: SideRecord, file: str, where: str) -> list[Problem]:
    """What breaks its own limit on the ground from the geostationary orbit even was written in dBm."""
    if side.eirp_dbw is None or side.pfd_dbw_m2_4khz is None or number(side.bandwidth_mhz) <= 0.0:
        return []
    eirp, limit = number(side.eirp_dbw), number(side.pfd_dbw_m2_4khz)
    spread_db = 10.0 * math.log10(4.0 * math.pi * GEOSTATIONARY_M**2) + 10.0 * math.log10(
        number(side.bandwidth_mhz) * 1e6 / 4e3
    )
    if eirp - spread_db <= limit:
        return []
    rule = (
        f"is {eirp:g}: {eirp - spread_db:.1f} dB(W/m²) in 4 kHz on the ground from 35,786 km even, above the "
        f"{limit:g} of pfd_dbw_m2_4khz."
    )
    return [Problem(file, f"{where}.eirp_dbw", rule, f"In dBm? Then it is {eirp - 30.0:g} here.")]


def _less_than_a_channel(record: SatelliteRecord, file: str, where: str) -> list[Problem]:
    """A satellite that carries less in all than one of its channels at the poorest MODCOD: in Gbit/s."""
    found = []
    for side, key in ((record.down, "mbps_down_max"), (record.up, "mbps_up_max")):
        most = getattr(record, key)
        if most is None or not number(most) < POOREST_BITS_PER_HZ * number(side.bandwidth_mhz):
            continue
        rule = f"is {number(most):g}, less than one channel of {number(side.bandwidth_mhz):g} MHz carries at its worst."
        found.append(Problem(file, f"{where}.{key}", rule, f"In Gbit/s? Then it is {number(most) * 1e3:g} here."))
    return found


def number(quantity: Any) -> float:
    """The value of a quantity in either form."""
    return float(quantity.value if isinstance(quantity, FigureRecord) else quantity)
