"""The layers of a map, from the ground up: land, cells, contested areas, borders, graticule, stations, names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import Colormap, Normalize
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Outline
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from openleo import palette
from openleo.network.ground.gateways import Gateways
from openleo.places import land as lands
from openleo.places.territories import contested_areas
from openleo.report.map_frame import Frame, Geometries, corners_of, outline_of
from openleo.service.serve import REASONS, Reason
from openleo.service.summary import CellTable
from openleo.units import EARTH_MEAN_RADIUS_KM

OCEAN, LAND = palette.OCEAN, palette.LAND
LINE, INK, QUIET = "#2f3b44", "#1d252b", "#5c6a74"
REASON_COLOURS = {reason: palette.REASON_COLOURS[reason.word] for reason in REASONS}
NOT_PERMITTED_HATCH, HATCH_COLOUR = "////", "#c4432b"
DASHES = (0.0, (3.0, 1.6))
CONTESTED_HATCH = "..."
MANY_STATIONS = 90  # beyond, they are drawn small and without names
FINE_SPAN_DEG = 16.0  # below it, the 10m edition of the land is drawn
SMALL_PT, SPREAD_PT = 7.0, 36.0  # an area smaller than a square of this side is ringed, unless its islets lie far apart
RING_PT = 6.5
NAMED_SPAN_DEG = 120.0  # beyond, contested areas are dotted without names
# The atlas closes its land along ±180° and, in Antarctica, along a parallel: those are no coasts.
EDGES = shapely.box(-179.9999, -84.0, 179.9999, 90.0)
# The 50m edition leaves out what lies south of that parallel (84.35°S), which is all land.
POLE = shapely.box(-180.0, -90.0, 180.0, -84.35)
DEGREE_KM = EARTH_MEAN_RADIUS_KM * np.pi / 180.0
STEPS_DEG = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
HALO: list[AbstractPathEffect] = [withStroke(linewidth=1.8, foreground="white", alpha=0.85)]


rtt_colours = palette.rtt_colours


def rate_colours() -> Colormap:
    """Those of round-trip times, the other way round: high rates are light."""
    return rtt_colours().reversed("rate")


# --- ground -------------------------------------------------------------------------------------------------------


@cache
def _outline_of_territory(edition: str, id_: str) -> shapely.Geometry:
    return shapely.union_all(lands.load(edition).of({id_}))


def _territories_within(frame: Frame, edition: str) -> list[str]:
    land = lands.load(edition)
    owners = {int(owner) for _, box in frame.boxes for owner in land.owner[land.tree.query(box)]}
    return sorted(land.territories[owner] for owner in owners)


@lru_cache(maxsize=2)  # panels share their ground
def _land_path(frame: Frame) -> Outline:
    land = lands.load(_edition(frame))
    near = np.unique(np.concatenate([land.tree.query(box) for _, box in frame.boxes])).astype(int)
    pieces = land.pieces[near] if _edition(frame) == "10m" else np.append(land.pieces[near], POLE)
    return outline_of(frame.placed(pieces)[0])


@lru_cache(maxsize=2)
def _border_paths(frame: Frame) -> tuple[Outline, Outline]:
    """(of the territories that nobody contests, of contested areas)."""
    edition, contested = _edition(frame), contested_areas()
    ids = _territories_within(frame, edition)
    plain = [_outline_of_territory(edition, id_) for id_ in ids if id_ not in contested]
    broken = [_outline_of_territory(edition, id_) for id_ in ids if id_ in contested]
    return _lines(frame, plain), _lines(frame, broken)


def _lines(frame: Frame, outlines: Sequence[shapely.Geometry]) -> Outline:
    rings = shapely.intersection(shapely.boundary(np.array(outlines, dtype=object)), EDGES)
    return outline_of(frame.placed(np.asarray(shapely.get_parts(rings), dtype=object))[0])


def draw_land(axes: Axes, frame: Frame) -> None:
    """The sea as the axes' ground, and all land on it, with its borders not yet drawn.

    As an artist, here and below: a patch has the axes measure it, corner by corner, for limits that the frame has set.
    """
    axes.set_facecolor(OCEAN)
    axes.add_artist(PathPatch(_land_path(frame), facecolor=LAND, edgecolor=LAND, linewidth=0.3, zorder=1))


def draw_borders(axes: Axes, frame: Frame) -> None:
    """Coasts and borders of every territory; those of contested areas are broken lines."""
    width = 0.35 if frame.span_deg > NAMED_SPAN_DEG else 0.55
    over_dark: list[AbstractPathEffect] = [withStroke(linewidth=width + 0.6, foreground="white", alpha=0.3)]
    for path, dashes in zip(_border_paths(frame), ("solid", DASHES), strict=True):
        line = PathPatch(path, fill=False, edgecolor=LINE, linewidth=width, linestyle=dashes, zorder=5)
        line.set_path_effects(over_dark)
        axes.add_artist(line)


def _edition(frame: Frame) -> str:
    return "10m" if frame.span_deg < FINE_SPAN_DEG else "50m"


# --- cells --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CellShapes:
    """The cells' polygons as they stand on the map; `of` numbers into the cells."""

    corners: list[NDArray[np.float64]]
    of: NDArray[np.intp]


def shapes_of(frame: Frame, outlines: Geometries) -> CellShapes:
    """The polygons of the cells, in the order and as often as they show."""
    parts, cell = shapely.get_parts(outlines, return_index=True)
    placed, part = frame.placed(np.asarray(parts, dtype=object))
    return CellShapes(corners_of(placed), cell[part])


def draw_cells(axes: Axes, shapes: CellShapes, table: CellTable, scale: Normalize | None) -> None:
    """Each cell in the colour of its reason; served ones by their median round-trip time."""
    reason = np.array([Reason[word.upper()] for word in table.reason])[shapes.of]
    for code in Reason:
        mine = np.flatnonzero(reason == code)
        if len(mine) == 0:
            continue
        corners = [shapes.corners[number] for number in mine]
        collection = PolyCollection(corners, linewidths=0.25, zorder=2)
        if code is Reason.SERVED:
            collection.set_array(table.rtt_ms_p50[shapes.of[mine]])
            collection.set_cmap(rtt_colours())
            collection.set_norm(scale)
            collection.set_edgecolor("face")
        else:
            collection.set_facecolor(REASON_COLOURS[code])
            collection.set_edgecolor(REASON_COLOURS[code])
        axes.add_collection(collection, autolim=False)
        if code is Reason.NOT_PERMITTED:
            axes.add_artist(hatched(corners, HATCH_COLOUR, NOT_PERMITTED_HATCH))


def hatched(corners: Sequence[NDArray[np.float64]], colour: str, hatch: str) -> PathPatch:
    """One path of all cells: hatching thousands of polygons one by one takes seconds."""
    xy = np.concatenate(corners)
    codes = np.full(len(xy), Outline.LINETO, dtype=np.uint8)
    codes[np.cumsum([0, *(len(ring) for ring in corners[:-1])])] = Outline.MOVETO
    return PathPatch(Outline(xy, codes), fill=False, edgecolor=colour, linewidth=0.0, hatch=hatch, zorder=3)


# --- names --------------------------------------------------------------------------------------------------------

AROUND = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)]
ALIGN_X, ALIGN_Y = {1: "left", 0: "center", -1: "right"}, {1: "bottom", 0: "center", -1: "top"}


@dataclass
class Names:
    """Writes names beside points, where none is covered and nothing runs over the edge; drops what has no place."""

    axes: Axes
    renderer: Any
    taken: list[Bbox] = field(default_factory=list)

    def points(self, length_pt: float) -> float:
        """A length in pixels."""
        return length_pt * self.axes.figure.dpi / 72.0

    def keep_clear(self, x: float, y: float, radius_pt: float) -> None:
        px, py = self.axes.transData.transform((x, y))
        radius = self.points(radius_pt)
        self.taken.append(Bbox.from_extents(px - radius, py - radius, px + radius, py + radius))

    def write(self, x: float, y: float, text: str, away_pt: float, **style: Any) -> None:
        """A name `away_pt` from its point; over the point if that is 0."""
        inside = self.axes.get_window_extent(self.renderer).padded(-2.0)
        directions = AROUND if away_pt else [(0, 0), *AROUND]
        for said in dict.fromkeys((text, text.replace(" ", "\n", 1))):  # on one line, else on two
            for dx, dy in directions:
                slant = 0.7 if dx and dy else 1.0
                label = self.axes.annotate(
                    said, (x, y), (dx * away_pt * slant, dy * away_pt * slant), textcoords="offset points",
                    ha=ALIGN_X[dx], va=ALIGN_Y[dy], path_effects=HALO, zorder=9, annotation_clip=True,
                    parse_math=False, **style,
                )  # fmt: skip
                box = label.get_window_extent(self.renderer)
                within = inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1)
                if within and not any(box.overlaps(other) for other in self.taken):
                    self.taken.append(box)
                    return
                label.remove()


def draw_contested(axes: Axes, frame: Frame, names: Names) -> bool:
    """Contested areas: dotted, named by their own name, ringed where they are small. Whether there is one."""
    land, found = lands.load("10m"), []
    ids = contested_areas()
    for id_ in _territories_within(frame, "10m"):
        if id_ in ids:
            pieces, _ = frame.placed(land.of({id_}))
            if len(pieces):
                found.append((id_, pieces))
    for _, pieces in found:
        axes.add_artist(
            PathPatch(
                outline_of(pieces), facecolor="none", edgecolor=INK, linewidth=0.0, hatch=CONTESTED_HATCH, zorder=4
            )
        )
    for id_, pieces in sorted(found, key=lambda one: -shapely.area(one[1]).sum()):
        _name_contested(axes, frame, names, ids[id_].name, pieces)
    return bool(found)


def _name_contested(axes: Axes, frame: Frame, names: Names, name: str, pieces: Geometries) -> None:
    printed = shapely.transform(pieces, axes.transData.transform)
    side = float(np.sqrt(shapely.area(printed).sum()))
    left, bottom, right, top = shapely.total_bounds(printed)
    spread = max(right - left, top - bottom) > names.points(SPREAD_PT)
    small = side < names.points(SMALL_PT)
    if small and spread:  # an archipelago
        x, y = axes.transData.inverted().transform(((left + right) / 2.0, (bottom + top) / 2.0))
    else:
        point = shapely.point_on_surface(pieces[np.argmax(shapely.area(pieces))])
        x, y = shapely.get_x(point), shapely.get_y(point)
    if not axes.bbox.padded(-names.points(RING_PT)).contains(*axes.transData.transform((x, y))):
        return
    ringed = small and not spread and frame.span_deg <= NAMED_SPAN_DEG
    if ringed:
        axes.plot(
            x, y, "o", markersize=RING_PT, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=0.6, zorder=7
        )
        names.keep_clear(x, y, RING_PT / 2.0)
    if frame.span_deg <= NAMED_SPAN_DEG:
        names.write(x, y, name, RING_PT / 2.0 + 1.5 if ringed else 0.0, fontsize=6.3, fontstyle="italic", color=INK)


# --- stations -----------------------------------------------------------------------------------------------------


def draw_stations(axes: Axes, frame: Frame, gateways: Gateways, names: Names) -> tuple[int, int]:
    """Gateways that may be used (triangles) and the PoPs (squares); how many of each show."""
    pops = _showing(frame, [(pop.longitude_deg, pop.latitude_deg) for pop in gateways.pops])
    used = gateways.pop >= 0
    sites = _showing(frame, list(zip(gateways.longitude_deg[used], gateways.latitude_deg[used], strict=True)))
    small = len(sites) > MANY_STATIONS
    edge, (pop_pt2, gateway_pt2) = (0.4, (14, 9)) if small else (0.7, (40, 26))
    axes.scatter(pops[:, 0], pops[:, 1], pop_pt2, c="white", marker="s", edgecolors=INK, linewidths=edge, zorder=7)
    axes.scatter(
        sites[:, 0], sites[:, 1], gateway_pt2, c=INK, marker="^", edgecolors="white", linewidths=edge, zorder=8
    )
    for x, y in (*pops, *sites):
        names.keep_clear(x, y, 2.5)
    return len(sites), len(pops)


def name_gateways(frame: Frame, gateways: Gateways, names: Names) -> None:
    """Names beside the gateways, where there is room and they are not too many."""
    shown = np.flatnonzero(frame.holds(gateways.longitude_deg, gateways.latitude_deg) & (gateways.pop >= 0))
    if len(shown) > MANY_STATIONS:
        return
    for number in shown:
        x = float(frame.turned(gateways.longitude_deg[number]))
        names.write(x, gateways.latitude_deg[number], gateways.stations[number].name, 4.0, fontsize=6.3, color=INK)


def _showing(frame: Frame, places: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """(longitude, latitude) of the places within the frame."""
    xy = np.array(places).reshape(-1, 2)
    here = frame.holds(xy[:, 0], xy[:, 1])
    return np.column_stack([frame.turned(xy[here, 0]), xy[here, 1]])


# --- graticule and scale ------------------------------------------------------------------------------------------


def draw_graticule(axes: Axes, frame: Frame) -> None:
    """Meridians and parallels at round degrees, named at the edges."""
    meridians = _round_degrees(frame.west_deg, frame.east_deg, most=9)
    parallels = _round_degrees(frame.south_deg, frame.north_deg, most=6)
    axes.set_xticks(meridians, [longitude_text(value) for value in meridians])
    axes.set_yticks(parallels, [latitude_text(value) for value in parallels])
    axes.tick_params(length=2.0, width=0.5, pad=2.0, labelsize=6.5, colors=QUIET)
    axes.grid(visible=True, color="white", alpha=0.35, linewidth=0.5, zorder=4)
    for spine in axes.spines.values():
        spine.set(linewidth=0.6, color=QUIET)


def _round_degrees(low: float, high: float, most: int) -> NDArray[np.float64]:
    step = next((step for step in STEPS_DEG if (high - low) / step <= most), STEPS_DEG[-1])
    return np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step


def longitude_text(degrees: float) -> str:
    """How a map's edge names a meridian.

    >>> longitude_text(190.0), longitude_text(-7.5), longitude_text(0.0), longitude_text(180.0)
    ('170°W', '7.5°W', '0°', '180°')
    """
    turned = (degrees + 180.0) % 360.0 - 180.0
    side = "" if abs(turned) in (0.0, 180.0) else "E" if turned > 0.0 else "W"
    return f"{abs(turned):g}°{side}"


def latitude_text(degrees: float) -> str:
    """How a map's edge names a parallel."""
    return f"{abs(degrees):g}°{'N' if degrees > 0.0 else 'S' if degrees < 0.0 else ''}"


def draw_scale(axes: Axes, frame: Frame, names: Names) -> None:
    """A bar of a round length, true at the middle latitude, in the lower left corner."""
    wide_in, tall_in = axes.bbox.width / axes.figure.dpi, axes.bbox.height / axes.figure.dpi
    x, y = 0.12 / wide_in, 0.12 / tall_in
    box = Rectangle((x / 2.0, y / 2.0), max(_scale(frame)[1], 1.1 / wide_in) + x, 0.36 / tall_in,
                    transform=axes.transAxes, facecolor="white", alpha=0.85, linewidth=0.0, zorder=9)  # fmt: skip
    axes.add_patch(box)
    _draw_bar(axes, frame, x, y)
    names.taken.append(box.get_window_extent(names.renderer))


def draw_scale_below(axes: Axes, frame: Frame, below_in: float) -> None:
    """As `draw_scale`, so far under the right end of the map, where it covers nothing."""
    wide_in, tall_in = axes.bbox.width / axes.figure.dpi, axes.bbox.height / axes.figure.dpi
    _draw_bar(axes, frame, 1.0 - max(_scale(frame)[1], 1.1 / wide_in), -below_in / tall_in)


def _draw_bar(axes: Axes, frame: Frame, x: float, y: float) -> None:
    """The bar with its words above; x and y of its lower left corner, as shares of the map."""
    length_km, share = _scale(frame)
    tall = 0.06 * axes.figure.dpi / axes.bbox.height
    for part, colour in enumerate((INK, "white")):
        axes.add_patch(
            Rectangle((x + part * share / 2.0, y), share / 2.0, tall, transform=axes.transAxes, facecolor=colour,
                      edgecolor=INK, linewidth=0.5, zorder=10, clip_on=False)
        )  # fmt: skip
    where = "the equator" if abs(frame.middle_deg) < 3.0 else latitude_text(round(frame.middle_deg))
    axes.text(x, y + tall * 1.7, f"{length_km:,.0f} km at {where}", transform=axes.transAxes, fontsize=6.5, color=INK,
              va="bottom", zorder=10)  # fmt: skip


def _scale(frame: Frame) -> tuple[float, float]:
    """(a round length in km, the share of the map's width that it takes: up to 1 / 4.5)."""
    wide_km = (frame.east_deg - frame.west_deg) * frame.cosine * DEGREE_KM
    length_km = max(
        base * 10.0**power for power in range(5) for base in (1, 2, 5) if base * 10.0**power <= wide_km / 4.5
    )
    return length_km, length_km / wide_km
