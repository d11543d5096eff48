"""The smallest set of withdrawals that cuts a territory off.

Takes what each provider serves alone (`providers.Provided`); gives a smallest set of things whose withdrawal leaves at
most a stated share of the territory served. A place and slot is lost when every provider that could serve it is out, so
when everything that those stand on is withdrawn. Which places and slots to lose, so that the things withdrawn are few,
is an integer programme ("minimum k-union"), solved by HiGHS: the set found is proved smallest, or told with the bound
that was proved within the time limit.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from openleo.study.providers import Provided
from openleo.study.withdrawal import Kind, Thing

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

EQUAL = 1e-9  # of a territory: shares nearer than that are the same
SCALE = 1e4  # HiGHS holds constraints to 1e-6: to 1e-10 of a territory


@dataclass(frozen=True)
class Cut:
    """A smallest set of things that leaves at most `threshold` of a territory served.

    `things` None: all of them together leave more, namely `left`. `lower`: no smaller set than of so many does; it is
    `len(things)` where the set is proved smallest. `after`: what was withdrawn before them, and counts as none of them.
    `verified`: the share that a run without all of it serves.
    """

    territory: str
    kind: Kind
    threshold: float
    before: float
    things: tuple[Thing, ...] | None
    left: float
    lower: int
    after: tuple[Thing, ...] = ()
    verified: float | None = None

    @property
    def exact(self) -> bool:
        """Whether no smaller set exists."""
        return self.things is not None and self.lower == len(self.things)

    def as_json(self) -> dict[str, object]:
        """With the names of the things."""
        names = None if self.things is None else [thing.name for thing in self.things]
        return {
            "territory": self.territory, "kind": self.kind, "threshold": self.threshold,
            "after": [str(thing) for thing in self.after], "served": round(self.before, 6), "withdrawn": names,
            "served_after": round(self.left, 6), "at_least": self.lower, "exact": self.exact, "verified": self.verified,
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Loss:
    """When a territory's places and slots are lost: each row when all things of `stands_on` (row, thing) are withdrawn.

    weight (row,): their share of the territory; `kept`: the share that no withdrawal ends.
    """

    things: tuple[Thing, ...]
    stands_on: Bools
    weight: Floats
    kept: float

    @property
    def before(self) -> float:
        """The share served with nothing withdrawn."""
        return self.kept + float(self.weight.sum())

    def left(self, gone: Collection[Thing]) -> float:
        """The share that is served when some things are withdrawn."""
        stays = np.array([thing not in gone for thing in self.things], np.bool_)
        return self.kept + float(self.weight[self.stands_on[:, stays].any(axis=1)].sum())


def loss_of(found: Provided, weight: Floats) -> Loss:
    """What each set of withdrawals takes from a territory; weight (part,) adds up to 1 over its parts."""
    mine = np.flatnonzero(weight > 0.0)
    slots = found.served.shape[1]
    able = found.served[:, :, mine].reshape(len(found.needs), -1).T  # (slot and part, provider)
    share = np.tile(weight[mine] / slots, slots)
    able, share = merged(able, share)
    needs = np.array([[thing in one for thing in found.things] for one in found.needs], np.bool_)
    needs = needs.reshape(len(found.needs), len(found.things))
    safe = (able & ~needs.any(axis=1)).any(axis=1)
    stands_on, lost = merged((able @ needs)[~safe], share[~safe])
    served = stands_on.any(axis=1)  # else nobody could serve, and nothing is lost
    return Loss(found.things, stands_on[served], lost[served], float(share[safe].sum()))


def merged(rows: Bools, weight: Floats) -> tuple[Bools, Floats]:
    """Rows that are alike as one, with their weights together."""
    if not rows.size:
        return rows, weight
    packed = np.ascontiguousarray(np.packbits(rows, axis=1))
    _, first, which = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    return rows[first], np.bincount(which.ravel(), weights=weight).astype(np.float64)


def smallest(loss: Loss, territory: str, kind: Kind, threshold: float, time_limit_s: float = 60.0) -> Cut:
    """A smallest set that leaves at most `threshold` served, or the best one found, with a bound, in the time."""
    made = Cut(territory, kind, threshold, loss.before, (), loss.before, 0)
    if loss.before <= threshold + EQUAL:
        return made
    if loss.kept > threshold + EQUAL:
        return replace(made, things=None, left=loss.kept, lower=len(loss.things) + 1)
    by_hand = greedy(loss, threshold)
    found, lower = _by_programme(loss, threshold, time_limit_s)
    best = by_hand if found is None or len(by_hand) <= len(found) else found
    # A set that leaves too much would be rounding of the solver's: what was found by hand always holds.
    best = best if loss.left(best) <= threshold + EQUAL else by_hand
    things = tuple(sorted(best))
    return replace(made, things=things, left=loss.left(things), lower=min(lower, len(things)))


def greedy(loss: Loss, threshold: float) -> tuple[Thing, ...]:
    """A set of which no thing could be left out: all of them, less what serves least, one by one."""
    gone: Bools = np.asarray(loss.stands_on.any(axis=0))
    lost = np.ones(len(loss.weight), np.bool_)
    served = loss.kept
    while True:
        adds = np.where(gone, (loss.weight * lost) @ loss.stands_on, np.inf)
        least = int(adds.argmin())
        if not gone[least] or served + adds[least] > threshold + EQUAL:
            return tuple(thing for thing, is_gone in zip(loss.things, gone, strict=True) if is_gone)
        served += float(adds[least])
        gone[least] = False
        lost &= ~loss.stands_on[:, least]


def _by_programme(loss: Loss, threshold: float, time_limit_s: float) -> tuple[tuple[Thing, ...] | None, int]:
    """(the best set that HiGHS finds, the size that no set is below).

    x (thing): withdrawn; u (row): lost, at most every x that the row stands on. The fewest x, so that what is lost
    leaves at most the threshold.
    """
    rows, things = loss.stands_on.shape
    row, thing = np.nonzero(loss.stands_on)
    number = np.arange(len(row))
    ones = np.ones(len(row))
    below = csr_array(
        (np.concatenate([-ones, ones]), (np.tile(number, 2), np.concatenate([thing, things + row]))),
        shape=(len(row), things + rows),
    )
    lost = np.concatenate([np.zeros(things), loss.weight * SCALE])
    enough = (loss.before - threshold - EQUAL) * SCALE
    solved = milp(
        np.concatenate([np.ones(things), np.zeros(rows)]),
        integrality=np.concatenate([np.ones(things), np.zeros(rows)]),
        bounds=Bounds(0.0, 1.0),
        constraints=[LinearConstraint(below, -np.inf, 0.0), LinearConstraint(lost[np.newaxis], enough, np.inf)],
        options={"time_limit": time_limit_s, "mip_rel_gap": 0.0},
    )
    bound = getattr(solved, "mip_dual_bound", None)
    lower = math.ceil(bound - 1e-6) if bound is not None and math.isfinite(bound) else 1
    if solved.x is None:
        return None, max(lower, 1)
    chosen = solved.x[:things] > 0.5
    return tuple(one for one, is_in in zip(loss.things, chosen, strict=True) if is_in), max(lower, 1)


def smallest_sets(
    found: Provided, kind: Kind, weight_of: dict[str, Floats], threshold: float, time_limit_s: float
) -> Sequence[Cut]:
    """The smallest set for each of several territories, whose weights are `weight_of` (part,)."""
    return [
        smallest(loss_of(found, weight), territory, kind, threshold, time_limit_s)
        for territory, weight in weight_of.items()
    ]
