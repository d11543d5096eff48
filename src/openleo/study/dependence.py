"""What each territory depends on: the share of its people that is served after each withdrawal, ranked.

Takes a WithdrawalStudy (operators' cases, what is to be withdrawn of them, and what else is asked); runs each case that
is left on an executor that is handed in; gives a Dependence, which reports print and draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from typing import Any

import openleo
from openleo.errors import InputError, Problem, Together
from openleo.network.ground.stations import Station
from openleo.places.areas import parts_of
from openleo.places.parts import Parts
from openleo.results import regions_of_both
from openleo.study.cuts import Cut, smallest_sets
from openleo.study.providers import Provided, check, provided
from openleo.study.served import Share, check_alike, record, shares, shares_of_records, weights
from openleo.study.sites import Sites, best, centres
from openleo.study.tasks import OnDone, each
from openleo.study.withdrawal import Cable, Kind, Operators, Thing, Withdrawal, withdrawn

SAME_SHARE = 1e-6  # shares that differ by less are the same
MOST_MIXED = 4  # operators of which every mix is computed: 15 mixes


@dataclass(frozen=True)
class CutAsked:
    """A question for the smallest set of things of a kind, after some are withdrawn already."""

    kind: Kind
    threshold: float
    territories: tuple[str, ...] = ()  # none: all of the study
    after: tuple[Thing, ...] = ()
    time_limit_s: float = 60.0


@dataclass(frozen=True)
class SitesAsked:
    """A question for the best sites: of candidates, or of the centres of the cells of territories."""

    territory: str
    operator: str
    number: int
    candidates: tuple[Station, ...] = ()
    cells_of: tuple[str, ...] = ()
    after: tuple[Thing, ...] = ()
    restore: float | None = None


@dataclass(frozen=True)
class WithdrawalStudy:
    """All that is asked. `territories`: those told of, all of the area if none is named."""

    name: str
    cases: Operators
    withdrawals: tuple[Withdrawal, ...]
    cables: tuple[Cable, ...] = ()
    territories: tuple[str, ...] = ()
    mixes: bool = True
    cuts: tuple[CutAsked, ...] = ()
    sites: tuple[SitesAsked, ...] = ()
    file: str = ""


@dataclass(frozen=True)
class Dependent:
    """One territory after one withdrawal."""

    withdrawal: Withdrawal
    before: Share
    after: Share

    @property
    def lost(self) -> float:
        """The share that is served no longer; below 0 where a withdrawal helps, as it may where capacity is shared."""
        return round(self.before.served - self.after.served, 6)

    @property
    def rank(self) -> tuple[float, float, str]:
        """What loses most first; of those that lose alike, what leaves the longest way round."""
        longer_ms = (self.after.rtt_ms_p50 or 0.0) - (self.before.rtt_ms_p50 or 0.0)
        return -self.lost, -longer_ms, self.withdrawal.name

    @property
    def people_lost(self) -> int:
        """People × time that lose service, as people."""
        return round(self.before.people * self.lost)

    def as_row(self) -> dict[str, Any]:
        """As the table has it."""
        return {
            "territory": self.before.territory,
            "name": self.before.name,
            "withdrawn": self.withdrawal.name,
            "kind": self.withdrawal.kind,
            "people": self.before.people,
            "weighting": self.before.weighting,
            "served_before": self.before.served,
            "served": self.after.served,
            "lost": self.lost,
            "people_lost": self.people_lost,
            "rtt_ms_p50_before": self.before.rtt_ms_p50,
            "rtt_ms_p50": self.after.rtt_ms_p50,
        }


@dataclass(frozen=True)
class Mix:
    """Some operators together: what of each territory any of them serves."""

    operators: tuple[str, ...]
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class Dependence:
    """What came of a study. `rows`: by territory in the study's order, in each what loses most first."""

    study: WithdrawalStudy = field(repr=False)
    before: tuple[Share, ...]
    rows: tuple[Dependent, ...]
    mixes: tuple[Mix, ...]
    cuts: tuple[Cut, ...]
    sites: tuple[Sites, ...]

    def table(self) -> list[dict[str, Any]]:
        """One row a territory and withdrawal, ranked."""
        return [row.as_row() for row in self.rows]

    def of(self, territory: str) -> list[Dependent]:
        """The rows of one territory, ranked."""
        return [row for row in self.rows if row.before.territory == territory]

    def as_json(self) -> dict[str, Any]:
        """All of it, with the hash of each operator's network."""
        return {
            "study": self.study.name,
            "openleo": openleo.__version__,
            "operators": {
                name: {
                    "scenario": case.name,
                    "network": case.network_sha256,
                    "inputs": {key: source.as_json() for key, source in case.inputs.items()},
                    "notes": list(case.notes),
                }
                for name, case in self.study.cases.items()
            },
            "withdrawals": self.table(),
            "mixes": [
                {"operators": list(mix.operators), "territory": one.territory, "served": one.served,
                 "rtt_ms_p50": one.rtt_ms_p50} for mix in self.mixes for one in mix.shares
            ],
            "smallest": [cut.as_json() for cut in self.cuts],
            "sites": [one.as_json() for one in self.sites],
        }  # fmt: skip


def run(
    study: WithdrawalStudy, executor: Executor, *, threads: int | None = None, on_done: OnDone | None = None
) -> Dependence:
    """Answer a study; `threads`: of each run. Raises InputError where a question cannot be answered, before any run."""
    cases = study.cases
    _check(study)
    first = next(iter(cases.values()))
    regions = tuple(region.polygon for region in regions_of_both(first.rules, None))
    parts = parts_of(first.area, first.resolution, regions)
    told = _told(study, parts, first.area.order)
    left = [withdrawn(cases, one.things, study.cables) for one in study.withdrawals]
    mixes = [{name: cases[name] for name in names} for names in mixes_of(list(cases))] if study.mixes else []
    runs = _shares(study, [cases, *left, *mixes], parts, told, executor, threads, on_done)
    before, after, mixed = runs[0], runs[1 : 1 + len(left)], runs[1 + len(left) :]
    rows = [
        Dependent(withdrawal, was, is_)
        for withdrawal, found in zip(study.withdrawals, after, strict=True)
        for was, is_ in zip(before, found, strict=True)
    ]
    alone = Alone(study, parts, executor, threads, on_done)
    return Dependence(
        study=study,
        before=before,
        rows=tuple(sorted(rows, key=lambda row: (told.index(row.before.territory), *row.rank))),
        mixes=tuple(Mix(tuple(one), found) for one, found in zip(mixes, mixed, strict=True)),
        cuts=tuple(cut for asked in study.cuts for cut in _cuts(study, asked, parts, told, alone)),
        sites=tuple(_sites(study, asked, parts, executor, threads, on_done) for asked in study.sites),
    )


def _check(study: WithdrawalStudy) -> None:
    """Raise InputError with every question that cannot be answered."""
    problems = Together()
    problems.read(lambda: check_alike(study.cases, study.file))
    for cut in study.cuts:
        left = withdrawn(study.cases, cut.after, study.cables)
        problems.read(partial(check, left, cut.kind, study.cables, study.file))
    for sites in study.sites:
        left = withdrawn(study.cases, sites.after, study.cables)
        if sites.operator in left:
            problems.read(partial(check, {sites.operator: left[sites.operator]}, "gateway", (), study.file))
            continue
        rule = f"withdraws {sites.operator}, whose sites are asked for."
        problems.found.append(Problem(study.file, "sites.after", rule, "Leave it out, or name another operator."))
    problems.found = list(dict.fromkeys(problems.found))
    problems.done()


def _told(study: WithdrawalStudy, parts: Parts, order: Sequence[str]) -> list[str]:
    """The territories to tell of; those of the area in its own order."""
    there = set(parts.territory)
    asked = [*study.territories, *(one for cut in study.cuts for one in cut.territories)]
    asked += [sites.territory for sites in study.sites]
    if missing := [one for one in dict.fromkeys(asked) if one not in there]:
        rule = f"{', '.join(missing)} has no part in the area."
        raise InputError(Problem(study.file, "territories", rule, f"It has {', '.join(sorted(there))}."))
    return list(study.territories) or sorted(there, key=lambda one: (order.index(one) if one in order else 999, one))


def mixes_of(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Every mix of a few operators; of many, each alone, all but each, and all; of one, none."""
    sizes = range(1, len(names) + 1) if len(names) <= MOST_MIXED else (1, len(names) - 1, len(names))
    return [names_ for size in sizes for names_ in combinations(names, size)] if len(names) > 1 else []


def _shares(
    study: WithdrawalStudy, wanted: Sequence[Operators], parts: Parts, told: Sequence[str], executor: Executor,
    threads: int | None, on_done: OnDone | None,
) -> list[tuple[Share, ...]]:  # fmt: skip
    """The shares of the territories told of, for each of several sets of operators.

    One operator's are those of its run. Of several, each network is run once, however many sets it is in.
    """
    what = "what is left"
    if len(study.cases) == 1:
        made = each(executor, shares, [(one, parts, threads) for one in wanted], what, on_done)
    else:
        keyed = [{(name, case.network_sha256): case for name, case in one.items()} for one in wanted]
        cases = {key: case for own in keyed for key, case in own.items()}
        runs = each(executor, record, [(case, parts, threads) for case in cases.values()], what, on_done)
        records = dict(zip(cases, runs, strict=True))
        made = [shares_of_records([records[key] for key in own], parts, told) for own in keyed]
    found = [{one.territory: one for one in some} for some in made]
    return [tuple(one[territory] for territory in told) for one in found]


@dataclass(eq=False)
class Alone:
    """What each provider gives alone, run once for each kind and what was withdrawn before."""

    study: WithdrawalStudy
    parts: Parts
    executor: Executor
    threads: int | None
    on_done: OnDone | None
    known: dict[tuple[Kind, tuple[Thing, ...]], Provided] = field(default_factory=dict)

    def of(self, kind: Kind, after: tuple[Thing, ...]) -> Provided:
        """Run them, unless that was done."""
        study, key = self.study, (kind, after)
        if key not in self.known:
            found = provided(
                withdrawn(study.cases, after, study.cables), kind, self.parts, self.executor, cables=study.cables,
                threads=self.threads, file=study.file, on_done=self.on_done,
            )  # fmt: skip
            gone = frozenset(after)  # of a station on two cables, one may be cut already
            things = tuple(thing for thing in found.things if thing not in gone)
            self.known[key] = replace(found, things=things, needs=tuple(one - gone for one in found.needs))
        return self.known[key]


def _cuts(study: WithdrawalStudy, asked: CutAsked, parts: Parts, told: Sequence[str], alone: Alone) -> list[Cut]:
    """The smallest sets that are asked for, each verified by a run of what it leaves."""
    found = alone.of(asked.kind, asked.after)
    wanted = {territory: weights(parts, territory) for territory in asked.territories or told}
    cuts = smallest_sets(found, asked.kind, wanted, asked.threshold, asked.time_limit_s)
    sets = list(dict.fromkeys(found.things if cut.things is None else cut.things for cut in cuts))
    left = [withdrawn(study.cases, (*asked.after, *gone), study.cables) for gone in sets]
    runs = _shares(study, left, parts, list(wanted), alone.executor, alone.threads, alone.on_done)
    verified = {(gone, one.territory): one.served for gone, some in zip(sets, runs, strict=True) for one in some}
    told_of = [
        replace(
            cut, after=asked.after, verified=verified[found.things if cut.things is None else cut.things, cut.territory]
        )
        for cut in cuts
    ]
    check_verified(told_of, asked.kind, study.file)
    return told_of


def check_verified(cuts: Sequence[Cut], kind: Kind, file: str) -> None:
    """Raise InputError where a run of what a set leaves says otherwise than the parts it was found from."""
    for cut in cuts:
        if cut.verified is not None and abs(cut.verified - cut.left) > SAME_SHARE:
            rule = f"cannot be found for {cut.territory}: runs of single things leave {cut.left:.6f} served without the"
            rule += f" set found, and a run without them {cut.verified:.6f}; something else than {kind}s carries over."
            raise InputError(Problem(file, f"cut, {kind}", rule, "Withdraw them one by one, or together."))


def _sites(
    study: WithdrawalStudy, asked: SitesAsked, parts: Parts, executor: Executor, threads: int | None,
    on_done: OnDone | None,
) -> Sites:  # fmt: skip
    left = withdrawn(study.cases, asked.after, study.cables)
    candidates = asked.candidates or centres(parts, asked.cells_of or (asked.territory,))
    found = best(
        left, asked.operator, asked.territory, candidates, asked.number, parts, executor,
        threads=threads, file=study.file, on_done=on_done, wanted=asked.restore,
    )  # fmt: skip
    return replace(found, after=asked.after)
