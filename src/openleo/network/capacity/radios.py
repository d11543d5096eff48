"""Radios as data: what satellites, terminals and gateways radiate and hear.

Takes the embedded files of data/capacity, or a user's own file of the same form; gives frozen `SatelliteRadio`,
`Terminal` and `GatewayRadio`, and for a pair of them the `LinkEnds` that a budget starts from. Every number has its
source in the file; `figures` keeps them with their intervals.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, TypeVar

from openleo.errors import InputError, Problem, near_names
from openleo.network.capacity.link_budget import LinkEnds
from openleo.network.capacity.radio_file import (
    SPANS,
    FigureRecord,
    GatewayRecord,
    RadioFile,
    SatelliteRecord,
    SideRecord,
    TerminalRecord,
    in_our_units,
    number,
    problems_of,
)
from openleo.reading import Record, examine, read_toml
from openleo.units import LIGHT_KM_PER_S

BY_DEFAULT = "the form's default"
TERMINAL_W_MAX = 100.0  # radiated at such a gain; those for houses have some watts
GATEWAY_W_MAX = 2_000.0  # a klystron of a large earth station


@dataclass(frozen=True)
class Figure:
    """A number with its interval and its source."""

    value: float
    low: float
    high: float
    source: str
    uncertain: bool


@dataclass(frozen=True)
class Side:
    """One direction of a satellite's links, and the satellite's end of it; keys as `radio_file.SideRecord` says."""

    frequency_ghz: float
    bandwidth_mhz: float
    roll_off: float
    channels: int
    polarisations: int
    eirp_dbw: float | None
    pfd_dbw_m2_4khz: float | None
    g_t_db_k: float | None
    scan_exponent: float
    c_over_i_db: float | None


@dataclass(frozen=True)
class SatelliteRadio:
    """What a satellite of one generation radiates and hears."""

    name: str
    title: str
    note: str
    margin_db: float
    down: Side
    up: Side
    feeder_up: Side | None
    feeder_down: Side | None
    beams_down: int | None
    beams_up: int | None
    mbps_down_max: float | None
    mbps_up_max: float | None
    figures: Mapping[str, Figure] = field(repr=False)  # by key, `down.eirp_dbw`
    sha256: str = field(default="", repr=False)  # of the file
    feeder_times: float = 1.0  # of what the feeder band described here carries, in all bands


@dataclass(frozen=True)
class Terminal:
    """A user terminal of one kind."""

    name: str
    title: str
    note: str
    classes: tuple[str, ...]
    g_t_db_k: float
    noise_k: float
    eirp_dbw: float
    antenna_m: float
    scan_exponent: float
    bits_per_symbol_up_max: float
    mbps_down_max: float | None
    mbps_up_max: float | None
    figures: Mapping[str, Figure] = field(repr=False)
    sha256: str = field(default="", repr=False)


@dataclass(frozen=True)
class GatewayRadio:
    """An earth station of feeder links: one antenna of it tracks one satellite."""

    name: str
    title: str
    note: str
    eirp_dbw: float
    g_t_db_k: float
    noise_k: float
    antenna_m: float
    antennas: int
    figures: Mapping[str, Figure] = field(repr=False)
    sha256: str = field(default="", repr=False)


@dataclass(frozen=True)
class Radios:
    """What the radio files hold, by name."""

    satellites: Mapping[str, SatelliteRadio]
    terminals: Mapping[str, Terminal]
    gateways: Mapping[str, GatewayRadio]

    def satellite(self, name: str, file: str = "--satellite", where: str = "") -> SatelliteRadio:
        return _named(self.satellites, name, file, where)

    def terminal(self, name: str, file: str = "--terminal", where: str = "") -> Terminal:
        return _named(self.terminals, name, file, where)

    def gateway(self, name: str, file: str = "--gateway", where: str = "") -> GatewayRadio:
        return _named(self.gateways, name, file, where)


Named = TypeVar("Named")


def _named(known: Mapping[str, Named], name: str, file: str, where: str) -> Named:
    if name not in known:
        way_out = near_names(name, sorted(known)) or f"There are {', '.join(sorted(known))}."
        raise InputError(Problem(file, where, f'there is no radio "{name}".', way_out))
    return known[name]


@cache
def embedded() -> Radios:
    """The radios that come with the program."""
    made: list[Radios] = []
    for name in ("satellites.toml", "terminals.toml", "gateways.toml"):
        with as_file(files("openleo.data") / "capacity" / name) as path:
            made.append(_read(path, name))
    return _union(made)


def read(paths: Sequence[Path] = ()) -> Radios:
    """The embedded radios and those of users' own files, which stand before them where names agree.

    Raises InputError with every fault of all files.
    """
    own: list[Radios] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            own.append(_read(path, str(path)))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return _union([embedded(), *own])


def _union(parts: Sequence[Radios]) -> Radios:
    return Radios(
        {name: one for part in parts for name, one in part.satellites.items()},
        {name: one for part in parts for name, one in part.terminals.items()},
        {name: one for part in parts for name, one in part.gateways.items()},
    )


def _read(path: Path, file: str) -> Radios:
    record, problems = examine(RadioFile, read_toml(path), file)
    problems = [in_our_units(problem) for problem in problems]
    if record is not None:
        problems = problems + problems_of(record, file)
    if problems or record is None:
        raise InputError(problems)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Radios(
        {one.name: _satellite(one, sha256) for one in record.satellite},
        {one.name: _terminal(one, sha256) for one in record.terminal},
        {one.name: _gateway(one, sha256) for one in record.gateway},
    )


def _value(quantity: Any) -> float | None:
    return None if quantity is None else number(quantity)


def _whole(quantity: Any) -> int | None:
    return None if quantity is None else int(number(quantity))


def _figures(record: Record, under: str = "") -> dict[str, Figure]:
    made = {}
    for key in SPANS:
        quantity = getattr(record, key, None)
        if quantity is None:
            continue
        value, stated = number(quantity), quantity if isinstance(quantity, FigureRecord) else FigureRecord(value=0.0)
        low, high = (value if bound is None else bound for bound in (stated.low, stated.high))
        source = stated.source if key in record.model_fields_set else BY_DEFAULT
        made[under + key] = Figure(value, low, high, source, stated.uncertain)
    return made


def _side(record: SideRecord | None) -> Side | None:
    if record is None:
        return None
    return Side(
        number(record.frequency_ghz),
        number(record.bandwidth_mhz),
        number(record.roll_off),
        int(number(record.channels)),
        int(number(record.polarisations)),
        _value(record.eirp_dbw),
        _value(record.pfd_dbw_m2_4khz),
        _value(record.g_t_db_k),
        number(record.scan_exponent),
        _value(record.c_over_i_db),
    )


def _satellite(record: SatelliteRecord, sha256: str) -> SatelliteRadio:
    down, up = _side(record.down), _side(record.up)
    assert down is not None
    assert up is not None
    figures = _figures(record)
    for name in ("down", "up", "feeder_up", "feeder_down"):
        if (side := getattr(record, name)) is not None:
            figures |= _figures(side, f"{name}.")
    return SatelliteRadio(
        record.name,
        record.title,
        record.note,
        number(record.margin_db),
        down,
        up,
        _side(record.feeder_up),
        _side(record.feeder_down),
        _whole(record.beams_down),
        _whole(record.beams_up),
        _value(record.mbps_down_max),
        _value(record.mbps_up_max),
        figures,
        sha256,
        number(record.feeder_times),
    )


def _terminal(record: TerminalRecord, sha256: str) -> Terminal:
    return Terminal(
        record.name,
        record.title,
        record.note,
        tuple(record.classes),
        number(record.g_t_db_k),
        number(record.noise_k),
        number(record.eirp_dbw),
        number(record.antenna_m),
        number(record.scan_exponent),
        number(record.bits_per_symbol_up_max),
        _value(record.mbps_down_max),
        _value(record.mbps_up_max),
        _figures(record),
        sha256,
    )


def _gateway(record: GatewayRecord, sha256: str) -> GatewayRadio:
    return GatewayRadio(
        record.name,
        record.title,
        record.note,
        number(record.eirp_dbw),
        number(record.g_t_db_k),
        number(record.noise_k),
        number(record.antenna_m),
        int(number(record.antennas)),
        _figures(record),
        sha256,
    )


# --- pairs --------------------------------------------------------------------------------------------------------


def down_ends(satellite: SatelliteRadio, terminal: Terminal) -> LinkEnds:
    """From a satellite to a terminal."""
    eirp_dbw = satellite.down.eirp_dbw
    assert eirp_dbw is not None
    return _ends(satellite.down, terminal, eirp_dbw, terminal.g_t_db_k, terminal.scan_exponent, downwards=True)


def up_ends(satellite: SatelliteRadio, terminal: Terminal) -> LinkEnds:
    """From a terminal to a satellite."""
    g_t_db_k = satellite.up.g_t_db_k
    assert g_t_db_k is not None
    return _ends(satellite.up, terminal, terminal.eirp_dbw, g_t_db_k, terminal.scan_exponent, downwards=False)


def feeder_up_ends(satellite: SatelliteRadio, gateway: GatewayRadio) -> LinkEnds | None:
    """From a gateway to a satellite, one channel in one polarisation; None where the satellite's is not known."""
    side = satellite.feeder_up
    if side is None:
        return None
    assert side.g_t_db_k is not None
    return _ends(side, gateway, gateway.eirp_dbw, side.g_t_db_k, 0.0, downwards=False)


def feeder_down_ends(satellite: SatelliteRadio, gateway: GatewayRadio) -> LinkEnds | None:
    """From a satellite to a gateway, likewise."""
    side = satellite.feeder_down
    if side is None:
        return None
    assert side.eirp_dbw is not None
    return _ends(side, gateway, side.eirp_dbw, gateway.g_t_db_k, 0.0, downwards=True)


def _ends(
    side: Side,
    ground: Terminal | GatewayRadio,
    eirp_dbw: float,
    g_t_db_k: float,
    ground_scan_exponent: float,
    *,
    downwards: bool,
) -> LinkEnds:
    return LinkEnds(
        side.frequency_ghz,
        side.bandwidth_mhz,
        side.roll_off,
        eirp_dbw,
        side.pfd_dbw_m2_4khz if downwards else None,
        g_t_db_k,
        ground.noise_k,
        side.c_over_i_db,
        side.scan_exponent,
        ground_scan_exponent,
        ground.antenna_m,
        downwards=downwards,
    )


def gain_max_dbi(antenna_m: float, frequency_ghz: float) -> float:
    """What an antenna of that diameter can gain at all: (πDf/c)², every part of it lit alike."""
    return 20.0 * math.log10(math.pi * antenna_m * frequency_ghz * 1e6 / LIGHT_KM_PER_S)


def misfits(satellite: SatelliteRadio, ground: Terminal | GatewayRadio, file: str) -> list[Problem]:
    """Where the numbers of two ends cannot be of one link: a G/T or an EIRP beyond what the antenna can do."""
    terminal = isinstance(ground, Terminal)
    hears, sends = (satellite.down, satellite.up) if terminal else (satellite.feeder_down, satellite.feeder_up)
    found = []
    if hears is not None:
        gain = gain_max_dbi(ground.antenna_m, hears.frequency_ghz)
        needed = ground.g_t_db_k + 10.0 * math.log10(ground.noise_k)
        if needed > gain:
            rule = (
                f"{ground.g_t_db_k:g} dB/K at {ground.noise_k:g} K needs a gain of {needed:.1f} dBi, but "
                f"{ground.antenna_m:g} m has at most {gain:.1f} dBi at {hears.frequency_ghz:g} GHz."
            )
            way_out = "Is it a gain in dBi? G/T is that less 10·log10(noise_k)."
            found.append(Problem(file, f"{ground.name}.g_t_db_k", rule, way_out))
    if sends is not None:
        power_w = 10.0 ** ((ground.eirp_dbw - gain_max_dbi(ground.antenna_m, sends.frequency_ghz)) / 10.0)
        most_w = TERMINAL_W_MAX if terminal else GATEWAY_W_MAX
        if power_w > most_w:
            rule = (
                f"{ground.eirp_dbw:g} dBW from {ground.antenna_m:g} m at {sends.frequency_ghz:g} GHz takes "
                f"{power_w:,.0f} W at least; more than {most_w:,.0f} W is not believed."
            )
            found.append(Problem(file, f"{ground.name}.eirp_dbw", rule, "Is it in dBm? dBW is 30 less."))
    return found
