"""What each column and key of the written files is: its type, unit and meaning.

The tables stand in `data/attributes/*.csv`; the files, their documentation and the report's definitions are all made
from them, so that none can say something else.
"""

from __future__ import annotations

import csv
import io
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Attribute(NamedTuple):
    """One column or key. `unit` is empty for what has none, `1` for a share."""

    name: str
    type: str
    unit: str
    meaning: str


@cache
def attributes(table: str) -> tuple[Attribute, ...]:
    """The rows of `data/attributes/TABLE.csv`: cells, territories, summary or reasons."""
    text = (files("openleo.data") / "attributes" / f"{table}.csv").read_text(encoding="utf-8")
    return tuple(Attribute(**row) for row in csv.DictReader(io.StringIO(text, newline="")))
