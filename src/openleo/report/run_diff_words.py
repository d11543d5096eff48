"""A RunDifference as text for people, and as JSON (docs/reference/results.md, "`openleo diff --json`")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from openleo.errors import counted
from openleo.report.run_diff import SETTINGS, CellsDifference, Change, InputChange, RunDifference, TerritoryChange
from openleo.report.run_files import Run
from openleo.report.words import NOTHING, big, mbps, milliseconds, percent

MOST_TERRITORIES = 20  # in the text; JSON has all
MOST_NAMES = 8
HASH_DIGITS = 12
TITLES = {
    "scenario": "name", "openleo": "OpenLEO", "slot_s": "slot (s)", "class": "class of terminals",
    "can_serve": "can be served", "may_serve": "may be served", "rtt_ms_p50": "RTT median", "rtt_ms_p95": "RTT p95",
    "down_mbps_p50": "down median", "up_mbps_p50": "up median", "bound_by": "bound by", "area_km2": "area (km²)",
}  # fmt: skip
CAVEATS = {
    "openleo": "two versions: a number may have moved because of the program (CHANGELOG, Numbers that moved).",
    "class": "two classes of terminals: each run tells of its own.",
    "resolution": "two resolutions: they have no cells in common, and territories alone are compared.",
    "start": "two spans: satellites stand elsewhere, so small changes are those of the time.",
    "slot_s": "slots of two lengths: outages and hand-overs are counted otherwise.",
    "slots": "two spans: the longer one sees more.",
    "area": "two areas: cells and territories of both are compared; on the rim a cell may hold another part of them.",
    "territories": "two sets of borders: a territory's cells, area and people may be others.",
    "population": "two estimates of population: people are counted as B has them.",
}


def text(found: RunDifference) -> str:
    """All of it, for people."""
    head = [_run("A", found.a), _run("B", found.b)]
    if found.same:
        counts = f"{counted(len(found.same_territories), 'territory', 'territories')}, {_cells(found)}"
        return "\n".join([*head, "", f"No difference: inputs, settings and figures are the same ({counts})."]) + "\n"
    blocks = [
        head,
        [f"! {CAVEATS[one.name]}" for one in found.caveats],
        [*_inputs(found), *(f"~ {_title(one.name)}: {one.a} -> {one.b}" for one in found.settings)],
        [*(f"- note: {one}" for one in found.notes_only_a), *(f"+ note: {one}" for one in found.notes_only_b)],
        _whole(found),
        *map(_territory, found.territories[:MOST_TERRITORIES]),
        _rest(found),
        _cells_changed(found.cells) if found.cells else [],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines) + "\n"


def as_json(found: RunDifference) -> dict[str, Any]:
    """All of it."""
    return {
        "a": _run_json(found.a),
        "b": _run_json(found.b),
        "same": found.same,
        "caveats": [{**_change_json(one), "says": CAVEATS[one.name]} for one in found.caveats],
        "settings": [_change_json(one) for one in found.settings],
        "inputs": [_input_json(one) for one in found.inputs],
        "same_inputs": list(found.same_inputs),
        "notes": {"a": list(found.notes_only_a), "b": list(found.notes_only_b)},
        "people_served": list(found.people_served),
        "territories": [_territory_json(one) for one in found.territories],
        "same_territories": list(found.same_territories),
        "only": {"a": list(found.only_a), "b": list(found.only_b)},
        "cells": _cells_json(found.cells) if found.cells else None,
    }


# --- text ---------------------------------------------------------------------------------------------------------


def _run(letter: str, run: Run) -> str:
    said = run.summary
    slots = counted(said.slots, "slot", form=",")
    return f"{letter}  {run.folder}: {said.scenario}, {slots} from {said.start}, OpenLEO {said.openleo}"


def _inputs(found: RunDifference) -> Iterator[str]:
    if found.same_inputs:
        yield f"= {', '.join(found.same_inputs)}"
    for one in found.inputs:
        if one.a_sha256 and one.b_sha256:
            yield f"~ {one.name}: {_source(one.a_source, one.a_sha256)} -> {_source(one.b_source, one.b_sha256)}"
        elif one.a_sha256:
            yield f"- {one.name}: {_source(one.a_source, one.a_sha256)}"
        else:
            yield f"+ {one.name}: {_source(one.b_source, one.b_sha256 or '')}"


def _source(source: str | None, sha256: str) -> str:
    return f"{source} ({sha256[:HASH_DIGITS]})"


def _whole(found: RunDifference) -> list[str]:
    before, after = found.people_served
    went = f"{after - before:+,}" if after != before else "the same number"
    return [f"People served, where both runs look: {before:,} -> {after:,} ({went})"]


def _territory(one: TerritoryChange) -> list[str]:
    if one.people:
        size = f": {one.people:,} people affected"
    else:
        size = f": {big(one.area_km2)} km² affected" if one.area_km2 else ""
    return [f"{one.name} ({one.territory}){size}", *(f"    {_title(x.name):<16} {_went(x)}" for x in one.changes)]


def _title(name: str) -> str:
    return TITLES.get(name, name.replace("_", " "))


def _went(change: Change) -> str:
    before, after = _value(change.name, change.a), _value(change.name, change.b)
    if before == after:  # rounded as tables have it; here a change is to be seen
        before, after = _value(change.name, change.a, exact=True), _value(change.name, change.b, exact=True)
    return f"{before} -> {after}"


def _value(name: str, value: Any, *, exact: bool = False) -> str:
    if value is None:
        return NOTHING
    if name in ("population", "area_km2"):
        return f"{value:,}"
    if name == "bound_by":
        return str(value)
    if name.startswith("rtt_ms"):
        return f"{value} ms" if exact else milliseconds(value)
    if "mbps" in name:
        return f"{value if exact else mbps(value)} Mbit/s"
    return f"{value:.4%}" if exact else percent(value)


def _rest(found: RunDifference) -> list[str]:
    more = len(found.territories) - MOST_TERRITORIES
    return [
        *([f"{counted(more, 'more territory changes', 'more territories change')} less: --json has all."] * (more > 0)),
        *([f"The same in both: {_names(found, found.same_territories)}"] * bool(found.same_territories)),
        *([f"Only in A: {_names(found, found.only_a)}"] * bool(found.only_a)),
        *([f"Only in B: {_names(found, found.only_b)}"] * bool(found.only_b)),
    ]


def _names(found: RunDifference, ids: tuple[str, ...]) -> str:
    names = {row.territory: row.name for run in (found.a, found.b) for row in run.summary.territories}
    more = f" and {len(ids) - MOST_NAMES} more" if len(ids) > MOST_NAMES else ""
    return ", ".join(names[one] for one in ids[:MOST_NAMES]) + more


def _cells(found: RunDifference) -> str:
    return counted(found.cells.compared if found.cells else 0, "cell", form=",")


def _cells_changed(cells: CellsDifference) -> list[str]:
    only = [f"{number:,} only in {run}" for number, run in ((cells.only_a, "A"), (cells.only_b, "B")) if number]
    lines = [f"Cells: {', '.join([f'{cells.compared:,} in both', *only])}"]
    for one in cells.transitions:
        size = f"{counted(one.cells, 'cell', form=',')}, {one.people:,} people, {big(one.area_km2)} km²"
        lines.append(f"    {one.a.replace('_', ' ')} -> {one.b.replace('_', ' ')}: {size}")
    if cells.other_share:
        lines.append(
            f"    for the same reason, another share of the time: {counted(cells.other_share, 'cell', form=',')}"
        )
    if cells.rtt_ms_change:
        least, median, greatest = cells.rtt_ms_change
        lines.append(
            f"    another RTT: {cells.other_rtt:,} of those served in both, by {least:+.1f} to {greatest:+.1f} ms,"
        )
        lines[-1] += f" median {median:+.1f} ms"
    if cells.other_columns:
        lines.append(f"    other values in further columns of cells.parquet: {', '.join(cells.other_columns)}")
    return lines


# --- JSON ---------------------------------------------------------------------------------------------------------


def _run_json(run: Run) -> dict[str, Any]:
    said = run.summary
    return {"folder": run.folder, **{name: getattr(said, "class_" if name == "class" else name) for name in SETTINGS}}


def _change_json(one: Change) -> dict[str, Any]:
    return {"name": one.name, "a": one.a, "b": one.b}


def _input_json(one: InputChange) -> dict[str, Any]:
    sides = (("a", one.a_source, one.a_sha256), ("b", one.b_source, one.b_sha256))
    said = {side: {"source": source, "sha256": sha256} if sha256 else None for side, source, sha256 in sides}
    return {"name": one.name, **said}


def _territory_json(one: TerritoryChange) -> dict[str, Any]:
    changes = {change.name: [change.a, change.b] for change in one.changes}
    known = {"territory": one.territory, "name": one.name, "weighting": one.weighting}
    return {**known, "people": one.people, "area_km2": one.area_km2, "changes": changes}


def _cells_json(cells: CellsDifference) -> dict[str, Any]:
    return {
        "compared": cells.compared,
        "only": {"a": cells.only_a, "b": cells.only_b},
        "transitions": [{**vars(one), "area_km2": round(one.area_km2, 3)} for one in cells.transitions],
        "other_share": cells.other_share,
        "other_rtt": cells.other_rtt,
        "other_columns": list(cells.other_columns),
        "rtt_ms_change": [round(one, 3) for one in cells.rtt_ms_change] if cells.rtt_ms_change else None,
    }
