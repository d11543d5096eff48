"""What a study file may hold: every key with its type, default, bounds and meaning.

The reference of the study file is generated from here. `reading` makes of these records what runs are made from.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from openleo.reading import Record

MOST_RUNS = 10_000  # that are computed without being asked twice
LARGEST = 2**63 - 1  # whole number that a column of a dataset holds
HIGHEST_RUNS = 1_000_000  # of one study; each has its place in memory
WAYS = ("values", "count", "between", "variants")


class FactorRecord(Record):
    """`[[factor]]`: something that differs from run to run. One of `values`, `count`, `between` and `variants`."""

    name: str = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9_]*$", description="Names the factor, and its column in the dataset."
    )
    key: str | None = Field(
        None,
        min_length=1,
        description='The key of the scenario that it sets, in full: "failures.random.seed", "ground.gateways", '
        '"constellation.shell[0].planes". Not with variants.',
    )
    values: list[Any] | None = Field(
        None, min_length=1, description="What the key holds, one after the other: as they would stand in the scenario."
    )
    count: int | None = Field(
        None, ge=1, le=HIGHEST_RUNS, description="So many whole numbers, from `first` on: for seeds."
    )
    first: int = Field(1, ge=0, le=LARGEST - HIGHEST_RUNS, description="The first of `count` whole numbers.")
    between: list[int | float] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="Least and greatest value, for sampling; whole numbers where both of them are.",
    )
    variants: dict[str, dict[str, Any]] | None = Field(
        None, min_length=1, description="Sets of keys by name: each a table of keys in full, with their values."
    )

    def faults(self) -> list[str]:
        """What is wrong between the keys."""
        given = [way for way in WAYS if getattr(self, way) is not None]
        found = []
        if len(given) != 1:
            found.append(f"needs exactly one of {', '.join(WAYS)}; it has {' and '.join(given) or 'none'}.")
        if any(isinstance(one, int) and abs(one) > LARGEST for one in (*(self.values or ()), *(self.between or ()))):
            found.append(f"has a whole number beyond {LARGEST:,}, the largest that a table holds.")
        if (self.key is None) != (self.variants is not None):
            found.append(
                "has variants, which name their keys themselves; leave key out." if self.key else "needs a key."
            )
        if "first" in self.model_fields_set and self.count is None:
            found.append("has a first, which goes with count.")
        if self.between is not None and not self.between[0] < self.between[1]:
            found.append(f"is between {self.between[0]} and {self.between[1]}; the first must be less than the second.")
        if self.variants is not None and not all(self.variants.values()):
            found.append("has a variant without keys; a variant sets one at least.")
        return found


class PlanRecord(Record):
    """`[plan]`: which values meet in one run."""

    kind: Literal["grid", "list", "sample"] = Field(
        "grid",
        description="grid: every value of each factor with every one of the others, the last factor's first; list: the "
        "first values together, then the second ones; sample: so many `runs`, drawn.",
    )
    runs: int | None = Field(None, ge=1, le=HIGHEST_RUNS, description="Only of a sample: how many.")
    seed: int = Field(0, ge=0, description="Of a sample: another seed draws other runs.")
    method: Literal["latin", "random"] = Field(
        "latin",
        description="Of a sample: a Latin hypercube (each factor's span is cut into `runs` pieces, and each is drawn "
        "from once), or each value by itself.",
    )

    def faults(self) -> list[str]:
        """What is wrong between the keys."""
        if self.kind == "sample":
            return [] if self.runs is not None else ["is a sample; say how many runs."]
        return [
            f'has {name}, which is for kind = "sample"; here it is "{self.kind}".'
            for name in ("runs", "seed", "method")
            if name in self.model_fields_set
        ]


class StudyRecord(Record):
    """The whole file."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Names the study and its output folder, out/NAME."
    )
    scenario: str = Field(min_length=1, description="The scenario that every run begins with; a path from this file.")
    slots: int | None = Field(None, ge=1, description="Only the first so many slots of each run. Default: all.")
    most_runs: int = Field(
        MOST_RUNS, ge=1, le=HIGHEST_RUNS, description="More runs than these are computed with --yes only."
    )
    plan: PlanRecord = PlanRecord()
    factor: list[FactorRecord] = Field(min_length=1, description="What differs from run to run, one table each.")
