"""Small scenarios for tests of what is left when things are withdrawn: two shells, six gateways around Taiwan."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from openleo.results import Case
from openleo.scenario import Scenario

GATEWAYS = {  # name: (territory, latitude, longitude), invented
    "North": ("JPN", 34.1, 131.4),
    "Islands": ("JPN", 26.3, 127.8),
    "South": ("PHL", 15.1, 120.6),
    "Middle": ("PHL", 18.2, 121.0),
    "West": ("VNM", 21.0, 105.8),
    "Far": ("AUS", -12.5, 130.9),
}
POPS = {"Alpha": ("JPN", 35.7, 139.7), "Beta": ("PHL", 14.6, 121.0)}
SHELLS = {
    "low": 'name = "low"\naltitude_km = 550.0\ninclination_deg = 53.0\nplanes = 14\nper_plane = 14\nphasing = 5',
    "high": 'name = "high"\naltitude_km = 1150.0\ninclination_deg = 53.8\nplanes = 6\nper_plane = 10\nphasing = 2',
}


def written(
    folder: Path, *, isl: str = "+grid", lacks: tuple[str, ...] = (), shells: tuple[str, ...] = ("low", "high"),
    slots: int = 12, more: str = "", ground: str = "",
) -> Path:  # fmt: skip
    """A scenario file of the small network, without the gateways and PoPs that it lacks."""
    for file, stations in (("gateways.csv", GATEWAYS), ("pops.csv", POPS)):
        rows = [f"{name},{t},{lat},{lon}" for name, (t, lat, lon) in stations.items() if name not in lacks]
        (folder / file).write_text("\n".join(["name,territory,lat_deg,lon_deg", *rows]) + "\n")
    tables = "\n".join(f"[[constellation.shell]]\n{SHELLS[name]}\nlaser_share = 1.0" for name in shells)
    path = folder / "scenario.toml"
    path.write_text(f"""
name = "small"
start = 2026-11-20T00:00:00Z
duration = "{slots * 60}s"
slot = "60s"
[constellation]
isl = "{isl}"
{tables}
[ground]
area = ["TWN", "kinmen", "matsu"]
resolution = 3
gateways = "gateways.csv"
pops = "pops.csv"
{ground}
{more}
""")
    return path


@functools.cache
def case(**options: object) -> Case:
    """The case of such a scenario, read once."""
    with tempfile.TemporaryDirectory() as folder:
        return Scenario.load(written(Path(folder), **options)).case  # type: ignore[arg-type]
