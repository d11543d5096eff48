"""How sure a number is: a case computed again and again with what is not known of it drawn anew.

Takes a Case; makes variants of it (`variant`) in which the satellites stand elsewhere on their orbits, elevation masks
are higher or lower, others subscribe, and the fitted constants have other values; gives for each number that a run
tells the middle and where nine of ten draws put it. Each source's span is a statement of its own, in `SOURCES`.

Draw k of a source depends on the seed, on k and on the source alone, so a source may be drawn by itself: what moves a
number most is found by a few such draws.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo.network import chain
from openleo.network.constellation import Constellation
from openleo.network.topology import Topology
from openleo.places import population
from openleo.results import Case, OnProgress, Results, compute
from openleo.service.summary import capacity_json

Floats = NDArray[np.float64]
Figures = Mapping[tuple[str, str], float | None]  # by (of what, which number); None: there is none

PERCENT = (5.0, 50.0, 95.0)
ALONE = 4  # draws of each source alone
START_S = 300.0
MASK_DEG, LOWEST_MASK_DEG = 5.0, 5.0
PEOPLE_FACTOR = 3.0
CORRELATION = (
    -0.84
)  # of scheduling_ms and way_stretch, over the bootstrap that they were fitted in (tools/fit_chain.py)


@dataclass(frozen=True)
class Source:
    """One thing that is not known: what of it is drawn, on what ground, whether a case has it, and a case with it."""

    name: str
    what: str
    basis: str
    applies: Callable[[Case], bool]
    draw: Callable[[Case, np.random.Generator], Case]


def variant(case: Case, seed: int, number: int, sources: Sequence[Source]) -> Case:
    """The case with some sources drawn, for the draw of that number."""
    for source in sources:
        case = source.draw(case, np.random.default_rng([seed, number, NAMES.index(source.name)]))
    return case


# --- what is drawn ------------------------------------------------------------------------------------------------


def draw_phasing(case: Case, random: np.random.Generator) -> Case:
    """Filed shells stand anywhere; element sets are where they are, so the run begins a little later instead."""
    sky = case.network.constellation
    if not sky.shells:
        most_s = _steady_s(case)
        later = replace(case.grid, start=case.grid.start + timedelta(seconds=random.uniform(0.0, most_s)))
        return replace(case, grid=later)
    shells = len(sky.shells)
    node, along = random.uniform(0.0, 2.0 * np.pi, shells), random.uniform(0.0, 2.0 * np.pi, shells)
    if joins_shells(sky, case.network.topology):
        node, along = np.full(shells, node[0]), np.zeros(shells)
    moved = replace(
        sky,
        raan_rad=np.mod(sky.raan_rad + node[sky.plane_shell], 2.0 * np.pi),
        argument_rad=np.mod(sky.argument_rad + along[sky.shell], 2.0 * np.pi),
    )
    return replace(case, network=replace(case.network, constellation=moved))


def joins_shells(sky: Constellation, topology: Topology) -> bool:
    """Whether an inter-satellite link goes from one shell to another: chosen by where they stand to each other."""
    neighbours: NDArray[np.int32] = topology.neighbours
    other = sky.shell[np.maximum(neighbours, 0)]
    return bool(((neighbours >= 0) & (other != sky.shell[:, np.newaxis])).any())


def _steady_s(case: Case) -> float:
    """How much later a run may begin under the same rules."""
    if case.rules is None:
        return START_S
    change = case.rules.next_change(case.grid.start)
    return START_S if change is None else min(START_S, (change - case.grid.start).total_seconds() * 0.999)


def draw_masks(case: Case, random: np.random.Generator) -> Case:
    """Users' and gateways' masks, each shifted everywhere alike."""
    network = case.network
    user, gateway = random.uniform(-MASK_DEG, MASK_DEG, 2).tolist()

    def of_shells(masks: tuple[float, ...], by_deg: float) -> tuple[float, ...]:
        return tuple(shifted_deg(deg, by_deg) if deg > 0.0 else deg for deg in masks)

    limits = replace(
        network.limits,
        user_shell_deg=of_shells(network.limits.user_shell_deg, user),
        gateway_shell_deg=of_shells(network.limits.gateway_shell_deg, gateway),
    )
    moved = replace(
        network,
        user_elevation_deg=shifted_deg(network.user_elevation_deg, user),
        gateway_elevation_deg=shifted_deg(network.gateway_elevation_deg, gateway),
        limits=limits,
    )
    return replace(case, network=moved)


def shifted_deg(mask_deg: float, by_deg: float) -> float:
    """A mask moved, but not below 5° where it was above.

    >>> shifted_deg(25.0, -4.0), shifted_deg(6.0, -4.0), shifted_deg(2.0, -4.0), shifted_deg(88.0, 4.0)
    (21.0, 5.0, 2.0, 90.0)
    """
    return float(np.clip(mask_deg + by_deg, min(mask_deg, LOWEST_MASK_DEG), 90.0))


def draw_penetration(case: Case, random: np.random.Generator) -> Case:
    """Subscribers: a known number within its own span, above or below it alike; elsewhere by a factor a territory."""
    assert case.capacity is not None
    asked = case.capacity.demand
    said = asked.penetration
    drawn = {}
    for name, people in sorted(people_by_territory().items()):
        side, way = random.uniform(size=2).tolist()
        if name in said.known:
            count = said.known[name]
            end = (said.spans or {}).get(name, (count, count))[int(side > 0.5)]
        else:
            count = said.otherwise * people
            end = count * (PEOPLE_FACTOR if side > 0.5 else 1.0 / PEOPLE_FACTOR)
        drawn[name] = count * (end / count) ** way if count > 0.0 and end > 0.0 else count
    others = {name: count for name, count in said.known.items() if name not in drawn}
    changed = replace(asked, penetration=replace(said, known={**others, **drawn}))
    return replace(case, capacity=replace(case.capacity, demand=changed))


@cache
def people_by_territory() -> Mapping[str, float]:
    """The embedded estimate."""
    _, territory, people = population.estimate()
    names, number = np.unique(territory.astype(str), return_inverse=True)
    return dict(zip(names.tolist(), np.bincount(number.ravel(), people).tolist(), strict=True))


def draw_constants(case: Case, random: np.random.Generator) -> Case:
    """The two constants that were fitted, together as they were."""
    used = case.network.chain
    assert used is not None
    _, known, _ = chain.read_constants()
    first, second = random.standard_normal(2).tolist()
    second = CORRELATION * first + np.sqrt(1.0 - CORRELATION**2) * second
    changed = replace(
        used,
        scheduling_ms=max(0.0, used.scheduling_ms + (known["scheduling_ms"].uncertainty or 0.0) * first),
        way_stretch=max(1.0, used.way_stretch + (known["way_stretch"].uncertainty or 0.0) * second),
    )
    return replace(case, network=replace(case.network, chain=changed))


def _has_subscribers(case: Case) -> bool:
    return case.capacity is not None and case.capacity.demand.table is None


SOURCES = (
    Source(
        "phasing",
        "Filed shells: node and phase of each shell anywhere on the circle, the satellites within a shell as they are "
        "(with links between shells, all nodes alike). Element sets: the start up to five minutes later, within the "
        "same rules.",
        "Filings do not say where satellites stand at an instant. Element sets do: what is drawn is which instants a "
        "run happens to see.",
        lambda case: case.network.constellation.ephemerides is None,
        draw_phasing,
    ),
    Source(
        "masks",
        "Elevation masks of users and of gateways, each 5° up or down, evenly.",
        "Assumed: licences say 25°, earlier filings 40°; what stands around a dish nobody says.",
        lambda _case: True,
        draw_masks,
    ),
    Source(
        "penetration",
        "Subscribers: where a number is known between its low and its high, elsewhere a third to three times as many "
        "in each territory by itself, evenly in the logarithm.",
        "The spans of the table of subscriptions; the factor is assumed.",
        _has_subscribers,
        draw_penetration,
    ),
    Source(
        "constants",
        "scheduling_ms and way_stretch of the chain, normal, correlated by -0.84.",
        "Standard deviations of the fit's bootstrap over territories (data/chain/constants.toml).",
        lambda case: case.network.chain is not None,
        draw_constants,
    ),
)
NAMES = [source.name for source in SOURCES]


# --- draws and what they say --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Interval:
    """Of one number: the 5, 50 and 95 % of its draws, how many of them have none, the source that moves it most."""

    p5: float
    p50: float
    p95: float
    missing: int
    moved_most_by: str | None

    def as_json(self) -> dict[str, Any]:
        return {
            "p5": self.p5, "p50": self.p50, "p95": self.p95, "missing": self.missing,
            "moved_most_by": self.moved_most_by,
        }  # fmt: skip


@dataclass(frozen=True)
class Spread:
    """The intervals of all numbers that had one in some draw, with what they are from."""

    draws: int
    seed: int
    sources: tuple[Source, ...]
    of: Mapping[tuple[str, str], Interval]

    def as_json(self) -> dict[str, Any]:
        """What is drawn, without the numbers."""
        return {
            "draws": self.draws,
            "seed": self.seed,
            "percent": list(PERCENT),
            "sources": [{"name": one.name, "what": one.what, "basis": one.basis} for one in self.sources],
        }

    def row(self, of_what: str, names: Sequence[str]) -> dict[str, Any]:
        """The intervals of some numbers of one thing; None for those without."""
        found = ((name, self.of.get((of_what, name))) for name in names)
        return {name: one.as_json() if one else None for name, one in found}


def spread(
    case: Case,
    figures: Callable[[Case], Figures],
    draws: int,
    seed: int,
    tell: OnProgress,
    alone: int = ALONE,
) -> Spread:
    """The intervals of the figures of a case. `alone`: how many draws of each source by itself, 0 for none."""
    sources = tuple(source for source in SOURCES if source.applies(case))
    alone = min(alone, draws) if len(sources) > 1 else 0
    runs = [(sources, number) for number in range(draws)]
    runs += [((source,), number) for source in sources for number in range(alone)]
    found: list[Figures] = []
    for done, (some, number) in enumerate(runs):
        tell("drawing anew", done, len(runs))
        found.append(figures(variant(case, seed, number, some)))
    tell("drawing anew", len(runs), len(runs))
    whole = found[:draws]
    singly = {
        source.name: found[draws + k * alone : draws + (k + 1) * alone] for k, source in enumerate(sources) if alone
    }
    keys = dict.fromkeys(key for one in whole for key in one)
    only = sources[0].name if len(sources) == 1 else None
    made = {key: _interval(key, whole, singly, only) for key in keys}
    return Spread(draws, seed, sources, {key: one for key, one in made.items() if one is not None})


def _interval(
    key: tuple[str, str], whole: Sequence[Figures], singly: Mapping[str, Sequence[Figures]], only: str | None
) -> Interval | None:
    values = _known(key, whole)
    if not len(values):
        return None
    p5, p50, p95 = (round(float(value), 6) for value in np.percentile(values, PERCENT))
    swing = {name: _swing(_known(key, found)) for name, found in singly.items()}
    most = max(swing, key=lambda name: swing[name]) if swing and max(swing.values()) > 0.0 else None
    if only is not None and p95 > p5:
        most = only
    return Interval(p5, p50, p95, len(whole) - len(values), most)


def _known(key: tuple[str, str], found: Sequence[Figures]) -> Floats:
    return np.array([value for one in found if (value := one.get(key)) is not None], np.float64)


def _swing(values: Floats) -> float:
    return float(values.std()) if len(values) > 1 else 0.0


# --- of a plan ----------------------------------------------------------------------------------------------------

WHOLE = ""  # the run as a whole, beside its territories
TOTALS = ("asked_down_mbps", "given_down_mbps", "asked_up_mbps", "given_up_mbps")
HEADLINES = ("can_serve", "served", "rtt_ms_p50", "down_mbps_p50", "up_mbps_p50")


def intervals(
    results: Results, draws: int, seed: int = 0, *, threads: int | None = None, on_progress: OnProgress | None = None
) -> dict[str, Any]:
    """The intervals of a run's territories, as summary.json has them."""
    case = replace(results.case, compare=None, compare_network=None)

    def figures(drawn: Case) -> Figures:
        again = compute(drawn, threads=threads, parts=results.parts)
        told = {(row.territory, name): getattr(row, name) for row in again.territories for name in HEADLINES}
        total = capacity_json(again.service) or {}
        return told | {(WHOLE, name): total.get(name) for name in TOTALS}

    found = spread(case, figures, draws, seed, on_progress or (lambda _what, _done, _of: None))
    rows = [{"territory": row.territory, **found.row(row.territory, HEADLINES)} for row in results.territories]
    total = found.row(WHOLE, TOTALS) if case.capacity else None
    return {**found.as_json(), "capacity": total, "territories": rows}
