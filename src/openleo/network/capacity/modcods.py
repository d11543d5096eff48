"""How many bits a symbol carries: MODCODs (modulation and code rate) by the Es/N0 that they need.

Takes a table of MODCODs, the embedded one of DVB-S2 and DVB-S2X or a file of the same form; gives `Modcods`, the front
of those that nothing beats. A link that closes none of them carries nothing.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.errors import InputError, Problem
from openleo.reading import MOST_BYTES, bounded_text, unreadable

Floats = NDArray[np.float64]
COLUMNS = ("modulation", "code_rate", "bits_per_symbol", "es_n0_db", "standard")


@dataclass(frozen=True)
class Modcods:
    """MODCODs that nothing beats, both columns rising strictly; axes (modcod)."""

    names: tuple[str, ...]
    bits_per_symbol: Floats
    es_n0_db: Floats  # ideal, in white noise, at a quasi error-free rate

    def __len__(self) -> int:
        return len(self.names)

    def best(self, es_n0_db: ArrayLike, margin_db: ArrayLike = 0.0) -> NDArray[np.intp]:
        """The number of the best MODCOD that closes with `margin_db` to spare, −1 where none does."""
        left = np.asarray(es_n0_db, np.float64) - np.asarray(margin_db, np.float64)
        found = np.searchsorted(self.es_n0_db, left, side="right") - 1
        return np.where(np.isnan(left), -1, found)

    def efficiency(self, es_n0_db: ArrayLike, margin_db: ArrayLike = 0.0) -> Floats:
        """Bits a symbol, 0 where nothing closes."""
        chosen = self.best(es_n0_db, margin_db)
        return np.where(chosen >= 0, self.bits_per_symbol[np.maximum(chosen, 0)], 0.0)

    def up_to(self, bits_per_symbol_max: float) -> Modcods:
        """Those that carry no more than a modem can."""
        kept = self.bits_per_symbol <= bits_per_symbol_max
        names = tuple(name for name, keep in zip(self.names, kept, strict=True) if keep)
        return Modcods(names, self.bits_per_symbol[kept], self.es_n0_db[kept])


def rate_mbps(bandwidth_mhz: ArrayLike, roll_off: ArrayLike, bits_per_symbol: ArrayLike) -> Floats:
    """What a channel carries: its symbol rate, bandwidth / (1 + roll-off), times the bits of a symbol."""
    symbols = np.asarray(bandwidth_mhz, np.float64) / (1.0 + np.asarray(roll_off, np.float64))
    return np.asarray(symbols * np.asarray(bits_per_symbol, np.float64))


@cache
def dvb_s2x() -> Modcods:
    """The embedded MODCODs of DVB-S2 and DVB-S2X, normal frames without pilots."""
    return parse((files("openleo.data") / "capacity" / "dvb-s2x-modcods.csv").read_text(), "dvb-s2x-modcods.csv")


def read(path: Path) -> Modcods:
    """MODCODs of a CSV file. Raises InputError with every fault of it."""
    try:
        return parse(bounded_text(path, MOST_BYTES, "A table of MODCODs has some dozens of rows."), str(path))
    except FileNotFoundError:
        raise InputError(Problem(str(path), "", "there is no such file.", "Check the path.")) from None
    except (OSError, ValueError) as error:
        raise InputError(unreadable(path, error)) from None


def parse(text: str, file: str) -> Modcods:
    """As `read`, of a text; `file` is what problems call it. The rows stand in the order of the Es/N0 they need."""
    reader = csv.DictReader(io.StringIO(text))
    missing = [name for name in COLUMNS[:4] if name not in (reader.fieldnames or ())]
    if missing:
        way_out = f"Its first line is {','.join(COLUMNS)}; the last column may be left out."
        raise InputError([Problem(file, "line 1", f'there is no column "{name}".', way_out) for name in missing])
    problems: list[Problem] = []
    rows: list[tuple[str, float, float]] = []
    for row in reader:
        where, faults = f"line {reader.line_num}", []
        name = f"{row['modulation']} {row['code_rate']}"
        numbers = {}
        for column in ("bits_per_symbol", "es_n0_db"):
            numbers[column] = _number(row[column])
            if not np.isfinite(numbers[column]):
                faults.append(Problem(file, where, f"{column} is {row[column]!r}, which is no number."))
        if not faults:
            faults = _faults(file, where, name, numbers["bits_per_symbol"], numbers["es_n0_db"], rows)
            rows.append((name, numbers["bits_per_symbol"], numbers["es_n0_db"]))
        problems += faults
    if not rows and not problems:
        problems.append(Problem(file, "", "holds no MODCOD.", "Give one row at least."))
    if problems:
        raise InputError(problems)
    return _front(rows)


def _number(text: str | None) -> float:
    """A number of a file, NaN where it is none."""
    try:
        return float(text or "")
    except ValueError:
        return float("nan")


def _faults(
    file: str, where: str, name: str, bits: float, es_n0_db: float, before: list[tuple[str, float, float]]
) -> list[Problem]:
    """What is wrong with a row, given those before it."""
    found = []
    if bits <= 0.0:
        found.append(Problem(file, where, f"{name} carries {bits:g} bits a symbol; it must be more than 0."))
    shannon = float(np.log2(1.0 + 10.0 ** (es_n0_db / 10.0)))
    if bits > shannon:
        rule = f"{name} carries {bits:g} bits a symbol at {es_n0_db:g} dB, where Shannon's limit is {shannon:.3f}."
        found.append(Problem(file, where, rule, "Is es_n0_db an Eb/N0? Es/N0 is that plus 10·log10(bits a symbol)."))
    if before and es_n0_db < before[-1][2]:
        rule = f"{name} needs {es_n0_db:g} dB, less than {before[-1][2]:g} dB of {before[-1][0]} before it."
        found.append(Problem(file, where, rule, "Sort the rows by es_n0_db, lowest first."))
    if any(name == other for other, _, _ in before):
        found.append(Problem(file, where, f"{name} stands twice.", "Leave one of them out."))
    return found


def _front(rows: list[tuple[str, float, float]]) -> Modcods:
    """Those that carry more than every other that needs no more."""
    kept: list[tuple[str, float, float]] = []
    for row in sorted(rows, key=lambda one: (one[2], -one[1])):
        if not kept or row[1] > kept[-1][1]:
            kept.append(row)
    names, bits, es_n0_db = zip(*kept, strict=True)
    return Modcods(tuple(names), np.array(bits), np.array(es_n0_db))
