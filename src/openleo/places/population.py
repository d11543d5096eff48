"""Where people live: the embedded estimate, as it is and by the cells of other resolutions."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.cells import Cells

RESOLUTION = 5


@cache
def estimate() -> tuple[Cells, NDArray[np.object_], NDArray[np.float64]]:
    """(cell, territory, people) at RESOLUTION."""
    with as_file(files("openleo.data") / "places" / f"population-h3-{RESOLUTION}.parquet") as path:
        table = pq.read_table(path)
    territory = np.array(table["territory"].to_pylist(), dtype=object)
    return table["cell"].to_numpy().astype(np.uint64), territory, table["people"].to_numpy().astype(np.float64)


def by_cell(resolution: int) -> tuple[Cells, NDArray[np.float64]]:
    """(cells with people, sorted; people) at a resolution no finer than RESOLUTION."""
    cell5, _, people = estimate()
    cells, row = np.unique(h3cells.parents(cell5, resolution), return_inverse=True)
    return cells, np.bincount(row.ravel(), weights=people).astype(np.float64)


def total() -> float:
    """The people in the estimate, world-wide."""
    return float(estimate()[2].sum())
