"""The effect of one rule set in place of another on the whole Earth, beside the same by one decision at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from itertools import pairwise

import numpy as np

from benchmarks import policy, policy_terminals
from benchmarks.workloads import Baseline, Workload
from openleo.places import cell_cache
from openleo.places.parts import Parts
from openleo.policy import bulk
from openleo.policy import ground as grounds
from openleo.policy.decide import Outcome, decide
from openleo.policy.mask import kinds_of
from openleo.policy.request import Request
from openleo.policy.rules import EMERGENCY
from openleo.policy.terminal_kinds import kinds
from openleo.service.effect import Effect, Extras, effect
from openleo.service.reached import Reached
from openleo.service.statistics import RTT_BINS, CellStatistics
from openleo.service.terminal_effect import Fleet

AT = datetime(2026, 11, 20, tzinfo=UTC)
PEOPLE = 8.2e9


@cache
def earth(resolution: int) -> Reached:
    """Every cell with a part for each place that it may hold, of equal size; reached 40 to 100 % of the time."""
    index = cell_cache.load(resolution)
    under = grounds.ground(index, policy.zones())
    cell, place = policy.rows_of(under)
    random = np.random.default_rng(3)
    inside = under.inside[place] == 1
    label = np.array(index.labels, dtype=object)[under.label[place]]
    people = random.exponential(1.0, len(cell))
    parts = Parts(
        index.cells, cell.astype(np.int32), label, inside, random.uniform(1.0, 1770.0, len(cell)),
        people * PEOPLE / people.sum(),
    )  # fmt: skip
    count = len(index)
    share, none = random.uniform(0.4, 1.0, count), np.zeros(count)
    counts = np.lib.stride_tricks.as_strided(  # every cell has the same times: 1.7 GB of them would prove nothing more
        random.integers(0, 9, RTT_BINS).astype(np.uint16), (count, RTT_BINS), (0, 2)
    )
    statistics = CellStatistics(5760, share, 1.0 - share, none, counts, none, none, none, none, none)  # type: ignore[arg-type]
    return Reached(parts, statistics, kinds_of(parts, under.regions))


def with_terminals(resolution: int = 4) -> Workload:
    """Two effects as `effects`, and of two million terminals that are placed already; some of them one by one."""
    index, reached = cell_cache.load(resolution), earth(resolution)
    sets = [policy.rule_set(index, seed) for seed in range(3)]
    terminals, placed = policy_terminals.settled()
    some = np.arange(0, len(terminals), 1_000)

    def ours() -> list[Effect]:
        found = []
        for old, new in pairwise(sets):
            fleet = Fleet(kinds(terminals, placed, [old, new]), "")
            extras = Extras(terminals=fleet.between)
            found.append(effect(reached, old, new, policy.CLASSES, AT, "network", until=AT, extras=extras))
        return found

    def singly() -> list[tuple[int, int]]:
        """(lost, gained) of some, by each pair."""
        asked = [(terminals.request(int(row), AT), placed.wheres[placed.place[row]]) for row in some]
        told = []
        for pair in pairwise(sets):
            served = np.array([[decide(one, *asks).outcome is Outcome.PERMITTED for asks in asked] for one in pair])
            told.append((int((served[0] & ~served[1]).sum()), int((~served[0] & served[1]).sum())))
        return told

    def check() -> None:
        chosen = np.zeros(len(terminals), dtype=bool)
        chosen[some] = True
        for (old, new), told in zip(pairwise(sets), singly(), strict=True):
            both = bulk.compare(old, new, terminals, placed, AT)
            number = both.kinds.number[chosen]
            assert (int(both.lost[number].sum()), int(both.gained[number].sum())) == told

    name = f"effects of 740 rules × {len(index):,} cells, {len(terminals):,} terminals"
    return Workload(name, ours, (Baseline(f"`decide`, {len(some):,} terminals", singly),), check, 2)


def effects(resolution: int = 4) -> Workload:
    """Ten rule sets of 740 entries, each against the next; what the network reaches is known."""
    index, reached = cell_cache.load(resolution), earth(resolution)
    sets = [policy.rule_set(index, seed) for seed in range(policy.RULE_SETS + 1)]
    classes = policy.CLASSES

    def ours(some: slice = slice(None)) -> list[Effect]:
        pairs = list(pairwise(sets))[some]
        return [effect(reached, old, new, classes, AT, "network", until=AT) for old, new in pairs]

    def one_by_one() -> list[dict[tuple[str, str], float]]:
        """People who lose, by territory and class: every kind of place decided under both rule sets, for one pair."""
        lost: dict[tuple[str, str], float] = {}
        for kind, label in enumerate(reached.kinds.label):
            where = reached.kinds.place(kind)
            for class_ in classes:
                was, is_ = (decide(one, Request(at=AT, class_=class_), where).outcome for one in sets[:2])
                if was is Outcome.PERMITTED and is_ not in (Outcome.PERMITTED, Outcome.INDETERMINATE):
                    key = (label, class_)
                    lost[key] = lost.get(key, 0.0) + reached.people[kind]
        return [lost]

    def check() -> None:
        (found,), (told,) = ours(slice(1)), one_by_one()
        people = {(row.territory, row.class_): row.lost.people for row in found.rows if row.lost.people}
        assert people == {key: round(number) for key, number in told.items() if round(number)}
        assert any(class_ == EMERGENCY for _, class_ in people)

    ours()  # medians and cells of kinds are found once
    name = f"effects of {policy.PERMITS + policy.OTHERS} rules × {len(index):,} cells × {len(classes)} classes"
    baseline = Baseline("`decide`, place by place", lambda: [one_by_one() for _ in range(policy.RULE_SETS)])
    return Workload(name, ours, (baseline,), check, policy.RULE_SETS)
