"""`openleo policy effect`: who would lose and gain service if other rules came into force."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from openleo.cli.common import AsJson, Threads, check_later, note, print_json, progress, read_classes, read_span
from openleo.units import BEAM_KM

if TYPE_CHECKING:
    from datetime import datetime

    from openleo.effects import Prepared
    from openleo.policy.rules import RuleSet
    from openleo.policy.terminals import Terminals
    from openleo.results import Case
    from openleo.service.effect import Effect, Extras
    from openleo.service.terminal_effect import Fleet

DEFAULT_SLOTS = 240  # an hour of 15 s: satellites of one shell have then passed by in every order

Old = Annotated[str, typer.Argument(metavar="OLD", help="Rules in force: files or folders of them, by comma.")]
New = Annotated[str, typer.Argument(metavar="NEW", help="Rules to compare: files or folders of them, by comma.")]
ScenarioOption = Annotated[
    Path, typer.Option("--scenario", metavar="SCENARIO", help="Gives network and area; its own rules are not used.")
]


def effect(
    old: Old,
    new: New,
    scenario: ScenarioOption,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="T", help="When. [default: the scenario's start, or when the two first differ after it]"
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="T", help="Tell of changes of the rules before then. [default: of all]")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Classes of terminals. [default: those that the rules name, one for all others, and emergency]",
        ),
    ] = None,
    slots: Annotated[
        int | None,
        typer.Option(min=1, help=f"Reach over the first N slots. [default: {DEFAULT_SLOTS}, or all if fewer]"),
    ] = None,
    resolution: Annotated[
        int | None, typer.Option(min=0, max=7, help="H3 resolution, in place of the scenario's.")
    ] = None,
    terminals: Annotated[
        Path | None, typer.Option(help="A table of terminals (Parquet or CSV), each decided where and as it is.")
    ] = None,
    beam_km: Annotated[
        float,
        typer.Option(min=0.0, max=500.0, help="How far a beam is felt around the place that it serves; 0: not told."),
    ] = BEAM_KM,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for effect.json, text, report, two maps and terminals that change. [default: none]"),
    ] = None,
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Tell who would lose and gain service if NEW came into force in place of OLD: cells, km², people.

    The network's reach is computed once for a scenario and kept in the user's cache. Rules on gateways alone change
    it: each choice of gateways that they leave is computed as well, up to four networks in all. With `[capacity]` in
    the scenario it is told as well whom shared beams displace and whom they give back to.
    """
    from openleo.effects import classes_of_both, compare, first_difference, prepare
    from openleo.errors import Together, given
    from openleo.policy.rules import EMERGENCY
    from openleo.report.effect_text import text
    from openleo.report.staging import check_writable

    together = Together()
    files = together.read(lambda: _read(old, new, scenario, slots, resolution))
    felt = together.read(lambda: _felt(*files[0], beam_km)) if files else None
    span = together.read(lambda: read_span(at, until))
    if files and span:
        together.read(lambda: check_later(span[1], span[0] or files[1].grid.start, "the scenario's start"))
    known = tuple(dict.fromkeys(name for one in files[0] for name in one.classes)) if files else None
    named = together.read(lambda: read_classes(classes, known)) if classes is not None and known else None
    table = None if terminals is None else together.read(lambda: _table(terminals, known))
    if out is not None:
        together.read(lambda: check_writable(out))
    together.done()
    (base, other, of_beams), (when, end), (_, case, notes) = given(felt), given(span), given(files)
    notes += of_beams
    counted = None if table is None else _fleet(*table, (base, other))
    told_of = counted.classes if counted else ()
    asked = tuple(dict.fromkeys([*named, EMERGENCY])) if named else classes_of_both(base, other, told_of)
    with progress() as tell:
        prepared = prepare(case, base, other, threads=threads, on_progress=tell, tell=note)
    first = when or first_difference(prepared, asked)
    when = first if end is None or first < end else case.grid.start  # where nothing differs before the end
    extras = _extras(prepared, asked, when, counted, beam_km, notes)
    with progress() as tell:
        found = compare(prepared, asked, when, end, extras, tell)
    names = (_name(base.sources), _name(other.sources))
    if out is not None:
        written = _write(found, prepared, names, asked, when, out, counted)
        note(f"Written to {out}: {', '.join(path.name for path in written)}")
    if as_json:
        print_json(found.as_json())
        return
    typer.echo(text(found, names), nl=False)


def _extras(
    prepared: Prepared, classes: tuple[str, ...], at: datetime, fleet: Fleet | None, beam_km: float,
    notes: tuple[str, ...],
) -> Extras:  # fmt: skip
    """What is told beside the parts: terminals, beams, notes."""
    from dataclasses import replace

    from openleo.effects import alike, outside, spills
    from openleo.service.effect import Extras

    base, new = prepared.base, prepared.new
    said = alike(base, new, classes), outside(prepared, classes, at)
    extras = Extras(notes=(*notes, *filter(None, said)))
    if fleet:
        extras = replace(extras, terminals=fleet.between, terminals_sha256=fleet.sha256)
    if beam_km > 0.0:
        spilled, apart_km = spills(prepared, classes, at, beam_km)
        extras = replace(extras, spill=spilled, beam_km=beam_km, points_km=round(apart_km, 1))
    return extras


def _felt(base: RuleSet, new: RuleSet, beam_km: float) -> tuple[RuleSet, RuleSet, tuple[str, ...]]:
    """(the old and the new rules as terminals feel them, what is to be noted of it): all faults are told together."""
    from functools import partial

    from openleo.errors import Together, given
    from openleo.service import beams

    together = Together()
    felt = [together.read(partial(beams.felt, one, beam_km)) for one in (base, new)]
    together.done()
    return given(felt[0]), given(felt[1]), tuple(beams.told((base, new), beam_km))


def _write(
    found: Effect, prepared: Prepared, names: tuple[str, str], classes: tuple[str, ...], when: datetime, out: Path,
    fleet: Fleet | None,
) -> list[Path]:  # fmt: skip
    """The files; the maps are of the class of which most changes, or of the first."""
    from openleo.effects import cell_effect, changed_terminals
    from openleo.report.effect_files import write

    def people(class_: str) -> int:
        rows = [row for row in found.rows if row.class_ == class_]
        return sum(one.people + one.cells for row in rows for one in (row.lost, row.gained, row.may_lose, row.may_gain))

    shown = max(classes, key=people)
    rows = None if fleet is None else changed_terminals(prepared, fleet, when)
    return write(found, cell_effect(prepared, shown, when), prepared.reached, prepared.case, names, out, rows)


def _read(
    old: str, new: str, scenario: Path, slots: int | None, resolution: int | None
) -> tuple[tuple[RuleSet, RuleSet], Case, tuple[str, ...]]:
    """((old rules, new rules), the scenario cut to its slots, what is to be noted): all faults are told together."""
    from dataclasses import replace

    from openleo.errors import Together, given
    from openleo.scenario import Scenario
    from openleo.scenario_rules import rules_of_an_effect

    together = Together()
    base = together.read(lambda: rules_of_an_effect(_files(old, "OLD")))
    other = together.read(lambda: rules_of_an_effect(_files(new, "NEW")))
    read = together.read(lambda: Scenario.load(scenario, own_rules=False))
    together.done()
    found = given(read)
    if resolution is not None:
        found = replace(found, case=replace(found.case, resolution=resolution))
    whole = found.case.grid.slots
    case = found.first_slots(min(slots or DEFAULT_SLOTS, whole)).case
    said = f"Reach is of the first {case.grid.slots:,} of the scenario's {whole:,} slots (--slots)."
    return (given(base), given(other)), case, (said,) if case.grid.slots < whole else ()


def _table(path: Path, classes: tuple[str, ...] | None) -> tuple[Terminals, str]:
    """(the terminals of a table, its sha256)."""
    import hashlib

    from openleo.policy.terminals import read_terminals

    return read_terminals(path, classes), hashlib.sha256(path.read_bytes()).hexdigest()


def _fleet(table: Terminals, sha256: str, rule_sets: tuple[RuleSet, RuleSet]) -> Fleet:
    """The terminals, placed."""
    from openleo.service.terminal_effect import fleet

    with progress() as tell:
        return fleet(table, rule_sets, sha256, tell)


def _files(words: str, argument: str) -> list[Path]:
    """Files and folders by comma."""
    from openleo.errors import InputError, Problem

    if not all(word.strip() for word in words.split(",")):
        raise InputError(Problem(f"{argument} {words}", "", "names an empty file.", "Write files by comma: a,b."))
    return [Path(word.strip()) for word in words.split(",")]


def _name(sources: tuple[str, ...]) -> str:
    return ", ".join(Path(source).name for source in sources)
