"""Two rule sets on one computed network: the network's reach once, from the cache where it is known, then the effect.

Takes a Case (its own rules are not used) and two rule sets; gives Prepared, from which the effect of any change comes
in milliseconds. Of rules, those on gateways alone change the reach: one computation serves every rule set that is tried
on a scenario, and one more each choice of gateways that rules leave.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from openleo import cells as h3cells
from openleo import kept
from openleo.instants import instant_text
from openleo.network.ground.gateways import Gateways
from openleo.places.areas import parts_of
from openleo.places.expressions import Region, sea
from openleo.places.parts import Parts, cut
from openleo.places.population import RESOLUTION as POPULATION_RESOLUTION
from openleo.places.samples import Points, points_of
from openleo.places.territories import territories
from openleo.policy.mask import Kinds, kinds_of, named_classes
from openleo.policy.rules import EMERGENCY, RuleSet
from openleo.results import Case, OnProgress, count_reach, refuse_nothing, regions_of_both
from openleo.service.amounts import Spill
from openleo.service.change import Side, between, names_of
from openleo.service.effect import Effect, Extras, effect
from openleo.service.effect_cells import CellEffect, by_cell
from openleo.service.networks import Networks
from openleo.service.reached import Reached
from openleo.service.spill import Sampled, cells_in_doubt, spill
from openleo.service.statistics import RTT_BINS, CellStatistics
from openleo.service.windows import changes

if TYPE_CHECKING:
    import pyarrow as pa

    from openleo.service.terminal_effect import Fleet

CODE = "effects"  # this module, and with it all that makes what is kept

MOST_NAMED = 8  # territories


@dataclass(frozen=True, eq=False)
class Prepared:
    """A network's reach over an area, told apart as two rule sets ask. `from_cache` says what was computed before."""

    case: Case
    reached: Reached
    base: RuleSet
    new: RuleSet
    from_cache: tuple[str, ...]
    networks: Networks


def prepare(
    case: Case,
    base: RuleSet,
    new: RuleSet,
    *,
    folder: Path | None = None,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
    tell: kept.Tell | None = None,
) -> Prepared:
    """Cut the area by the territories and by the rules' regions, and compute what reaches it.

    `folder` is where both are kept and looked for, by default in the user's cache.
    """
    folder = folder or kept.default_folder("reach")
    progress = on_progress or (lambda _what, _done, _of: None)
    regions = regions_of_both(base, new)
    name = f"parts-{_parts_sha256(case, regions)[:32]}"
    found: list[str] = []
    progress("cutting cells by territory", 0, 1)
    if (arrays := kept.read(folder, name)) is not None:
        parts = _parts(arrays)
        found.append("parts")
    else:
        parts = parts_of(case.area, case.resolution, tuple(region.polygon for region in regions))
        refuse_nothing(case, parts)
        kept.keep(folder, name, _parts_arrays(parts), tell)
    reach_of = partial(reached_by, case, parts, kinds_of(parts, regions), (folder, threads, progress, tell))
    reached, cached = reach_of(case.network.gateways)
    found += ["reach"] if cached else []
    networks = Networks(case.network.gateways, lambda gateways: reach_of(gateways)[0])
    networks.known[frozenset()] = reached
    return Prepared(case, reached, base, new, tuple(found), networks)


def reached_by(
    case: Case, parts: Parts, kinds: Kinds, how: tuple[Path, int | None, OnProgress, kept.Tell | None],
    gateways: Gateways,
) -> tuple[Reached, bool]:  # fmt: skip
    """(what is reached by some gateways of a case, whether it was known). `how`: folder, threads, who is told."""
    folder, threads, progress, tell = how
    case = replace(case, network=replace(case.network, gateways=gateways))
    name = f"reach-{_reach_sha256(case, parts)[:32]}"
    if (arrays := kept.read(folder, name)) is not None:
        return Reached(parts, _statistics(arrays), kinds), True
    statistics, _ = count_reach(case, parts, threads, progress)
    kept.keep(folder, name, _statistics_arrays(statistics), tell)
    return Reached(parts, statistics, kinds), False


def classes_of_both(base: RuleSet, new: RuleSet, also: Sequence[str] = ()) -> tuple[str, ...]:
    """The classes to tell of: those that the rules name, one for all others, `also` (of terminals), and emergency."""
    named = named_classes(base) | named_classes(new) | {EMERGENCY}
    known = dict.fromkeys((*base.classes, *new.classes))
    unnamed = [class_ for class_ in known if class_ not in named]
    told = {*named, *also, *([] if any(class_ in also for class_ in unnamed) else unnamed[:1])}
    return (*(class_ for class_ in known if class_ in told and class_ != EMERGENCY), EMERGENCY)


def alike(base: RuleSet, new: RuleSet, classes: Sequence[str]) -> str:
    """A sentence on the classes that no rule names, where one of them stands for all; else nothing."""
    named = named_classes(base) | named_classes(new) | {EMERGENCY}
    unnamed = [class_ for class_ in dict.fromkeys((*base.classes, *new.classes)) if class_ not in named]
    stands = [class_ for class_ in unnamed if class_ in classes]
    others = [class_ for class_ in unnamed if class_ not in classes]
    if not stands or not others:
        return ""
    return f"No rule names {', '.join(others)}: what is said of {stands[0]} holds for them."


def first_difference(prepared: Prepared, classes: Sequence[str]) -> datetime:
    """The scenario's start, or the first instant after it at which the two rule sets differ there."""
    start = prepared.case.grid.start
    both = (prepared.base, prepared.new)
    for at in (start, *(change for change, _ in changes(both, start))):
        sides = Side(prepared.base, at), Side(prepared.new, at)
        networks = [prepared.networks.of(side) for side in sides]
        if networks[0] is None or networks[1] is None:
            continue
        if any(row.changed for row in between((networks[0], networks[1]), *sides, classes).rows):
            return at
    return start


def outside(prepared: Prepared, classes: Sequence[str], at: datetime) -> str:
    """A sentence on territories that are not in the area at all and in which the two rule sets differ; else nothing.

    Of what a rule's own polygons hold there, nothing is said.
    """
    inside = set(prepared.reached.territories)
    labels = tuple(sorted({*territories(), *sea().ids} - inside))
    none = np.empty(0, dtype=np.intp)
    kinds = Kinds(none, labels, np.zeros((len(labels), len(prepared.reached.kinds.regions)), dtype=bool),
                  prepared.reached.kinds.regions)  # fmt: skip
    before, after = (Side(one, at).decided(kinds, classes).may for one in (prepared.base, prepared.new))
    differ = [label for label, one in zip(labels, (before != after).any(axis=1), strict=True) if one]
    if not differ:
        return ""
    named = ", ".join(differ[:MOST_NAMED]) + (
        f" and {len(differ) - MOST_NAMED} more" if len(differ) > MOST_NAMED else ""
    )
    return f"The rules differ outside the scenario's area as well, which is not counted: {named}."


def compare(
    prepared: Prepared,
    classes: Sequence[str],
    at: datetime,
    until: datetime | None = None,
    extras: Extras | None = None,
) -> Effect:
    """The effect of going from the old rules to the new."""
    case = prepared.case
    return effect(
        prepared.reached, prepared.base, prepared.new, classes, at, case.network_sha256,
        order=case.area.order, until=until, extras=extras, networks=prepared.networks,
    )  # fmt: skip


def cell_effect(prepared: Prepared, class_: str, at: datetime) -> CellEffect:
    """The cells of one class before and after, for maps."""
    sides = [Side(one, at) for one in (prepared.base, prepared.new)]
    before, after = (side.decided(prepared.reached.kinds, (class_,)) for side in sides)
    return by_cell(of_both(prepared, at), before, after, class_)


def of_both(prepared: Prepared, at: datetime) -> tuple[Reached, Reached]:
    """What the network of each side reaches."""
    before, after = (prepared.networks.of(Side(one, at)) for one in (prepared.base, prepared.new))
    if before is None or after is None:
        raise ValueError("the networks of both rule sets at the instant are more than may be computed")
    return before, after


def changed_terminals(prepared: Prepared, fleet: Fleet, at: datetime) -> pa.Table:
    """The terminals that lose or gain service, each with the rules by which it does."""
    from openleo.service import terminal_rows

    was, is_ = Side(prepared.base, at), Side(prepared.new, at)
    names = names_of(prepared.base, prepared.new)
    of_gateways = prepared.networks.because(was, is_, names)
    return terminal_rows.changed(fleet, was, is_, of_both(prepared, at), names, of_gateways)


# --- beams --------------------------------------------------------------------------------------------------------

FINE = 4.0  # points stand so many times closer than a beam reaches
MOST_POINTS = 2_000_000


def spills(
    prepared: Prepared, classes: Sequence[str], at: datetime, beam_km: float, folder: Path | None = None
) -> tuple[dict[tuple[str, str], Spill], float]:
    """(what beams do beyond borders, by territory and class; how far points stand apart, in km)."""
    reached, case = prepared.reached, prepared.case
    before, after = (Side(one, at).decided(reached.kinds, classes) for one in (prepared.base, prepared.new))
    cells = cells_in_doubt(reached, (before, after), beam_km)
    if len(cells) == 0:
        return {}, 0.0
    resolution = max(case.resolution, POPULATION_RESOLUTION)
    finer = resolution
    while h3cells.radius_km(finer) > beam_km / FINE and len(cells) * 7 ** (finer + 1 - case.resolution) < MOST_POINTS:
        finer += 1
    points, kind, cell = _sampled(prepared, cells, resolution, finer, folder or kept.default_folder("reach"))
    served = [network.statistics.can_serve > 0.0 for network in of_both(prepared, at)]
    first, second = (Sampled(points, kind, can_serve[cell]) for can_serve in served)
    return spill((first, second), reached.kinds, before, after, beam_km), h3cells.radius_km(finer)


def _sampled(
    prepared: Prepared, cells: h3cells.Cells, resolution: int, finer: int, folder: Path
) -> tuple[Points, NDArray[np.intp], NDArray[np.intp]]:
    """(points, the kind of each, the number of its cell); the points are kept."""
    reached = prepared.reached
    regions = reached.kinds.regions
    said = [
        _parts_sha256(prepared.case, regions),
        hashlib.sha256(cells.tobytes()).hexdigest(),
        str((resolution, finer)),
    ]
    name = f"points-{hashlib.sha256(' '.join(said).encode()).hexdigest()[:32]}"
    if (arrays := kept.read(folder, name)) is None:
        arrays = _point_arrays(reached, cells, resolution, finer)
        kept.keep(folder, name, arrays)
    points = Points(*(arrays[name] for name in ("latitude_deg", "longitude_deg", "part", "people")))
    return points, arrays["kind"], np.searchsorted(reached.parts.cells, arrays["cell"])


def _point_arrays(reached: Reached, cells: h3cells.Cells, resolution: int, finer: int) -> dict[str, NDArray[Any]]:
    """Points of the kinds that the area has; what of a border cell lies outside of it is left out."""
    polygons = tuple(region.polygon for region in reached.kinds.regions)
    fine = cut(h3cells.children(cells, resolution), polygons)
    coarse = h3cells.parents(fine.cells, int(h3cells.resolutions(cells[:1])[0]))[fine.cell]
    kinds, parts = reached.kinds, reached.parts
    number = {
        (label, row.tobytes()): kind for kind, (label, row) in enumerate(zip(kinds.label, kinds.inside, strict=True))
    }
    kind = np.array([number.get(key, -1) for key in zip(fine.territory, map(bytes, fine.within), strict=True)], np.intp)
    in_area = set(zip(parts.cells[parts.cell].tolist(), kinds.of_part.tolist(), strict=True))
    keep = np.array([key in in_area for key in zip(coarse.tolist(), kind.tolist(), strict=True)], dtype=bool)
    kept_parts = fine.select(keep)
    points = points_of(kept_parts, polygons, finer)
    return {**vars(points), "kind": kind[keep][points.part], "cell": coarse[keep][points.part]}


# --- kept ---------------------------------------------------------------------------------------------------------


def _parts_sha256(case: Case, regions: Sequence[Region]) -> str:
    said = [case.inputs[name].sha256 for name in ("area", "territories", "population")]
    said += [str(case.resolution), kept.code_sha256(CODE), *(region.polygon.wkb_hex for region in regions)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def _reach_sha256(case: Case, parts: Parts) -> str:
    cells = hashlib.sha256(parts.cells.tobytes()).hexdigest()
    said = [case.reach_sha256, instant_text(case.grid.start), cells, kept.code_sha256(CODE)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def _parts_arrays(parts: Parts) -> dict[str, NDArray[Any]]:
    names, code = np.unique(parts.territory.astype(str), return_inverse=True)
    plain = {name: getattr(parts, name) for name in ("cells", "cell", "within", "area_km2", "people")}
    return {**plain, "names": names, "code": code.ravel()}


def _parts(arrays: kept.Arrays) -> Parts:
    territory = arrays["names"].astype(object)[arrays["code"]]
    return Parts(
        cells=arrays["cells"].astype(h3cells.world(0).dtype),
        cell=arrays["cell"],
        territory=territory,
        within=arrays["within"],
        area_km2=arrays["area_km2"],
        people=arrays["people"],
    )


PLAIN = ("can_serve", "no_satellite", "no_gateway", "satellites_min", "satellites_mean", "outages", "outage_s_longest",
         "hand_overs")  # fmt: skip


def _statistics_arrays(statistics: CellStatistics) -> dict[str, NDArray[Any]]:
    """Most bins of RTT are empty: what is kept is (cell, bin, slots)."""
    cell, bin_ = np.nonzero(statistics.rtt_counts)
    return {
        **{name: getattr(statistics, name) for name in PLAIN},
        "slots": np.array(statistics.slots),
        "cell": cell.astype(np.uint32),
        "bin": bin_.astype(np.uint16),
        "count": statistics.rtt_counts[cell, bin_],
    }


def _statistics(arrays: kept.Arrays) -> CellStatistics:
    counts = np.zeros((len(arrays["can_serve"]), RTT_BINS), np.uint16)
    counts[arrays["cell"], arrays["bin"]] = arrays["count"]
    plain = {name: arrays[name] for name in PLAIN}
    return CellStatistics(slots=int(arrays["slots"]), rtt_counts=counts, **plain)
