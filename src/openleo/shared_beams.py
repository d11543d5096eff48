"""What both sides of an effect give on shared beams: each side's slots once, from the cache where they are known.

Takes a Case with capacity, its parts, and two states of rules with the gateways that each leaves; gives the Rates of
both. Sides of one network are computed on the same candidates and ways, sides of two networks apart. Rules enter by
whom they permit alone, so rule sets that permit the same people share what is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from openleo import kept
from openleo.instants import SlotGrid, instant_text
from openleo.network.capacity.demand import Demand
from openleo.network.capacity.tally import Tally
from openleo.network.capacity.user_rates import Pressed
from openleo.network.ground.gateways import Gateways
from openleo.places.parts import Parts
from openleo.policy.mask import YES, Kinds, Mask
from openleo.policy.rules import EMERGENCY, RuleSet
from openleo.results import Case, OnProgress
from openleo.service.change import Side
from openleo.service.rates import Rates, demand_of, permission, rates_from, rates_under
from openleo.units import SECONDS_PER_DAY

CODE = "effects"  # which runs this module and all that makes what is kept, and whose hash is at hand


@dataclass(frozen=True)
class How:
    """Where what is computed is kept and looked for, by how many threads, and who is told."""

    folder: Path
    threads: int | None
    progress: OnProgress
    tell: kept.Tell | None = None


@dataclass(frozen=True, eq=False)
class On:
    """One side: the gateways of its network, and who may be served."""

    gateways: Gateways
    mask: Mask


def classes_decided(case: Case, demand: Demand, *rule_sets: RuleSet | None) -> tuple[str, ...]:
    """The classes of rules that a demand is decided as: the case's first, and those of its own that rules know."""
    known = {EMERGENCY, *case.classes, *(name for one in rule_sets if one for name in one.classes)}
    own = [one.name for one in demand.classes if one.name in known]
    return tuple(dict.fromkeys((case.classes[0], *own)))


def mask_of(side: Side, kinds: Kinds, classes: Sequence[str]) -> Mask:
    """Who may be served for certain; without the decisions behind it."""
    permitted = (side.decided(kinds, classes).may == YES)[kinds.of_part]
    return Mask(tuple(classes), permitted, np.full(permitted.shape, -1, dtype=np.int32), ())


def both_sides(
    case: Case, parts: Parts, kinds: Kinds, sides: tuple[Side, Side], gateways: tuple[Gateways, Gateways], how: How
) -> tuple[tuple[Rates, Rates], tuple[str, ...]]:
    """(what both sides give, what is to be said of it). Gateways that are the same object are one network."""
    assert case.capacity is not None
    demand, said = demand_of(case.capacity, parts)
    classes = classes_decided(case, demand, *(side.rule_set for side in sides))
    masks = [mask_of(side, kinds, classes) for side in sides]
    found = rates_on(case, parts, demand, [On(*one) for one in zip(gateways, masks, strict=True)], how)
    return (found[0], found[1]), (*said, *of_hours(case.grid))


def of_hours(grid: SlotGrid) -> tuple[str, ...]:
    """What is to be said of slots that are less than a day.

    >>> from openleo.instants import civil_instant
    >>> of_hours(SlotGrid(civil_instant("2026-03-01T00:00:00Z"), 15.0, 240))
    ('Demand is that of 1 h from 2026-03-01T00:00:00Z on: at other hours of the day more or less is asked for.',)
    """
    span_s = grid.duration_s
    if span_s >= SECONDS_PER_DAY:
        return ()
    long = f"{span_s / 3600.0:.3g} h" if span_s >= 3600.0 else f"{span_s / 60.0:.3g} min"
    start = instant_text(grid.start)
    return (f"Demand is that of {long} from {start} on: at other hours of the day more or less is asked for.",)


def rates_on(case: Case, parts: Parts, demand: Demand, asked: Sequence[On], how: How) -> tuple[Rates, ...]:
    """What networks give, each with its permission; those of one network that are not known side by side."""
    assert case.capacity is not None
    names = [_name(case, parts, demand, one) for one in asked]
    found: dict[str, Rates] = {}
    waiting: dict[str, On] = {}
    for name, one in zip(names, asked, strict=True):
        if name in found or name in waiting:
            continue
        if (arrays := kept.read(how.folder, name)) is None:
            waiting[name] = one
        else:
            found[name] = rates_from(case.capacity, _tally(arrays), demand, one.mask)
    for gateways in {id(one.gateways): one.gateways for one in waiting.values()}.values():
        some = {name: one.mask for name, one in waiting.items() if one.gateways is gateways}
        progress = partial(how.progress, "sharing out beams")
        progress(0, len(range(0, case.grid.slots, case.capacity.computed_every(case.grid.slots))))
        network = replace(case.network, gateways=gateways)
        made = rates_under(
            case.capacity, network, case.grid, parts, demand, list(some.values()), how.threads, progress
        )  # fmt: skip
        for name, new in zip(some, made, strict=True):
            kept.keep(how.folder, name, _arrays(new.tally), how.tell)
            found[name] = new
    return tuple(found[name] for name in names)


# --- kept -----------------------------------------------------------------------------------------------------------


def _name(case: Case, parts: Parts, demand: Demand, one: On) -> str:
    network = replace(case, network=replace(case.network, gateways=one.gateways)).network_sha256
    may = np.packbits(permission(one.mask.permitted, one.mask.classes, demand)).tobytes()
    said = [
        network, instant_text(case.grid.start), hashlib.sha256(parts.cells.tobytes()).hexdigest(), demand.sha256,
        hashlib.sha256(may).hexdigest(), kept.code_sha256(CODE),
    ]  # fmt: skip
    return f"beams-{hashlib.sha256(' '.join(said).encode()).hexdigest()[:32]}"


PRESSED = "pressed."  # before the names of its arrays
SPECIAL = ("pressed", "classes")
WHOLE = ("slots", "pressed_slots")


def _arrays(tally: Tally) -> dict[str, NDArray[Any]]:
    plain = {one.name: np.asarray(getattr(tally, one.name)) for one in fields(Tally) if one.name not in SPECIAL}
    pressed = {f"{PRESSED}{one.name}": getattr(tally.pressed, one.name) for one in fields(Pressed)}
    return {**plain, **pressed, "classes": np.array(tally.classes, dtype=str)}


def _tally(arrays: kept.Arrays) -> Tally:
    pressed = Pressed(**{one.name: arrays[f"{PRESSED}{one.name}"] for one in fields(Pressed)})
    plain: dict[str, Any] = {one.name: arrays[one.name] for one in fields(Tally) if one.name not in SPECIAL}
    plain |= {name: int(arrays[name]) for name in WHOLE}
    return Tally(pressed=pressed, classes=tuple(arrays["classes"].tolist()), **plain)
