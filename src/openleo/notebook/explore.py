"""A map of cells in a notebook, to turn and to zoom.

Takes the table of cells as a dataset; gives a map of `lonboard` (the extra `explore`): hexagons in the colours of
map.png over the embedded land. No basemap is asked of any server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo.errors import InputError, Problem, join_or
from openleo.palette import LAND, REASON_COLOURS, rtt_colours

if TYPE_CHECKING:
    import xarray as xr

LONGITUDE_LATITUDE = "EPSG:4326"
WHOLE_EARTH_ZOOM, NEAREST_ZOOM = 0.5, 7.0
SERVED, RTT = "served", "rtt"
WAYS = (RTT, SERVED)
TOLD = ("cell", "territories", "population", "served", "reason", "rtt_ms_p50")  # of a cell that is pointed at


def explore(cells: xr.Dataset, by: str = RTT) -> Any:
    """The map. Raises InputError where `lonboard` is not installed, and for a way to colour that is not known."""
    colours = fill(cells, by)
    lonboard, core, shapes = (_needed(name) for name in ("lonboard", "arro3.core", "geoarrow.rust.core"))
    table = core.Table.from_arrow(_table(cells))
    ids = np.array([int(cell, 16) for cell in cells.cell.values], np.uint64)
    hexagons = lonboard.H3HexagonLayer(table, get_hexagon=ids, get_fill_color=colours, high_precision=True)
    ground = core.Table.from_arrays([shapes.from_shapely(_land(), crs=LONGITUDE_LATITUDE)], names=["geometry"])
    land = lonboard.SolidPolygonLayer(ground, get_fill_color=_rgba(LAND), pickable=False)
    return lonboard.Map([land, hexagons], basemap=None, view_state=view(ids))


def view(ids: h3cells.Cells) -> dict[str, float]:
    """Where the map looks at first: the middle of the cells, on whichever side of ±180°, and all of them around it.

    >>> where = view(h3cells.at_each(np.full(2, -17.0), np.array([179.0, -177.0]), 4))
    >>> {name: round(value) for name, value in where.items()}
    {'longitude': -179, 'latitude': -17, 'zoom': 6}
    """
    latitude_deg, longitude_deg = h3cells.centres_deg(ids)
    latitude, longitude = np.radians(latitude_deg), np.radians(longitude_deg)
    x, y = np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude)
    place = np.column_stack([x, y, np.sin(latitude)])
    middle = place.mean(axis=0)
    if np.linalg.norm(middle) < 0.2:  # all around the Earth
        return {"longitude": 0.0, "latitude": 0.0, "zoom": WHOLE_EARTH_ZOOM}
    middle /= np.linalg.norm(middle)
    wide_deg = 2.0 * np.degrees(np.arccos(np.clip(place @ middle, -1.0, 1.0)).max()) + 1.0
    zoom = float(np.clip(np.log2(360.0 / wide_deg), WHOLE_EARTH_ZOOM, NEAREST_ZOOM))  # 0: the Earth in one tile
    middle_deg = np.degrees([np.arctan2(middle[1], middle[0]), np.arcsin(middle[2])])
    return {"longitude": float(middle_deg[0]), "latitude": float(middle_deg[1]), "zoom": zoom}


def fill(cells: xr.Dataset, by: str = RTT) -> NDArray[np.uint8]:
    """The cells' colours, axes (cell, red green blue opacity): of the reason where one is not served."""
    if by not in WAYS:
        raise InputError(Problem("explore", "by", f'is "{by}"; it must be {join_or(WAYS)}.'))
    reason = cells.reason.values.astype(str)
    value = cells.rtt_ms_p50.values if by == RTT else 1.0 - cells.served.values
    mine = reason == SERVED
    colours = np.zeros((len(reason), 4), np.uint8)
    colours[mine] = rtt_colours()(_scaled(value[mine]), bytes=True)
    for word, colour in REASON_COLOURS.items():
        colours[reason == word] = _rgba(colour)
    return colours


def _scaled(value: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 0 for the least to 1 for the greatest."""
    if len(value) == 0:
        return value
    least, span = np.nanmin(value), np.ptp(value[~np.isnan(value)])
    return np.asarray((value - least) / (span or 1.0))


def _rgba(colour: str) -> list[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)] + [255]


def _table(cells: xr.Dataset) -> Any:
    import pyarrow as pa

    return pa.table({name: pa.array(cells[name].values, from_pandas=True) for name in TOLD if name in cells})


def _land() -> NDArray[np.object_]:
    from openleo.places import land

    return land.load("50m").pieces


def _needed(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        rule = f"needs {name.partition('.')[0]}, which is not installed."
        raise InputError(Problem("explore", "", rule, "Install it: pip install 'openleo[explore]'.")) from None
