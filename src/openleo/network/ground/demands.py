"""Reading demands: a CSV of from, to and mbps, a row the traffic from a place to another."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openleo.errors import InputError, Problem

COLUMNS = ("from", "to", "mbps")


@dataclass(frozen=True)
class Row:
    """A demand between places as the file names them."""

    line: int
    start: str
    end: str
    mbps: float


def read(path: Path, option: str) -> tuple[Row, ...]:
    """The demands of a file. Raises InputError with every fault."""
    file = str(path)
    try:
        reader = csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig")))
        rows = [(reader.line_num, row) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(Problem(f"{option} {file}", "", f"cannot be read as CSV: {why}.")) from None
    missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if missing:
        rule = f"lacks the columns {', '.join(missing)}."
        raise InputError(Problem(file, "", rule, f"Demands need {', '.join(COLUMNS)}."))
    problems: list[Problem] = []
    found: dict[tuple[str, str], Row] = {}
    for line, row in rows:
        start, end, words = (str(row[column] or "").strip() for column in COLUMNS)
        try:
            mbps = float(words)
        except ValueError:
            mbps = np.nan
        faults = [
            (not (start and end), "lacks a place.", ""),
            (start == end != "", f'"{start}" is both ends.', "A demand has two places."),
            (
                not 0.0 < mbps < np.inf,
                f"has mbps {words!r}; it is a number above 0.",
                "Leave out pairs without traffic.",
            ),
            ((start, end) in found, f'"{start}" to "{end}" is there twice.', "Add them up."),
        ]
        problems += [Problem(file, f"line {line}", rule, way_out) for is_so, rule, way_out in faults if is_so]
        found.setdefault((start, end), Row(line, start, end, mbps))
    if not rows:
        problems.append(Problem(file, "", "holds no demand."))
    if problems:
        raise InputError(problems)
    return tuple(found.values())
