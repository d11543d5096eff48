"""`openleo policy shadow`: what another rule set would have decided, beside the one in force."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from openleo.cli.common import AsJson, print_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from openleo.policy.decide import Decision
    from openleo.policy.request import Request
    from openleo.policy.rules import RuleSet
    from openleo.policy.shadow import Example, Shadow

InForce = Annotated[Path, typer.Argument(metavar="IN_FORCE", help="The rules that decide: a file, or a folder.")]
Beside = Annotated[Path, typer.Argument(metavar="SHADOW", help="Rules that only look on: a file, or a folder.")]
LINES_ENDING = ".jsonl"
MOST_EXAMPLES = 1_000
NOT_KNOWN = "not known"


def shadow(
    in_force: InForce,
    beside: Beside,
    requests: Annotated[Path, typer.Option(metavar="F.json", help="Requests: a list of them, or one a line (.jsonl).")],
    examples: Annotated[int, typer.Option(min=0, max=MOST_EXAMPLES, help="How many differences to show.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Decide requests by the rules in force, and count what other rules would have decided instead.

    Only the first set decides. The counts are of its decision and the other's, in all and by territory.
    """
    from openleo.errors import Together, given
    from openleo.policy.shadow import Shadow

    together = Together()
    sets = [together.read(partial(_read, path)) for path in (in_force, beside)]
    classes = {name for one in sets if one is not None for name in one.classes} if None not in sets else None
    asked = together.read(lambda: read_file(requests, classes))
    together.done()
    counted = Shadow(given(sets[0]), given(sets[1]), examples)
    for request in given(asked):
        counted.count(request)
    if as_json:
        print_json(_json(counted))
    else:
        typer.echo("\n".join(_lines(counted, in_force, beside)))


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


def _lines(counted: Shadow, in_force: Path, beside: Path) -> Iterable[str]:
    from openleo.policy.decide import Outcome

    other = counted.differences.total()
    yield f"Requests: {counted.asked:,}, decided by {in_force}; {beside} looked on and decided nothing."
    yield f"The same decision: {counted.asked - other:,}, of them {counted.other_reasons:,} by other rules."
    yield f"Another decision: {other:,}."
    if not other:
        return
    yield ""
    yield "In force \\ shadow" + "".join(f"{outcome:>15}" for outcome in Outcome)
    for row in Outcome:
        yield f"{row:17}" + "".join(f"{counted.counts[row, column]:15,}" for column in Outcome)
    yield ""
    yield "Differences by territory"
    for (territory, (one, two)), count in _ordered(counted):
        yield f"  {territory or NOT_KNOWN}: {one} -> {two}: {count:,}"
    if counted.examples:
        yield ""
        yield f"The first {'of them' if len(counted.examples) == 1 else len(counted.examples)}"
    for example in counted.examples:
        yield f"  {_name(example)}: {_said(example.in_force)} -> {_said(example.beside)}"


def _ordered(counted: Shadow) -> list[Any]:
    return sorted(counted.by_territory.items(), key=lambda item: (-item[1], item[0]))


def _name(example: Example) -> str:
    terminal = f", terminal {example.request.terminal}" if example.request.terminal else ""
    return f"request [{example.number}]{terminal}, in {example.territory or 'a place not known'}"


def _said(decision: Decision) -> str:
    rules = ", ".join(because.rule for because in decision.because)
    missing = f"; missing {', '.join(decision.missing)}" if decision.missing else ""
    return f"{decision.outcome}{f' ({rules}{missing})' if rules else ''}"


def _json(counted: Shadow) -> dict[str, Any]:
    return {
        "in_force": {"files": list(counted.in_force.sources), "sha256": counted.in_force.sha256},
        "shadow": {"files": list(counted.beside.sources), "sha256": counted.beside.sha256},
        "requests": counted.asked,
        "different": counted.differences.total(),
        "other_reasons": counted.other_reasons,
        "counts": [
            {"in_force": one.value, "shadow": two.value, "requests": count}
            for (one, two), count in sorted(counted.counts.items())
        ],
        "territories": [
            {"territory": territory or None, "in_force": one.value, "shadow": two.value, "requests": count}
            for (territory, (one, two)), count in _ordered(counted)
        ],
        "examples": [
            {
                "number": example.number,
                "terminal": example.request.terminal,
                "territory": example.territory or None,
                "in_force": example.in_force.as_json(),
                "shadow": example.beside.as_json(),
            }
            for example in counted.examples
        ],
    }
