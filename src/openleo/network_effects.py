"""What a network in place of another does, under the rules in force: who loses reach, and who loses service.

Takes two Cases (their own rules are not used) and the rules; gives an Effect. Rows of the class "(reach)" tell what the
network can serve whatever rules say: a gateway that is taken away shows there although no rule permits anybody yet.
The other rows tell of service, class by class, now and at every change of the rules ahead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from openleo import kept, shared_beams
from openleo.effects import classes_of_both, reached_by
from openleo.network.ground.gateways import Gateways
from openleo.places.areas import Area, parts_of
from openleo.places.parts import Parts
from openleo.policy.mask import Kinds, everything, kinds_of
from openleo.policy.rules import RuleSet
from openleo.results import Case, OnProgress, refuse_nothing, regions_of_both
from openleo.service import beams, licences
from openleo.service.change import Between, Side, Told, between, names_of
from openleo.service.displaced import OF_AREA, BothRates, with_beams
from openleo.service.effect import MOST_EDGES, Changed, Edge, Effect, shared_of
from openleo.service.networks import Networks
from openleo.service.rates import demand_of
from openleo.service.reached import Reached
from openleo.service.windows import changes, go_on

REACH = "(reach)"  # in place of a class: no class is called so
BOTH = ("base", "new")


@dataclass(frozen=True)
class Named:
    """A network: its case, cut to the slots that are computed, and the sha256 of the whole scenario's network.

    `document` is what has that sha256 (in its RFC 8785 form), and `scenario` the file that it was read from, if any.
    """

    case: Case
    sha256: str
    document: Mapping[str, Any] = field(default_factory=dict)
    scenario: Path | None = None


def effect_of_networks(
    old: Named | None,
    new: Named,
    rules: RuleSet,
    at: datetime,
    *,
    folder: Path | None = None,
    threads: int | None = None,
    on_progress: OnProgress | None = None,
) -> Effect:
    """The effect of `new` in place of `old` from an instant on; without an old one everything is gained."""
    said = list(_notes(old, new, rules))
    both = _felt(old, new, rules)
    classes = classes_of_both(*both)
    case, networks = _networks(old, new, both, (folder, threads, on_progress))
    whole = (networks[0].known[frozenset()], networks[1].known[frozenset()])
    told = Told(case.area.order, names_of(*both))
    reach = between(whole, *NO_RULES, (REACH,), told)
    now = _between(networks, _sides(both, at), classes, told)
    if now is None:
        raise ValueError("the networks of the rules at the instant are more than may be computed")
    ahead = [instant for instant, _ in changes(both, at)]
    edges, untold = _edges(networks, both, ahead[:MOST_EDGES], classes, told, _changed(now))
    shared = None
    if old is not None and old.case.capacity and new.case.capacity:
        how = (folder, threads, on_progress)
        rates, also = _on_shared_beams((old.case, new.case), networks, _sides(both, at), how)
        reach = _with_beams(reach, networks, NO_RULES, rates[0])
        now = _with_beams(now, networks, _sides(both, at), rates[1])
        shared, said = shared_of(rates[1]), [*said, *also]
    elif any(one is not None and one.case.capacity for one in (old, new)):
        said.append("Of shared beams nothing is told: one of both has no [capacity], or there was no network before.")
    people = whole[1 if old is None else 0].people_of_territories
    return Effect(
        "" if old is None else old.sha256,
        new.sha256,
        new.sha256,
        (*reach.rows, *now.rows),
        at,
        whole[1].statistics.slots,
        edges,
        len(ahead[MOST_EDGES:]),
        terminals=None,
        notes=tuple(said),
        totals=(*reach.totals, *now.totals),
        edges_untold=untold,
        edges_go_on=go_on(both, [edge.at for edge in edges], set(ahead)),
        people=people,
        shared=shared,
    )


How = tuple[Path | None, int | None, OnProgress | None]
Sides = tuple[Side, Side]
NO_RULES: Sides = (Side(None, None), Side(None, None))


def _felt(old: Named | None, new: Named, rules: RuleSet) -> tuple[RuleSet, RuleSet]:
    """The rules as they are felt on each network: so far around as a beam of it is."""
    was, is_ = (beams.felt(rules, one.case.beam_km) for one in (old or new, new))
    return was, is_


def _sides(both: tuple[RuleSet, RuleSet], at: datetime) -> Sides:
    return Side(both[0], at), Side(both[1], at)


def _networks(
    old: Named | None, new: Named, both: tuple[RuleSet, RuleSet], how: How
) -> tuple[Case, tuple[Networks, Networks]]:
    """(the case whose area both are counted over, both networks)."""
    folder, threads, on_progress = how
    progress = on_progress or (lambda _what, _done, _of: None)
    cases = [new.case] if old is None else [old.case, new.case]
    case = replace(
        new.case, area=_area_of([one.area for one in cases]), resolution=max(one.resolution for one in cases)
    )
    progress("cutting cells by territory", 0, 1)
    regions = regions_of_both(*both)
    parts = parts_of(case.area, case.resolution, tuple(region.polygon for region in regions))
    refuse_nothing(case, parts)
    kinds = kinds_of(parts, regions)
    to = folder or kept.default_folder("reach")
    found = []
    for one in cases:
        networks = Networks(one.network.gateways, partial(_reach, one, parts, kinds, (to, threads, progress, None)))
        networks.known[frozenset()] = networks.reach(one.network.gateways)
        found.append(networks)
    if old is None:
        nothing = _nothing(found[0].known[frozenset()])
        found.insert(0, Networks(new.case.network.gateways, lambda _: nothing, {frozenset(): nothing}))
    return case, (found[0], found[1])


def _reach(
    case: Case, parts: Parts, kinds: Kinds, how: tuple[Path, int | None, OnProgress, None], gateways: Gateways
) -> Reached:
    return reached_by(case, parts, kinds, how, gateways)[0]


def _area_of(areas: Sequence[Area]) -> Area:
    """All of several areas: what the new scenario leaves out is lost, and not overlooked."""
    return Area(
        tuple(dict.fromkeys(id_ for area in areas for id_ in area.ids)),
        tuple({region.wkb_hex: region for area in areas for region in area.regions}.values()),
        any(area.world for area in areas),
        tuple(dict.fromkeys(one for area in areas for one in area.expressions)),
    )


def _nothing(reached: Reached) -> Reached:
    """The same places, and no network."""
    statistics = reached.statistics
    none = {name: np.zeros_like(getattr(statistics, name)) for name in ("can_serve", "rtt_counts")}
    return Reached(reached.parts, replace(statistics, **none), reached.kinds)


def _between(networks: tuple[Networks, Networks], sides: Sides, classes: Sequence[str], told: Told) -> Between | None:
    """None: a network too many."""
    was, is_ = (one.of(side) for one, side in zip(networks, sides, strict=True))
    return None if was is None or is_ is None else between((was, is_), *sides, classes, told)


def _on_shared_beams(
    cases: tuple[Case, Case], networks: tuple[Networks, Networks], sides: Sides, how: How
) -> tuple[tuple[BothRates, BothRates], tuple[str, ...]]:
    """((of reach, whatever rules say; of service: what each gives before and after), what is to be said of it)."""
    parts, kinds = networks[0].known[frozenset()].parts, networks[0].known[frozenset()].kinds
    folder, threads, on_progress = how
    where = shared_beams.How(
        folder or kept.default_folder("reach"), threads, on_progress or (lambda _what, _done, _of: None)
    )
    made, said = [], [OF_AREA]
    for case, own, side in zip(cases, networks, sides, strict=True):
        assert case.capacity is not None
        demand, also = demand_of(case.capacity, parts)
        classes = shared_beams.classes_decided(case, demand, side.rule_set)
        without = licences.without(own.gateways, own.withheld(side)) if own.key(side) else own.gateways
        asked = [
            shared_beams.On(own.gateways, everything(parts, classes)),
            shared_beams.On(without, shared_beams.mask_of(side, kinds, classes)),
        ]
        made.append(shared_beams.rates_on(case, parts, demand, asked, where))
        said += [*also, *shared_beams.of_hours(case.grid)]
    (reach_before, before), (reach_after, after) = made
    return ((reach_before, reach_after), (before, after)), tuple(dict.fromkeys(said))


def _with_beams(found: Between, networks: tuple[Networks, Networks], sides: Sides, rates: BothRates) -> Between:
    was, is_ = (one.of(side) for one, side in zip(networks, sides, strict=True))
    assert was is not None
    assert is_ is not None
    return with_beams(found, (was, is_), *sides, rates)


def _edges(
    networks: tuple[Networks, Networks], both: tuple[RuleSet, RuleSet], ahead: Sequence[datetime],
    classes: Sequence[str], told: Told, before: Changed,
) -> tuple[tuple[Edge, ...], tuple[datetime, ...]]:  # fmt: skip
    """(the changes of the rules at which the networks differ otherwise than before, those that are not computed)."""
    found, untold = [], []
    for instant in ahead:
        if (rows := _between(networks, _sides(both, instant), classes, told)) is None:
            untold.append(instant)
            continue
        if not (changed := _changed(rows)).alike(before):
            found.append(Edge(instant, BOTH, Changed(), changed))
        before = changed
    return tuple(found), tuple(untold)


def _changed(found: Between) -> Changed:
    return Changed(tuple(row for row in found.rows if row.changed))


def _notes(old: Named | None, new: Named, rules: RuleSet) -> tuple[str, ...]:
    felt = dict.fromkeys(one.case.beam_km for one in (old or new, new))
    said = [note for beam_km in felt for note in beams.told((rules,), beam_km)]
    said.append(f"Service is told under the rules in force, sha256 {rules.sha256}; (reach) whatever rules say.")
    if old is not None and old.case.grid != new.case.grid:
        said.append("The two scenarios differ in their times: each is counted over its own.")
    return tuple(said)
