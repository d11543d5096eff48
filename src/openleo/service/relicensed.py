"""What a change of rules does that also changes which gateways may be used: two networks, each with its own reach.

Takes the service of every class before and after, each on its own network; gives an Effect. Where one network serves
both sides, `effect` is the shorter way, and gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from openleo.policy.decide import Outcome
from openleo.policy.rules import RuleKey, RuleSet
from openleo.service.amounts import Amount, EffectRow
from openleo.service.change import names_of
from openleo.service.effect import Effect, named_rules
from openleo.service.serve import ServiceMap
from openleo.service.statistics import RTT_BINS, quantile_ms


def effect_of_networks(
    pairs: Sequence[tuple[ServiceMap, ServiceMap]],
    order: Sequence[str],
    base: RuleSet | None,
    new: RuleSet | None,
    at: datetime | None,
    network: str,
    *,
    of_gateways: Sequence[str],
) -> Effect:
    """The effect of going from each pair's first map to its second at an instant; a pair is one class.

    `network` is the sha256 of both networks; `of_gateways`: the rules that withhold gateways on one side and not on the
    other, named wherever a place that is permitted on both sides is served otherwise. Later changes of the rules are
    not looked at: each would be a network of its own.
    """
    names = names_of(base, new)
    rows = tuple(_row(before, after, id_, of_gateways, names) for id_ in order for before, after in pairs)
    return Effect(
        "" if base is None else base.sha256,
        "" if new is None else new.sha256,
        network,
        rows,
        at,
        pairs[0][0].statistics.slots if pairs else 0,
        rules=named_rules(base, new, {rule for row in rows for rule in row.because}),
    )


def _row(
    before: ServiceMap, after: ServiceMap, id_: str, of_gateways: Sequence[str], names: Mapping[RuleKey, str]
) -> EffectRow:
    mine = np.flatnonzero(before.parts.territory == id_)
    change = after.served[mine] - before.served[mine]
    ruled = before.permitted[mine] != after.permitted[mine]
    because = {names[key] for key in _rules_between(before, after, mine[ruled])}
    if (change[~ruled] != 0.0).any():
        because |= set(of_gateways)
    return EffectRow(
        territory=id_,
        class_=before.class_,
        lost=_amount(before, mine, np.maximum(-change, 0.0)),
        gained=_amount(before, mine, np.maximum(change, 0.0)),
        rtt_ms_p50=(_median(before, mine), _median(after, mine)),
        because=tuple(sorted(because)),
    )


def _amount(service: ServiceMap, parts: NDArray[np.intp], share: NDArray[np.float64]) -> Amount:
    touched = share > 0.0
    return Amount(
        cells=len(np.unique(service.parts.cell[parts[touched]])),
        area_km2=round(float(service.parts.area_km2[parts] @ share), 3),
        people=round(float(service.parts.people[parts] @ share)),
    )


def _median(service: ServiceMap, parts: NDArray[np.intp]) -> float | None:
    people, area = service.parts.people[parts], service.parts.area_km2[parts]
    weight = people if people.sum() > 0.0 else area
    counts = service.statistics.rtt_counts[service.parts.cell[parts]]
    total = (weight * service.permitted[parts]) @ counts if len(parts) else np.zeros(RTT_BINS)
    return quantile_ms(total, 0.5)


def _rules_between(before: ServiceMap, after: ServiceMap, parts: NDArray[np.intp]) -> set[RuleKey]:
    """What withholds makes the difference where it has rules of its own; else the permits that one side lacks."""
    column = before.mask.classes.index(before.class_)
    keys: set[RuleKey] = set()
    for old, new in {(before.mask.decision[part, column], after.mask.decision[part, column]) for part in parts}:
        was, is_ = before.mask.decisions[old], after.mask.decisions[new]
        withheld, granted = (was, is_) if is_.permitted else (is_, was)
        decisive = granted if withheld.outcome is Outcome.NOT_PERMITTED else withheld
        keys |= {because.key for because in decisive.because}
    return keys
