"""`dataset.openleo`: what is asked of the table of cells again and again.

`Results.to_xarray()` brings it; for a dataset read from a file, `import openleo.notebook.accessor` does. A cell on a
border is one row: people are not split between territories here, as they are in `Results.territories`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.attributes import attributes
from openleo.errors import InputError, Problem, near_names
from openleo.notebook.explore import RTT, explore
from openleo.places.territories import HIGH_SEAS

SHARES = ("can_serve", "may_serve", "served")


def described(cells: xr.Dataset) -> xr.Dataset:
    """The table of cells with the unit and the meaning of every column, as the file of it has them."""
    for one in attributes("cells"):
        if one.name in cells.variables:
            cells[one.name].attrs |= {"units": one.unit, "long_name": one.meaning}
    return cells


@xr.register_dataset_accessor("openleo")  # type: ignore[no-untyped-call]
class Cells:
    """Of a dataset over `cell`, as `Results.to_xarray` makes it."""

    def __init__(self, dataset: xr.Dataset):
        missing = [name for name in ("cell", "territories", "population", "served", "reason") if name not in dataset]
        if missing:
            rule = f"lacks {', '.join(missing)}; `openleo` is for the table of cells."
            raise InputError(Problem("dataset", "", rule, "Results.to_xarray() makes one."))
        self._cells = dataset

    def people_served(self) -> xr.DataArray:
        """People × time served, of each cell; its sum is that of all."""
        people: xr.DataArray = self._cells.population * self._cells.served
        people.name, people.attrs = "people_served", {"unit": "people"}
        return people

    def of(self, territory: str) -> xr.Dataset:
        """The cells that hold a part of a territory. Raises InputError where none does, with near names."""
        mine = np.array([territory in ids.split() for ids in self._cells.territories.values], bool)
        if not mine.any():
            rule = "holds no cell of it."
            raise InputError(Problem("dataset", territory, rule, near_names(territory, self._territories())))
        return self._cells.isel(cell=mine)

    def by_reason(self) -> xr.Dataset:
        """Cells, people and area by the cells' reason, most people first."""
        reason = self._cells.reason.values.astype(str)
        words, group = np.unique(reason, return_inverse=True)
        columns = {"cells": np.bincount(group, minlength=len(words))}
        for name, source in (("people", "population"), ("area_km2", "area_km2")):
            columns[name] = np.bincount(group, self._cells[source].values, len(words))
        order = np.lexsort((-columns["area_km2"], -columns["people"]))
        return xr.Dataset({name: ("reason", sums[order]) for name, sums in columns.items()}, {"reason": words[order]})

    def by_territory(self) -> xr.Dataset:
        """Of each territory its cells, those of them on a border, and means over its cells by people.

        By area at sea and where nobody lives. A cell on a border weighs whole; `Results.territories` splits it.
        """
        names = self._territories()
        rows = [self._of_one(name) for name in names]
        columns = {key: ("territory", np.array([row[key] for row in rows])) for key in rows[0]} if rows else {}
        return xr.Dataset(columns, {"territory": names})

    def outlines(self) -> NDArray[np.object_]:
        """The cells' polygons (shapely; longitude, latitude), cut at ±180°: the geometry of a GeoDataFrame."""
        return h3cells.outlines(np.array([int(cell, 16) for cell in self._cells.cell.values], np.uint64))

    def explore(self, by: str = RTT) -> Any:
        """A map to turn and to zoom, of `lonboard`: cells by reason, served ones by `rtt`, or by the share `served`.

        It asks no server for a picture of the Earth. Raises InputError where `lonboard` is not installed.
        """
        return explore(self._cells, by)

    def _territories(self) -> list[str]:
        return sorted({id_ for ids in self._cells.territories.values for id_ in ids.split()})

    def _of_one(self, territory: str) -> dict[str, float]:
        cells = self.of(territory)
        people = cells.population.values
        at_sea = "." in territory or territory == HIGH_SEAS  # people of its cells live ashore
        weight = cells.area_km2.values if at_sea or people.sum() == 0.0 else people
        border = sum(" " in ids for ids in cells.territories.values)
        means = {name: float(np.average(cells[name].values, weights=weight)) for name in SHARES}
        return {"cells": cells.sizes["cell"], "cells_on_border": border, **means}
