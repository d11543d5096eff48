"""`openleo policy mask`: who may be served in every cell of the Earth at an instant, as a table and a map."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import (
    AsJson,
    RuleFiles,
    check_png,
    note,
    print_json,
    progress,
    read_classes,
    read_instant,
    tell_beams_apart,
)

if TYPE_CHECKING:
    from openleo.policy.mask_sums import Sums
    from openleo.policy.rules import RuleSet
    from openleo.policy.states import Masks

ENDING = ".parquet"
MOST_NAMED = 4  # rule files


def mask(
    rules: RuleFiles,
    at: Annotated[str, typer.Option(metavar="T", help="The instant, with its zone: 2026-11-20T00:00:00Z.")],
    out: Annotated[Path, typer.Option(metavar="F.parquet", help="The table to write: cell,class,may,rule.")],
    resolution: Annotated[int, typer.Option(min=3, max=5, help="H3 resolution of the cells.")] = 4,
    classes: Annotated[
        str | None,
        typer.Option(metavar="C[,C…]", help="Classes of terminals. Default: all that the rules know."),
    ] = None,
    map_: Annotated[
        Path | None, typer.Option("--map", metavar="F.png", help="Draw a map of the first class.")
    ] = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Write who may be served in every cell of the Earth: yes, no, or depends.

    yes: every terminal of the class, wherever in the cell and whatever its state. no: none. depends: a border crosses
    the cell, or a rule asks what a cell cannot know, as a speed or a group; `openleo policy decide` tells those apart.
    The first run at a resolution finds the labels of all cells, which takes up to a minute, and keeps them.
    """
    from openleo.places import cell_cache
    from openleo.policy import mask_file, mask_sums
    from openleo.policy.states import Masks
    from openleo.report.staging import Outputs

    instant, rule_set, chosen = _asked(rules, at, classes, out, map_)
    tell_beams_apart(rule_set)
    with Outputs({"--out": out, "--map": map_}) as to:
        with progress() as tell:
            index = cell_cache.load(resolution, progress=tell, tell=note)
        masks = Masks(rule_set, index, chosen)
        found, when = masks.at(instant), _when(instant, masks.next_change(instant))
        rows = mask_file.write(found, to["--out"])
        if (picture := to.get("--map")) is not None:
            from openleo.report import mask_map

            said = f"{_named(rule_set.sources)}, {when}"
            mask_map.draw(index.cells, found.may(chosen[0]), f"Who may be served: {chosen[0]}", said, picture)
    added = mask_sums.sums(found)
    if as_json:
        written = {"rows": rows, "out": str(out), "map": None if map_ is None else str(map_)}
        print_json(_as_json(masks, instant, added) | written)
        return
    typer.echo(f"{masks.rules_in_force(instant)} rules in force, {when}.")
    _tell(added)
    typer.echo(f"wrote {out}: {rows:,} rows")
    if map_ is not None:
        typer.echo(f"wrote {map_}: {chosen[0]}")


def _as_json(masks: Masks, instant: datetime, added: list[Sums]) -> dict[str, Any]:
    """What a mask is of, and what it adds up to."""
    from openleo.instants import instant_text

    until = masks.next_change(instant)
    return {
        "at": instant_text(instant),
        "holds_until": None if until is None else instant_text(until),
        "sha256": masks.rule_set.sha256,
        "rules_in_force": masks.rules_in_force(instant),
        "resolution": masks.index.resolution,
        "cells": len(masks.index),
        "classes": _by_class(added),
    }


def _named(files: Sequence[str]) -> str:
    names = [Path(file).name for file in files]
    more = len(names) - MOST_NAMED
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:MOST_NAMED])} and {more} more"


def _when(instant: datetime, until: datetime | None) -> str:
    from openleo.instants import instant_text

    return f"at {instant_text(instant)}; " + (
        "nothing changes later" if until is None else f"the same until {instant_text(until)}"
    )


def _by_class(added: list[Sums]) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for one in added:
        said = {"cells": one.cells, "area_km2": round(one.area_km2, 3), "people": round(one.people)}
        rows.setdefault(one.class_, {"class": one.class_})[one.may] = said
    return list(rows.values())


def _tell(added: list[Sums]) -> None:
    """A table; classes of one mask's sums in one block."""
    blocks: dict[tuple[Any, ...], list[str]] = {}
    for number in range(0, len(added), 3):
        three = added[number : number + 3]
        blocks.setdefault(tuple((one.may, one.cells, one.area_km2, one.people) for one in three), []).append(
            three[0].class_
        )
    typer.echo(f"{'may':9} {'cells':>11} {'km²':>15} {'people':>15}")
    for rows, names in blocks.items():
        typer.echo(", ".join(names))
        for may, cells, km2, people in rows:
            typer.echo(f"  {may:7} {cells:11,} {km2:15,.0f} {round(people):15,}")


# --- what is asked for --------------------------------------------------------------------------------------------


def _asked(
    rules: list[Path], at: str, classes: str | None, out: Path, map_: Path | None
) -> tuple[datetime, RuleSet, tuple[str, ...]]:
    """(the instant, the rules, the classes) that are asked for. Raises InputError with every problem of all."""
    from openleo.errors import Together, given
    from openleo.policy.rule_file import read_rules

    together = Together()
    together.read(lambda: _check_files(rules, out, map_))
    instant = together.read(lambda: read_instant(at, "--at"))
    rule_set = together.read(lambda: read_rules(rules))
    chosen = together.read(lambda: _chosen(classes, rule_set)) if rule_set is not None else None
    together.done()
    return given(instant), given(rule_set), given(chosen)


def _chosen(words: str | None, rule_set: RuleSet) -> tuple[str, ...]:
    """The classes that words name, each once; all where nothing is said."""
    return rule_set.classes if words is None else read_classes(words, rule_set.classes)


def _check_files(rules: list[Path], out: Path, map_: Path | None) -> None:
    from openleo.errors import InputError, Problem, Together
    from openleo.policy.rule_file import rule_files
    from openleo.report.staging import check_distinct

    def named_as_a_table() -> None:
        if out.suffix.lower() != ENDING and not out.exists():  # a stream has no ending
            rule = "is not named as a Parquet file."
            raise InputError(Problem(f"--out {out}", "", rule, f"Name it mask{ENDING}, for example."))

    together = Together()
    together.read(named_as_a_table)
    together.read(lambda: check_png(map_, "--map", "mask.png"))
    together.read(
        lambda: check_distinct({"--out": out, "--map": map_}, {str(path): path for path in rule_files(rules)})
    )
    if together.found:
        raise InputError(together.found)
