"""Whether outlines cross each other so often that to overlay them would be without bounds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from openleo.errors import InputError, Problem

MOST_CROSSINGS = 500_000  # pairs of edges of two outlines that are near each other
EDGES_AT_ONCE = 50  # looked up together, so that a bomb is seen before it fills the memory


def check_crossings(outlines: Sequence[shapely.Geometry], names: Sequence[str] = ()) -> None:
    """Raise InputError for two outlines that cross too often, each called by its name, or else by its number."""
    called = [*names, *(f"polygon {number + 1}" for number in range(len(names), len(outlines)))]
    tree = shapely.STRtree(np.array(outlines, dtype=object))
    vertices = shapely.get_num_coordinates(np.array(outlines, dtype=object))
    pairs = tree.query(np.array(outlines, dtype=object)).T
    for one, other in pairs[(pairs[:, 0] < pairs[:, 1]) & (vertices[pairs].prod(axis=1) > MOST_CROSSINGS)].tolist():
        if _cross_too_often(outlines[one], outlines[other]):
            rule = (
                f"crosses {called[other]} too often: more than {MOST_CROSSINGS:,} pairs of their edges are near each"
                f" other ({vertices[one]:,} and {vertices[other]:,} vertices)."
            )
            raise InputError(Problem(called[one], "", rule, "Simplify them, or unite them into one polygon first."))


def check_meetings(outlines: Sequence[shapely.Geometry], most: int) -> None:
    """Raise InputError where the edges of many outlines come near each other too often, all pairs together.

    What lies between them are so many pieces, however simple each outline is.
    """
    edges = _edges(shapely.GeometryCollection(list(outlines))) if outlines else np.empty(0, dtype=object)
    tree, met = shapely.STRtree(edges), 0
    for first in range(0, len(edges), EDGES_AT_ONCE):
        met += tree.query(edges[first : first + EDGES_AT_ONCE]).shape[1]
        if met > most:
            rule = f"cross each other too often: more than {most:,} pairs of their edges are near each other."
            raise InputError(Problem("polygons", "", rule, "Simplify them, or unite them into one polygon first."))


def _cross_too_often(one: shapely.Geometry, other: shapely.Geometry) -> bool:
    tree, edges = shapely.STRtree(_edges(one)), _edges(other)
    met = 0
    for first in range(0, len(edges), EDGES_AT_ONCE):
        met += tree.query(edges[first : first + EDGES_AT_ONCE]).shape[1]
        if met > MOST_CROSSINGS:
            return True
    return False


def _edges(outline: shapely.Geometry) -> NDArray[np.object_]:
    edges: NDArray[np.object_] = shapely.linestrings(segments_of(outline))
    return edges


def segments_of(outline: shapely.Geometry) -> NDArray[np.float64]:
    """Those of a polygon, or of several: axes (segment, end, longitude and latitude)."""
    polygons = shapely.get_parts(shapely.get_parts(outline))
    xy, ring = shapely.get_coordinates(shapely.get_rings(polygons), return_index=True)
    start = np.flatnonzero(ring[1:] == ring[:-1])
    return np.stack([xy[start], xy[start + 1]], axis=1)
