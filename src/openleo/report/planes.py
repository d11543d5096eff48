"""Shells, planes and slots: a row a satellite, and a drawing of the largest shells."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from openleo.errors import counted
from openleo.instants import instant_text
from openleo.network.constellation import NO_PLANE, Constellation
from openleo.network.constellation.planes import Standing
from openleo.report.staging import StagedFile, blaming

COLUMNS: dict[str, type] = {
    "satellite": str,
    "id": int,
    "standing": str,
    "shell": str,
    "plane": int,
    "slot": int,
    "argument_of_latitude_deg": float,
}
IN_PLANE, OTHER = "#0072b2", "#d55e00"  # Okabe and Ito's blue and vermilion, safe for colour-blind readers
MOST_DRAWN = 6
IN_A_ROW = 3


def rows(constellation: Constellation) -> Iterator[tuple[object, ...]]:
    """One row a satellite, in the order of COLUMNS; planes count from 0 in each shell, from the west to the east."""
    names = constellation.shell_names
    first = np.searchsorted(constellation.plane_shell, np.arange(len(names)))
    argument = np.degrees(constellation.argument_rad)
    placed = constellation.placement
    for s, name in enumerate(constellation.satellite_name):
        shell, plane = int(constellation.shell[s]), int(constellation.plane[s])
        standing = Standing(placed.standing[s]) if placed else Standing.IN_PLANE
        known = plane != NO_PLANE
        yield (
            name,
            int(constellation.satellite_id[s]),
            standing.name.lower(),
            names[shell] if known else None,
            plane - int(first[shell]) if known else None,
            int(constellation.slot_in_plane[s]) if known else None,
            round(float(argument[s]), 4),
        )


def draw(constellation: Constellation, title: str, target: Path) -> None:
    """Draw to a PNG file: of the largest shells, each plane's satellites along their orbit.

    Element sets: satellites near a shell in altitude and inclination that are in none of its planes, in another colour.
    """
    from matplotlib.figure import Figure

    argument = np.degrees(constellation.argument_rad)
    count = np.bincount(constellation.shell[constellation.shell != NO_PLANE], minlength=len(constellation.shell_names))
    shells = np.argsort(-count, kind="stable")[:MOST_DRAWN]
    across = max(1, min(len(shells), IN_A_ROW))
    down = max(1, -(-len(shells) // IN_A_ROW))
    figure = Figure(figsize=(5.0 * across + 0.6, 4.2 * down + 1.2), layout="constrained")
    figure.suptitle(f"{title}: planes at {instant_text(constellation.epoch)}", fontsize=14, fontweight="bold")
    all_axes = np.atleast_1d(figure.subplots(down, across, squeeze=False)).ravel()
    for axes in all_axes[len(shells) :]:
        axes.set_visible(False)
    for axes, shell in zip(all_axes, shells.tolist(), strict=False):
        members = np.flatnonzero(constellation.shell == shell)
        planes = np.flatnonzero(constellation.plane_shell == shell)
        node_deg = np.degrees(constellation.raan_rad)[constellation.plane[members]] % 360.0
        axes.scatter(node_deg, argument[members], s=2.0, color=IN_PLANE)
        others = _near(constellation, shell)
        if others is not None:
            axes.scatter(*others, s=2.0, color=OTHER)
        left = f", {len(others[0]):,} near it in none (vermilion)" if others is not None and len(others[0]) else ""
        axes.set_title(
            f"{constellation.shell_names[shell]}: {len(members):,} in {counted(len(planes), 'plane')}{left}",
            fontsize=10,
        )
        axes.set(xlim=(0.0, 360.0), ylim=(0.0, 360.0))
        axes.set_xticks(range(0, 361, 60))
        axes.set_yticks(range(0, 361, 60))
        axes.set_xlabel("right ascension of the ascending node (°)")
        axes.set_ylabel("argument of latitude (°)")
    with StagedFile(target) as path, blaming(target):
        figure.savefig(path, dpi=130, format="png")


def _near(constellation: Constellation, shell: int) -> tuple[list[float], list[float]] | None:
    """(nodes, arguments of latitude) in degrees of the spares nearest to a shell; None for shells as filed."""
    if constellation.placement is None:
        return None
    chosen = np.flatnonzero(constellation.placement.nearest_shell == shell)
    chosen = chosen[constellation.placement.standing[chosen] == Standing.SPARE]
    orbits = constellation.placement.orbits
    return orbits.node_deg[chosen].tolist(), orbits.argument_deg[chosen].tolist()
