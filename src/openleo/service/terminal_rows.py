"""Which terminals a change of rules takes service from and gives it to, one a row, with the rules that do it.

Takes a Fleet and two states of rules, each with its network; gives a table. Its rows are those that `Fleet.between`
counts as lost or gained, those outside the area included: also who is permitted on both sides, and has less than half
of the time, or more than twice, because rules change the gateways.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from openleo.policy.bulk import OUTCOMES, PERMITTED, Compared
from openleo.policy.rules import RuleKey
from openleo.service.change import Side
from openleo.service.reached import Reached
from openleo.service.terminal_effect import LESS, MORE, OUTSIDE, REACHED_AFTER, REACHED_BEFORE, UNKNOWN_CLASS, Fleet

Flags = NDArray[np.bool_]

OUT_OF_REACH = "OUT_OF_REACH"  # permitted, and the network of that side does not serve there
REACHED_LESS = "REACHED_LESS"  # permitted, and the network of that side serves there less than half as long
SAID = [*(outcome.value for outcome in OUTCOMES), OUT_OF_REACH, REACHED_LESS]
UNSERVED, LESS_SERVED = SAID.index(OUT_OF_REACH), SAID.index(REACHED_LESS)
WORDS = pa.list_(pa.string())
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("id", "territory", "class", "before", "after")] + [("rules", WORDS)]
)


def changed(
    fleet: Fleet, was: Side, is_: Side, networks: tuple[Reached, Reached], names: Mapping[RuleKey, str],
    of_gateways: Sequence[str] = (),
) -> pa.Table:  # fmt: skip
    """The terminals that lose or gain, in the order of their table; `rules` as `names` calls them.

    `of_gateways`: the rules by which the networks differ, where they do.
    """
    both, place = fleet.told_apart(was, is_, networks)
    kinds = fleet.kinds
    inside, outside = np.maximum(place, 1) - 1, place == OUTSIDE
    reached = [outside | flags[inside] for flags in (REACHED_BEFORE, REACHED_AFTER)]
    code = [side.outcome for side in (both.before, both.after)]
    served = [(one == PERMITTED) & there for one, there in zip(code, reached, strict=True)]
    kept = served[0] & served[1] & ~outside
    less_served = [kept & flags[inside] for flags in (MORE, LESS)]  # on this side
    rows = np.flatnonzero((served[0] != served[1]) | less_served[0] | less_served[1])
    number = kinds.number[rows]
    by_network = ((reached[0] != reached[1]) | less_served[0] | less_served[1])[rows]
    said = [
        pa.array(SAID).take(pa.array(_said(one, there, less)[rows]))
        for one, there, less in zip(code, reached, less_served, strict=True)
    ]
    classes = [*kinds.terminals.class_.values, UNKNOWN_CLASS]
    of_class = np.where(kinds.class_ < 0, len(classes) - 1, kinds.class_)[number]
    columns = [
        kinds.terminals.id.take(pa.array(rows)),
        pa.array(kinds.labels, pa.string()).take(pa.array(kinds.label[number])),
        pa.array(classes, pa.string()).take(pa.array(of_class)),
        *said,
        _rules(both, number, by_network, names, of_gateways),
    ]
    return pa.table(columns, schema=SCHEMA)


def _said(outcome: NDArray[np.uint8], reached: Flags, less_served: Flags) -> NDArray[np.intp]:
    """Into SAID, of one side: what is decided, or why a permitted terminal is served less or not at all there."""
    permitted = outcome == PERMITTED
    return np.where(permitted & ~reached, UNSERVED, np.where(less_served, LESS_SERVED, outcome.astype(np.intp)))


def _rules(
    both: Compared, number: NDArray[np.int32], by_network: Flags, names: Mapping[RuleKey, str],
    of_gateways: Sequence[str],
) -> pa.Array:  # fmt: skip
    """(row,): the rules by which each loses or gains; number (row,) its kind."""
    used, kind = np.unique(number, return_inverse=True)
    group = np.full(len(both.kinds), -1, dtype=np.int64)
    group[used] = np.arange(len(used))
    of_kind = [{names[rule] for rule in rules} for rules in both.because(group, len(used))]
    told = [sorted(rules) for rules in of_kind] + [sorted({*rules, *of_gateways}) for rules in of_kind]
    return pa.array(told, WORDS).take(pa.array(kind.ravel() + len(used) * by_network))
