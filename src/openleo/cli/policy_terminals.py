"""`openleo policy decide --terminals`: a table of terminals decided in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from openleo.cli.common import note, print_json, progress, read_instant, tell_beams_apart

if TYPE_CHECKING:
    from openleo.policy.bulk import DecidedTerminals
    from openleo.policy.rules import RuleSet

MOST_SHOWN = 20  # territories; the others are summed
NO_INSTANT = "No --at was given: the instant is unknown, and rules that hold at some times only are in doubt."


def decide_terminals(rules: Sequence[Path], terminals: Path, at: str | None, out: Path, as_json: bool) -> None:
    """Decide a table of terminals, write a row for each, and say how many there are of what."""
    from openleo.errors import InputError, Together
    from openleo.policy import bulk, decided_file
    from openleo.policy.rule_file import read_rules
    from openleo.policy.terminal_kinds import settle
    from openleo.policy.terminals import read_terminals
    from openleo.report.rows import check_ending
    from openleo.report.staging import StagedFile, check_distinct

    both = Together()
    both.read(lambda: check_ending(out, "--out"))
    both.read(lambda: check_distinct({"--out": out}, {"--terminals": terminals}))
    instant = None if at is None else both.read(lambda: read_instant(at, "--at"))
    rule_set = both.read(lambda: read_rules(rules))
    read = both.read(lambda: read_terminals(terminals, rule_set.classes if rule_set else None))
    if both.found or rule_set is None or read is None:
        raise InputError(both.found)
    tell_without_instant(instant, [rule_set])
    tell_beams_apart(rule_set)
    with progress() as tell, StagedFile(out) as path:
        settled = settle(read, rule_set.regions, tell)
        decided = bulk.decide_all(rule_set, read, settled, instant)
        decided_file.write(decided, path, tell)
    said = _counts(decided)
    if as_json:
        print_json({**said, "sha256": rule_set.sha256, "out": str(out)})
        return
    _tell(said)
    typer.echo(f"wrote {out}")


def tell_without_instant(instant: datetime | None, rule_sets: Iterable[RuleSet]) -> None:
    """Say so where rules ask for an instant, and none was given."""
    if instant is None and not all(rule.window.always for one in rule_sets for rule in one.rules):
        note(NO_INSTANT)


def _counts(decided: DecidedTerminals) -> dict[str, Any]:
    """Terminals by decision, and by territory and decision: first where rules speak, the most terminals first."""
    from openleo.policy.bulk import OUTCOMES
    from openleo.policy.decide import Outcome

    table = decided.kinds.tally(decided.of_kind, len(OUTCOMES)).sum(axis=1)
    refused = table[:, OUTCOMES.index(Outcome.NOT_PERMITTED)]
    total = table.sum(axis=1)
    order = sorted(range(len(table)), key=lambda number: (refused[number] == total[number], -int(total[number])))

    def by_name(counts: Any) -> dict[str, int]:
        return {outcome.value: int(count) for outcome, count in zip(OUTCOMES, counts, strict=True)}

    return {
        "terminals": int(table.sum()),
        "decisions": by_name(table.sum(axis=0)),
        "territories": [
            {"territory": decided.kinds.labels[number], "decisions": by_name(table[number])}
            for number in order
            if total[number]
        ],
    }


def _tell(said: dict[str, Any]) -> None:
    """The counts as a table; decisions that nobody has are left out."""
    names = [name for name, count in said["decisions"].items() if count]
    rows = [(row["territory"], row["decisions"]) for row in said["territories"]]
    rows, others = rows[:MOST_SHOWN], rows[MOST_SHOWN:]
    if others:
        summed = {name: sum(counts[name] for _, counts in others) for name in names}
        rows.append((f"{len(others)} others", summed))
    rows.append(("all", said["decisions"]))
    wide = max(len(territory) for territory, _ in rows)
    typer.echo(f"{'territory':{wide}}  " + "  ".join(f"{name:>13}" for name in names))
    for territory, counts in rows:
        typer.echo(f"{territory:{wide}}  " + "  ".join(f"{counts[name]:>13,}" for name in names))
