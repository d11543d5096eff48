"""A study file, with the scenario that it names, into a Study: whole, or every problem of both together.

Runs are not read one by one, for there may be a million: each level of each factor is set in the scenario with the
first levels of the others, and looked at there. Levels that hold a text may name a file, a place, a system: of these
the scenario is read with all that it names, as a run would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from openleo.errors import InputError, Problem, Together, given, join_or
from openleo.reading import Place, examine, read_toml
from openleo.scenario import HYPATIA, Scenario
from openleo.scenario_file import ScenarioRecord
from openleo.study.columns import TAKEN
from openleo.study.overrides import place_of, with_overrides
from openleo.study.plan import Between, Counted, Factor, Level, Override, Plan
from openleo.study.study_file import HIGHEST_RUNS, FactorRecord, StudyRecord

MOST_READ = 100  # levels whose files are read beforehand
MOST_TOLD = 20  # levels at fault, of one factor


@dataclass(frozen=True)
class Study:
    """A study read and ready to run: its scenario's tables, and what is set in them."""

    name: str
    path: Path
    scenario: Path
    tables: Mapping[str, Any]
    plan: Plan
    slots: int | None
    most_runs: int

    def tables_of(self, overrides: Sequence[Override]) -> dict[str, Any]:
        """The scenario's tables with some keys set."""
        return with_overrides(self.tables, overrides)


def read_study(path: Path) -> Study:
    """Read a study file and its scenario. Raises InputError with every problem of both."""
    record, problems = examine(StudyRecord, read_toml(path), str(path))
    if record is None:
        raise InputError(problems)
    together = Together()
    together.found += problems
    faults = [Problem(str(path), "plan", fault) for fault in record.plan.faults()]
    for number, table in enumerate(record.factor):
        faults += [Problem(str(path), f"factor[{number}]", fault) for fault in _faults(table)]
    scenario = path.parent / record.scenario
    tables = together.read(lambda: _tables(scenario))
    together.found += faults
    if not faults:
        plan = _plan(record)
        together.found += _faults_between(plan, str(path))
        if tables is not None and not together.found:
            together.found += _faults_of_levels(plan.factors, tables, scenario, str(path))
    together.done()
    return Study(record.name, path, scenario, given(tables), plan, record.slots, record.most_runs)


def _tables(scenario: Path) -> dict[str, Any]:
    tables = read_toml(scenario)
    if tables.get("conventions") == HYPATIA:
        rule = 'is "hypatia", under which only pairs of places are computed.'
        raise InputError(Problem(str(scenario), "conventions", rule, "A study's runs are those of `openleo plan`."))
    return tables


# --- from records ---------------------------------------------------------------------------------------------------


def _faults(table: FactorRecord) -> Iterator[str]:
    yield from table.faults()
    if table.name in TAKEN:
        yield f'is called "{table.name}", as a column of the dataset is; choose another name.'
    keys = [table.key] if table.key else [key for one in (table.variants or {}).values() for key in one]
    for key in dict.fromkeys(keys):
        if place_of(key) is None:
            yield f'has the key "{key}"; write it as "failures.random.seed" or "constellation.shell[0].planes".'


def _plan(record: StudyRecord) -> Plan:
    said = record.plan
    return Plan(tuple(_factor(table) for table in record.factor), said.kind, said.runs or 0, said.seed, said.method)


def _factor(table: FactorRecord) -> Factor:
    if table.variants is not None:
        return Factor(table.name, tuple(Level(name, tuple(keys.items())) for name, keys in table.variants.items()))
    assert table.key is not None  # held by FactorRecord.faults
    if table.count is not None:
        return Factor(table.name, Counted(table.key, table.count, table.first))
    if table.between is not None:
        least, greatest = table.between
        whole = isinstance(least, int) and isinstance(greatest, int)
        return Factor(table.name, Between(table.key, least, greatest, whole))
    return Factor(table.name, tuple(Level(_called(one), ((table.key, one),)) for one in table.values or []))


def _called(value: Any) -> Any:
    """A value as the dataset has it: numbers and texts as they are, all else as a text."""
    return value if isinstance(value, str | int | float) else str(value)


# --- what is wrong between factors ----------------------------------------------------------------------------------


def _faults_between(plan: Plan, file: str) -> Iterator[Problem]:
    names = [factor.name for factor in plan.factors]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield Problem(file, "factor", f'two factors are called "{name}".', "They are columns of one table.")
    for (a, one), (b, other) in combinations(enumerate(plan.factors), 2):
        for key in _met(one, other):
            rule = f'sets {key}, of which factor "{one.name}" (factor[{a}]) sets something, too.'
            yield Problem(file, f"factor[{b}]", rule, "Make one factor of the two, with variants.")
    if plan.kind == "sample":
        return
    between = [number for number, factor in enumerate(plan.factors) if isinstance(factor.levels, Between)]
    for number in between:
        rule = f"is between two values, which only a sample draws from; the plan is a {plan.kind}."
        yield Problem(file, f"factor[{number}]", rule, 'Write values, or [plan] kind = "sample".')
    if between:
        return
    sizes = {factor.name: len(factor) for factor in plan.factors}
    if plan.kind == "list" and len(set(sizes.values()) - {1}) > 1:
        have = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
        rule = f"is a list, whose factors have as many values each, or one for all runs; they have: {have}."
        yield Problem(file, "plan", rule, "Write as many values of each, or take a grid.")
    elif len(plan) > HIGHEST_RUNS:
        of = " × ".join(f"{size:,}" for size in sizes.values())
        rule = f"comes to {len(plan):,} runs ({of}); a study has at most {HIGHEST_RUNS:,}."
        yield Problem(file, "plan", rule, 'Take fewer values, or draw some of the runs: [plan] kind = "sample".')


def _met(one: Factor, other: Factor) -> list[str]:
    """The keys of the second factor that lie in, or hold, one of the first."""
    first = {place for level in one.told_apart_by() for key, _ in level.overrides if (place := place_of(key))}
    keys = dict.fromkeys(key for level in other.told_apart_by() for key, _ in level.overrides)
    return [key for key in keys if any(_within(place_of(key) or (), place) for place in first)]


def _within(a: Place, b: Place) -> bool:
    least = min(len(a), len(b))
    return a[:least] == b[:least]


# --- what is wrong with levels --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Setting:
    """One level of one factor, with the first levels of the others. `factor`: None for the first of all."""

    factor: Factor | None
    level: Level | None
    overrides: tuple[Override, ...]

    @property
    def words(self) -> str:
        return f'{self.factor.name} = "{self.level.value}"' if self.factor and self.level else ""


def _settings(factors: Sequence[Factor]) -> Iterator[_Setting]:
    firsts = [factor.told_apart_by()[0] for factor in factors]
    yield _Setting(None, None, tuple(override for level in firsts for override in level.overrides))
    for number, factor in enumerate(factors):
        for level in factor.told_apart_by()[1:]:
            levels = [*firsts[:number], level, *firsts[number + 1 :]]
            yield _Setting(factor, level, tuple(override for one in levels for override in one.overrides))


def _faults_of_levels(factors: Sequence[Factor], tables: Mapping[str, Any], scenario: Path, file: str) -> list[Problem]:
    """First what the scenario's form does not allow; where it allows all, what cannot be read of what it names."""
    settings = list(_settings(factors))
    known: set[tuple[str, str]] = set()
    found: list[Problem] = []
    told: dict[str | None, int] = {}
    for setting in settings:
        name = setting.factor.name if setting.factor else None
        if told.get(name, 0) >= MOST_TOLD:
            continue
        problems = [one for one in _examined(setting, tables, str(scenario)) if (one.where, one.rule) not in known]
        known |= {(one.where, one.rule) for one in problems}
        told[name] = told.get(name, 0) + bool(problems)
        found += [_placed(one, setting, factors, file) for one in problems]
    if found:
        return found
    reading = [one for one in settings if one.factor is None or _names_something(one.level)][:MOST_READ]
    for setting in reading:
        for problem in _read(setting, tables, scenario):
            if (problem.where, problem.rule) not in known:
                known.add((problem.where, problem.rule))
                found.append(_placed(problem, setting, factors, file))
    return found


def _examined(setting: _Setting, tables: Mapping[str, Any], scenario: str) -> list[Problem]:
    try:
        made = with_overrides(tables, setting.overrides)
    except KeyError as error:
        place = error.args[0]
        return [Problem(scenario, place, "is no place of the scenario that can be set.", "Write the key above it.")]
    return examine(ScenarioRecord, made, scenario)[1]


def _names_something(level: Level | None) -> bool:
    return level is not None and any(not isinstance(value, int | float) for _, value in level.overrides)


def _read(setting: _Setting, tables: Mapping[str, Any], scenario: Path) -> Sequence[Problem]:
    try:
        Scenario.of(with_overrides(tables, setting.overrides), scenario, [], to_run=True)
    except InputError as error:
        return error.problems
    return ()


def _placed(problem: Problem, setting: _Setting, factors: Sequence[Factor], file: str) -> Problem:
    """A problem of the scenario as one of the factor that sets its place; else it is the scenario's own."""
    owners = [setting.factor] if setting.factor else [one for one in factors if _sets(one, problem.where)]
    if not owners:
        return problem
    names = join_or([f'"{one.name}"' for one in owners])
    where = f"factor {names}: {problem.where}" if problem.where else f"factor {names}"
    said = f"{setting.words}: {problem.rule}" if setting.words else problem.rule
    return Problem(file, where, said, problem.way_out)


def _sets(factor: Factor, where: str) -> bool:
    keys = [key for key, _ in factor.told_apart_by()[0].overrides]
    return any(where == key or where.startswith((f"{key}.", f"{key}[")) or key == where for key in keys) or any(
        key.startswith((f"{where}.", f"{where}[")) and where != "" for key in keys
    )
