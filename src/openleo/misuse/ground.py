"""Where serving cells lie and which are near each other; looked up once a cell, and kept for so many of them."""

from __future__ import annotations

import h3.api.numpy_int as h3
import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.geodesy import arc_km, up
from openleo.misuse.reports import Floats, Words

REGION = 3  # H3 resolution that neighbours are looked for in: a cell and its ring are 180 km around
RADIUS_KM = np.array([h3cells.radius_km(resolution) for resolution in range(16)])
MOST_KEPT = 300_000  # cells; all of resolution 4 at once are fewer


def distance_km(latitude: Floats, longitude: Floats, latitude_2: Floats, longitude_2: Floats) -> Floats:
    """Great-circle distances, to 0.3 % of the ellipsoid's: far less than a beam is wide. NaN stays NaN."""
    chord = np.linalg.norm(up(latitude, longitude) - up(latitude_2, longitude_2), axis=-1)
    return np.where(np.isnan(chord), np.nan, arc_km(chord))


class Ground:
    """Centres, radii and regions of cells."""

    def __init__(self) -> None:
        self._centre: dict[int, tuple[float, float]] = {}
        self._ring: dict[int, list[int]] = {}

    def centres(self, cells: Words) -> tuple[Floats, Floats, Floats]:
        """(latitude_deg, longitude_deg, radius_km); NaN of cell 0."""
        distinct, which = np.unique(cells, return_inverse=True)
        if len(self._centre) > MOST_KEPT:
            self._centre.clear()
        known = self._centre
        for cell in distinct.tolist():
            if cell and cell not in known:
                known[cell] = h3.cell_to_latlng(cell)
        middle = np.array([known.get(cell, (np.nan, np.nan)) for cell in distinct.tolist()]).reshape(-1, 2)[which]
        return middle[:, 0], middle[:, 1], RADIUS_KM[h3cells.resolutions(cells)]

    def regions(self, cells: Words) -> Words:
        """The region of each cell; 0 of cell 0 and of cells that are larger than regions."""
        fine = (cells != 0) & (h3cells.resolutions(cells) >= REGION)
        return np.where(fine, h3cells.parents(cells, REGION), np.uint64(0))

    def around(self, regions: Words, *counts: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Each count of distinct regions, summed over each region and its ring."""
        place = {region: number for number, region in enumerate(regions.tolist())}
        sums = [np.zeros_like(count) for count in counts]
        for region, number in place.items():
            if region not in self._ring:
                self._ring[region] = [int(one) for one in h3.grid_disk(region, 1)]
            near = [place[one] for one in self._ring[region] if one in place]
            for total, count in zip(sums, counts, strict=True):
                total[number] = count[near].sum()
        return sums
