"""`openleo policy shadow`: what another rule set would have decided, beside the one in force."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import AsJson, one_of, print_json, progress, read_instant, tell_beams_apart

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openleo.policy.request import Request
    from openleo.policy.rules import RuleSet
    from openleo.policy.shadow import Difference, Said, Tally

InForce = Annotated[Path, typer.Argument(metavar="IN_FORCE", help="The rules that decide: a file, or a folder.")]
Beside = Annotated[Path, typer.Argument(metavar="SHADOW", help="Rules that only look on: a file, or a folder.")]
LINES_ENDING = ".jsonl"
MOST_SHOWN = 20  # rows of a table
MOST_EXAMPLES = 1_000
NOT_KNOWN = "not known"


def shadow(
    in_force: InForce,
    beside: Beside,
    requests: Annotated[
        Path | None, typer.Option(metavar="F.json", help="Requests: a list of them, or one a line (.jsonl).")
    ] = None,
    terminals: Annotated[
        Path | None,
        typer.Option(metavar="F.parquet", help="A table of terminals, Parquet or CSV, as `policy decide` takes it."),
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="T", help="With --terminals: the instant to decide for, 2026-11-20T00:00:00Z.")
    ] = None,
    examples: Annotated[
        int, typer.Option(min=0, max=MOST_EXAMPLES, help="How many kinds of difference to show, each once.")
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """Decide requests or a table of terminals by the rules in force, and count what others would have decided.

    Only the first set decides. Differences are counted by territory and class: what would lose its permission, what
    would gain one, and what is refused by both for another reason.
    """
    from openleo.cli.policy_terminals import tell_without_instant
    from openleo.errors import InputError, Problem, Together, given
    from openleo.policy import shadow as shadowing
    from openleo.policy.terminals import read_terminals

    one_of(requests=requests, terminals=terminals)
    if at is not None and terminals is None:
        raise InputError(Problem("--at", "", "is for --terminals; a request has its own `at`."))
    together = Together()
    instant = None if at is None else together.read(lambda: read_instant(at, "--at"))
    sets = [together.read(partial(_read, path)) for path in (in_force, beside)]
    classes = {name for one in sets if one is not None for name in one.classes} if None not in sets else None
    asked = None if requests is None else together.read(lambda: read_file(requests, classes))
    table = None if terminals is None else together.read(lambda: read_terminals(terminals, classes))
    together.done()
    decides, looks_on = (given(one) for one in sets)
    tell_beams_apart(decides, looks_on)
    if table is not None:
        tell_without_instant(instant, (decides, looks_on))
        with progress() as tell:
            tally = shadowing.beside(decides, looks_on, table, instant, tell)
    else:
        counted = shadowing.Shadow(decides, looks_on)
        for request in given(asked):
            counted.count(request)
        tally = counted.tally
    what = "requests" if terminals is None else "terminals"
    if as_json:
        print_json(_json(tally, decides, looks_on, what, examples))
    else:
        typer.echo("\n".join(_lines(tally, f"{in_force}", f"{beside}", what, examples)))


def _read(path: Path) -> RuleSet:
    from openleo.policy.rule_file import read_rules

    return read_rules([path])


def read_file(path: Path, classes: Iterable[str] | None) -> list[Request]:
    """The requests of a JSON file, or of one with a request a line. Raises InputError with every fault of all."""
    from openleo.errors import InputError, Problem, Together
    from openleo.policy.request import read_requests
    from openleo.reading import read_json

    known = None if classes is None else sorted(classes)
    if path.suffix.lower() != LINES_ENDING:
        data = read_json(path)
        if not isinstance(data, list):
            raise InputError(Problem(str(path), "", "holds no list of requests.", "Write [{…}, {…}], or one a line."))
        return read_requests(data, str(path), known)
    together = Together()
    found: list[Request] = []
    for number, line in enumerate(together.read(lambda: _lines_of(path)) or [], start=1):
        file = f"{path}, line {number}"
        if line.strip():
            found += together.read(partial(_of_line, line, file, known)) or []
    together.done()
    return found


def _of_line(line: str, file: str, classes: list[str] | None) -> list[Request]:
    from openleo.errors import InputError, Problem
    from openleo.policy.request import read_requests
    from openleo.reading import parse_json

    data = parse_json(line, file)
    if not isinstance(data, dict):
        raise InputError(Problem(file, "", "holds no request, which is an object.", 'For example {"class": "fixed"}.'))
    return read_requests(data, file, classes)


def _lines_of(path: Path) -> list[str]:
    from openleo.errors import InputError, Problem

    try:
        return path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise InputError(Problem(str(path), "", "there is no such file.", "Check the path.")) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(Problem(str(path), "", f"cannot be read: {why}.")) from None


# --- the answer ---------------------------------------------------------------------------------------------------


def _lines(tally: Tally, in_force: str, beside: str, what: str, examples: int) -> Iterable[str]:
    same = tally.asked - tally.different
    yield f"{what.capitalize()}: {tally.asked:,}, decided by {in_force}; {beside} looked on and decided nothing."
    yield f"Decided alike: {same:,}, of them {tally.other_permits:,} permitted by other rules."
    yield f"Decided otherwise: {tally.different:,}."
    if not tally.different:
        return
    yield ""
    yield from _table(tally)
    differences = tally.differences
    if examples == 0:
        return
    yield ""
    yield f"Each difference once, with how many have it and the first of these {what}"
    for one in differences[:examples]:
        place = f"in {one.territory}" if one.territory else "at a place not known"
        words = f"{place}, class {one.class_ or NOT_KNOWN}"
        yield f"  {one.count:,} {words}: {_said(one.in_force)} -> {_said(one.beside)}; {_name(one, what)}"
    if len(differences) > examples:
        yield f"  and {len(differences) - examples:,} more (--examples)"


def _table(tally: Tally) -> Iterable[str]:
    """Rows by territory and class, as `_places` has them; those beyond MOST_SHOWN are summed, and all are."""
    from openleo.policy.shadow import Change

    places = _places(tally)
    rows = [(place or NOT_KNOWN, class_ or NOT_KNOWN, counts) for (place, class_), counts in places[:MOST_SHOWN]]
    others = [counts for _, counts in places[MOST_SHOWN:]]
    if others:
        rows.append((f"{len(others):,} others", "", [sum(column) for column in zip(*others, strict=True)]))
    if len(rows) > 1:
        rows.append(("all", "", [tally.of(one) for one in Change]))
    wide = [max(len(row[column]) for row in [("territory", "class"), *rows]) for column in (0, 1)]
    heads = ["permitted -> refused", "refused -> permitted", "refused otherwise"]
    yield f"{'territory':{wide[0]}}  {'class':{wide[1]}}  " + "  ".join(heads)
    for place, class_, counts in rows:
        numbers = (f"{count:>{len(head)},}" for count, head in zip(counts, heads, strict=True))
        yield f"{place:{wide[0]}}  {class_:{wide[1]}}  " + "  ".join(numbers)


def _places(tally: Tally) -> list[tuple[tuple[str, str], list[int]]]:
    """((territory, class), how many differ in each way): first those of which most lose or gain a permission."""
    from openleo.policy.shadow import Change

    places = dict.fromkeys((place, class_) for place, class_, _ in tally.changes)
    counted = [((place, class_), [tally.changes[place, class_, one] for one in Change]) for place, class_ in places]
    return sorted(counted, key=lambda row: (-sum(row[1][:2]), -sum(row[1]), row[0]))


def _name(one: Difference, what: str) -> str:
    number = f"request [{one.number}]" if what == "requests" else f"row {one.number + 1}"
    return number + (f", terminal {one.terminal}" if one.terminal else "")


def _said(said: Said) -> str:
    rules = ", ".join(because.rule for because in said.because)
    missing = f"missing {', '.join(said.missing)}" if said.missing else ""
    words = "; ".join(part for part in (rules, missing) if part)
    return f"{said.outcome} ({words})" if words else f"{said.outcome}"


def _json(tally: Tally, in_force: RuleSet, beside: RuleSet, what: str, examples: int) -> dict[str, Any]:
    from openleo.policy.shadow import Change

    return {
        "in_force": {"files": list(in_force.sources), "sha256": in_force.sha256},
        "shadow": {"files": list(beside.sources), "sha256": beside.sha256},
        what: tally.asked,
        "different": tally.different,
        **{one.value: tally.of(one) for one in Change},
        "permitted_by_other_rules": tally.other_permits,
        "decisions": [
            {"in_force": one.value, "shadow": two.value, what: count}
            for (one, two), count in sorted(tally.outcomes.items())
        ],
        "territories": [
            {
                "territory": place or None,
                "class": class_ or None,
                **{one.value: count for one, count in zip(Change, counts, strict=True)},
            }
            for (place, class_), counts in _places(tally)
        ],
        "differences": [
            {
                "territory": one.territory or None,
                "class": one.class_ or None,
                what: one.count,
                "first": one.number,
                "terminal": one.terminal,
                "in_force": _said_json(one.in_force),
                "shadow": _said_json(one.beside),
            }
            for one in tally.differences[:examples]
        ],
        "differences_left_out": max(len(tally.met) - examples, 0),
    }


def _said_json(said: Said) -> dict[str, Any]:
    return {
        "decision": said.outcome.value,
        "because": [because.as_json() for because in said.because],
        "missing": list(said.missing),
    }
